//! What triggers undid of records that were done: while later ones of the same chunk had their turn.

use std::collections::BTreeSet;

use sea_orm::sea_query::{Cond, ExprTrait as _};

use super::{Chunk, Failed, Outcome, attempt::Rows};
use crate::error::{FieldError, Result};
use powercrud_db::Transaction;

const CHANGED_AGAIN: &str = "the database changed the record again when another was changed, perhaps by a trigger";
const DELETED_AGAIN: &str = "the database deleted the record when it, or another, was changed, perhaps by a trigger";

impl Chunk<'_> {
    /// Names the records that an update has changed, and that don't hold what was set, or are gone, now that all of the chunk were tried.
    pub(super) async fn find_undone_again(&mut self, transaction: &Transaction, outcome: &mut Outcome) -> Result<()> {
        let is_update = self.operation.changes().is_some();
        // An entity's hooks may set what they like.
        if !is_update
            || self.resource.model.is_some()
            || outcome.succeeded == 0
            || (!self.has_triggers && self.links_kept_by.is_empty())
        {
            return Ok(());
        }
        let last = outcome.stopped_after.map_or(self.to, |records| self.from + records - 1);
        let failed: BTreeSet<i64> = outcome.errors.iter().map(|failed| failed.seq).collect();
        let keys = self.keys.condition(transaction, self.from, last, &failed).await?;
        let rows = Rows { from: self.from, to: last, size: outcome.succeeded, keys, differs: self.differs() };
        let (existing, same) = self.existing_and_same(transaction, &rows).await?;
        let known = self.differing_when_done.len() as u64;
        if existing >= outcome.succeeded && same + known >= existing {
            return Ok(());
        }
        let there = self.read_keys(transaction, Cond::all().add(rows.keys.clone())).await?;
        let gone = self.keys.among(transaction, self.from, last, |key| !there.contains(key)).await?;
        let differing = match &rows.differs {
            Some(differs) => {
                self.read_keys(transaction, Cond::all().add(rows.keys.clone().and(differs.clone()))).await?
            }
            None => Default::default(),
        };
        let is_new = |key: &Vec<String>| differing.contains(key) && !self.differing_when_done.contains(key);
        let changed = self.keys.among(transaction, self.from, last, is_new).await?;
        for (found, message) in [(gone, DELETED_AGAIN), (changed, CHANGED_AGAIN)] {
            for (seq, record_key) in found.into_iter().filter(|(seq, _)| !failed.contains(seq)) {
                let error = FieldError { field: None, code: "NOT_CHANGED".into(), message: message.into() };
                outcome.errors.push(Failed::new(seq, record_key, error));
                outcome.succeeded -= 1;
            }
        }
        outcome.unchanged = Ord::min(outcome.unchanged, outcome.succeeded);
        outcome.errors.sort_by_key(|failed| failed.seq);
        Ok(())
    }
}
