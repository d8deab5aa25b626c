//! Nothing is written to a table that is not what it is known as: its keys and values would mean others.

use sea_orm::ConnectionTrait;

use super::Engine;
use crate::error::{Error, Result};
use powercrud_db::{Table, with_timeout};

impl Engine {
    /// Fails where one of `tables` is not as this handle knows it. What a transaction asks after it has touched them holds until it ends.
    pub(crate) async fn require_unchanged<C: ConnectionTrait>(&self, connection: &C, tables: &[&Table]) -> Result<()> {
        for table in tables {
            if !table.is_unchanged(connection).await? {
                return Err(Error::TablesChanged(table.qualified_name()));
            }
        }
        Ok(())
    }

    /// The error of what was done with `tables`: where they are not what they were, it may say what is not so, and the change is told
    /// instead.
    pub(crate) async fn or_changed(&self, tables: &[&Table], error: Error) -> Error {
        match &error {
            Error::Database(fault) if fault.is_transient() => error,
            Error::Connection { .. } | Error::LeaseLost(_) | Error::TablesChanged(_) => error,
            _ => match with_timeout(self.require_unchanged(self.database().connection(), tables)).await {
                Err(changed @ Error::TablesChanged(_)) => changed,
                _ => error,
            },
        }
    }

    /// `result`, or that `tables` have changed; they are read again then, for clones of this handle.
    pub(crate) async fn unless_changed<T>(&self, tables: &[&Table], result: Result<T>) -> Result<T> {
        let error = match result {
            Ok(value) => return Ok(value),
            Err(error) => self.or_changed(tables, error).await,
        };
        if matches!(error, Error::TablesChanged(_))
            && let Err(error) = self.reload_after_error().await
        {
            tracing::warn!(%error, "the catalog can't be read again");
        }
        Err(error)
    }
}
