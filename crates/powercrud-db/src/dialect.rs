//! The three kinds of database. What is different about them is in [`crate::sql`].

use sea_orm::DbBackend;

/// Which database's SQL to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite 3.35 or newer.
    Sqlite,
    /// PostgreSQL 12 or newer.
    Postgres,
    /// MySQL 8 or MariaDB 10.6 or newer.
    Mysql,
}

impl Dialect {
    /// The dialect of a SeaORM backend.
    pub fn of(backend: DbBackend) -> Self {
        match backend {
            DbBackend::Sqlite => Self::Sqlite,
            DbBackend::Postgres => Self::Postgres,
            DbBackend::MySql => Self::Mysql,
            other => unreachable!("SeaORM was built without a driver for {other:?}"),
        }
    }
}
