//! The end of a transaction that writes a record.

use super::attribute_error;
use crate::{engine::Engine, error::Result, form::Assignment, resource::Resource};
use powercrud_db::Transaction;

/// Commits or rolls back by the result, and where the table is not what it is known as; what a COMMIT finds is the record's fault as well.
pub(super) async fn end<T>(
    engine: &Engine,
    transaction: Transaction,
    resource: &Resource,
    changes: &[Assignment],
    result: Result<T>,
) -> Result<T> {
    let result = match result {
        Ok(value) => engine.require_unchanged(&transaction, &[&resource.table]).await.map(|()| value),
        Err(error) => Err(error),
    };
    match result {
        Ok(value) => {
            transaction.commit().await.map_err(|error| attribute_error(resource, changes, &error))?;
            Ok(value)
        }
        Err(error) => {
            // The first error says more than that of a rollback.
            let _ = transaction.rollback().await;
            Err(error)
        }
    }
}
