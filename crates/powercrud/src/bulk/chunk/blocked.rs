//! Records that can't be deleted because others refer to them, found by one query for each reference.

use std::collections::{BTreeSet, HashSet};

use sea_orm::{DatabaseTransaction, sea_query::Query};

use super::{Chunk, Failed};
use crate::{
    bulk::preview::referred_to,
    db::{ForeignKey, ReferentialAction, Run as _, Table},
    error::{FieldError, Result},
    task::Operation,
};

impl Chunk<'_> {
    /// Whether this is a delete in a table whose records may keep each other.
    pub(in crate::bulk) fn keeps_itself(&self) -> bool {
        let table = &self.resource.table;
        let mut referrers = self.app.catalog().referrers(table);
        matches!(self.operation, Operation::Delete)
            && referrers.any(|(from, key)| {
                key.on_delete == ReferentialAction::Restrict && from.qualified_name() == table.qualified_name()
            })
    }

    /// The chunk's records whose delete other tables refuse, each with the first of them.
    ///
    /// Only references whose rows this delete can't remove by itself are looked at: none from the table itself, and none from
    /// tables that a cascade may empty. What is left over is found by trying.
    pub(super) async fn find_blocked(&self, transaction: &DatabaseTransaction) -> Result<Vec<Failed>> {
        let mut blocked: Vec<Failed> = Vec::new();
        let mut seen = BTreeSet::new();
        for (table, key) in self.blockers() {
            let rows = self.read_blocked(transaction, table, key).await?;
            for (seq, record_key) in rows {
                if seen.insert(seq) {
                    let what =
                        self.app.resources().iter().find(|resource| resource.model_name == table.qualified_name());
                    let what = what.map_or_else(|| table.qualified_name(), |resource| resource.label_plural.clone());
                    let error = FieldError {
                        field: None,
                        code: "FOREIGN_KEY".into(),
                        message: format!("{what} refer to it ({}.{})", table.qualified_name(), key.columns.join(", ")),
                    };
                    blocked.push(Failed { seq, record_key, error });
                }
            }
        }
        Ok(blocked)
    }

    fn blockers(&self) -> Vec<(&Table, &ForeignKey)> {
        let target = &self.resource.table;
        let catalog = self.app.catalog();
        // Everything that a cascade from the target may reach.
        let mut reached = vec![target];
        let mut next = 0;
        while let Some(&table) = reached.get(next) {
            next += 1;
            for (from, key) in catalog.referrers(table) {
                let known = reached
                    .iter()
                    .any(|other| std::ptr::eq(*other, from) || other.qualified_name() == from.qualified_name());
                if key.on_delete != ReferentialAction::Restrict && !known {
                    reached.push(from);
                }
            }
        }
        let removable = |table: &Table| reached.iter().any(|other| other.qualified_name() == table.qualified_name());
        catalog
            .referrers(target)
            .filter(|(from, key)| key.on_delete == ReferentialAction::Restrict && !removable(from))
            .collect()
    }

    async fn read_blocked(
        &self,
        transaction: &DatabaseTransaction,
        table: &Table,
        key: &ForeignKey,
    ) -> Result<Vec<(i64, String)>> {
        let dialect = self.app.database().dialect();
        let mut select = Query::select();
        select
            .expr(self.resource.key_expr(dialect))
            .from(self.resource.table.table_ref())
            .and_where(self.keys_condition(self.from, self.to, &BTreeSet::new()))
            .and_where(referred_to(self.resource, table, key));
        let mut blocked = HashSet::new();
        for row in transaction.rows(&select).await? {
            blocked.insert(self.parts(&row.try_get_by_index::<String>(0)?)?);
        }
        if blocked.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = Vec::with_capacity(blocked.len());
        for (seq, record_key) in self.read_selected(transaction, self.from, self.to).await? {
            if blocked.contains(&self.parts(&record_key)?) {
                found.push((seq, record_key));
            }
        }
        Ok(found)
    }
}
