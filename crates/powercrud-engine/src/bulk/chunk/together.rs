//! Records that keep each other, each by its reference to the next, round in a circle: alone none of them can go, together all can.

use std::collections::BTreeSet;

use sea_orm::sea_query::Cond;

use super::{Chunk, Outcome, Undone};
use crate::{
    bulk::{operation::Range, preview::kept},
    error::Result,
};
use powercrud_db::Transaction;

/// What can't be done with all the others is looked for by halving, so many times at most: each of the records has failed before.
const TRIES: usize = 32;

impl Chunk<'_> {
    /// Tries all of the chunk's records by one statement, without those that would stay for others' sake. Returns the places of those
    /// that it was done to.
    pub(in crate::bulk) async fn apply_together(&mut self, transaction: &Transaction) -> Result<(Outcome, Vec<i64>)> {
        let mut outcome = Outcome::default();
        let mut blocked = self.examine(transaction, &mut outcome).await?;
        if let Some(images) = self.operation.restores() {
            let unrestorable = self.find_blocked(transaction, &blocked).await?;
            blocked.extend(unrestorable.into_iter().map(|failed| failed.seq));
            if images.of_deleted {
                let size = (self.to - self.from + 1) as u64 - blocked.len() as u64;
                let range = Range { from: self.from, to: self.to, size, blocked: &blocked };
                let unsupported = self.find_unsupported(transaction, images, range).await?;
                blocked.extend(unsupported);
            }
            let links_later = self.own_references().any(|key| key.checks_each_row);
            self.links_later = links_later;
        }
        blocked.extend(self.find_kept(transaction, &blocked).await?);
        let mut done = Vec::new();
        let mut ranges = vec![(self.from, self.to)];
        for _ in 0..TRIES {
            let Some((from, to)) = ranges.pop() else { break };
            let places: Vec<_> = (from..=to).filter(|seq| !blocked.contains(seq)).collect();
            let size = places.len() as u64;
            if size < 2 {
                continue;
            }
            let range = Range { from, to, size, blocked: &blocked };
            match Box::pin(self.attempt(transaction, range)).await? {
                Ok(stands) => {
                    self.count(transaction, range, stands, &mut outcome).await?;
                    done.extend(places);
                }
                Err(Undone::Refused(refused)) => {
                    blocked.extend(refused.iter().map(|failed| failed.seq));
                    blocked.extend(self.find_kept(transaction, &blocked).await?);
                    ranges.push((from, to));
                }
                Err(_) => {
                    let middle = from + (to - from) / 2;
                    ranges.extend([(middle + 1, to), (from, middle)]);
                }
            }
        }
        Box::pin(self.ended(transaction, &outcome)).await?;
        Ok((outcome, done))
    }

    /// The places of records that others keep which are not among these, and of those that such a record keeps in turn.
    async fn find_kept(&mut self, transaction: &Transaction, blocked: &BTreeSet<i64>) -> Result<Vec<i64>> {
        if !self.operation.deletes() {
            return Ok(Vec::new());
        }
        let selected = Cond::all().add(self.keys.condition(transaction, self.from, self.to, blocked).await?);
        let kept = kept(self.engine, &self.resource.table, &selected, true);
        if kept.is_empty() {
            return Ok(Vec::new());
        }
        let kept = self.read_keys(transaction, selected.add(kept)).await?;
        let found = self.keys.among(transaction, self.from, self.to, |key| kept.contains(key)).await?;
        Ok(found.into_iter().map(|(seq, _)| seq).collect())
    }
}
