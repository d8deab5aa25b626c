//! Records of a delete that only other records of the same delete kept: once those are gone they go too.
//!
//! In a table that refers to itself a record may come before the ones that refer to it. When all have been tried, the ones that failed
//! so are tried again, last first, for as long as any of them goes.

use std::collections::HashSet;

use sea_orm::{
    ConnectionTrait,
    sea_query::{Cond, Condition, Expr, ExprTrait as _, Order, Query},
};

use super::{Execution, StopReason, Verdict, verdict};
use crate::{
    bulk::chunk::{Failed, Outcome},
    cascades::changes_itself,
    error::Result,
    own::tables,
    retry::retry,
    task::BulkTask,
};
use powercrud_db::{QueryExt as _, Transaction};

/// Records tried again in one transaction.
const PAGE_SIZE: u64 = 500;

/// What one transaction looks at again.
#[derive(Clone, Copy)]
pub(super) enum Page<'a> {
    /// Places of records that others kept: they are tried again.
    Kept(&'a [i64]),
    /// Places and keys of records that others kept: they are tried again as one.
    Together(&'a [(i64, String)]),
    /// Places and keys of records that failed: those that are gone are done.
    Failed(&'a [(i64, String)]),
}

const IN_USE: &str = "FOREIGN_KEY";
const GONE: &str = "NOT_FOUND";

impl Execution<'_> {
    /// Whether what kept a record may be gone with others: those that refer to it, and where its delete changes others of the table,
    /// whatever a trigger or a rule of theirs said to that.
    fn may_go_later(&self, code: &str) -> bool {
        code == IN_USE || (code != GONE && self.changes_others())
    }

    /// Whether a record's delete may take others of the table along, or change them.
    pub(super) fn changes_others(&self) -> bool {
        self.operation.deletes() && changes_itself(self.engine, &self.resource.table)
    }

    /// Tries again what was committed as failed, page by page, each in one transaction with its checkpoint.
    pub(super) async fn sweep(&mut self) -> Result<Option<StopReason>> {
        if self.task.failed_records == 0 || !self.chunk(0, 1).may_free_itself() {
            return Ok(None);
        }
        loop {
            let before = self.task.failed_records;
            let mut below = i64::MAX;
            loop {
                if let Some(halt) = self.halt().await? {
                    return Ok(Some(halt));
                }
                let page = self.kept(below).await?;
                let Some(&last) = page.last() else { break };
                below = last;
                self.free_page(&page).await?;
            }
            if self.task.failed_records == before {
                if let Some(halt) = self.sweep_together().await? {
                    return Ok(Some(halt));
                }
                if self.task.failed_records == before {
                    return Ok(None);
                }
            }
        }
    }

    /// Tries a page again, and where a rule that the database looks at only at the end refuses it, its halves: what stays refused alone is
    /// named already.
    async fn free_page(&mut self, page: &[i64]) -> Result<()> {
        let mut parts = vec![page];
        while let Some(part) = parts.pop() {
            match self.commit_page(Page::Kept(part)).await {
                Ok(committed) => self.stands(committed),
                Err(error) if verdict(&error) == Verdict::Records => {
                    if part.len() > 1 {
                        let (first, rest) = part.split_at(part.len() / 2);
                        parts.extend([rest, first]);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The places of records that others kept, last first.
    async fn kept(&self, below: i64) -> Result<Vec<i64>> {
        let mut select = Query::select();
        select
            .column("seq")
            .from(tables::TASK_ERROR)
            .cond_where(self.kept_records())
            .and_where(Expr::col("seq").lt(below))
            .order_by("seq", Order::Desc)
            .limit(PAGE_SIZE);
        let rows = self.engine.database().connection().rows(&select).await?;
        rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }

    /// Whether an error is that of a record of this task that others kept.
    pub(super) fn kept_records(&self) -> Condition {
        let code = || Expr::col("code");
        Cond::all().add(Expr::col("task_id").eq(self.task.id)).add(if self.changes_others() {
            code().ne(GONE)
        } else {
            code().eq(IN_USE)
        })
    }

    /// One page with its checkpoint, tried again where it meets a passing fault.
    pub(super) async fn commit_page(&self, page: Page<'_>) -> Result<BulkTask> {
        retry(
            |error, tries| self.pause_after(error, tries),
            || async { self.commit_was_applied().await.map(Ok) },
            || async move {
                match page {
                    Page::Kept(positions) => self.try_page(positions).await,
                    Page::Together(records) => self.try_page_together(records).await,
                    Page::Failed(records) => self.settle_page(records).await,
                }
            },
        )
        .await
    }

    async fn try_page(&self, positions: &[i64]) -> Result<BulkTask> {
        self.in_transaction(async |transaction| {
            let mut task = self.task.clone();
            let mut freed = Vec::new();
            for &seq in positions {
                let outcome = self.try_again(transaction, seq).await?;
                if outcome.errors.is_empty() {
                    free_one(&mut task, &outcome);
                    freed.push(seq);
                }
            }
            self.forget_errors(transaction, freed).await?;
            self.checkpoint(transaction, task).await
        })
        .await
    }

    /// The records at these places have not failed after all.
    pub(super) async fn forget_errors<C: ConnectionTrait>(&self, connection: &C, places: Vec<i64>) -> Result<()> {
        for places in places.chunks(PAGE_SIZE as usize) {
            let mut delete = Query::delete();
            delete
                .from_table(tables::TASK_ERROR)
                .and_where(Expr::col("task_id").eq(self.task.id))
                .and_where(Expr::col("seq").is_in(places.iter().copied()));
            connection.delete(&delete).await?;
        }
        Ok(())
    }

    /// Tries again what failed in a transaction that is still open.
    pub(super) async fn free(
        &self,
        transaction: &Transaction,
        task: &mut BulkTask,
        errors: &mut Vec<Failed>,
    ) -> Result<()> {
        let mut before = usize::MAX;
        while errors.len() < before && self.chunk(0, 1).may_free_itself() {
            before = errors.len();
            for failed in std::mem::take(errors).into_iter().rev() {
                if self.may_go_later(&failed.error.code) {
                    let outcome = self.try_again(transaction, failed.seq).await?;
                    if outcome.errors.is_empty() {
                        free_one(task, &outcome);
                        continue;
                    }
                }
                errors.push(failed);
            }
            errors.reverse();
            if errors.len() == before {
                let may_go = errors.iter().filter(|failed| self.may_go_later(&failed.error.code));
                let kept: Vec<_> = may_go.map(|failed| (failed.seq, failed.record_key.clone())).collect();
                let freed: HashSet<_> = self.free_together(transaction, task, &kept).await?.into_iter().collect();
                errors.retain(|failed| !freed.contains(&failed.seq));
            }
        }
        Ok(())
    }

    async fn try_again(&self, transaction: &Transaction, seq: i64) -> Result<Outcome> {
        // Its place may have been given to the image of another record of its first try.
        let tried = self.chunk(seq - self.task.first_seq, 1);
        tried.keeping(self.images_by_chunk(), self.task.total_records as i64).apply(transaction).await
    }
}

fn free_one(task: &mut BulkTask, outcome: &Outcome) {
    task.failed_records -= 1;
    task.succeeded_records += outcome.succeeded;
    task.missing_records += outcome.missing;
}
