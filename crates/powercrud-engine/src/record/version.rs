//! A record that has another version than whoever changes it has seen.

use sea_orm::ConnectionTrait;

use super::{key_condition, not_found};
use crate::{
    engine::Engine,
    error::{Error, Result},
    query,
    resource::Resource,
};

/// Fails where the record has another version, although nothing of it is to be written.
pub(super) async fn is_version<C: ConnectionTrait>(
    connection: &C,
    engine: &Engine,
    resource: &Resource,
    key: &str,
    was: &str,
) -> Result<()> {
    let Some(version) = &resource.version else { return Ok(()) };
    let condition = key_condition(engine, resource, key)?;
    let now = query::versions(connection, engine, resource, version, condition, false).await?;
    match now.into_values().next() {
        Some(is) if is != was => Err(version_conflict(connection, engine, resource, key, was).await?),
        _ => Ok(()),
    }
}

/// Why a record of that version was not there to be written: it has another version by now, or it is gone.
pub(super) async fn version_conflict<C: ConnectionTrait>(
    connection: &C,
    engine: &Engine,
    resource: &Resource,
    key: &str,
    was: &str,
) -> Result<Error> {
    let Some(version) = &resource.version else { return Ok(not_found(resource, key)) };
    let condition = key_condition(engine, resource, key)?;
    let now = query::versions(connection, engine, resource, version, condition, true).await?;
    Ok(match now.into_values().next() {
        Some(is) => {
            let shown = |version: &str| if version.is_empty() { "empty".to_owned() } else { version.to_owned() };
            let record = format!("{} {key}", resource.label);
            Error::VersionConflict { record, was: shown(was), is: shown(&is) }
        }
        None => not_found(resource, key),
    })
}
