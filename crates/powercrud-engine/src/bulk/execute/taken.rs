//! Records of a delete that failed when their turn came, and then went with another record of the same delete: what is gone is no failure.

use std::collections::HashSet;

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait as _, Order, Query},
};

use super::{Execution, StopReason, sweep::Page};
use crate::{bulk::chunk::Failed, error::Result, own::tables, query, task::BulkTask};
use powercrud_db::{QueryExt as _, Transaction};

/// Records looked at by one query, and settled in one transaction.
const PAGE_SIZE: u64 = 500;

impl Execution<'_> {
    /// Counts as done what was committed as failed and is gone by now, page by page.
    pub(super) async fn settle_taken(&mut self) -> Result<Option<StopReason>> {
        if self.task.failed_records == 0 || !self.takes_others() {
            return Ok(None);
        }
        let mut above = i64::MIN;
        loop {
            if let Some(halt) = self.halt().await? {
                return Ok(Some(halt));
            }
            let page = self.failed_above(above).await?;
            let Some(&(last, _)) = page.last() else { return Ok(None) };
            above = last;
            if !self.gone(self.engine.database().connection(), &page).await?.is_empty() {
                let committed = self.commit_page(Page::Failed(&page)).await?;
                self.stands(committed);
            }
        }
    }

    /// The same in a transaction that is still open.
    pub(super) async fn forgive_taken(
        &self,
        transaction: &Transaction,
        task: &mut BulkTask,
        errors: &mut Vec<Failed>,
    ) -> Result<()> {
        if errors.is_empty() || !self.takes_others() {
            return Ok(());
        }
        let failed: Vec<_> = errors.iter().map(|failed| (failed.seq, failed.record_key.clone())).collect();
        let mut gone = HashSet::new();
        for page in failed.chunks(PAGE_SIZE as usize) {
            gone.extend(self.gone(transaction, page).await?);
        }
        errors.retain(|failed| !gone.contains(&failed.seq));
        settle(task, gone.len());
        Ok(())
    }

    /// Whether one record's delete may take another along.
    pub(super) fn takes_others(&self) -> bool {
        let by_trigger = self.operation.deletes() && self.known.has_triggers;
        by_trigger || self.chunk(0, 1).cascades_to_itself()
    }

    /// Places and keys of the next records that failed.
    async fn failed_above(&self, above: i64) -> Result<Vec<(i64, String)>> {
        let mut select = Query::select();
        select
            .columns(["seq", "record_key"])
            .from(tables::TASK_ERROR)
            .and_where(Expr::col("task_id").eq(self.task.id))
            .and_where(Expr::col("seq").gt(above))
            .order_by("seq", Order::Asc)
            .limit(PAGE_SIZE);
        let rows = self.engine.database().connection().rows(&select).await?;
        rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
    }

    /// Those of these places whose records are gone. A key that finds no record says nothing.
    async fn gone<C: ConnectionTrait>(&self, connection: &C, failed: &[(i64, String)]) -> Result<Vec<i64>> {
        let mut findable = Vec::with_capacity(failed.len());
        let mut keys = Vec::with_capacity(failed.len());
        for (seq, key) in failed {
            if let Ok(parts) = query::split_key(&self.resource, key) {
                findable.push((*seq, key));
                keys.push(parts);
            }
        }
        let dialect = self.engine.database().dialect();
        let mut select = Query::select();
        select
            .expr(self.resource.key_expr(dialect))
            .from(self.resource.table.table_ref())
            .and_where(query::keys_condition(&self.resource, &keys, dialect));
        let comparable = |key: &str| query::comparable_key(&self.resource, key);
        let rows = connection.rows(&select).await?;
        let there: HashSet<_> =
            rows.iter().map(|row| Ok(comparable(&row.try_get_by_index::<String>(0)?))).collect::<Result<_>>()?;
        Ok(findable.into_iter().filter(|(_, key)| !there.contains(&comparable(key))).map(|(seq, _)| seq).collect())
    }

    pub(super) async fn settle_page(&self, page: &[(i64, String)]) -> Result<BulkTask> {
        self.in_transaction(async |transaction| {
            let mut task = self.task.clone();
            let gone = self.gone(transaction, page).await?;
            settle(&mut task, gone.len());
            self.forget_errors(transaction, gone).await?;
            self.checkpoint(transaction, task).await
        })
        .await
    }
}

/// They were there when their turn came, so they don't count as gone before.
fn settle(task: &mut BulkTask, records: usize) {
    task.failed_records -= records as u64;
    task.succeeded_records += records as u64;
}
