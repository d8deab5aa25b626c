//! Transactions that may write.

use sea_orm::{
    ConnectionTrait as _, DatabaseTransaction, DbErr, IsolationLevel, SqliteTransactionMode, TransactionOptions,
    TransactionTrait as _,
};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    connection::{Wording, send_worded},
    database::Database,
    dialect::Dialect,
    error::Result,
};

/// A transaction that may write, or a savepoint in one. Dropped, it is rolled back.
pub struct Transaction {
    inner: DatabaseTransaction,
    wording: Wording,
    /// What sets back what an application's session was told.
    restore: Option<&'static str>,
    /// Given up after the transaction has ended.
    _turn: Option<OwnedSemaphorePermit>,
}

send_worded!(Transaction);

impl Transaction {
    /// A savepoint.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin(&self) -> std::result::Result<Self, DbErr> {
        Ok(Self { inner: self.inner.begin().await?, wording: self.wording.clone(), restore: None, _turn: None })
    }

    /// Commits.
    ///
    /// # Errors
    /// The database's; whether it was committed is not known then.
    pub async fn commit(self) -> std::result::Result<(), DbErr> {
        self.restore().await;
        self.inner.commit().await
    }

    async fn restore(&self) {
        if let Some(sql) = self.restore
            && let Err(error) = self.inner.execute_unprepared(sql).await
        {
            tracing::debug!(%error, "a session could not be set back");
        }
    }

    /// Rolls back, also where the database has done so by itself: SQLite's `RAISE(ROLLBACK)` and `ON CONFLICT ROLLBACK` end the
    /// transaction under the pool, which counts what is open and would use the connection with a wrong count ever after.
    pub async fn rollback(self) -> std::result::Result<(), DbErr> {
        if Dialect::of(self.inner.get_database_backend()) == Dialect::Sqlite {
            // Refused where there is one, as there mostly is.
            let _ = self.inner.execute_unprepared("BEGIN").await;
        }
        self.restore().await;
        self.inner.rollback().await
    }
}

impl Database {
    /// A transaction that may write: `BEGIN IMMEDIATE` on SQLite, so that it waits its turn instead of failing half-way.
    ///
    /// # Errors
    /// The database's; a passing fault where others write for too long.
    pub async fn begin(&self) -> Result<Transaction> {
        self.begin_at(None).await
    }

    /// As [`Database::begin`], for changing records that were selected before: it reads what is there now.
    pub async fn begin_changing(&self) -> Result<Transaction> {
        self.begin_at(self.dialect.isolation()).await
    }

    async fn begin_at(&self, isolation_level: Option<IsolationLevel>) -> Result<Transaction> {
        let turn = self.writers.turn().await?;
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            isolation_level,
            ..TransactionOptions::default()
        };
        let mut transaction = Transaction {
            inner: self.connection.inner.begin_with_options(options).await?,
            wording: self.connection.wording.clone(),
            restore: None,
            _turn: turn,
        };
        if let Some((sql, restore)) = self.dialect.strictly().filter(|_| !self.is_strict) {
            transaction.execute_unprepared(sql).await?;
            transaction.restore = Some(restore);
        }
        Ok(transaction)
    }
}

/// Rolls back to the first savepoint of a transaction. `false`: the transaction has ended under it, so that nothing of it stands and
/// nothing more may be done in it than to roll it back.
pub async fn roll_back_to(savepoint: Transaction) -> bool {
    let mut stands = true;
    if Dialect::of(savepoint.get_database_backend()) == Dialect::Sqlite {
        // As the pool believes it to be; refused where it is so.
        stands = savepoint.execute_unprepared("BEGIN; SAVEPOINT _sqlx_savepoint_1").await.is_err();
    }
    savepoint.inner.rollback().await.is_ok() && stands
}

/// Commits or rolls back by the result, and passes it on.
pub async fn close<T, E: From<DbErr>>(transaction: Transaction, result: Result<T, E>) -> Result<T, E> {
    match result {
        Ok(value) => {
            transaction.commit().await?;
            Ok(value)
        }
        Err(error) => {
            // The first error says more than that of a rollback, which a lost connection does by itself.
            let _ = transaction.rollback().await;
            Err(error)
        }
    }
}
