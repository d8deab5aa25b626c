//! Records of a delete that only other records of the same delete kept: once those are gone they go too.
//!
//! In a table that refers to itself a record may come before the ones that refer to it. When all have been tried, the ones that failed
//! so are tried again, last first, for as long as any of them goes.

use sea_orm::sea_query::{Expr, ExprTrait as _, Order, Query};

use super::{Halt, Run};
use crate::{
    bulk::chunk::{Failed, Outcome},
    error::Result,
    own::tables,
    task::BulkTask,
};
use powercrud_db::{QueryExt as _, Transaction};

/// Records tried again in one transaction.
const PAGE: u64 = 500;

const IN_USE: &str = "FOREIGN_KEY";

impl Run<'_> {
    /// Tries again what was committed as failed, page by page, each in one transaction with its checkpoint.
    pub(super) async fn sweep(&mut self) -> Result<Option<Halt>> {
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
                let committed = self.commit_page(&page).await?;
                self.stands(committed);
            }
            if self.task.failed_records == before {
                return Ok(None);
            }
        }
    }

    /// The places of records that others kept, last first.
    async fn kept(&self, below: i64) -> Result<Vec<i64>> {
        let mut select = Query::select();
        select
            .column("seq")
            .from(tables::TASK_ERROR)
            .and_where(Expr::col("task_id").eq(self.task.id))
            .and_where(Expr::col("code").eq(IN_USE))
            .and_where(Expr::col("seq").lt(below))
            .order_by("seq", Order::Desc)
            .limit(PAGE);
        let rows = self.engine.database().connection().rows(&select).await?;
        rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }

    async fn commit_page(&self, places: &[i64]) -> Result<BulkTask> {
        let mut tries = 0;
        loop {
            let result = self.try_page(places).await;
            match self.pause_after(&result, &mut tries) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return result,
            }
            if let Some(task) = self.committed_unheard().await {
                return Ok(task);
            }
        }
    }

    async fn try_page(&self, places: &[i64]) -> Result<BulkTask> {
        self.in_transaction(async |transaction| {
            let mut task = self.task.clone();
            let mut freed = Vec::new();
            for &seq in places {
                let outcome = self.try_again(transaction, seq).await?;
                if outcome.errors.is_empty() {
                    free_one(&mut task, &outcome);
                    freed.push(seq);
                }
            }
            if !freed.is_empty() {
                let mut delete = Query::delete();
                delete
                    .from_table(tables::TASK_ERROR)
                    .and_where(Expr::col("task_id").eq(task.id))
                    .and_where(Expr::col("seq").is_in(freed));
                transaction.delete(&delete).await?;
            }
            self.checkpoint(transaction, task).await
        })
        .await
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
                if failed.error.code == IN_USE {
                    let outcome = self.try_again(transaction, failed.seq).await?;
                    if outcome.errors.is_empty() {
                        free_one(task, &outcome);
                        continue;
                    }
                }
                errors.push(failed);
            }
            errors.reverse();
        }
        Ok(())
    }

    async fn try_again(&self, transaction: &Transaction, seq: i64) -> Result<Outcome> {
        // Its place may have been given to the image of another record of its first try.
        let tried = self.chunk(seq - self.task.first_seq, 1);
        tried.keeping(self.images.as_ref(), self.task.total_records as i64).apply(transaction).await
    }
}

fn free_one(task: &mut BulkTask, outcome: &Outcome) {
    task.failed_records -= 1;
    task.succeeded_records += outcome.succeeded;
    task.missing_records += outcome.missing;
}
