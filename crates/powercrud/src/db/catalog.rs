//! What a database says about itself: tables, views, columns, keys, references, choices and comments.
//!
//! [`Catalog::discover`] asks each database's own system tables (one query each for columns, keys, references and checks) and
//! shapes the answers into the same words for all three.

mod checks;
mod constraint;
mod default;
mod mysql;
mod postgres;
mod sqlite;

use sea_orm::{ConnectionTrait, QueryResult, Statement};

pub use constraint::Constraint;
pub(crate) use constraint::columns_in;

use super::{Database, Dialect};
use crate::error::Result;

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
    /// Rules, keys and indexes by name, for the database names them where a row breaks one.
    pub constraints: Vec<Constraint>,
    /// Whether a trigger may fill columns of a new row before they are checked.
    pub fills_new_rows: bool,
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
    /// The type that a parameter for the column has: on PostgreSQL without length and without domain, so that the assignment checks
    /// both; elsewhere the same as `database_type`.
    pub parameter_type: String,
    /// Which database holds it.
    pub dialect: Dialect,
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
    ///
    /// # Errors
    /// Only where the system tables themselves can't be read. One odd table ends up in [`Catalog::left_out`].
    pub async fn discover(database: &Database) -> Result<Self> {
        let dialect = database.dialect();
        let Discovered { mut tables, left_out } = match dialect {
            Dialect::Sqlite => sqlite::discover(database).await?,
            Dialect::Postgres => postgres::discover(database).await?,
            Dialect::Mysql => mysql::discover(database).await?,
        };
        tables.retain(|table| !table.name.starts_with("powercrud_"));
        tables.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
        // Names without case are SQLite's way, and MySQL's on some systems. On PostgreSQL "Book" and "book" are two tables.
        if dialect != Dialect::Postgres {
            resolve_references(&mut tables);
        }
        tables.iter_mut().for_each(Table::choose_key);
        Ok(Self { tables, left_out })
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

impl ReferentialAction {
    /// From the words of SQL; what is not known refuses.
    fn named(action: &str) -> Self {
        match action.to_ascii_uppercase().as_str() {
            "CASCADE" => Self::Cascade,
            "SET NULL" => Self::SetNull,
            "SET DEFAULT" => Self::SetDefault,
            _ => Self::Restrict,
        }
    }
}

impl Table {
    fn new(name: &str, kind: TableKind) -> Self {
        Self {
            schema: None,
            name: name.to_owned(),
            kind,
            columns: Vec::new(),
            primary_key: Vec::new(),
            unique_keys: Vec::new(),
            foreign_keys: Vec::new(),
            constraints: Vec::new(),
            fills_new_rows: false,
            comment: String::new(),
            estimated_rows: None,
        }
    }

    /// Without a primary key, the shortest unique key over NOT NULL columns tells the rows apart.
    fn choose_key(&mut self) {
        if !self.primary_key.is_empty() {
            return;
        }
        let fits = |key: &&Vec<String>| key.iter().all(|name| self.column(name).is_some_and(|column| !column.nullable));
        if let Some(key) = self.unique_keys.iter().filter(fits).min_by_key(|key| key.len()).cloned() {
            self.unique_keys.retain(|other| *other != key);
            self.primary_key = key;
        }
    }

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
