//! What a database says about itself: tables, views, columns, keys, references, choices and comments.
//!
//! [`Catalog::discover`] asks each database's own system tables (one query each for columns, keys, references and checks) and
//! shapes the answers into the same words for all three.

mod checks;
mod constraint;
mod default;
mod mysql;
mod postgres;
pub(crate) mod rights;
mod sqlite;
mod structure;

pub use constraint::columns_in;
pub(crate) use mysql::unescape as unescape_check;

use sea_orm::{ConnectionTrait, QueryResult, Statement};

use crate::{
    connection::OWN_PREFIX,
    database::Database,
    dialect::Dialect,
    error::Result,
    table::{ForeignKey, Table},
};

/// All tables and views of a database that a user could work with, without PowerCRUD's own.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// In order of schema and name.
    pub tables: Vec<Table>,
    /// What can't be read, and why; the rest is discovered all the same.
    pub left_out: Vec<LeftOut>,
}

/// A table or view that is there but can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name, with the schema where that is not the default one.
    pub name: String,
    /// What the database says.
    pub reason: String,
}

impl LeftOut {
    /// The reason without the statement that would grant a right, which names the role.
    pub fn reason_in_short(&self) -> &str {
        self.reason.split(": GRANT ").next().unwrap_or(&self.reason)
    }
}

impl Catalog {
    /// Reads the catalog of `database`: everything in the connection's default schema, and in other schemas of the same database
    /// (PostgreSQL), without system schemas and PowerCRUD's own `powercrud_` tables.
    ///
    /// # Errors
    /// Only where the system tables themselves can't be read. One odd table ends up in [`Catalog::left_out`].
    pub async fn discover(database: &Database) -> Result<Self> {
        let dialect = database.dialect();
        // First: what changes while the rest is read is another structure when it is asked for next.
        let structures = structure::of_all(database).await?;
        let mut found = match dialect {
            Dialect::Sqlite => sqlite::discover(database).await?,
            Dialect::Postgres => postgres::discover(database).await?,
            Dialect::Mysql => mysql::discover(database).await?,
        };
        found.tables.retain(|table| !table.name.starts_with(OWN_PREFIX));
        rights::apply(database, &mut found).await?;
        let Discovered { mut tables, left_out } = found;
        tables.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
        // Names without case are SQLite's way, and MySQL's on some systems. On PostgreSQL "Book" and "book" are two tables.
        if dialect != Dialect::Postgres {
            resolve_references(&mut tables);
        }
        tables.iter_mut().for_each(Table::choose_key);
        for table in &mut tables {
            table.structure = structures.get(&(table.sql_schema.clone(), table.name.clone())).copied();
        }
        let names: Vec<_> = tables.iter().map(Table::qualified_name).collect();
        for (table, name) in tables.iter_mut().zip(&names) {
            table.ambiguous = names.iter().filter(|other| *other == name).count() > 1;
        }
        Ok(Self { tables, left_out })
    }

    /// Whether the tables are the same in all but their size.
    pub fn is_like(&self, other: &Self) -> bool {
        let structure = |table: &Table| Table { estimated_rows: None, ..table.clone() };
        self.left_out == other.left_out
            && self.tables.len() == other.tables.len()
            && self.tables.iter().zip(&other.tables).all(|(table, other)| structure(table) == structure(other))
    }

    /// The table of that schema and name.
    pub fn table(&self, schema: Option<&str>, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.schema.as_deref() == schema && table.name == name)
    }

    /// All references to `table`, each with the table it comes from.
    pub fn referrers<'a>(&'a self, table: &'a Table) -> impl Iterator<Item = (&'a Table, &'a ForeignKey)> {
        self.tables.iter().flat_map(move |from| {
            from.foreign_keys
                .iter()
                .filter(move |key| key.referenced_schema == table.schema && key.referenced_table == table.name)
                .map(move |key| (from, key))
        })
    }
}

/// Spells each reference as its target does, and fills in the target's primary key where the columns were left out.
fn resolve_references(tables: &mut [Table]) {
    let targets: Vec<(String, Vec<String>, Vec<String>)> = tables
        .iter()
        .map(|table| {
            let columns = table.columns.iter().map(|column| column.name.clone()).collect();
            (table.name.clone(), columns, table.primary_key.clone())
        })
        .collect();
    for key in tables.iter_mut().flat_map(|table| &mut table.foreign_keys) {
        let target = targets
            .iter()
            .find(|(name, ..)| *name == key.referenced_table)
            .or_else(|| targets.iter().find(|(name, ..)| name.eq_ignore_ascii_case(&key.referenced_table)));
        let Some((name, columns, primary_key)) = target.filter(|_| key.referenced_schema.is_none()) else { continue };
        key.referenced_table.clone_from(name);
        if key.referenced_columns.is_empty() {
            key.referenced_columns.clone_from(primary_key);
        }
        for referenced in &mut key.referenced_columns {
            if let Some(column) = columns.iter().find(|column| column.eq_ignore_ascii_case(referenced)) {
                referenced.clone_from(column);
            }
        }
    }
}

/// What a database's own part found.
#[derive(Default)]
struct Discovered {
    tables: Vec<Table>,
    left_out: Vec<LeftOut>,
}

/// The rows of a catalog query.
async fn rows(database: &Database, sql: &str) -> Result<Vec<QueryResult>> {
    let connection = database.connection();
    Ok(connection.query_all_raw(Statement::from_string(connection.get_database_backend(), sql)).await?)
}

/// A cell of a catalog query that is never NULL.
fn text(row: &QueryResult, index: usize) -> Result<String> {
    Ok(row.try_get_by_index(index)?)
}
