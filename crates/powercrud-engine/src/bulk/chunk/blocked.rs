//! Records that can't be deleted because others refer to them, found by one query for each reference.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, sea_query::Cond};

use super::{Chunk, Failed};
use crate::{
    bulk::{chunk_keys::ChunkKeys, preview::is_entangled},
    cascades::{leads_back, referred_to},
    error::{FieldError, Result},
    faults::{in_use, referred_by, who_refers},
};
use powercrud_db::{ForeignKey, ReferentialAction, Table, Transaction};

impl<'a> Chunk<'a> {
    /// Whether this is a delete, or restores deletes, in a table whose records may keep each other.
    pub(in crate::bulk) fn keeps_itself(&self) -> bool {
        let restricts = || self.own_references().any(|key| key.on_delete == ReferentialAction::Restrict);
        match self.operation.restores() {
            Some(images) if images.of_deleted => self.own_references().next().is_some(),
            Some(_) => restricts(),
            None => self.operation.deletes() && restricts(),
        }
    }

    /// As [`Chunk::keeps_itself`], for all that may be worth another try. Whatever a key's action is, a trigger or a rule may refuse it, so
    /// that a record keeps the one it refers to until it is gone itself; and what goes with one record may have kept another.
    pub(in crate::bulk) fn may_free_itself(&self) -> bool {
        match self.operation.deletes() {
            true => self.own_references().next().is_some() || is_entangled(self.engine, &self.resource.table),
            false => self.keeps_itself() || self.moves_own_references(),
        }
    }

    /// Whether this is an update of what the table's references to itself go by: what one record refuses, the next may make possible.
    fn moves_own_references(&self) -> bool {
        let Some(changes) = self.operation.changes() else { return false };
        let is_set = |name: &String| changes.fields.iter().any(|change| change.field == *name);
        // Whether a reference by one column leads somewhere is known before anything is written.
        let refers = |key: &ForeignKey| key.columns.len() > 1 && key.columns.iter().any(is_set);
        self.own_references().any(|key| refers(key) || key.referenced_columns.iter().any(is_set))
    }

    /// The table's references to itself.
    pub(super) fn own_references(&self) -> impl Iterator<Item = &ForeignKey> {
        let table = &self.resource.table;
        let referrers = self.engine.catalog().referrers(table);
        referrers.filter(|(from, _)| from.qualified_name() == table.qualified_name()).map(|(_, key)| key)
    }

    /// Whether a record's delete may take others of the same table along.
    pub(in crate::bulk) fn cascades_to_itself(&self) -> bool {
        let cascades = |action| action == ReferentialAction::Cascade;
        self.operation.deletes() && leads_back(self.engine, &self.resource.table, cascades)
    }

    /// How many of the chunk's records exist.
    pub(in crate::bulk) async fn count_existing<C: ConnectionTrait>(&mut self, connection: &C) -> Result<u64> {
        let keys = self.keys.condition(connection, self.from, self.to, &BTreeSet::new()).await?;
        self.existing(connection, keys).await
    }

    /// The chunk's records, without those `known` to be bad, whose delete other tables refuse, each with the first of them.
    ///
    /// Only references whose rows this delete can't remove by itself are looked at: none from the table itself, and none from
    /// tables that a cascade may empty. What is left over is found by trying.
    pub(super) async fn find_blocked(
        &mut self,
        transaction: &Transaction,
        known: &BTreeSet<i64>,
    ) -> Result<Vec<Failed>> {
        if let Some(images) = self.operation.restores() {
            return self.find_unrestorable(transaction, images).await;
        }
        let mut blocked: Vec<Failed> = Vec::new();
        let mut seen = known.clone();
        for (table, key) in self.blockers() {
            let rows = self.read_blocked(transaction, table, key).await?;
            for (seq, record_key) in rows {
                if seen.insert(seq) {
                    let error = in_use(referred_by(self.engine, table, key));
                    blocked.push(Failed::new(seq, record_key, error));
                }
            }
        }
        Ok(blocked)
    }

    fn blockers(&self) -> Vec<(&'a Table, &'a ForeignKey)> {
        let target: &'a Table = &self.resource.table;
        let catalog = self.engine.catalog();
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

    /// Why others keep the record at a place from being deleted: those that refer to it by a key that takes none of them along.
    pub(super) async fn who_refers<C: ConnectionTrait>(&self, connection: &C, seq: i64) -> Result<Option<FieldError>> {
        let mut keys = ChunkKeys::new(self.resource, self.engine.database().dialect(), self.task_id, (seq, seq));
        let record = keys.condition(connection, seq, seq, &BTreeSet::new()).await?;
        who_refers(connection, self.engine, self.resource, &record).await
    }

    async fn read_blocked(
        &mut self,
        transaction: &Transaction,
        table: &Table,
        key: &ForeignKey,
    ) -> Result<Vec<(i64, String)>> {
        let keys = self.keys.condition(transaction, self.from, self.to, &BTreeSet::new()).await?;
        let condition = Cond::all().add(keys).add(referred_to(self.resource, table, key));
        let blocked = self.read_keys(transaction, condition).await?;
        if blocked.is_empty() {
            return Ok(Vec::new());
        }
        self.keys.among(transaction, self.from, self.to, |key| blocked.contains(key)).await
    }
}
