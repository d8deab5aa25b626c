//! One transaction: locks, task row, frozen selection; or nothing.

mod freeze;
mod versions;

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, Query},
};
use uuid::Uuid;

use self::freeze::Source;
use super::{Plan, Route, images, origin::Origin, repeat, revert};
use crate::{
    audit::{Action, Deed, FieldChange, kept_value},
    config::Atomicity,
    error::{Error, Result},
    lock::{self, Frozen},
    notify,
    own::tables,
    selection::Checked,
    task::{
        BulkTask, Event, Happening, Operation, Status, TaskEvent,
        store::{self, Lease},
    },
};
use powercrud_db::{QueryExt as _, close};

/// What became of a plan.
#[derive(Debug)]
pub(crate) enum Submitted {
    /// For a worker.
    Queued(BulkTask),
    /// For this process to execute now: it already holds the task.
    Held { lease: Lease, task: BulkTask },
    /// The same request is active already.
    Duplicate(BulkTask),
}

/// The namespace of task keys (UUID version 5).
const TASK_KEY: Uuid = Uuid::from_u128(0x8f9d_2c1e_5b7a_4d10_9c3e_6a41_70b2_d5f3);

impl Plan {
    /// Freezes the plan. The same request while its task is active returns that task.
    ///
    /// # Errors
    /// [`Error::Conflict`] where another task holds the resource, [`Error::NothingSelected`], [`Error::SelectionChanged`]; nothing was
    /// written then.
    pub(crate) async fn submit(&self) -> Result<Submitted> {
        let task_id = Uuid::now_v7();
        let task_key = self.task_key().await?;
        if self.request_key.is_some() {
            repeat::forget_old(&self.engine).await?;
        }
        let mut tries = 0;
        loop {
            match self.try_submit(task_id, &task_key).await {
                Err(Error::Database(fault)) if fault.code == "UNIQUE" || (fault.is_transient() && tries < 5) => {
                    let connection = self.engine.database().connection();
                    if let Some(task) = self.same_request().await? {
                        return Ok(Submitted::Duplicate(task));
                    }
                    if let Some(first) = lock::holder(connection, &lock::request_key(&task_key)).await? {
                        if let Some(key) = &self.request_key
                            && let Err(error) = key.note(connection, self.engine.database().dialect(), first).await
                            // Noted in between, by the same request.
                            && self.same_request().await?.is_none()
                        {
                            return Err(error);
                        }
                        return Ok(Submitted::Duplicate(store::load(&self.engine, first).await?));
                    }
                    // Somebody else was faster, or the database was busy: look again.
                    tries += 1;
                    if tries > 20 {
                        return Err(Error::Database(fault));
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(10 << Ord::min(tries, 5))).await;
                }
                result => return self.selection.blame(&self.engine, &self.resource, result).await,
            }
        }
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
        let done = task.progress_in_words();
        let holder = if visible { format!("task {holder} ({done})") } else { format!("somebody else's task ({done})") };
        let task_id = visible.then_some(task.id);
        Ok(Error::Conflict { resource: self.resource.name.clone(), holder, task_id })
    }

    async fn try_submit(&self, task_id: Uuid, task_key: &str) -> Result<Submitted> {
        // Whatever reads comes before the transaction: an application's pool may have but one connection.
        let source = self.source(task_id).await?;
        let present = self.present().await?;
        let transaction = self.engine.database().begin().await?;
        let result = self.write(&transaction, task_id, task_key, source, present).await;
        let held = close(transaction, result).await?;
        let task = store::load(&self.engine, task_id).await?;
        Ok(match held {
            Some(lease) => Submitted::Held { lease, task },
            None => Submitted::Queued(task),
        })
    }

