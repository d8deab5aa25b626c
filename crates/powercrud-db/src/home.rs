//! Where a program keeps its own tables: in the connection's default schema, or in a schema (PostgreSQL) or database (MySQL) of their own on
//! the same server, so that they and the data share transactions.

use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DbErr, SqlxMySqlConnector, SqlxPostgresConnector,
    sea_query::{Expr, ExprTrait as _, Query},
};
use sqlx::{Executor as _, mysql::MySqlPoolOptions, postgres::PgPoolOptions};

use crate::{
    catalog::rights::backticked, connection::Home, database::Database, dialect::Dialect, error::Result,
    query::QueryExt as _,
};

impl Database {
    /// Keeps `tables`, which are the program's own, in this schema (PostgreSQL) or database (MySQL) of the same server.
    ///
    /// # Errors
    /// What is wrong and what is allowed: on SQLite, and where no schema can have that name.
    pub fn keeping_own_tables_in(
        mut self,
        schema: &str,
        tables: &'static [&'static str],
    ) -> std::result::Result<Self, String> {
        let longest = match self.dialect {
            Dialect::Sqlite => {
                return Err(format!(
                    "{schema:?} is not allowed, because a SQLite file has no schemas; it is allowed on PostgreSQL, MySQL and MariaDB"
                ));
            }
            Dialect::Postgres => 63,
            Dialect::Mysql => 64,
        };
        if schema.is_empty() || schema.len() > longest || schema.contains('\0') {
            return Err(format!("{schema:?} is not allowed; allowed is a name of 1 to {longest} bytes"));
        }
        let quoted = match self.dialect {
            Dialect::Mysql => backticked(schema),
            Dialect::Sqlite | Dialect::Postgres => format!("\"{}\"", schema.replace('"', "\"\"")),
        };
        self.connection.wording.home =
            Some(Home { schema: schema.into(), quoted: quoted.into(), tables, dialect: self.dialect });
        Ok(self)
    }

    /// The schema or database that own tables are kept in, where that is not the connection's own.
    pub fn own_schema(&self) -> Option<&str> {
        self.connection.wording.home.as_ref().map(|home| &*home.schema)
    }

    /// Whether the schema of own tables is there, or needs not to be made.
    ///
    /// # Errors
    /// The database's.
    pub async fn has_own_schema(&self) -> Result<bool> {
        let Some(schema) = self.own_schema() else { return Ok(true) };
        let (table, column) = match self.dialect {
            Dialect::Postgres => (("pg_catalog", "pg_namespace"), "nspname"),
            Dialect::Sqlite | Dialect::Mysql => (("information_schema", "schemata"), "schema_name"),
        };
        let select =
            Query::select().expr(Expr::cust("COUNT(*)")).from(table).and_where(Expr::col(column).eq(schema)).take();
        Ok(self.connection.number(&select).await? > 0)
    }

    /// Makes the schema of own tables, where it is missing.
    ///
    /// # Errors
    /// The database's, where the role may not.
    pub async fn make_own_schema(&self) -> std::result::Result<(), DbErr> {
        let Some(home) = &self.connection.wording.home else { return Ok(()) };
        let what = if self.dialect == Dialect::Mysql { "DATABASE" } else { "SCHEMA" };
        self.connection.execute_unprepared(&format!("CREATE {what} IF NOT EXISTS {}", home.quoted)).await?;
        Ok(())
    }

    /// A connection whose default schema is that of own tables, for statements that name no other. What was opened for it ends with it.
    ///
    /// # Errors
    /// The database's.
    pub async fn at_own_tables(&self) -> std::result::Result<DatabaseConnection, DbErr> {
        let Some(home) = &self.connection.wording.home else { return Ok(self.connection.inner.clone()) };
        let failed = |error: sqlx::Error| DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into()));
        match self.dialect {
            Dialect::Mysql => {
                let options = self.connection.inner.get_mysql_connection_pool().connect_options();
                let options = (*options).clone().database(&home.schema);
                let pool = MySqlPoolOptions::new().max_connections(1).connect_with(options).await.map_err(failed)?;
                Ok(SqlxMySqlConnector::from_sqlx_mysql_pool(pool))
            }
            Dialect::Sqlite | Dialect::Postgres => {
                let options = self.connection.inner.get_postgres_connection_pool().connect_options();
                let path = format!("SET search_path = {}", home.quoted);
                let pool = PgPoolOptions::new().max_connections(1).after_connect(move |connection, _| {
                    let path = path.clone();
                    Box::pin(async move { connection.execute(sqlx::AssertSqlSafe(path)).await.map(|_| ()) })
                });
                let pool = pool.connect_with((*options).clone()).await.map_err(failed)?;
                Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
            }
        }
    }
}
