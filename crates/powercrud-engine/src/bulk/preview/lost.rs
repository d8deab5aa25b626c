//! Records that are there and that their key can't find: SQLite's NULL in a key, an infinite number, bytes that are no text.

use sea_orm::sea_query::{Condition, ExprTrait as _, Query};

use super::{Failure, Preview};
use crate::{bulk::Plan, error::Result, query};
use powercrud_db::QueryExt as _;

/// More are not told from the others.
const NAMED: usize = 10_000;

impl Plan {
    /// How many of the records that match are such ones, which will fail; and the condition of the others.
    pub(super) async fn without_lost(&self, condition: Condition, preview: &mut Preview) -> Result<(u64, Condition)> {
        if self.resource.key_columns().iter().all(|column| !column.may_lose_keys()) {
            return Ok((0, condition));
        }
        let key = || self.resource.key_expr(self.engine.database().dialect());
        let mut select = Query::select();
        select
            .expr(key())
            .from(self.resource.table.table_ref())
            .cond_where(condition.clone())
            .cond_where(
                query::LOST_MARKS.map(|mark| key().like(mark)).into_iter().fold(Condition::any(), Condition::add),
            )
            .limit(NAMED as u64);
        let mut lost: Vec<String> = Vec::new();
        for row in self.engine.database().connection().rows(&select).await? {
            let record_key: String = row.try_get_by_index(0)?;
            let Some(reason) = query::why_lost(&self.resource, &record_key) else { continue };
            match preview.failures.iter_mut().find(|known| known.code == LOST && known.message == reason) {
                Some(known) => known.records += 1,
                None => preview.failures.push(Failure {
                    code: LOST.to_owned(),
                    fields: Vec::new(),
                    rule: String::new(),
                    message: reason.to_owned(),
                    records: 1,
                }),
            }
            lost.push(record_key);
        }
        if lost.is_empty() {
            return Ok((0, condition));
        }
        let records = lost.len() as u64;
        Ok((records, Condition::all().add(condition).add(key().is_not_in(lost))))
    }
}

/// The code that such a record's error has.
const LOST: &str = "UNKNOWN_RECORD";