    /// How many records of given keys are there, where that is asked about; what matches is counted as it is frozen.
    async fn present(&self) -> Result<Option<u64>> {
        match (self.expected_count, &self.selection) {
            (None, _) | (_, Checked::Matching { .. }) => Ok(None),
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
            lock::queue_up(transaction, &self.resource).await?;
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
        let settings = &self.resource.settings;
        let held = |expr: Expr| if lease.is_some() { expr } else { Expr::val(None::<i64>) };
        let origin = Origin::now();
        let mut insert = Query::insert();
        insert
            .into_table(tables::BULK_TASK)
            .columns([
                "id",
                "parent_id",
                "user_id",
                "user_name",
                "user_email",
                "model_name",
                "unique_model_key",
                "operation",
                "changes",
                "selection",
                "task_key",
                "status",
                "total_records",
                "processed_records",
                "succeeded_records",
                "failed_records",
                "missing_records",
                "unchanged_records",
                "stalled_attempts",
                "first_seq",
                "cursor",
                "atomicity",
                "backend",
                "notification",
                "attempt",
                "worker_id",
                "lease_expires_at",
                "created_at",
                "started_at",
                "error_message",
                "names",
                "image_columns",
                "reverts",
                "request_id",
                "traceparent",
                "sql_table",
            ])
            .values_panic([
                frozen.task_id.into(),
                self.parent_id.into(),
                self.user.id.clone().into(),
                self.user.recorded_name().into(),
                self.user.email.clone().into(),
                self.resource.name.as_str().into(),
                self.resource.unique_model_key().into(),
                self.operation.as_str().into(),
                self.changes_json().to_string().into(),
                self.selection.describe().to_string().into(),
                task_key.into(),
                status.as_str().into(),
                (frozen.total as i64).into(),
                0i64.into(),
                0i64.into(),
                0i64.into(),
                0i64.into(),
                0i64.into(),
                lease.map_or(0i64, |_| 1).into(),
                frozen.first_seq.into(),
                0i64.into(),
                atomicity.as_str().into(),
                settings.bulk_async_backend.unwrap_or_default().as_str().into(),
                notify::words_of(&self.engine, &self.resource).into(),
                lease.map_or(0, |lease| lease.attempt).into(),
                lease.map(|lease| lease.worker_id).into(),
                held(store::expiry(dialect, self.engine.settings().lease)),
                dialect.now(),
                held(dialect.now()),
                "".into(),
                serde_json::json!(self.names).to_string().into(),
                self.image_columns().map(|columns| serde_json::json!(columns).to_string()).into(),
                self.reverted.as_ref().map(|task| task.id).into(),
                origin.request_id.into(),
                origin.traceparent.into(),
                self.resource.table.sql_name().into(),
            ]);
        transaction.insert(&insert).await?;
        let submitted = TaskEvent {
            happening: Happening::Submitted,
            status,
            attempt: lease.map_or(0, |lease| lease.attempt),
            processed_records: 0,
            user_id: self.user.id.clone(),
            user_name: self.user.recorded_name(),
            worker_id: lease.map(|lease| lease.worker_id),
            at: 0,
        };
        submitted.write(transaction, dialect, frozen.task_id).await?;
        self.deed(frozen).write(transaction, dialect, &self.user).await
    }

    /// The submission, for the audit trail.
    fn deed(&self, frozen: Frozen) -> Deed {
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
        let changes = fields.chain(links).map(|(field, to)| (field, FieldChange { from: None, to: Some(to) }));
        let records = self.resource.count_in_words(frozen.total);
        Deed::new(action)
            .on_task(frozen.task_id, &self.resource.name)
            .about(format!("{} of {records}", self.operation.as_str()))
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
            None => images::columns_to_keep(&self.resource, &self.operation),
        }
    }

    /// Field name to text, or null; many-to-many field to operation to key to name: what a retry reads back.
    fn changes_json(&self) -> serde_json::Value {
        if let Some(task) = &self.reverted {
            return task.changes.clone();
        }
        let mut json = self.fields_json();
        for change in self.links() {
            let names = change.targets.iter().map(|target| (target.key.to_text(), target.name.as_str().into()));
            let names: serde_json::Map<_, _> = names.collect();
            let field = json.entry(change.field.clone()).or_insert_with(|| serde_json::json!({}));
            field[change.operation.as_str()] = names.into();
        }
        json.into()
    }

    fn fields_json(&self) -> serde_json::Map<String, serde_json::Value> {
        let text = |value: &powercrud_db::Value| {
            if value.is_null() { serde_json::Value::Null } else { value.to_text().into() }
        };
        self.changes().iter().map(|change| (change.field.clone(), text(&change.value))).collect()
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
                serde_json::json!([self.selection.describe(), stored.noted(&self.engine).await?])
            }
            other => other.describe(),
        };
        let operation = match &self.operation {
            // The names of linked records may change between two requests; their keys don't.
            Operation::Update(changes) if changes.links.is_empty() => self.changes_json(),
            Operation::Update(changes) => {
                let links: Vec<_> = changes.links.iter().map(crate::form::LinkChange::to_input).collect();
                serde_json::json!([self.fields_json(), links])
            }
            other => other.as_str().into(),
        };
        // Who shares these tables may mean another one by the same name.
        let table = self.resource.table.sql_name();
        let name = serde_json::json!([self.user.id, self.resource.unique_model_key(), table, operation, selection])
            .to_string();
        Ok(Uuid::new_v5(&TASK_KEY, name.as_bytes()).to_string())
    }
}
