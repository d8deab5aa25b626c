//! Records to which the database gives another key while they are written: a trigger may do so.

use sea_orm::{ConnectionTrait, DbErr, StatementBuilder};

use super::{audited, key_condition};
use crate::{
    engine::Engine,
    error::Result,
    query::Row,
    resource::{Field, Resource},
};
use powercrud_db::{QueryExt as _, Table};

/// What a statement wrote.
pub(super) struct Sent {
    pub(super) rows: u64,
    /// The key that it returned.
    pub(super) key: Option<String>,
}

/// Sends a statement on rows of `table`; `returns`: it returns their keys.
pub(super) async fn send<C: ConnectionTrait>(
    transaction: &C,
    table: &Table,
    statement: &impl StatementBuilder,
    returns: bool,
) -> Result<Sent, DbErr> {
    if !returns {
        return Ok(Sent { rows: transaction.write(table, statement).await?.rows_affected(), key: None });
    }
    let rows = transaction.query_all(statement).await?;
    let key = rows.first().map(|row| row.try_get_by_index(0)).transpose()?;
    Ok(Sent { rows: rows.len() as u64, key })
}

/// The record after it was written; `None` where that key does not find it.
pub(super) async fn after<C: ConnectionTrait>(
    transaction: &C,
    engine: &Engine,
    resource: &Resource,
    fields: &[&Field],
    key: &str,
) -> Result<Option<Row>> {
    match key_condition(engine, resource, key) {
        Ok(condition) => audited::read(transaction, engine, resource, fields, condition, false).await,
        // No text of a key leads to it.
        Err(_) => Ok(None),
    }
}
