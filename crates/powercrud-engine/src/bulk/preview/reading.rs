//! Rows read with those that refer to them, page by page, where one SELECT can't follow the references.

use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, IntoColumnRef as _, Query, SelectStatement};

use crate::{engine::Engine, query};
use powercrud_db::{ForeignKey, Table};

/// More rows are not read.
pub(super) const ROWS: usize = 5_000;

/// Rows whose referrers are looked for by one statement.
pub(super) const PAGE: usize = 200;

/// What a page's rows go by.
pub(super) const PARENT: &str = "powercrud_parent";
/// What those go by that refer to them.
pub(super) const CHILD: &str = "powercrud_child";

/// The key of a table's row, as a text. `name`: what the table goes by.
pub(super) fn record_key(engine: &Engine, table: &Table, name: &str) -> Expr {
    let columns = table.primary_key.iter().filter_map(|name| table.column(name));
    let reference = |column: &str| match name == table.name {
        true => table.column_ref(column),
        false => (Alias::new(name), Alias::new(column)).into_column_ref(),
    };
    let columns: Vec<_> = columns.map(|column| (column, reference(&column.name))).collect();
    engine.database().dialect().record_key(&columns)
}

/// The rows with the keys of `page`, as [`PARENT`], each with those that refer to it by `key`, as [`CHILD`]; without columns yet.
pub(super) fn referrers_of(
    engine: &Engine,
    (table, page): (&Table, &[String]),
    (from, key): (&Table, &ForeignKey),
) -> SelectStatement {
    let mut select = Query::select();
    select
        .from_as(table.table_ref(), Alias::new(PARENT))
        .from_as(from.table_ref(), Alias::new(CHILD))
        .and_where_option(table.own_rows_as(PARENT))
        .and_where_option(from.own_rows_as(CHILD))
        .and_where(query::text_keys_condition(table, PARENT, page, engine.database().dialect()));
    for (column, referenced) in key.columns.iter().zip(&key.referenced_columns) {
        let child = Expr::col((Alias::new(CHILD), Alias::new(column)));
        select.and_where(child.eq(Expr::col((Alias::new(PARENT), Alias::new(referenced)))));
    }
    select
}
