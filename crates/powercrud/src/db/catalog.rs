//! What a database says about itself: tables, views, columns, keys, references, choices and comments.
//!
//! [`Catalog::discover`] asks each database's own system tables (one query each for columns, keys, references and checks) and
//! shapes the answers into the same words for all three.

mod checks;
mod mysql;
mod postgres;
mod sqlite;

use super::{Database, Dialect};
use crate::error::Result;

/// All tables and views of a database that a user could work with, without PowerCRUD's own.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// In order of schema and name.
    pub tables: Vec<Table>,
}

/// Whether rows can live in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// A table of its own.
    Table,
    /// A view or materialized view: read-only here.
    View,
}

/// One table or view.
#[derive(Clone, Debug)]
pub struct Table {
    /// The schema, where it is not the default one of the connection.
    pub schema: Option<String>,
    /// The name as the database spells it.
    pub name: String,
    /// Table or view.
    pub kind: TableKind,
    /// In the database's order.
    pub columns: Vec<Column>,
    /// The primary key's columns in key order, or, without a primary key, those of a unique key over NOT NULL columns. Empty
    /// where there is neither.
    pub primary_key: Vec<String>,
    /// Unique keys other than the primary key, columns in key order; unique indexes over expressions or part of the rows are left out.
    pub unique_keys: Vec<Vec<String>>,
    /// References from this table to others.
    pub foreign_keys: Vec<ForeignKey>,
    /// The database's comment, empty where there is none.
    pub comment: String,
    /// The database's guess of how many rows there are, where it has one.
    pub estimated_rows: Option<u64>,
}

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The name as the database spells it.
    pub name: String,
    /// What kind of values it holds.
    pub column_type: ColumnType,
    /// The type as the database writes it, such as `numeric(10,2)`; on PostgreSQL the output of `format_type()`, safe in a cast.
    pub database_type: String,
    /// Whether NULL is allowed.
    pub nullable: bool,
    /// The default's SQL text, where there is one.
    pub default: Option<String>,
    /// Computed by the database (a generated column, `GENERATED ALWAYS` identity): never written.
    pub generated: bool,
    /// Filled by the database where left out (AUTOINCREMENT, serial, identity, INTEGER PRIMARY KEY).
    pub identity: bool,
    /// The values allowed, from an enum or a CHECK list; empty where any goes.
    pub choices: Vec<String>,
    /// The database's comment, empty where there is none.
    pub comment: String,
}

/// What kind of values a column holds, in words that all three databases share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// true or false.
    Boolean,
    /// Whole numbers within `min..=max`.
    Integer {
        /// The smallest allowed.
        min: i64,
        /// The largest allowed; unsigned 64-bit columns hold more, but not here.
        max: i64,
    },
    /// Exact decimals; precision (all digits) and scale (digits after the point) where the column limits them.
    Decimal {
        /// All digits.
        precision: Option<u32>,
        /// Digits after the point.
        scale: Option<u32>,
    },
    /// Binary floating point.
    Float,
    /// Text, at most `max_length` characters where limited.
    Text {
        /// In characters.
        max_length: Option<u32>,
    },
    /// A calendar date.
    Date,
    /// A time of day.
    Time,
    /// Date and time without zone.
    DateTime,
    /// An instant (timestamp with zone).
    DateTimeTz,
    /// A UUID.
    Uuid,
    /// A JSON document.
    Json,
    /// One of the column's choices, of a database enum type.
    Enum,
    /// Bytes: shown as a size, not edited.
    Bytes,
    /// Arrays, geometry and what else a database invents: shown and edited as the database's text form.
    Other,
}

/// What happens to the referring row when the row referred to is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferentialAction {
    /// The delete is refused (RESTRICT, NO ACTION).
    Restrict,
    /// The referring row is deleted too.
    Cascade,
    /// The reference becomes NULL.
    SetNull,
    /// The reference becomes its default.
    SetDefault,
}

/// A reference from one table to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The constraint's name, empty where it has none.
    pub name: String,
    /// The referring columns, in key order.
    pub columns: Vec<String>,
    /// The schema of the table referred to, where it is not the default one.
    pub referenced_schema: Option<String>,
    /// The table referred to.
    pub referenced_table: String,
    /// The columns referred to, in key order.
    pub referenced_columns: Vec<String>,
    /// What a delete of the row referred to does.
    pub on_delete: ReferentialAction,
}

impl Catalog {
    /// Reads the catalog of `database`: everything in the connection's default schema, and in other schemas of the same database
    /// (PostgreSQL), without system schemas and PowerCRUD's own `powercrud_` tables.
    pub async fn discover(database: &Database) -> Result<Self> {
        let mut tables = match database.dialect() {
            Dialect::Sqlite => sqlite::tables(database).await?,
            Dialect::Postgres => postgres::tables(database).await?,
            Dialect::Mysql => mysql::tables(database).await?,
        };
        tables.retain(|table| !table.name.starts_with("powercrud_"));
        tables.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
        Ok(Self { tables })
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

impl Table {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Why its rows can't be written, where they can't.
    pub fn read_only_reason(&self) -> Option<&'static str> {
        match self.kind {
            TableKind::View => Some("it is a view"),
            TableKind::Table if self.primary_key.is_empty() => Some(
                "it has neither a primary key nor a unique key over NOT NULL columns, so its rows can't be told apart",
            ),
            TableKind::Table => None,
        }
    }
}
