//! Freezing versions beside keys, for resources that name a version field: one row a record.

use sea_orm::{ConnectionTrait, sea_query::Order};
use uuid::Uuid;

use super::Plan;
use crate::{
    bulk::runs,
    error::{Error, Result},
    own::tables,
    query,
    selection::{Checked, unfinished},
};
use powercrud_db::{Column, QueryExt as _};

/// Keys of one SELECT of versions, as parameters.
const KEYS_A_STATEMENT: usize = 5_000;

impl Plan {
    /// The keys that the selection names one by one; `None` where it names a condition.
    pub(super) async fn named_keys<C: ConnectionTrait>(&self, connection: &C) -> Result<Option<Vec<String>>> {
        let select = match &self.selection {
            Checked::Keys { keys, .. } => return Ok(Some(keys.clone())),
            // A revert compares what it kept, not versions.
            Checked::Matching { .. } | Checked::Kept(_) => return Ok(None),
            Checked::Unfinished(_) if self.reverts() => return Ok(None),
            Checked::Ticked(stored) => stored.keys(false).order_by("record_key", Order::Asc).take(),
            Checked::Unfinished(task) if self.resource.freezes_runs(self.engine.database().dialect()) => {
                let select = runs::of_unfinished(task, Uuid::nil(), self.engine.database().dialect());
                let mut keys = Vec::new();
                for row in connection.rows(&select).await? {
                    let (first, length): (String, i64) = (row.try_get_by_index(1)?, row.try_get_by_index(3)?);
                    if length == 1 {
                        keys.push(first);
                        continue;
                    }
                    let unreadable = |_| Error::Internal(format!("the frozen key {first:?} is not a whole number"));
                    let first: i64 = first.parse().map_err(unreadable)?;
                    keys.extend((first..first + length).map(|key| key.to_string()));
                }
                return Ok(Some(keys));
            }
            Checked::Unfinished(task) => unfinished(task).order_by((tables::SELECTED, "seq"), Order::Asc).take(),
        };
        let rows = connection.rows(&select).await?;
        Ok(Some(rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect::<Result<_>>()?))
    }

    /// Each key with the version that its record has now; none where the record is gone.
    pub(super) async fn with_versions<C: ConnectionTrait>(
        &self,
        connection: &C,
        keys: Vec<String>,
        version: &Column,
    ) -> Result<Vec<(String, Option<String>)>> {
        let refuse = |error| Error::Invalid(vec![error]);
        let comparable = |key: &str| query::comparable_key(&self.resource, key);
        let mut frozen = Vec::with_capacity(keys.len());
        let parts = self.resource.table.primary_key.len().max(1);
        for keys in keys.chunks(KEYS_A_STATEMENT / parts) {
            let split = keys.iter().map(|key| query::split_key(&self.resource, key)).collect::<Result<Vec<_>, _>>();
            let split = split.map_err(refuse)?;
            let condition = query::keys_condition(&self.resource, &split, self.engine.database().dialect());
            let versions = query::versions(connection, &self.engine, &self.resource, version, condition, false).await?;
            for key in keys {
                frozen.push((key.clone(), versions.get(&comparable(key)).cloned()));
            }
        }
        Ok(frozen)
    }
}
