//! Tables and views, their columns, keys and references, in words that all three databases share.

mod computed;
mod scope;

use sea_orm::sea_query::{ColumnRef, IntoColumnRef as _, IntoTableRef as _, TableRef};

use crate::{denied::Denied, dialect::Dialect};

pub use scope::Scope;

/// Whether rows can live in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// A table of its own.
    Table,
    /// A view or materialized view: read-only here.
    View,
}

/// One table or view.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The schema, where it is not the default one of the connection.
    pub schema: Option<String>,
    /// The schema by which statements name it; on PostgreSQL always, since tables of `pg_catalog` and temporary ones of the same name
    /// would be found before it.
    pub sql_schema: Option<String>,
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
    /// Whether a constraint lets a statement remove or alter other rows than its own (`ON CONFLICT REPLACE` on SQLite).
    pub replaces: bool,
    /// Why it takes no bulk operations, where that is so though single records can be written.
    pub no_bulk: Option<String>,
    /// Whether other tables inherit from it (PostgreSQL); their rows are not its records.
    pub inherited: bool,
    /// Why its primary key is not among what is told here, where it has one; its rows can't be told apart then.
    pub unusable_key: Option<String>,
    /// Those of the keys that are looked at late, so that no INSERT can go by them (`DEFERRABLE`).
    pub deferrable_keys: Vec<Vec<String>>,
    /// Why its rows must not be written, where its kind and key don't say so.
    pub unwritable: Option<String>,
    /// What the database's role may not do with it.
    pub denied: Denied,
    /// Whether schema and name, joined by a dot, are another table's as well: "a.b" with "c", and "a" with "b.c".
    pub ambiguous: bool,
    /// A digest of its columns, types and keys as the database told them when the catalog was read ([`Table::is_unchanged`]); `None` of
    /// views.
    pub structure: Option<u64>,
    /// Which of its rows there are for whoever works with it; all where it is `None`.
    pub scope: Option<Scope>,
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
    /// Whether a cell may hold a value of any kind, whatever the type says (SQLite).
    pub any_value: bool,
    /// The values allowed, from an enum or a CHECK list; empty where any goes.
    pub choices: Vec<String>,
    /// The database's comment, empty where there is none.
    pub comment: String,
    /// What makes two values of its type the same.
    pub equality: Equality,
    /// Whether its collation takes different texts for equal, so that patterns can't be asked for in it (nondeterministic, PostgreSQL).
    pub loose_collation: bool,
    /// What computes it, in SQL, where no table has it ([`Column::computed`]); it is in the columns of no [`Table`].
    pub computed: Option<String>,
}

impl Column {
    /// Whether it may hold values that no text of a key leads back to: any at all (SQLite), or one that is none of its choices and reads
    /// as the empty one, which is a choice too (MySQL).
    pub fn may_lose_keys(&self) -> bool {
        let reads_as_empty = self.dialect == Dialect::Mysql && self.column_type == ColumnType::Enum;
        self.any_value || (reads_as_empty && self.choices.iter().any(String::is_empty))
    }
}

/// What makes two values of a type the same, where its kind of values (JSON, or what a database invents) does not say so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Equality {
    /// Their texts as they are shown: nothing else is known, or the type reads no text.
    #[default]
    Shown,
    /// Their texts as the type spells them: it reads other spellings too, and has no equality of its own (PostgreSQL).
    Spelled,
    /// What the type itself says (PostgreSQL).
    Own,
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

/// What happens to the referring row when the row referred to is deleted, or what it is referred to by is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferentialAction {
    /// The delete or change is refused (RESTRICT, NO ACTION).
    Restrict,
    /// The referring row is deleted or changed too.
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
    /// What a change of the columns referred to does: [`ReferentialAction::Cascade`] gives the referring row the new values.
    pub on_update: ReferentialAction,
    /// Whether it is looked at for each row that is deleted, rather than once all rows of the statement are: rows that refer to each
    /// other in a circle can't be deleted then.
    pub checks_each_row: bool,
    /// Whether its columns are all NULL or all given (`MATCH FULL`).
    pub matches_fully: bool,
}

