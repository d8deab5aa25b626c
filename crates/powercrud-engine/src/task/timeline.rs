//! What happened to a bulk task, and when: a row for each change of its state, written by the transaction that makes it.

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait as _, Order, Query},
};
use uuid::Uuid;

use super::{BulkTask, Status};
use crate::{engine::Engine, error::Result, own::tables, user::User};
use powercrud_db::{Dialect, QueryExt as _};

/// What may happen to a bulk task in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// Somebody asked for it. It waits, is queued or is run at once, as its status says.
    Submitted,
    /// The task it waited for has ended.
    Unblocked,
    /// A worker took it: first, after a rest, or because the last one fell silent.
    Claimed,
    /// Somebody asked for a pause.
    PauseAsked,
    /// It stopped for a pause.
    Paused,
    /// Somebody let it go on.
    Resumed,
    /// Somebody asked for it to be cancelled.
    CancelAsked,
    /// Its worker was told to stop and left the rest to another.
    GivenBack,
    /// Staff took it from a dead worker, for another to go on.
    Requeued,
    /// Staff ended it, because no living worker had it.
    Released,
    /// It ended, as its status says.
    Ended,
    /// Something that a newer version of the program knows, and this one does not.
    Unknown,
}

impl Happening {
    const ALL: [Self; 11] = [
        Self::Submitted,
        Self::Unblocked,
        Self::Claimed,
        Self::PauseAsked,
        Self::Paused,
        Self::Resumed,
        Self::CancelAsked,
        Self::GivenBack,
        Self::Requeued,
        Self::Released,
        Self::Ended,
    ];

    /// The word in the table of events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Unblocked => "unblocked",
            Self::Claimed => "claimed",
            Self::PauseAsked => "pause_asked",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::CancelAsked => "cancel_asked",
            Self::GivenBack => "given_back",
            Self::Requeued => "requeued",
            Self::Released => "released",
            Self::Ended => "ended",
            Self::Unknown => "unknown",
        }
    }
}

/// One line of a task's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskEvent {
    /// What happened.
    pub happening: Happening,
    /// Where the task stood afterwards.
    pub status: Status,
    /// How often a worker had taken it by then.
    pub attempt: i64,
    /// How many records were attempted by then.
    pub processed_records: u64,
    /// Who asked for it; `None` for the operator and for what nobody asked for.
    pub user_id: Option<String>,
    /// The name of who asked for it.
    pub user_name: Option<String>,
    /// The worker that took it.
    pub worker_id: Option<Uuid>,
    /// When, in milliseconds since 1970 UTC.
    pub at: i64,
}

impl TaskEvent {
    /// Something that happens to `task` now, after which it stands at `status`.
    pub(crate) fn now(task: &BulkTask, happening: Happening, status: Status) -> Self {
        Self {
            happening,
            status,
            attempt: task.attempt,
            processed_records: task.processed_records,
            user_id: None,
            user_name: None,
            worker_id: None,
            at: 0,
        }
    }

    /// As [`TaskEvent::now`], because `user` asks for it.
    pub(crate) fn asked(task: &BulkTask, happening: Happening, status: Status, user: &User) -> Self {
        Self { user_id: user.id.clone(), user_name: user.recorded_name(), ..Self::now(task, happening, status) }
    }

    /// Writes it, at the database's own time, as part of the transaction that makes it so.
    pub(crate) async fn write<C: ConnectionTrait>(
        &self,
        transaction: &C,
        dialect: Dialect,
        task_id: Uuid,
    ) -> Result<()> {
        let mut insert = Query::insert();
        insert
            .into_table(tables::TASK_EVENT)
            .columns([
                "id",
                "task_id",
                "event",
                "status",
                "attempt",
                "processed_records",
                "user_id",
                "user_name",
                "worker_id",
                "created_at",
            ])
            .values_panic([
                Uuid::now_v7().into(),
                task_id.into(),
                self.happening.as_str().into(),
                self.status.as_str().into(),
                self.attempt.into(),
                (self.processed_records as i64).into(),
                self.user_id.clone().into(),
                self.user_name.clone().into(),
                self.worker_id.into(),
                dialect.now(),
            ]);
        transaction.insert(&insert).await?;
        Ok(())
    }
}

/// What happened to a task, oldest first. Tasks from before this was kept have none or only their later life.
pub async fn timeline(engine: &Engine, task_id: Uuid) -> Result<Vec<TaskEvent>> {
    let mut select = Query::select();
    select
        .columns(["event", "status", "attempt", "processed_records", "user_id", "user_name", "worker_id", "created_at"])
        .from(tables::TASK_EVENT)
        .and_where(Expr::col("task_id").eq(task_id))
        .order_by("created_at", Order::Asc)
        .order_by("id", Order::Asc);
    let rows = engine.database().connection().rows(&select).await?;
    rows.iter()
        .map(|row| {
            let (event, status): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            Ok(TaskEvent {
                happening: Happening::ALL
                    .into_iter()
                    .find(|happening| happening.as_str() == event)
                    .unwrap_or(Happening::Unknown),
                status: Status::from_word(&status).unwrap_or(Status::Unknown),
                attempt: row.try_get_by_index(2)?,
                processed_records: Ord::max(row.try_get_by_index::<i64>(3)?, 0) as u64,
                user_id: row.try_get_by_index(4)?,
                user_name: row.try_get_by_index(5)?,
                worker_id: row.try_get_by_index(6)?,
                at: row.try_get_by_index(7)?,
            })
        })
        .collect()
}
