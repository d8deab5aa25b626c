//! Where a program keeps its own tables: in the connection's default schema, or in a schema (PostgreSQL) or database (MySQL) of their own on
//! the same server, so that they and the data share transactions.

use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DbErr,
    sea_query::{Expr, ExprTrait as _, Query},
};

use crate::{
    catalog::rights::backticked,
    connection::{Home, OWN_PREFIX},
    database::Database,
    dialect::Dialect,
    error::Result,
    query::QueryExt as _,
};

/// So that the longest name of a table with it is one that each database takes.
const LONGEST_NAMESPACE: usize = 20;

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
        self.home(tables).schema = Some((schema.into(), quoted.into()));
        Ok(self)
    }

    /// Keeps `tables`, which are the program's own, under other names: with `namespace` after [`OWN_PREFIX`], so that two programs share a
    /// database and neither sees the other's.
    ///
    /// # Errors
    /// What is wrong and what is allowed.
    pub fn naming_own_tables(
        mut self,
        namespace: &str,
        tables: &'static [&'static str],
    ) -> std::result::Result<Self, String> {
        let is_plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
        let begins = namespace.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        if !begins || namespace.len() > LONGEST_NAMESPACE || !namespace.bytes().all(is_plain) {
            return Err(format!(
                "{namespace:?} is not allowed; allowed are 1 to {LONGEST_NAMESPACE} small letters (a-z), digits and _, beginning with a letter"
            ));
        }
        // "bulk" would make a table "powercrud_bulk_task" of "task", were there one.
        let own = |name: &&&str| {
            tables.contains(&format!("{OWN_PREFIX}{namespace}_{}", name.trim_start_matches(OWN_PREFIX)).as_str())
        };
        if let Some(table) = tables.iter().find(own) {
            return Err(format!(
                "{namespace:?} is not allowed, because {table} would have the name of another table; choose another"
            ));
        }
        self.home(tables).namespace = Some(namespace.into());
        Ok(self)
    }

    fn home(&mut self, tables: &'static [&'static str]) -> &mut Home {
        let dialect = self.dialect;
        let none = || Home { schema: None, namespace: None, tables, dialect };
        self.connection.wording.home.get_or_insert_with(none)
    }

    /// What stands in the names of own tables, where that is anything.
    pub fn namespace(&self) -> Option<&str> {
        self.connection.wording.home.as_ref()?.namespace.as_deref()
    }

    /// A name of the program's own, of a table or of an index, as it is in the database.
    pub fn own_name(&self, name: &str) -> String {
        self.connection.wording.home.as_ref().map_or_else(|| name.to_owned(), |home| home.own_name(name))
    }

    /// SQL that makes or alters own tables and indexes, with each of their names, in quotes, as it is in the database.
    pub fn with_own_names(&self, sql: &str) -> String {
        self.connection.wording.home.as_ref().map_or_else(|| sql.to_owned(), |home| home.rename_all(sql))
    }

    /// The schema or database that own tables are kept in, where that is not the connection's own.
    pub fn own_schema(&self) -> Option<&str> {
        self.own_schema_and_quoted().map(|(schema, _)| schema)
    }

    /// The same, with its name in quotes.
    fn own_schema_and_quoted(&self) -> Option<(&str, &str)> {
        let (schema, quoted) = self.connection.wording.home.as_ref()?.schema.as_ref()?;
        Some((schema, quoted))
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
        let Some((_, quoted)) = self.own_schema_and_quoted() else { return Ok(()) };
        let what = if self.dialect == Dialect::Mysql { "DATABASE" } else { "SCHEMA" };
        self.connection.execute_unprepared(&format!("CREATE {what} IF NOT EXISTS {quoted}")).await?;
        Ok(())
    }

    /// A connection whose default schema is that of own tables, for statements that name no other. What was opened for it ends with it.
    ///
    /// # Errors
    /// The database's.
    pub async fn at_own_tables(&self) -> std::result::Result<DatabaseConnection, DbErr> {
        match (self.dialect, self.own_schema_and_quoted()) {
            #[cfg(feature = "mysql")]
            (Dialect::Mysql, Some((schema, _))) => mysql_at(&self.connection.inner, schema).await,
            #[cfg(feature = "postgres")]
            (Dialect::Postgres, Some((_, quoted))) => postgres_at(&self.connection.inner, quoted).await,
            _ => Ok(self.connection.inner.clone()),
        }
    }
}

#[cfg(feature = "mysql")]
async fn mysql_at(connection: &DatabaseConnection, schema: &str) -> std::result::Result<DatabaseConnection, DbErr> {
    let options = connection.get_mysql_connection_pool().connect_options();
    let options = (*options).clone().database(schema);
    let pool = sqlx::mysql::MySqlPoolOptions::new().max_connections(1).connect_with(options).await.map_err(failed)?;
    Ok(sea_orm::SqlxMySqlConnector::from_sqlx_mysql_pool(pool))
}

#[cfg(feature = "postgres")]
async fn postgres_at(connection: &DatabaseConnection, quoted: &str) -> std::result::Result<DatabaseConnection, DbErr> {
    let options = connection.get_postgres_connection_pool().connect_options();
    let path = format!("SET search_path = {quoted}");
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(1).after_connect(move |connection, _| {
        let path = path.clone();
        Box::pin(async move { sqlx::Executor::execute(connection, sqlx::AssertSqlSafe(path)).await.map(|_| ()) })
    });
    let pool = pool.connect_with((*options).clone()).await.map_err(failed)?;
    Ok(sea_orm::SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into()))
}