/// A CHECK, a unique key or an index of a table, or the CHECK of a column's domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// As the database names it in its errors; empty where it has no name.
    pub name: String,
    /// The columns it is about, in the order of the table.
    pub columns: Vec<String>,
    /// What must hold, as SQL; `None` of keys and indexes.
    pub rule: Option<String>,
}

impl ReferentialAction {
    /// From the words of SQL; what is not known refuses.
    pub(crate) fn named(action: &str) -> Self {
        match action.to_ascii_uppercase().as_str() {
            "CASCADE" => Self::Cascade,
            "SET NULL" => Self::SetNull,
            "SET DEFAULT" => Self::SetDefault,
            _ => Self::Restrict,
        }
    }
}

impl Table {
    /// A table of that name with nothing in it.
    pub fn new(name: &str, kind: TableKind) -> Self {
        Self {
            schema: None,
            sql_schema: None,
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
            replaces: false,
            no_bulk: None,
            inherited: false,
            unusable_key: None,
            deferrable_keys: Vec::new(),
            unwritable: None,
            denied: Denied::default(),
            ambiguous: false,
            structure: None,
            scope: None,
        }
    }

    /// Without a primary key, the shortest unique key over NOT NULL columns tells the rows apart.
    pub(crate) fn choose_key(&mut self) {
        if !self.primary_key.is_empty() {
            return;
        }
        let fits = |key: &&Vec<String>| key.iter().all(|name| self.column(name).is_some_and(|column| !column.nullable));
        if let Some(key) = self.unique_keys.iter().filter(fits).min_by_key(|key| key.len()).cloned() {
            self.unique_keys.retain(|other| *other != key);
            self.primary_key = key;
        }
    }

    /// The table as if the keys over these columns told nothing.
    pub fn without_key_over(&self, columns: &[String]) -> Self {
        let mut table = self.clone();
        table.primary_key.clear();
        table.unique_keys.retain(|key| !key.iter().any(|name| columns.contains(name)));
        table.choose_key();
        table
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Why its rows can't be written, where they can't.
    pub fn read_only_reason(&self) -> Option<&str> {
        match self.kind {
            _ if self.unwritable.is_some() => self.unwritable.as_deref(),
            TableKind::View => Some("it is a view"),
            TableKind::Table if self.denied.everything.is_some() => self.denied.everything.as_deref(),
            TableKind::Table if self.denied.insert && self.denied.update && self.denied.delete => {
                Some("the database's role may only read it")
            }
            TableKind::Table if self.primary_key.is_empty() => Some(self.unusable_key.as_deref().unwrap_or(
                "it has neither a primary key nor a unique key over NOT NULL columns, so its rows can't be told apart",
            )),
            TableKind::Table => None,
        }
    }

    /// The table for FROM, INTO and UPDATE.
    pub fn table_ref(&self) -> TableRef {
        match &self.sql_schema {
            Some(schema) => (schema.clone(), self.name.clone()).into_table_ref(),
            None => self.name.clone().into_table_ref(),
        }
    }

    /// A column, qualified by its table so that it means the same inside subqueries.
    pub fn column_ref(&self, column: &str) -> ColumnRef {
        match &self.sql_schema {
            Some(schema) => (schema.clone(), self.name.clone(), column.to_owned()).into_column_ref(),
            None => (self.name.clone(), column.to_owned()).into_column_ref(),
        }
    }

    /// The table's name as one text that the database reads as a name: each part in double quotes.
    pub fn sql_name(&self) -> String {
        let quoted = |name: &String| format!("\"{}\"", name.replace('"', "\"\""));
        self.sql_schema.iter().chain([&self.name]).map(quoted).collect::<Vec<_>>().join(".")
    }

    /// The table's name for people and programs: with its schema where it is not the default one.
    pub fn qualified_name(&self) -> String {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        match &self.schema {
            Some(schema) if self.ambiguous => format!("{}.{}", quoted(schema), quoted(&self.name)),
            None if self.ambiguous => quoted(&self.name),
            Some(schema) => format!("{schema}.{}", self.name),
            None => self.name.clone(),
        }
    }
}
