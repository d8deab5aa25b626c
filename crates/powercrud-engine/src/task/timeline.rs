//! What happened to a bulk task, oldest first.

use sea_orm::sea_query::{Expr, ExprTrait as _, Order};
use uuid::Uuid;

use super::{Status, TaskEvent, TaskEventKind};
use crate::{
    engine::Engine,
    error::Result,
    own::entity::{self, task_event},
};
use powercrud_db::QueryExt as _;

/// What happened to a task, oldest first. Tasks from before this was kept have none or only their later life.
pub async fn timeline(engine: &Engine, task_id: Uuid) -> Result<Vec<TaskEvent>> {
    let select = entity::select::<task_event::Entity>()
        .and_where(Expr::col("task_id").eq(task_id))
        .order_by("created_at", Order::Asc)
        .order_by("id", Order::Asc)
        .take();
    let rows = engine.database().connection().rows(&select).await?;
    rows.iter()
        .map(|row| {
            let row: task_event::Model = entity::read(row)?;
            Ok(TaskEvent {
                kind: row.event.parse().unwrap_or(TaskEventKind::Unknown),
                status: Status::from_word(&row.status).unwrap_or(Status::Unknown),
                attempt: row.attempt,
                processed_records: Ord::max(row.processed_records, 0) as u64,
                user_id: row.user_id,
                user_name: row.user_name,
                worker_id: row.worker_id,
                at: row.created_at,
            })
        })
        .collect()
}
