//! PowerCRUD's own tables as SeaORM entities: each column with its type in one place.
//!
//! Statements go on through sea-query, since what a worker writes is often an expression of the database: its clock, a count.

pub(crate) mod audit;
pub(crate) mod bulk_task;
pub(crate) mod message;
pub(crate) mod notice;
pub(crate) mod task_event;
pub(crate) mod worker;

use sea_orm::{
    EntityTrait, FromQueryResult, Iterable as _, QueryResult,
    sea_query::{Expr, InsertStatement, Query, SelectStatement},
};

use crate::error::Result;

/// All columns of a table.
///
/// With the table before their names: SQLite takes a quoted name for a text where a connection does not know the column yet, and the driver
/// then remembers it as that.
pub fn select<E: EntityTrait>() -> SelectStatement {
    Query::select().columns(E::Column::iter().map(|column| (E::default(), column))).from(E::default()).take()
}

/// A row of [`select`].
///
/// # Errors
/// The database's, where a column is missing or of another type.
pub fn read<M: FromQueryResult>(row: &QueryResult) -> Result<M> {
    Ok(M::from_query_result(row, "")?)
}

/// One row with these values; other columns take their defaults.
pub fn insert<E: EntityTrait, const N: usize>(values: [(E::Column, Expr); N]) -> InsertStatement {
    let (columns, values): (Vec<E::Column>, Vec<Expr>) = values.into_iter().unzip();
    Query::insert().into_table(E::default()).columns(columns).values_panic(values).take()
}
