//! The database under a PowerCRUD: one connection pool, its dialect, and what its catalog says.
//!
//! Only this folder matches on the database's kind.

mod catalog;
mod dialect;
mod fault;
mod image;
pub(crate) mod migrations;
mod transaction;
pub(crate) mod value;
mod version;

use std::time::Duration;

pub(crate) use catalog::columns_in;
pub use catalog::{Catalog, Column, ColumnType, Constraint, ForeignKey, LeftOut, ReferentialAction, Table, TableKind};
pub use dialect::Dialect;
pub use fault::{Fault, FaultKind};
pub(crate) use migrations::migrate;
pub use migrations::pending_migrations;
use transaction::Writers;
pub(crate) use transaction::{Transaction, close};
pub use value::Value;

use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, QueryResult,
    sea_query::{DeleteStatement, InsertStatement, SelectStatement, UpdateStatement},
};

use crate::error::{Error, Result};

/// A connection pool that knows which database it talks to. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    connection: DatabaseConnection,
    dialect: Dialect,
    /// The address, password masked; empty where the connection was handed in.
    url: String,
    writers: Writers,
}

impl Database {
    /// Connects to `url` (`sqlite:`, `postgres:`, `mysql:`), fails within ten seconds where nobody answers.
    ///
    /// # Errors
    /// [`Error::Connection`], with the password masked, for a bad address, a server that is not there, a wrong password or a
    /// file that can't be opened.
    pub async fn connect(url: &str) -> Result<Self> {
        let masked = mask_password(url);
        let refuse = |reason: String| Error::Connection { url: masked.clone(), reason };
        let url = normalize_url(url).map_err(refuse)?;
        let mut options = ConnectOptions::new(url);
        options
            .sqlx_logging(false)
            .max_connections(16)
            .connect_timeout(Duration::from_secs(10))
            .acquire_timeout(Duration::from_secs(10))
            // By a ping of our own, which has an end: one idle connection that fell silent would use up all of the time above.
            .test_before_acquire(false)
            .map_sqlx_postgres_pool_opts(|pool| pool.before_acquire(|connection, _| Box::pin(ping(connection))))
            .map_sqlx_mysql_pool_opts(|pool| pool.before_acquire(|connection, _| Box::pin(ping(connection))))
            .map_sqlx_sqlite_opts(|sqlite| {
                use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
                sqlite
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Normal)
                    .foreign_keys(true)
                    .busy_timeout(transaction::BUSY)
                    .pragma("cache_size", "-4000")
            });
        let connection =
            sea_orm::Database::connect(options).await.map_err(|error| refuse(fault::connection_reason(&error)))?;
        let mut database = Self::from_connection(connection);
        database.url = masked;
        Ok(database)
    }

    /// Uses a connection that the application already has.
    pub fn from_connection(connection: DatabaseConnection) -> Self {
        let dialect = Dialect::of(connection.get_database_backend());
        Self { connection, dialect, url: String::new(), writers: Writers::of(dialect) }
    }

    /// Which database this is.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The address with its password masked, empty where the connection was handed in.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The SeaORM connection.
    pub fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Brings PowerCRUD's own tables up to date. Safe to run from several processes at once.
    pub async fn migrate(&self) -> Result<()> {
        migrate(self).await
    }
}

/// Whether an idle connection still answers. An error makes the pool drop it and take another.
async fn ping(connection: &mut impl sqlx::Connection) -> std::result::Result<bool, sqlx::Error> {
    match tokio::time::timeout(PING, connection.ping()).await {
        Ok(answer) => answer.map(|()| true),
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// How long an idle connection may take to answer.
const PING: Duration = Duration::from_secs(2);

/// How long the database may take to answer what it answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for an answer no longer than a connection may seem to be slow before it must be dead.
pub(crate) async fn patiently<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(result) => result,
        Err(_) => Err(Error::Database(Box::new(Fault::silent_connection()))),
    }
}

/// A statement that [`Run`] can carry out.
pub(crate) trait Run: ConnectionTrait + Sized {
    /// Runs a SELECT and returns all rows.
    async fn rows(&self, select: &SelectStatement) -> Result<Vec<QueryResult>> {
        Ok(self.query_all(select).await?)
    }

    /// Runs a SELECT and returns its first row.
    async fn row(&self, select: &SelectStatement) -> Result<Option<QueryResult>> {
        Ok(self.query_one(select).await?)
    }

    /// Runs a SELECT of one whole number, such as a COUNT; no row counts as 0.
    async fn number(&self, select: &SelectStatement) -> Result<u64> {
        let row = self.row(select).await?;
        Ok(row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?.unwrap_or(0) as u64)
    }

    /// Runs an INSERT and returns how many rows it wrote.
    async fn insert(&self, statement: &InsertStatement) -> Result<u64> {
        Ok(self.execute(statement).await?.rows_affected())
    }

    /// Runs an UPDATE and returns how many rows it matched (not how many it found different).
    async fn update(&self, statement: &UpdateStatement) -> Result<u64> {
        Ok(self.execute(statement).await?.rows_affected())
    }

    /// Runs a DELETE and returns how many rows went.
    async fn delete(&self, statement: &DeleteStatement) -> Result<u64> {
        Ok(self.execute(statement).await?.rows_affected())
    }
}

impl<C: ConnectionTrait> Run for C {}

/// The address with `****` for its password.
pub(crate) fn mask_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(rest[..end].rfind('@').map_or(0, |at| at));
    match authority.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:****{tail}"),
        None => url.to_owned(),
    }
}

/// Accepts a bare path as SQLite, `postgresql:` and `mariadb:` as their usual names.
fn normalize_url(url: &str) -> std::result::Result<String, String> {
    let allowed =
        "allowed are sqlite:PATH, postgres://USER:PASSWORD@HOST/DATABASE and mysql://USER:PASSWORD@HOST/DATABASE";
    match url.split_once(':').map(|(scheme, _)| scheme) {
        // SQLite takes no name for a new temporary database, another for each connection.
        Some("sqlite") if matches!(url.split('?').next(), Some("sqlite:" | "sqlite://")) => {
            Err(format!("it names no file; {allowed}"))
        }
        Some("sqlite" | "postgres" | "mysql") => Ok(url.to_owned()),
        Some("postgresql") => Ok(url.replacen("postgresql", "postgres", 1)),
        Some("mariadb") => Ok(url.replacen("mariadb", "mysql", 1)),
        Some(scheme) if scheme.len() > 1 && url.contains("://") => {
            Err(format!("databases of kind {scheme:?} are not supported; {allowed}"))
        }
        _ if std::path::Path::new(url).exists() => Ok(format!("sqlite:{url}")),
        _ => Err(format!("that is neither an address nor an existing SQLite file; {allowed}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked_wherever_they_stand() {
        for (url, expected) in [
            ("postgres://ann:s3cret@db/shop", "postgres://ann:****@db/shop"),
            ("postgres://ann:p@ss:w@db/shop", "postgres://ann:****@db/shop"),
            ("mysql://root@127.0.0.1/test", "mysql://root@127.0.0.1/test"),
            ("sqlite:///tmp/a@b:c.db", "sqlite:///tmp/a@b:c.db"),
            ("shop.db", "shop.db"),
        ] {
            assert_eq!(mask_password(url), expected);
        }
    }
}
