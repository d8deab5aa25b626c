//! What statements take for granted of a table: its columns with their types, and its keys. Each database tells that of one table by one
//! query, so that it can be asked in the transaction that writes.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};

use super::text;
use crate::{
    database::Database,
    dialect::Dialect,
    error::Result,
    table::{Table, TableKind},
};

/// A table's name, with its schema where statements name that.
pub(super) type Name = (Option<String>, String);

/// The structures of all tables.
pub(super) async fn of_all(database: &Database) -> Result<HashMap<Name, u64>> {
    let dialect = database.dialect();
    let mut lines: HashMap<Name, Vec<String>> = HashMap::new();
    for row in super::rows(database, &sql(dialect, "", "")).await? {
        lines.entry((row.try_get_by_index(0)?, text(&row, 1)?)).or_default().push(text(&row, 2)?);
    }
    Ok(lines.into_iter().map(|(name, lines)| (name, digest(lines))).collect())
}

impl Table {
    /// Whether the table has the columns, types and keys that it had when the catalog was read. Where the transaction of `connection` has
    /// touched the table already, that holds until it ends.
    ///
    /// # Errors
    /// The database's.
    pub async fn is_unchanged<C: ConnectionTrait>(&self, connection: &C) -> Result<bool> {
        if self.kind == TableKind::View {
            return Ok(true);
        }
        let backend = connection.get_database_backend();
        let dialect = Dialect::of(backend);
        let name = || Value::from(self.name.as_str());
        let (sql, values) = match dialect {
            Dialect::Sqlite => (sql(dialect, "AND tbl_name = ?", ""), vec![name()]),
            Dialect::Postgres => {
                let of_one = "AND n.nspname = $1 AND c.relname = $2";
                (sql(dialect, of_one, of_one), vec![Value::from(self.sql_schema.clone()), name()])
            }
            Dialect::Mysql => (sql(dialect, "AND table_name = ?", "AND table_name = ?"), vec![name(), name()]),
        };
        let rows = connection.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        let lines = rows.iter().filter_map(|row| self.line(row).transpose()).collect::<Result<Vec<_>>>()?;
        Ok((!lines.is_empty()).then(|| digest(lines)) == self.structure)
    }

    /// The line of a row, unless that is about a table whose name differs in its case alone.
    fn line(&self, row: &QueryResult) -> Result<Option<String>> {
        Ok(if text(row, 1)? == self.name { Some(text(row, 2)?) } else { None })
    }
}

/// Rows of schema, table and line. What is left out here, such as comments and defaults, changes the meaning of no statement.
fn sql(dialect: Dialect, of_columns: &str, of_keys: &str) -> String {
    match dialect {
        Dialect::Sqlite => format!(
            "SELECT NULL, tbl_name, type || ' ' || sql FROM sqlite_schema \
             WHERE (type = 'table' OR type = 'index' AND sql LIKE 'CREATE UNIQUE %') {of_columns}"
        ),
        Dialect::Postgres => {
            let tables =
                "c.relkind IN ('r', 'p', 'f') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'";
            format!(
                "SELECT n.nspname::text, c.relname::text,
                        concat_ws(' ', a.attnum, a.attname, a.atttypid, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                                  a.attgenerated, a.attidentity, a.attcollation)
                 FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
                 WHERE {tables} AND a.attnum > 0 AND NOT a.attisdropped {of_columns}
                 UNION ALL
                 SELECT n.nspname::text, c.relname::text,
                        concat_ws(' ', 'key', i.indkey, i.indnkeyatts, i.indisprimary, i.indisvalid, i.indpred IS NULL, i.indcollation)
                 FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
                 WHERE {tables} AND i.indisunique {of_keys}"
            )
        }
        Dialect::Mysql => format!(
            "SELECT NULL, CAST(table_name AS CHAR), CAST(CONCAT_WS(' ', ordinal_position, column_name, column_type, is_nullable, extra, \
                    collation_name) AS CHAR) \
             FROM information_schema.columns WHERE table_schema = DATABASE() {of_columns} \
             UNION ALL \
             SELECT NULL, CAST(table_name AS CHAR), CAST(CONCAT_WS(' ', 'key', index_name, seq_in_index, column_name, sub_part) AS CHAR) \
             FROM information_schema.statistics WHERE table_schema = DATABASE() AND non_unique = 0 {of_keys}"
        ),
    }
}

/// Of the lines in any order.
fn digest(mut lines: Vec<String>) -> u64 {
    lines.sort_unstable();
    let mut hasher = DefaultHasher::new();
    lines.hash(&mut hasher);
    hasher.finish()
}

impl Database {
    /// A number that every change of any table makes another, where the database can tell one at next to no cost.
    ///
    /// # Errors
    /// The database's.
    pub async fn schema_version(&self) -> Result<Option<i64>> {
        if self.dialect() != Dialect::Sqlite {
            return Ok(None);
        }
        let rows = super::rows(self, "SELECT schema_version FROM pragma_schema_version").await?;
        Ok(rows.first().map(|row| row.try_get_by_index(0)).transpose()?)
    }
}
