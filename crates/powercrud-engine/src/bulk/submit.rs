//! One transaction: locks, task row, frozen selection; or nothing.

mod freeze;
mod versions;

use std::time::Duration;

use sea_orm::{ConnectionTrait, sea_query::Expr};
use uuid::Uuid;

use self::freeze::Source;
use super::{Plan, Route, origin::Origin, repeat, revert};
use crate::{
    audit::{Action, AuditEvent, FieldChange, kept_value},
    config::Atomicity,
    error::{Error, Result},
    lock::{self, Frozen},
    notify,
    own::entity::{self, bulk_task},
    retry::retry,
    selection::Checked,
    task::{
        BulkTask, Event, Status, TaskEvent, TaskEventKind,
        store::{self, Lease},
    },
};
use powercrud_db::{Fault, QueryExt as _, Value, close};

/// The outcome of a plan.
#[derive(Debug)]
pub(crate) enum Submitted {
    /// For a worker.
    Queued(BulkTask),
    /// For this process to execute now: it already holds the task.
    Held { lease: Lease, task: BulkTask },
    /// The same request is active already.
    Duplicate(BulkTask),
}

/// How often a submission is tried again after a fault. Somebody else was faster, or the database chose this transaction to give way: that is
/// soon over, however often it happens. Other passing faults took their time already.
fn tries_after(fault: &Fault) -> u32 {
    match fault.code {
        "UNIQUE" | "DEADLOCK" => 20,
        _ if fault.is_transient() => 5,
        _ => 0,
    }
}

/// The namespace of task keys (UUID version 5).
const TASK_KEY: Uuid = Uuid::from_u128(0x8f9d_2c1e_5b7a_4d10_9c3e_6a41_70b2_d5f3);

impl Plan {
    /// Freezes the plan. The same request while its task is active returns that task.
    ///
    /// # Errors
    /// [`Error::Conflict`] where another task holds the resource, [`Error::NothingSelected`], [`Error::SelectionChanged`],
    /// [`Error::TablesChanged`]; nothing was written then.
    pub(crate) async fn submit(&self) -> Result<Submitted> {
        self.engine.unless_changed(&self.tables(), self.submit_known().await).await
    }

    async fn submit_known(&self) -> Result<Submitted> {
        let task_id = Uuid::now_v7();
        let task_key = self.task_key().await?;
        if self.request_key.is_some() {
            repeat::forget_old(&self.engine).await?;
        }
        // Somebody else was faster, or the database was busy.
        let pause = |error: &Error, tries| match error {
            Error::Database(fault) if tries < tries_after(fault) => {
                Some(Duration::from_millis(20 << Ord::min(tries, 4)))
            }
            _ => None,
        };
        let result = retry(
            pause,
            || async { self.first_of_its_kind(&task_key).await.transpose() },
            || self.try_submit(task_id, &task_key),
        )
        .await;
        if let Err(Error::NothingSelected(_)) = result {
            self.selection.explain_nothing(&self.engine, &self.resource).await?;
        }
        self.selection.attribute_error(&self.engine, &self.resource, result).await
    }

    /// The task of the same request, or of one for the same, where that was faster.
    async fn first_of_its_kind(&self, task_key: &str) -> Result<Option<Submitted>> {
        let connection = self.engine.database().connection();
        if let Some(task) = self.same_request().await? {
            return Ok(Some(Submitted::Duplicate(task)));
        }
        let Some(first) = lock::holder(connection, &lock::request_key(task_key)).await? else { return Ok(None) };
        if let Some(key) = &self.request_key
            && let Err(error) = key.note(connection, self.engine.database().dialect(), first).await
            // Noted in between, by the same request.
            && self.same_request().await?.is_none()
        {
            return Err(error);
        }
        Ok(Some(Submitted::Duplicate(store::load(&self.engine, first).await?)))
    }

