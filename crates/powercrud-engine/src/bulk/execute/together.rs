//! Records of a delete that keep each other round in a circle, where chunks have torn them apart: what is left of a task after all else was
//! tried is put side by side behind its frozen selection, and tried by one statement.
//!
//! The places behind the selection are a transaction's own: they are taken away before it ends.

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait as _, IntoColumnRef as _, Order, Query},
};

use super::{Execution, StopReason, Verdict, sweep::Page, verdict};
use crate::{
    error::{Error, Result},
    own::tables,
    task::BulkTask,
};
use powercrud_db::{QueryExt as _, Transaction};

/// Places and keys written by one statement.
const WRITTEN: usize = 100;

impl Execution<'_> {
    /// Whether the database may do by one statement what it refuses record by record.
    fn goes_together(&self) -> bool {
        let mut referrers = self.engine.catalog().referrers(&self.resource.table);
        self.chunk(0, 1).may_free_itself()
            && (self.operation.restores().is_some() || referrers.any(|(_, key)| !key.checks_each_row))
    }

    /// Tries together what was committed as failed, page by page, each in one transaction with its checkpoint.
    pub(super) async fn sweep_together(&mut self) -> Result<Option<StopReason>> {
        if !self.goes_together() {
            return Ok(None);
        }
        let mut above = i64::MIN;
        loop {
            if let Some(halt) = self.halt().await? {
                return Ok(Some(halt));
            }
            let page = self.kept_above(above).await?;
            let Some(&(last, _)) = page.last() else { return Ok(None) };
            above = last;
            match self.commit_page(Page::Together(&page)).await {
                Ok(committed) => self.stands(committed),
                // A rule that the database looks at only at the end: all of them are named already.
                Err(error) if verdict(&error) == Verdict::Records => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Places and keys of the next records that others kept.
    async fn kept_above(&self, above: i64) -> Result<Vec<(i64, String)>> {
        let mut select = Query::select();
        select
            .columns(["seq", "record_key"])
            .from(tables::TASK_ERROR)
            .cond_where(self.kept_records())
            .and_where(Expr::col("seq").gt(above))
            .order_by("seq", Order::Asc)
            .limit(self.ceiling as u64);
        let rows = self.engine.database().connection().rows(&select).await?;
        rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
    }

    pub(super) async fn try_page_together(&self, kept: &[(i64, String)]) -> Result<BulkTask> {
        self.in_transaction(async |transaction| {
            let mut task = self.task.clone();
            let freed = self.free_together(transaction, &mut task, kept).await?;
            self.forget_errors(transaction, freed).await?;
            self.checkpoint(transaction, task).await
        })
        .await
    }

    /// Tries these together, in a transaction that is still open. Returns the places of those that it was done to.
    pub(super) async fn free_together(
        &self,
        transaction: &Transaction,
        task: &mut BulkTask,
        kept: &[(i64, String)],
    ) -> Result<Vec<i64>> {
        if kept.len() < 2 || !self.goes_together() {
            return Ok(Vec::new());
        }
        let behind = self.task.first_seq + self.task.total_records as i64;
        let first = self.put_behind(transaction, behind, kept).await?;
        let mut chunk = self
            .chunk(first - self.task.first_seq, kept.len() as i64)
            .keeping(self.images_by_chunk(), self.images_end(transaction).await?);
        let (outcome, done) = chunk.apply_together(transaction).await?;
        let mut delete = Query::delete();
        delete
            .from_table(tables::SELECTED)
            .and_where(Expr::col("task_id").eq(task.id))
            .and_where(Expr::col("seq").gte(behind));
        transaction.delete(&delete).await?;
        task.failed_records -= done.len() as u64;
        task.succeeded_records += outcome.succeeded;
        task.missing_records += outcome.missing;
        Ok(done.into_iter().map(|seq| kept[(seq - first) as usize].0).collect())
    }

    /// Writes the records once more into the frozen selection, from the place `behind` on, and returns the first place.
    async fn put_behind<C: ConnectionTrait>(&self, connection: &C, behind: i64, kept: &[(i64, String)]) -> Result<i64> {
        let dialect = self.engine.database().dialect();
        // A row of the selection may stand for several records; those of a revert have an image each.
        let has_runs = self.operation.restores().is_none() && self.resource.freezes_runs(dialect);
        for (page, first) in kept.chunks(WRITTEN).zip((behind..).step_by(WRITTEN)) {
            let mut insert = Query::insert();
            insert.into_table(tables::SELECTED);
            if has_runs {
                insert.columns(["task_id", "seq", "record_key"]);
                for ((_, key), seq) in page.iter().zip(first..) {
                    insert.values_panic([self.task.id.into(), seq.into(), key.as_str().into()]);
                }
            } else {
                let copied = ["record_key", "record_version", "image_seq"];
                let mut select = Query::select();
                select.expr(Expr::val(self.task.id)).columns(copied);
                if dialect.numbers_selected_rows() {
                    insert.columns(["task_id"].into_iter().chain(copied));
                    select.order_by("seq", Order::Asc);
                } else {
                    insert.columns(["task_id"].into_iter().chain(copied).chain(["seq"]));
                    select.expr(dialect.row_number(&["seq".into_column_ref()]).add(first - 1));
                }
                select
                    .from(tables::SELECTED)
                    .and_where(Expr::col("task_id").eq(self.task.id))
                    .and_where(Expr::col("seq").is_in(page.iter().map(|(seq, _)| *seq)));
                insert.select_from(select.take()).map_err(|error| Error::Internal(error.to_string()))?;
            }
            connection.insert(&insert).await?;
        }
        let mut select = Query::select();
        select.expr(Expr::col("seq").min()).from(tables::SELECTED);
        select.and_where(Expr::col("task_id").eq(self.task.id)).and_where(Expr::col("seq").gte(behind));
        Ok(connection.number(&select).await? as i64)
    }

    /// The last number that an image of the task may have.
    async fn images_end<C: ConnectionTrait>(&self, connection: &C) -> Result<i64> {
        let mut select = Query::select();
        select.expr(Expr::col("seq").max()).from(tables::IMAGE).and_where(Expr::col("task_id").eq(self.task.id));
        let row = connection.row(&select).await?;
        let last: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?.flatten();
        Ok(Ord::max(last.unwrap_or(0), self.task.total_records as i64))
    }
}
