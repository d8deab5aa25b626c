//! Transactions that may write.

use sea_orm::{
    ConnectionTrait as _, DatabaseTransaction, DbErr, IsolationLevel, RuntimeErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait as _,
};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument as _;

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
    /// How many savepoints it is in.
    depth: u32,
    /// What sets back what an application's session was told.
    restore: Option<&'static str>,
    /// Given up after the transaction has ended.
    _turn: Option<OwnedSemaphorePermit>,
}

send_worded!(Transaction);

impl Transaction {
    /// It has its connection.
    async fn reaching<T>(
        &self,
        work: impl Future<Output = std::result::Result<T, DbErr>>,
    ) -> std::result::Result<T, DbErr> {
        work.await
    }

    /// It has had its turn.
    async fn turn(&self, _sql: &str) {}

    /// A savepoint.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin(&self) -> std::result::Result<Self, DbErr> {
        let (inner, wording) = (self.inner.begin().await?, self.wording.clone());
        Ok(Self { inner, wording, depth: self.depth + 1, restore: None, _turn: None })
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

    /// As [`Database::begin`], for selecting records and for changing them: it reads what is there now, and locks nothing by that.
    pub async fn begin_changing(&self) -> Result<Transaction> {
        self.begin_at(self.dialect.isolation()).await
    }

    async fn begin_at(&self, isolation_level: Option<IsolationLevel>) -> Result<Transaction> {
        let turn = self.connection.writers.turn().await?;
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            isolation_level,
            ..TransactionOptions::default()
        };
        // In a task of its own: whoever is dropped while BEGIN is under way (a client that hangs up, a time limit) would leave the pool a
        // connection with an open transaction, in which others' statements would be lost (sqlx 0.9 counts it only once it is begun).
        let pool = self.connection.inner.clone();
        let beginning = async move { Ok((pool.begin_with_options(options).await?, turn)) };
        let beginning = tokio::spawn(beginning.in_current_span());
        let begun = self.connection.reaching(async {
            beginning.await.unwrap_or_else(|error| Err(DbErr::Conn(RuntimeErr::Internal(error.to_string()))))
        });
        let (inner, turn) = begun.await?;
        let mut transaction =
            Transaction { inner, wording: self.connection.wording.clone(), depth: 0, restore: None, _turn: turn };
        if let Some((sql, restore)) = self.dialect.strictly().filter(|_| !self.is_strict) {
            transaction.execute_unprepared(sql).await?;
            transaction.restore = Some(restore);
        }
        Ok(transaction)
    }
}

/// Rolls back to a savepoint. `false`: the transaction has ended under it, so that nothing of it stands and
/// nothing more may be done in it than to roll it back.
pub async fn roll_back_to(savepoint: Transaction) -> bool {
    let mut stands = true;
    if Dialect::of(savepoint.get_database_backend()) == Dialect::Sqlite {
        // As the pool believes it to be; refused where it is so.
        let savepoints: String =
            (1..=savepoint.depth).map(|depth| format!("; SAVEPOINT _sqlx_savepoint_{depth}")).collect();
        stands = savepoint.execute_unprepared(&format!("BEGIN{savepoints}")).await.is_err();
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
