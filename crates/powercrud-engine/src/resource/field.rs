//! One field of a resource.

use powercrud_db::{Column, Table};

/// A column as people see it.
#[derive(Clone, Debug)]
pub struct Field {
    /// The column's name; programs use it.
    pub name: String,
    /// For people.
    pub label: String,
    /// Help for people, from the settings or the column's comment; may be empty.
    pub help_text: String,
    /// The column underneath.
    pub column: Column,
    /// What it refers to, where it is a foreign key of one column.
    pub reference: Option<Reference>,
    /// Whether forms may write it: not generated, and not a key that the database fills.
    pub editable: bool,
    /// Whether it is part of the record's key.
    pub key: bool,
}

/// What a foreign key refers to.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The table referred to.
    pub table: Table,
    /// The column referred to.
    pub column: Column,
    /// The column that names a record of that table, where it has one that is fit.
    pub display: Option<Column>,
    /// The resource over that table, where there is one.
    pub resource: Option<String>,
}

impl Field {
    /// Whether the database computes it from a record's columns, so that it is in no table and never written.
    pub fn is_computed(&self) -> bool {
        self.column.computed.is_some()
    }

    /// Whether NULL may be written.
    pub fn nullable(&self) -> bool {
        self.column.nullable
    }
}
