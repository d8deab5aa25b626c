//! What a connection is told about itself, and what one can do to another.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait, IsolationLevel, Statement,
    sea_query::{Expr, ExprTrait as _, Query},
};

use crate::{dialect::Dialect, error::Result, query::QueryExt as _, table::Table};

/// The modes of a MySQL or MariaDB session of ours, as an expression: it refuses what does not fit, instead of storing something else with a
/// warning, reads SQL as we write it, and takes a zero for a zero where it would else number the row. Of what the application or the server has chosen, what says which values there can be stays.
macro_rules! modes {
    () => {
        "CONCAT_WS(',', 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,PIPES_AS_CONCAT,NO_AUTO_VALUE_ON_ZERO', \
         IF(FIND_IN_SET('NO_ZERO_DATE', @@sql_mode), 'NO_ZERO_DATE', NULL), \
         IF(FIND_IN_SET('NO_ZERO_IN_DATE', @@sql_mode), 'NO_ZERO_IN_DATE', NULL), \
         IF(FIND_IN_SET('ALLOW_INVALID_DATES', @@sql_mode), 'ALLOW_INVALID_DATES', NULL), \
         IF(FIND_IN_SET('TIME_ROUND_FRACTIONAL', @@sql_mode), 'TIME_ROUND_FRACTIONAL', NULL))"
    };
}

/// Makes a session that we have opened one that we know, whatever the server's defaults are: what a statement means, that a transaction
/// begins and ends where we say so, that no limit cuts answers or refuses statements, and that tables of ours take transactions.
#[cfg(feature = "mysql")]
pub(crate) const KNOWN_SESSION: &str = concat!(
    "SET SESSION sql_mode = ",
    modes!(),
    ", SESSION autocommit = 1, SESSION completion_type = 0, SESSION sql_select_limit = 18446744073709551615, \
     SESSION sql_big_selects = 1, SESSION sql_safe_updates = 0, SESSION sql_auto_is_null = 0, SESSION foreign_key_checks = 1, \
     SESSION unique_checks = 1, SESSION sql_quote_show_create = 1, SESSION default_storage_engine = 'InnoDB'\
     /*M! , SESSION check_constraint_checks = 1 */"
);

const SET_MODES: &str = concat!("SET @powercrud_sql_mode = @@sql_mode; SET SESSION sql_mode = ", modes!());

/// Lets PostgreSQL hand out texts as they are where it does not know their encoding: else one of them that is no UTF-8 fails every statement
/// that reads it.
#[cfg(feature = "postgres")]
pub(crate) const AS_IT_IS: &str = "SELECT set_config('client_encoding', 'SQL_ASCII', false) \
    WHERE current_setting('server_encoding') = 'SQL_ASCII'";

impl Dialect {
    /// What makes the session of a connection that an application has handed in like those of our own, and what sets it back.
    pub fn strictly(self) -> Option<(&'static str, &'static str)> {
        let restore = "SET SESSION sql_mode = @powercrud_sql_mode";
        (self == Self::Mysql).then_some((SET_MODES, restore))
    }

    /// How a transaction that changes what was selected reads: what is there now, also where others change it meanwhile. MySQL's
    /// transactions otherwise read what was there when they began, and change what is there now.
    pub fn isolation(self) -> Option<IsolationLevel> {
        (self == Self::Mysql).then_some(IsolationLevel::ReadCommitted)
    }

    /// What each chunk's transaction says first: a deferred constraint fails at its statement and not at COMMIT, where no record could
    /// be blamed; and the server ends the transaction where nobody says anything in it for so long, because the worker is frozen or the
    /// connection half open. MySQL knows no such limit, and reads the one for MariaDB as a comment.
    pub fn opening(self, idle: Duration) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(format!(
                "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET CONSTRAINTS ALL IMMEDIATE; SET LOCAL idle_in_transaction_session_timeout = {}",
                idle.as_millis()
            )),
            Self::Mysql => {
                let seconds = Ord::max(idle.as_millis().div_ceil(1_000), 1);
                Some(format!("SET /*M!100300 SESSION idle_transaction_timeout = {seconds}, */ @powercrud_chunk = 1"))
            }
        }
    }

    /// What has checked at once what is else checked at COMMIT, where a statement can say so.
    pub fn checking_now(self) -> Option<&'static str> {
        (self == Self::Postgres).then_some("SET CONSTRAINTS ALL IMMEDIATE")
    }

    /// What has checked at COMMIT, or when [`Dialect::checking_now`] is said, what can be checked so late.
    pub fn checking_late(self) -> Option<&'static str> {
        (self == Self::Postgres).then_some("SET CONSTRAINTS ALL DEFERRED")
    }

    /// What ends each chunk's transaction where a limit would outlive it, together with that limit. One message: between two of them the
    /// server would wait without any limit for the second, with all that the transaction has locked.
    pub fn closing(self, commits: bool) -> Option<String> {
        let end = if commits { "COMMIT" } else { "ROLLBACK" };
        (self == Self::Mysql).then(|| {
            format!("{end}; SET /*M!100300 SESSION idle_transaction_timeout = DEFAULT, */ @powercrud_chunk = NULL")
        })
    }

    /// By what number another connection can mean this one; `None` where it can't.
    pub async fn connection_id<C: ConnectionTrait>(self, connection: &C) -> Result<Option<i64>> {
        let sql = match self {
            Self::Sqlite => return Ok(None),
            Self::Postgres => "CAST(pg_backend_pid() AS bigint)",
            Self::Mysql => "CAST(CONNECTION_ID() AS SIGNED)",
        };
        let row = connection.row(&Query::select().expr(Expr::cust(sql)).take()).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
    }

    /// Whether the server still has the connection of that number.
    pub async fn is_connected<C: ConnectionTrait>(self, other: &C, connection_id: i64) -> Result<bool> {
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
    pub fn interrupt(self, connection_id: i64) -> String {
        match self {
            Self::Postgres => format!("SELECT pg_cancel_backend({connection_id})"),
            Self::Sqlite | Self::Mysql => format!("KILL QUERY {connection_id}"),
        }
    }

    /// An INSERT into `table` or an UPDATE of it that fails where a constraint would remove other rows for it: what a statement says goes
    /// before what constraints say. Of other tables it stays as it is, since it would go before what triggers say as well.
    pub fn without_replacing(self, table: &Table, mut statement: Statement) -> Statement {
        if table.replaces {
            for verb in ["UPDATE ", "INSERT "] {
                if let Some(rest) = statement.sql.strip_prefix(verb) {
                    statement.sql = format!("{verb}OR ABORT {rest}");
                }
            }
        }
        statement
    }

    /// Whether policies say which rows of `table` the role may see and change; on PostgreSQL alone there are such.
    pub async fn has_policies<C: ConnectionTrait>(self, connection: &C, table: &Table) -> Result<bool> {
        if self != Self::Postgres {
            return Ok(false);
        }
        let name = Expr::val(table.sql_name()).cast_as("regclass");
        let select = Query::select().expr(self.custom("CAST(row_security_active(?) AS integer)", [name])).take();
        Ok(connection.number(&select).await? > 0)
    }

    /// Whether the database is reached over a connection that may fall silent.
    pub fn is_remote(self) -> bool {
        self != Self::Sqlite
    }
}
