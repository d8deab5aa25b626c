//! Which versions records have, where their resource names a version field.

use std::collections::HashMap;

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, Query},
};

use super::keys::{comparable_key, split_key};
use crate::{
    engine::Engine,
    error::{Error, Result},
    resource::Resource,
};
use powercrud_db::{Column, QueryExt as _};

/// Versions by [`comparable_key`].
pub(crate) type Versions = HashMap<Vec<String>, String>;

/// The versions of the records that match; `hold` keeps others from changing them until the transaction ends.
pub(crate) async fn versions<C: ConnectionTrait>(
    connection: &C,
    engine: &Engine,
    resource: &Resource,
    version: &Column,
    condition: Expr,
    hold: bool,
) -> Result<Versions> {
    let dialect = engine.database().dialect();
    let mut select = Query::select();
    select
        .expr(resource.key_expr(dialect))
        .expr(dialect.version(version, Expr::col(resource.table.column_ref(&version.name))))
        .from(resource.table.table_ref())
        .and_where(condition);
    if hold && !resource.table.denied.update {
        // SQLite has one writer at a time, and no such clause.
        select.lock_exclusive();
    }
    let mut versions = HashMap::new();
    for row in connection.rows(&select).await? {
        let key: String = row.try_get_by_index(0)?;
        versions.insert(comparable_key(resource, &key), row.try_get_by_index(1)?);
    }
    Ok(versions)
}

/// The version of the record of that key; `None` where the resource names no version field, or the record is gone.
pub async fn version(engine: &Engine, resource: &Resource, key: &str) -> Result<Option<String>> {
    let resource = engine.seen(resource)?;
    let Some(version) = &resource.version else { return Ok(None) };
    let parts = split_key(resource, key).map_err(|error| Error::Invalid(vec![error]))?;
    let condition = super::keys_condition(resource, &[parts], engine.database().dialect());
    let found = versions(engine.database().connection(), engine, resource, version, condition, false).await?;
    Ok(found.into_values().next())
}
