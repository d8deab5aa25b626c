//! A worker's transactions, and an eye on each that lasts: a statement is ended where somebody asks to cancel, and a transaction is let
//! go where its connection is dead and nobody will ever answer.

use std::time::Duration;

use sea_orm::ConnectionTrait as _;

use super::Execution;
use crate::{
    error::{Error, Result},
    task::{Status, store},
};
use powercrud_db::{Fault, Table, Transaction, close, with_timeout};

/// How often a transaction is looked at. Shorter ones are not worth a look.
const LOOK: Duration = Duration::from_secs(1);

impl Execution<'_> {
    /// Does `work` in a transaction, and commits or rolls back by its result. Where the task is cancelled meanwhile, the running statement
    /// is ended, and the work fails by that fault; where the database can't do so, the work goes on.
    pub(super) async fn in_transaction<T>(&self, work: impl AsyncFnOnce(&Transaction) -> Result<T>) -> Result<T> {
        let (transaction, connection) = with_timeout(self.begin()).await?;
        let whole = async {
            let mut result = match work(&transaction).await {
                // What was written holds the tables as they are, so that this is so until the COMMIT.
                Ok(value) => self.engine.require_unchanged(&transaction, &self.tables()).await.map(|()| value),
                Err(error) => Err(error),
            };
            if let Some(sql) = self.engine.database().dialect().closing(result.is_ok()) {
                let mut told = transaction.execute_unprepared(&sql).await;
                if told.is_err() && result.is_err() {
                    // Where the database has ended the transaction, what comes first only hears that its savepoint is gone.
                    told = transaction.execute_unprepared(&sql).await;
                }
                // The first error says more.
                result = result.and_then(|value| told.map(|_| value).map_err(Error::from));
            }
            close(transaction, result).await
        };
        let result = match connection {
            Some(connection) => self.watched(connection, whole).await,
            None => whole.await,
        };
        match result {
            Err(error) if !self.interrupted.is_cancelled() => Err(self.engine.or_changed(&self.tables(), error).await),
            result => result,
        }
    }

    /// The tables that the task writes to.
    pub(super) fn tables(&self) -> Vec<&Table> {
        self.operation.tables(&self.resource)
    }

    async fn begin(&self) -> Result<(Transaction, Option<i64>)> {
        let dialect = self.engine.database().dialect();
        let transaction = self.engine.database().begin_changing().await?;
        if let Some(sql) = dialect.opening(self.engine.settings().lease) {
            transaction.execute_unprepared(&sql).await?;
        }
        let connection = dialect.connection_id(&transaction).await?;
        Ok((transaction, connection))
    }

    async fn watched<T>(&self, connection: i64, work: impl Future<Output = Result<T>>) -> Result<T> {
        let (database, dialect) = (self.engine.database().connection(), self.engine.database().dialect());
        let mut work = Box::pin(work);
        loop {
            let look = async {
                tokio::time::sleep(LOOK).await;
                // Where there is no answer, nothing is known.
                let connected = dialect.is_connected(database, connection).await.unwrap_or(true);
                let task = store::load(self.engine, self.task.id).await;
                (connected, task.is_ok_and(|task| task.status == Status::Cancelling))
            };
            let (connected, cancelling) = tokio::select! {
                result = &mut work => return result,
                seen = look => seen,
            };
            if !connected {
                // What the server said before it ended the session may be on its way.
                return match tokio::time::timeout(LOOK, &mut work).await {
                    Ok(result) => result,
                    Err(_) => Err(Error::Database(Box::new(Fault::silent_connection()))),
                };
            }
            if cancelling {
                self.interrupted.cancel();
                // The work stands still here, so that this transaction and no other one is meant.
                if let Err(error) = database.execute_unprepared(&dialect.interrupt(connection)).await {
                    tracing::debug!(%error, "the running statement could not be ended");
                }
            }
        }
    }
}
