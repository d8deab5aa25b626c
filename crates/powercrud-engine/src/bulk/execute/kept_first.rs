//! Images of a delete whose records take each other along, or change each other, by references or by triggers: they are kept before the
//! first of them goes. Later chunks would find others as the earlier ones left them, or not at all.

use sea_orm::sea_query::{Expr, ExprTrait as _, Query};

use super::{Execution, Verdict, verdict};
use crate::{
    bulk::images::Images,
    error::{Error, Result},
    own::tables,
    retry::retry,
    selection::kept_first,
};
use powercrud_db::{QueryExt as _, Transaction};

impl Execution<'_> {
    /// What chunks keep of their records themselves.
    pub(super) fn images_by_chunk(&self) -> Option<&Images> {
        self.images.as_ref().filter(|_| !self.kept_first)
    }

    /// Whether images are kept that one record's delete may change for others.
    pub(super) fn reaches_others(&self) -> bool {
        let keeps = self.images.as_ref().is_some_and(|images| images.of_deleted);
        keeps && (self.changes_others() || self.known.has_triggers)
    }

    /// Keeps all images in a transaction of its own, unless a former attempt did. Where one can't be kept, chunks keep theirs, and name
    /// the record.
    pub(super) async fn keep_first(&mut self) -> Result<()> {
        if !self.reaches_others() {
            return Ok(());
        }
        let was_kept = self.was_kept_first().await?;
        if !was_kept && (self.task.cursor > 0 || self.has_runs().await?) {
            return Ok(());
        }
        if !was_kept {
            let kept = retry(
                |error: &Error, tries| self.pause_after(error, tries),
                async || self.was_kept_first().await.ok()?.then_some(Ok(())),
                async || self.keep_all_and_note().await,
            );
            match kept.await {
                Ok(()) => {}
                Err(error) if verdict(&error) == Verdict::Later && !self.interrupted.is_cancelled() => {
                    return Err(error);
                }
                Err(_) => return Ok(()),
            }
        }
        self.kept_first = true;
        Ok(())
    }

    async fn keep_all_and_note(&self) -> Result<()> {
        self.in_transaction(async |transaction| {
            self.keep_all(transaction).await?;
            if let Some(images) = &self.images {
                transaction.insert(&images.mark_kept_first()).await?;
            }
            self.checkpoint(transaction, self.task.clone()).await.map(|_| ())
        })
        .await
    }

    /// Whether rows of the frozen selection stand for several records: triggers that could reach others came after it was frozen.
    async fn has_runs(&self) -> Result<bool> {
        let mut select = Query::select();
        select.expr(Expr::cust("1")).from(tables::SELECTED).limit(1);
        select.and_where(Expr::col("task_id").eq(self.task.id)).and_where(Expr::col("run_length").gt(1i64));
        Ok(self.engine.database().connection().row(&select).await?.is_some())
    }

    async fn was_kept_first(&self) -> Result<bool> {
        let rows = self.engine.database().connection().rows(&kept_first(self.task.id)).await?;
        Ok(!rows.is_empty())
    }

    pub(super) async fn keep_all(&self, transaction: &Transaction) -> Result<()> {
        let Some(images) = &self.images else { return Ok(()) };
        let mut kept = 0;
        while kept < self.task.total_records as i64 {
            if self.interrupted.is_cancelled() || self.stop.is_cancelled() {
                return Err(Error::Internal("the task is to stop".into()));
            }
            let size = Ord::min(self.ceiling, self.task.total_records as i64 - kept);
            self.chunk(kept, size).keep_all(transaction, images).await?;
            kept += size;
        }
        Ok(())
    }
}