    /// The task of the request of this name, where that was faster.
    async fn same_request(&self) -> Result<Option<BulkTask>> {
        match &self.request_key {
            Some(key) => key.find(&self.engine).await,
            None => Ok(None),
        }
    }

    async fn conflict<C: ConnectionTrait>(&self, connection: &C, holder: Uuid) -> Result<Error> {
        let task = store::load_from(connection, holder).await?;
        // Whose it is stays between staff and owner.
        let visible = self.user.may_see(task.user_id.as_deref());
        let holder = match visible {
            true => format!("task {holder} ({})", task.progress_in_words()),
            false => format!("somebody else's task ({})", task.progress_for_others(&self.resource)),
        };
        let task_id = visible.then_some(task.id);
        Ok(Error::Conflict { resource: self.resource.name.clone(), holder, task_id })
    }

    async fn try_submit(&self, task_id: Uuid, task_key: &str) -> Result<Submitted> {
        // Whatever reads comes before the transaction: an application's pool may have but one connection.
        let source = self.source(task_id).await?;
        let present = self.present().await?;
        let transaction = self.engine.database().begin_changing().await?;
        let result = self.write(&transaction, task_id, task_key, source, present).await;
        let held = close(transaction, result).await?;
        let task = store::load(&self.engine, task_id).await?;
        Ok(match held {
            Some(lease) => Submitted::Held { lease, task },
            None => Submitted::Queued(task),
        })
    }

    /// How many of the ticked records are there, where that is asked about, as whoever ticked them was told; all else is counted as it is
    /// frozen.
    async fn present(&self) -> Result<Option<u64>> {
        match (self.expected_count, &self.selection) {
            (None, _) | (_, Checked::Matching { .. } | Checked::Keys { .. }) => Ok(None),
            (Some(_), selection) => selection.count(&self.engine, &self.resource).await.map(Some),
        }
    }

    fn as_expected(&self, records: u64) -> Result<()> {
        match self.expected_count {
            Some(expected) if expected != records => {
                Err(Error::SelectionChanged { records: self.resource.count_in_words(records), expected })
            }
            _ => Ok(()),
        }
    }

    async fn write<C: ConnectionTrait>(
        &self,
        transaction: &C,
        task_id: Uuid,
        task_key: &str,
        source: Option<Source>,
        present: Option<u64>,
    ) -> Result<Option<Lease>> {
        lock::take(transaction, &lock::request_key(task_key), task_id).await?;
        if let Some(key) = &self.request_key {
            key.note(transaction, self.engine.database().dialect(), task_id).await?;
        }
        if self.resource.checks_conflicts() {
            lock::acquire_model_mutex(transaction, &self.resource).await?;
        }
        let (first_seq, total) = self.freeze(transaction, task_id, source).await?;
        self.as_expected(present.unwrap_or(total))?;
        if total == 0 {
            return Err(Error::NothingSelected(self.resource.label.clone()));
        }
        let frozen = Frozen { task_id, first_seq, total };
        let waits = self.resource.checks_conflicts() && !self.take_locks(transaction, frozen).await?;
        let background = self.route == Route::Background || self.resource.should_process_async(total);
        let atomicity = match self.route {
            // Records that changed since are left alone, however few were asked for, unless the settings say otherwise.
            _ if self.reverts() => self.resource.atomicity(true),
            // Whoever asks for the background gets its rules, however few the records are.
            Route::Background => self.resource.atomicity(true),
            Route::Auto => self.resource.atomicity(background),
        };
        let lease =
            (!background && !waits).then(|| Lease { task_id, worker_id: Uuid::new_v4(), attempt: 1, answers: true });
        let status = match lease {
            Some(_) => Status::Pending.next(Event::Claim)?,
            None if waits => Status::Waiting,
            None => Status::Pending,
        };
        self.insert_task(transaction, frozen, task_key, atomicity, status, lease).await?;
        // After the records were read, so that it holds until the COMMIT.
        self.engine.require_unchanged(transaction, &self.tables()).await?;
        tracing::debug!(%task_id, total, background, "bulk task frozen");
        Ok(lease)
    }

