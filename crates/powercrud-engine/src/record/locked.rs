//! Records that a bulk task holds.

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::own_key;
use crate::{
    engine::Engine,
    error::{Error, Result},
    lock,
    resource::Resource,
    task::{BulkTask, store},
};

/// The bulk task that holds the record, so that it can't be edited or deleted now.
pub async fn held_by(engine: &Engine, resource: &Resource, key: &str) -> Result<Option<BulkTask>> {
    if !resource.checks_conflicts() || resource.table.primary_key.is_empty() {
        return Ok(None);
    }
    let Ok(key) = own_key(engine, resource, key).await else { return Ok(None) };
    match holder(engine.database().connection(), engine, resource, &key).await? {
        Some(id) => Ok(Some(store::load(engine, id).await?)),
        None => Ok(None),
    }
}

/// Fails where a bulk task holds the record.
pub(super) async fn refuse_held<C: ConnectionTrait>(
    transaction: &C,
    engine: &Engine,
    resource: &Resource,
    key: &str,
) -> Result<()> {
    if !resource.checks_conflicts() {
        return Ok(());
    }
    let Some(task_id) = holder(transaction, engine, resource, key).await? else { return Ok(()) };
    let progress = store::load_from(transaction, task_id).await?.progress_for_others(resource);
    Err(Error::RecordHeld { record: format!("{} {key}", resource.label), task_id, progress })
}

/// The bulk task that holds this record.
async fn holder<C: ConnectionTrait>(
    connection: &C,
    engine: &Engine,
    resource: &Resource,
    key: &str,
) -> Result<Option<Uuid>> {
    let holders = lock::record_holders(connection, engine.database().dialect(), resource, &[key.to_owned()]).await?;
    Ok(holders.into_iter().flatten().next())
}
