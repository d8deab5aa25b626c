//! References by several columns: a foreign key that leads to the whole key of another table.

use super::words;
use powercrud_db::{Catalog, Table};

/// A foreign key of several columns.
#[derive(Clone, Debug)]
pub struct CompositeReference {
    /// For people: the other table's word.
    pub label: String,
    /// The referring columns, in the order of the key of the table referred to.
    pub columns: Vec<String>,
    /// The columns that they refer to, which are the key of that table.
    pub referenced_columns: Vec<String>,
    /// The table referred to, with its schema where it is not the default one.
    pub model_name: String,
    /// The resource over that table, where there is one.
    pub resource: Option<String>,
}

impl CompositeReference {
    /// The key of the record referred to, from the texts of the columns; `None` where one of them is NULL, and so nothing is referred to.
    pub fn key<'a>(&self, text: impl Fn(&str) -> Option<String> + 'a) -> Option<String> {
        let parts: Option<Vec<String>> = self.columns.iter().map(|column| text(column)).collect();
        parts.map(|parts| serde_json::json!(parts).to_string())
    }
}

/// The composite references of a table that lead to a record's whole key.
pub(super) fn of_table(table: &Table, catalog: &Catalog) -> Vec<CompositeReference> {
    let keys = table.foreign_keys.iter().filter(|key| key.columns.len() > 1);
    keys.filter_map(|key| {
        let target = catalog.table(key.referenced_schema.as_deref(), &key.referenced_table)?;
        if target.primary_key.len() != key.columns.len() {
            return None;
        }
        let own = |part: &String| {
            let place = key.referenced_columns.iter().position(|column| column == part)?;
            key.columns.get(place).cloned()
        };
        Some(CompositeReference {
            label: words::singular(&words::label(&target.name)),
            columns: target.primary_key.iter().map(own).collect::<Option<_>>()?,
            referenced_columns: target.primary_key.clone(),
            model_name: target.qualified_name(),
            resource: None,
        })
    })
    .collect()
}