    /// Takes the locks of a frozen task. `false`: something is in the way, and the task has to wait.
    ///
    /// # Errors
    /// [`Error::Conflict`] where something is in the way and requests are not queued.
    async fn take_locks<C: ConnectionTrait>(&self, transaction: &C, frozen: Frozen) -> Result<bool> {
        let dialect = self.engine.database().dialect();
        match lock::obstacle(transaction, dialect, &self.resource, frozen).await? {
            None => {
                lock::take_for(transaction, &self.resource, frozen.task_id).await?;
                Ok(true)
            }
            Some(_) if self.queues_conflicts() => Ok(false),
            Some(holder) => Err(self.conflict(transaction, holder).await?),
        }
    }

    async fn insert_task<C: ConnectionTrait>(
        &self,
        transaction: &C,
        frozen: Frozen,
        task_key: &str,
        atomicity: Atomicity,
        status: Status,
        lease: Option<Lease>,
    ) -> Result<()> {
        let dialect = self.engine.database().dialect();
        let held = |expr: Expr| if lease.is_some() { expr } else { Expr::val(None::<i64>) };
        let origin = Origin::now();
        let insert = entity::insert::<bulk_task::Entity, _>([
            (bulk_task::Column::Id, frozen.task_id.into()),
            (bulk_task::Column::ParentId, self.parent_id.into()),
            (bulk_task::Column::UserId, self.user.id.clone().into()),
            (bulk_task::Column::UserName, self.user.recorded_name().into()),
            (bulk_task::Column::UserEmail, self.user.email.clone().into()),
            (bulk_task::Column::UserAccess, self.user.id.as_ref().and_then(|_| self.user.to_kept()).into()),
            (bulk_task::Column::ModelName, self.resource.name.as_str().into()),
            (bulk_task::Column::UniqueModelKey, self.resource.unique_model_key().into()),
            (bulk_task::Column::Operation, self.operation.name().into()),
            (bulk_task::Column::Changes, serde_json::json!(self.operation.stored()).to_string().into()),
            (bulk_task::Column::Selection, self.selection.describe(&self.engine).to_string().into()),
            (bulk_task::Column::TaskKey, task_key.into()),
            (bulk_task::Column::Status, status.as_str().into()),
            (bulk_task::Column::TotalRecords, (frozen.total as i64).into()),
            (bulk_task::Column::ProcessedRecords, 0i64.into()),
            (bulk_task::Column::SucceededRecords, 0i64.into()),
            (bulk_task::Column::FailedRecords, 0i64.into()),
            (bulk_task::Column::MissingRecords, 0i64.into()),
            (bulk_task::Column::UnchangedRecords, 0i64.into()),
            (bulk_task::Column::StalledAttempts, lease.map_or(0i64, |_| 1).into()),
            (bulk_task::Column::FirstSeq, frozen.first_seq.into()),
            (bulk_task::Column::Cursor, 0i64.into()),
            (bulk_task::Column::Atomicity, atomicity.as_str().into()),
            (bulk_task::Column::Backend, self.resource.backend().into()),
            (bulk_task::Column::Notification, notify::words_of(&self.engine, &self.resource).into()),
            (bulk_task::Column::Attempt, lease.map_or(0, |lease| lease.attempt).into()),
            (bulk_task::Column::WorkerId, lease.map(|lease| lease.worker_id).into()),
            (bulk_task::Column::LeaseExpiresAt, held(store::expiry(dialect, self.engine.settings().lease))),
            (bulk_task::Column::CreatedAt, dialect.now()),
            (bulk_task::Column::StartedAt, held(dialect.now())),
            (bulk_task::Column::ErrorMessage, "".into()),
            (bulk_task::Column::Names, serde_json::json!(self.names).to_string().into()),
            (
                bulk_task::Column::ImageColumns,
                self.image_columns().map(|columns| serde_json::json!(columns).to_string()).into(),
            ),
            (bulk_task::Column::Reverts, self.reverted.as_ref().map(|task| task.id).into()),
            (bulk_task::Column::RequestId, origin.request_id.into()),
            (bulk_task::Column::Traceparent, origin.traceparent.into()),
            (bulk_task::Column::SqlTable, self.resource.table.sql_name().into()),
            (bulk_task::Column::KeyTypes, self.resource.key_types().into()),
        ]);
        transaction.insert(&insert).await?;
        let submitted = TaskEvent {
            kind: TaskEventKind::Submitted,
            status,
            attempt: lease.map_or(0, |lease| lease.attempt),
            processed_records: 0,
            user_id: self.user.id.clone(),
            user_name: self.user.recorded_name(),
            worker_id: lease.map(|lease| lease.worker_id),
            at: 0,
        };
        submitted.write(transaction, dialect, frozen.task_id).await?;
        self.audit_event(frozen).write(transaction, dialect, &self.user).await
    }

