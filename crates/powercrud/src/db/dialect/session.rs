//! What a connection is told about itself, and what one can do to another.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait as _, Query},
};

use super::Dialect;
use crate::{db::Run as _, error::Result};

impl Dialect {
    /// What each chunk's transaction says first: a deferred constraint fails at its statement and not at COMMIT, where no record could
    /// be blamed; and the server ends the transaction where nobody says anything in it for so long, because the worker is frozen or the
    /// connection half open. MySQL knows no such limit, and reads the one for MariaDB as a comment.
    pub(crate) fn opening(self, idle: Duration) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(format!(
                "SET CONSTRAINTS ALL IMMEDIATE; SET LOCAL idle_in_transaction_session_timeout = {}",
                idle.as_millis()
            )),
            Self::Mysql => {
                let seconds = Ord::max(idle.as_millis().div_ceil(1_000), 1);
                Some(format!("SET /*M!100300 SESSION idle_transaction_timeout = {seconds}, */ @powercrud_chunk = 1"))
            }
        }
    }

    /// What ends each chunk's transaction where a limit would outlive it, together with that limit. One message: between two of them the
    /// server would wait without any limit for the second, with all that the transaction has locked.
    pub(crate) fn closing(self, commits: bool) -> Option<String> {
        let end = if commits { "COMMIT" } else { "ROLLBACK" };
        (self == Self::Mysql).then(|| {
            format!("{end}; SET /*M!100300 SESSION idle_transaction_timeout = DEFAULT, */ @powercrud_chunk = NULL")
        })
    }

    /// By what number another connection can mean this one; `None` where it can't.
    pub(crate) async fn connection_id<C: ConnectionTrait>(self, connection: &C) -> Result<Option<i64>> {
        let sql = match self {
            Self::Sqlite => return Ok(None),
            Self::Postgres => "CAST(pg_backend_pid() AS bigint)",
            Self::Mysql => "CAST(CONNECTION_ID() AS SIGNED)",
        };
        let row = connection.row(&Query::select().expr(Expr::cust(sql)).take()).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
    }

    /// Whether the server still has the connection of that number.
    pub(crate) async fn is_connected<C: ConnectionTrait>(self, other: &C, connection_id: i64) -> Result<bool> {
        let (table, column) = match self {
            Self::Sqlite => return Ok(true),
            Self::Postgres => (("pg_catalog", "pg_stat_activity"), "pid"),
            Self::Mysql => (("information_schema", "processlist"), "id"),
        };
        let select = Query::select()
            .expr(Expr::cust("COUNT(*)"))
            .from(table)
            .and_where(Expr::col(column).eq(connection_id))
            .take();
        Ok(other.number(&select).await? > 0)
    }

    /// Ends the statement that a connection runs, and nothing else.
    pub(crate) fn interrupt(self, connection_id: i64) -> String {
        match self {
            Self::Postgres => format!("SELECT pg_cancel_backend({connection_id})"),
            Self::Sqlite | Self::Mysql => format!("KILL QUERY {connection_id}"),
        }
    }

    /// Whether the database is reached over a connection that may fall silent.
    pub(crate) fn is_remote(self) -> bool {
        self != Self::Sqlite
    }
}
