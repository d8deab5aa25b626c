//! Records that are named and not there.

use std::collections::HashSet;

use sea_orm::sea_query::Query;

use super::{Failure, Preview};
use crate::{bulk::Plan, error::Result, query, selection::Checked};
use powercrud_db::QueryExt as _;

/// More keys are only counted.
const NAMED: usize = 10;

impl Plan {
    /// Counts the named records that are not there: an update of them fails, and a delete has nothing left to do.
    pub(super) async fn add_missing(&self, preview: &mut Preview) -> Result<()> {
        let Checked::Keys { keys, .. } = &self.selection else { return Ok(()) };
        let missing = (keys.len() as u64).saturating_sub(preview.total_records);
        if missing == 0 {
            return Ok(());
        }
        preview.total_records += missing;
        if self.operation.deletes() {
            preview.missing_records = missing;
            return Ok(());
        }
        let named = self.missing_keys().await?;
        let more = missing.saturating_sub(named.len() as u64);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        preview.failures.push(Failure {
            code: super::MISSING.to_owned(),
            fields: Vec::new(),
            rule: String::new(),
            message: format!("there is no {} with the key {}{more}", self.resource.label, named.join(", ")),
            records: missing,
        });
        Ok(())
    }

    /// The first of them.
    async fn missing_keys(&self) -> Result<Vec<String>> {
        let (dialect, connection) = (self.engine.database().dialect(), self.engine.database().connection());
        let mut missing = Vec::new();
        for slice in self.selection.slices(&self.resource) {
            let Checked::Keys { keys, .. } = &slice else { continue };
            let mut select = Query::select();
            select.expr(self.resource.key_expr(dialect)).from(self.resource.table.table_ref());
            select.cond_where(slice.condition(&self.engine, &self.resource).await?);
            let rows = connection.rows(&select).await?;
            let there = rows.iter().map(|row| Ok(row.try_get_by_index::<String>(0)?));
            let there: HashSet<String> = there.collect::<Result<_>>()?;
            let comparable = |key: &str| query::comparable_key(&self.resource, key);
            let there: HashSet<Vec<String>> = there.iter().map(|key| comparable(key)).collect();
            missing.extend(keys.iter().filter(|key| !there.contains(&comparable(key))).cloned());
            if missing.len() >= NAMED {
                missing.truncate(NAMED);
                break;
            }
        }
        Ok(missing)
    }
}