    /// The submission, for the audit trail.
    fn audit_event(&self, frozen: Frozen) -> AuditEvent {
        let action = match (&self.reverted, self.parent_id) {
            (Some(_), _) => Action::TaskReverted,
            (None, Some(_)) => Action::TaskRetried,
            (None, None) => Action::TaskSubmitted,
        };
        let fields = self.changes().iter().map(|change| (change.field.clone(), kept_value(&change.value)));
        let links = self.links().iter().map(|change| {
            let names: Vec<_> = change.targets.iter().map(|target| target.name.as_str()).collect();
            (
                change.field.clone(),
                Some(format!("{} {}", change.operation.as_str(), names.join(", ")).trim().to_owned()),
            )
        });
        let values = self.operation.values().into_iter().map(|(field, text)| (field, kept_value(&Value::Text(text))));
        let changes =
            fields.chain(links).chain(values).map(|(field, to)| (field, FieldChange { from: None, to: Some(to) }));
        let records = self.resource.count_in_words(frozen.total);
        AuditEvent::new(action)
            .on_task(frozen.task_id, &self.resource.name)
            .about(format!("{} of {records}", self.operation.name()))
            .changing(changes.collect())
    }

    /// Whether this is a revert.
    fn reverts(&self) -> bool {
        self.reverted.is_some()
    }

    /// The columns that the task is to keep; of a revert, those that were kept.
    fn image_columns(&self) -> Option<Vec<String>> {
        match &self.reverted {
            Some(task) => task.image_columns.clone(),
            None if self.resource.can_revert() => self.operation.columns_to_keep(&self.resource),
            None => None,
        }
    }

    /// The same user, resource, operation, selection and changes give the same key.
    async fn task_key(&self) -> Result<String> {
        // Whoever asks: a task is reverted once at a time.
        if let Some(task) = &self.reverted {
            return Ok(revert::task_key(task.id));
        }
        let selection = match &self.selection {
            Checked::Keys { keys, .. } => {
                let mut keys = keys.clone();
                keys.sort_unstable();
                serde_json::json!({"keys": keys})
            }
            // Which keys, not how many: a selection that was changed since is another request.
            Checked::Ticked(stored) => serde_json::json!({"ticked": stored.noted(&self.engine).await?}),
            Checked::Matching { stored: Some(stored), .. } => {
                serde_json::json!([self.selection.describe(&self.engine), stored.noted(&self.engine).await?])
            }
            other => other.describe(&self.engine),
        };
        let operation = self.operation.identity();
        // Who shares these tables may mean another one by the same name.
        let table = self.resource.table.sql_name();
        let name = serde_json::json!([self.user.id, self.resource.unique_model_key(), table, operation, selection])
            .to_string();
        Ok(Uuid::new_v5(&TASK_KEY, name.as_bytes()).to_string())
    }
}
