//! What happened to a bulk task, and when: a row for each change of its state, written by the transaction that makes it.

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::BulkTask;
use crate::{
    error::Result,
    own::entity::{self, task_event},
    status::Status,
    user::User,
};
use powercrud_db::{Dialect, QueryExt as _};

/// What may happen to a bulk task in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, strum::EnumString, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum TaskEventKind {
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

impl TaskEventKind {
    /// The word in the table of events.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One line of a task's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskEvent {
    /// What happened.
    pub kind: TaskEventKind,
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
    pub(crate) fn now(task: &BulkTask, kind: TaskEventKind, status: Status) -> Self {
        Self {
            kind,
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
    pub(crate) fn asked(task: &BulkTask, kind: TaskEventKind, status: Status, user: &User) -> Self {
        Self { user_id: user.id.clone(), user_name: user.recorded_name(), ..Self::now(task, kind, status) }
    }

    /// Writes it, at the database's own time, as part of the transaction that makes it so.
    pub(crate) async fn write<C: ConnectionTrait>(
        &self,
        transaction: &C,
        dialect: Dialect,
        task_id: Uuid,
    ) -> Result<()> {
        let insert = entity::insert::<task_event::Entity, _>([
            (task_event::Column::Id, Uuid::now_v7().into()),
            (task_event::Column::TaskId, task_id.into()),
            (task_event::Column::Event, self.kind.as_str().into()),
            (task_event::Column::Status, self.status.as_str().into()),
            (task_event::Column::Attempt, self.attempt.into()),
            (task_event::Column::ProcessedRecords, (self.processed_records as i64).into()),
            (task_event::Column::UserId, self.user_id.clone().into()),
            (task_event::Column::UserName, self.user_name.clone().into()),
            (task_event::Column::WorkerId, self.worker_id.into()),
            (task_event::Column::CreatedAt, dialect.now()),
        ]);
        transaction.insert(&insert).await?;
        Ok(())
    }
}
