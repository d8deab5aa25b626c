//! What the catalog says of real and of odd databases, and that everything it finds can be listed.

mod collisions;
mod keys;
mod listing;
mod looks;
mod many_to_many;
mod named;
mod names;
mod namespace;
mod own_schema;
mod rights;
mod secrets;
mod shadows;
mod types;
mod uninstall;

use powercrud::db::{Catalog, Column, Table};

use crate::support::{TestDatabase, oddities};

/// The catalog of our own odd schemas.
async fn odd_catalog(database: &TestDatabase) -> Catalog {
    oddities(database).await;
    Catalog::discover(database).await.expect("discovery")
}

fn table<'a>(catalog: &'a Catalog, name: &str) -> &'a Table {
    let names: Vec<_> = catalog.tables.iter().map(|table| &table.name).collect();
    catalog.table(None, name).unwrap_or_else(|| panic!("no {name:?} among {names:?}"))
}

fn column<'a>(table: &'a Table, name: &str) -> &'a Column {
    let names: Vec<_> = table.columns.iter().map(|column| &column.name).collect();
    table.column(name).unwrap_or_else(|| panic!("no {name:?} among {names:?}"))
}
