//! Where a program keeps its own tables: in the connection's default schema, or in a schema (PostgreSQL) or database (MySQL) of their own on
//! the same server, so that they and the data share transactions.
//!
//! Statements name own tables plainly. Each goes through a [`Connection`] or a [`crate::Transaction`], and those put the schema before a
//! name where it stands for a table; columns are led by the table's name alone, which means the same. Text that is sent unprepared, which is for
//! the session, is sent as it is.

use std::{ops::Deref, sync::Arc};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, SqlxMySqlConnector,
    SqlxPostgresConnector, Statement,
    prelude::async_trait::async_trait,
    sea_query::{Expr, ExprTrait as _, Query},
};
use sqlx::{Executor as _, mysql::MySqlPoolOptions, postgres::PgPoolOptions};

use crate::{
    catalog::rights::backticked,
    database::Database,
    dialect::Dialect,
    error::Result,
    query::QueryExt as _,
    tokens::{Token, spans},
};

/// The schema or database of own tables, and which tables those are.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    schema: Arc<str>,
    tables: &'static [&'static str],
    dialect: Dialect,
}

impl Home {
    /// The schema's name in quotes.
    fn quoted(&self) -> String {
        match self.dialect {
            Dialect::Mysql => backticked(&self.schema),
            Dialect::Sqlite | Dialect::Postgres => format!("\"{}\"", self.schema.replace('"', "\"\"")),
        }
    }

    /// Puts the schema before each own table.
    fn qualify(&self, sql: &str) -> String {
        let tokens = spans(sql, self.dialect);
        let is_dot = |place: Option<usize>| {
            place.and_then(|place| tokens.get(place)).is_some_and(|(token, _)| *token == Token::Symbol('.'))
        };
        let (quoted, mut qualified, mut copied) = (self.quoted(), String::with_capacity(sql.len() + 64), 0);
        for (place, (token, span)) in tokens.iter().enumerate() {
            let (Token::Quoted { name, .. } | Token::Word(name)) = token else { continue };
            if self.tables.contains(&name.as_str()) && !is_dot(place.checked_sub(1)) && !is_dot(Some(place + 1)) {
                qualified.push_str(&sql[copied..span.start]);
                qualified.push_str(&quoted);
                qualified.push('.');
                copied = span.start;
            }
        }
        qualified.push_str(&sql[copied..]);
        qualified
    }
}

/// A statement as it is sent.
pub(crate) fn sent(home: Option<&Home>, mut statement: Statement) -> Statement {
    if let Some(home) = home.filter(|home| home.tables.iter().any(|table| statement.sql.contains(table))) {
        statement.sql = home.qualify(&statement.sql);
    }
    statement
}

/// A connection that finds the program's own tables where they are kept.
#[derive(Clone, Debug)]
pub struct Connection {
    pub(crate) inner: DatabaseConnection,
    pub(crate) home: Option<Home>,
}

/// What it does not do by itself does not know of own tables.
impl Deref for Connection {
    type Target = DatabaseConnection;

    fn deref(&self) -> &DatabaseConnection {
        &self.inner
    }
}

impl From<Connection> for DatabaseConnection {
    fn from(connection: Connection) -> Self {
        connection.inner
    }
}

impl Connection {
    /// Closes all connections of the pool.
    ///
    /// # Errors
    /// The database's.
    pub async fn close(self) -> std::result::Result<(), DbErr> {
        self.inner.close().await
    }
}

#[async_trait]
impl ConnectionTrait for Connection {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> std::result::Result<ExecResult, DbErr> {
        self.inner.execute_raw(sent(self.home.as_ref(), statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> std::result::Result<ExecResult, DbErr> {
        self.inner.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> std::result::Result<Option<QueryResult>, DbErr> {
        self.inner.query_one_raw(sent(self.home.as_ref(), statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> std::result::Result<Vec<QueryResult>, DbErr> {
        self.inner.query_all_raw(sent(self.home.as_ref(), statement)).await
    }
}

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
        self.connection.home = Some(Home { schema: schema.into(), tables, dialect: self.dialect });
        Ok(self)
    }

    /// The schema or database that own tables are kept in, where that is not the connection's own.
    pub fn own_schema(&self) -> Option<&str> {
        self.connection.home.as_ref().map(|home| &*home.schema)
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
        let Some(home) = &self.connection.home else { return Ok(()) };
        let what = if self.dialect == Dialect::Mysql { "DATABASE" } else { "SCHEMA" };
        self.connection.execute_unprepared(&format!("CREATE {what} IF NOT EXISTS {}", home.quoted())).await?;
        Ok(())
    }

    /// A connection whose default schema is that of own tables, for statements that name no other. What was opened for it ends with it.
    ///
    /// # Errors
    /// The database's.
    pub async fn at_own_tables(&self) -> std::result::Result<DatabaseConnection, DbErr> {
        let Some(home) = &self.connection.home else { return Ok(self.connection.inner.clone()) };
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
                let path = format!("SET search_path = {}", home.quoted());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_qualified_and_columns_and_texts_are_not() {
        let of = |dialect| Home { schema: "o\"f`us".into(), tables: &["own", "own_other"], dialect };
        for (dialect, sql, expected) in [
            (
                Dialect::Postgres,
                r#"SELECT "own"."a", "x"."own" FROM "own" JOIN "own_other" AS "own_2" ON "own_2"."a" = $1 WHERE 'own' <> "b"."own""#,
                r#"SELECT "own"."a", "x"."own" FROM "o""f`us"."own" JOIN "o""f`us"."own_other" AS "own_2" ON "own_2"."a" = $1 WHERE 'own' <> "b"."own""#,
            ),
            (
                Dialect::Mysql,
                r"DELETE FROM `own` WHERE `own`.`a` = 'it\'s `own`' AND `own`.`b` IN (SELECT 1 FROM `item`)",
                r#"DELETE FROM `o"f``us`.`own` WHERE `own`.`a` = 'it\'s `own`' AND `own`.`b` IN (SELECT 1 FROM `item`)"#,
            ),
        ] {
            assert_eq!(of(dialect).qualify(sql), expected);
        }
    }
}
