//! A record's key: as the database spells it, and the condition that finds the record.

use sea_orm::sea_query::Expr;

use crate::{
    engine::Engine,
    error::{Error, Result},
    query,
    resource::Resource,
};

/// The key as the database spells it.
///
/// # Errors
/// [`Error::RecordNotFound`] where it can be no record's key.
pub(super) async fn own_key(engine: &Engine, resource: &Resource, key: &str) -> Result<String> {
    let database = engine.database();
    match query::own_key(database.connection(), database.dialect(), resource, key).await {
        Err(Error::Invalid(_)) => Err(not_found(resource, key)),
        result => result,
    }
}

pub(super) fn key_condition(engine: &Engine, resource: &Resource, key: &str) -> Result<Expr> {
    if resource.table.primary_key.is_empty() {
        return Err(not_found(resource, key));
    }
    let parts = query::split_key(resource, key).map_err(|_| not_found(resource, key))?;
    Ok(query::keys_condition(resource, &[parts], engine.database().dialect()))
}

pub(super) fn not_found(resource: &Resource, key: &str) -> Error {
    if let Some(reason) = query::why_lost(resource, key) {
        return Error::RecordLost { resource: resource.label.clone(), key: key.to_owned(), reason };
    }
    Error::RecordNotFound { resource: resource.label.clone(), key: key.to_owned() }
}
