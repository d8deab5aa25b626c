//! How long the audit trail is kept.

use sea_orm::sea_query::{Expr, ExprTrait as _, Order, Query};
use uuid::Uuid;

use crate::{engine::Engine, error::Result, own::tables};
use powercrud_db::QueryExt as _;

/// Entries deleted in one statement.
const AT_ONCE: u64 = 5_000;

/// In milliseconds.
const DAY: u64 = 24 * 60 * 60 * 1000;

/// Deletes the entries that are older than the setting `audit_days` says, and returns how many; none where it is 0. Workers do so by
/// themselves, and it is safe to run from several processes at once.
///
/// # Errors
/// The database's; what was deleted before stays so.
pub async fn purge(engine: &Engine) -> Result<u64> {
    let days = engine.settings().audit_days;
    if days == 0 {
        return Ok(0);
    }
    let milliseconds = i64::try_from(days.saturating_mul(DAY)).unwrap_or(i64::MAX / 2);
    let mut deleted = 0;
    loop {
        let old = Query::select()
            .column("id")
            .from(tables::AUDIT)
            .and_where(Expr::col("at").lt(engine.database().dialect().now().sub(milliseconds)))
            .order_by("at", Order::Asc)
            .limit(AT_ONCE)
            .take();
        let rows = engine.database().connection().rows(&old).await?;
        let ids = rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect::<Result<Vec<Uuid>>>()?;
        if ids.is_empty() {
            return Ok(deleted);
        }
        let mut delete = Query::delete();
        delete.from_table(tables::AUDIT).and_where(Expr::col("id").is_in(ids));
        deleted += engine.database().connection().delete(&delete).await?;
    }
}
