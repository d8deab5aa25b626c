//! Records that somebody changed after they were selected, told by their version: they are left as they are.

use std::collections::BTreeSet;

use super::{Chunk, Failed};
use crate::{
    error::{FieldError, Result},
    query,
};
use powercrud_db::Transaction;

const CHANGED: &str = "VERSION_CONFLICT";

impl Chunk<'_> {
    /// The chunk's records whose version is not the one they were selected with. Until the transaction ends nobody else changes any of
    /// the chunk's records.
    ///
    /// Where the resource named no version field when the records were selected, there is nothing to compare.
    pub(super) async fn find_changed(&mut self, transaction: &Transaction) -> Result<Vec<Failed>> {
        let Some(version) = &self.resource.version else { return Ok(Vec::new()) };
        let frozen = self.keys.frozen_versions(transaction, self.from, self.to).await?;
        if frozen.is_empty() {
            return Ok(Vec::new());
        }
        let keys = self.keys.condition(transaction, self.from, self.to, &BTreeSet::new()).await?;
        let now = query::versions(transaction, self.engine, self.resource, version, keys, true).await?;
        let mut changed = Vec::new();
        for (seq, record_key, was) in frozen {
            let is = now.get(&self.keys.parts(&record_key)?);
            // Who is gone is told by the statement.
            if let Some(is) = is.filter(|is| **is != was) {
                let shown = |version: &str| if version.is_empty() { "empty".to_owned() } else { version.to_owned() };
                let message =
                    format!("it was changed since it was selected: version was {}, is {}", shown(&was), shown(is));
                let error = FieldError::new(&version.name, CHANGED, message);
                changed.push(Failed::new(seq, record_key, error));
            }
        }
        Ok(changed)
    }
}
