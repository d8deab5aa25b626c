//! A message, from when it is received until its task has ended.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::{BoxFuture, FutureExt as _};
use powercrud_celery::{Failure, Handler, Job, Message, Outcome};
use serde_json::Value;
use tokio::{sync::Notify, time::sleep};
use uuid::Uuid;

use super::{ANY, DELETE, EDIT, name_of, request, told};
use crate::{
    control,
    engine::Engine,
    error::{Error, Result},
    task::{BulkTask, Status, store},
    user::User,
};

/// How soon, and at last how often, a row is looked at whose task somebody carries out.
const FIRST_LOOK: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// After so many looks, of ten seconds, a task that nobody carries out is set aside.
const MOST_LOOKS: u32 = 25;

/// What this process does with messages.
pub(super) struct Tasks {
    engine: Engine,
    /// Wakes the workers of this process.
    heard: Arc<Notify>,
    tells_progress: bool,
    /// Which rows messages in hand became.
    rows: Mutex<HashMap<String, Uuid>>,
}

impl Tasks {
    pub(super) fn new(engine: Engine, heard: Arc<Notify>, tells_progress: bool) -> Self {
        Self { engine, heard, tells_progress, rows: Mutex::default() }
    }

    /// The row that a message is about: the one that it names, or one that is made as it asks.
    async fn row(&self, engine: &Engine, message: &Message) -> Result<BulkTask, Failure> {
        match message.args.as_slice() {
            [] if message.kwargs.get("task_id").is_none() => {
                request::submit(engine, message).await.map_err(|error| told::refusal(&error))
            }
            [id] if message.kwargs.is_empty() => self.named(engine, message, id).await,
            [] if message.kwargs.len() == 1 => self.named(engine, message, &message.kwargs["task_id"]).await,
            _ => Err(told::mistake(
                "give the id of a bulk task alone, or by name: resource, user, one of ids, filter and all, and for an edit changes",
            )),
        }
    }

    async fn named(&self, engine: &Engine, message: &Message, id: &Value) -> Result<BulkTask, Failure> {
        let parsed = id.as_str().and_then(|id| Uuid::parse_str(id).ok());
        let Some(id) = parsed else { return Err(told::mistake(&format!("{id} is no id of a bulk task: a UUID"))) };
        let task = patiently(|| store::load(engine, id)).await.map_err(|error| told::refusal(&error))?;
        if message.name != ANY && message.name != name_of(&task.operation) {
            let (name, operation) = (name_of(&task.operation), &task.operation);
            return Err(told::mistake(&format!("bulk task {id} is of the operation {operation}; send it as {name}")));
        }
        Ok(task)
    }

    async fn bring_to_its_end(&self, job: &Job) -> Result<Outcome, Failure> {
        let engine = self.engine.clone();
        let message = job.message();
        // Whatever it is about, something may have been dispatched.
        self.heard.notify_one();
        let mut task = self.row(&engine, message).await?;
        self.rows().insert(message.id.clone(), task.id);
        self.heard.notify_one();
        let (mut pause, mut is_begun, mut is_aside, mut told_records) = (FIRST_LOOK, false, false, 0);
        let mut looks = 0;
        while !task.status.is_final() {
            if task.status.is_held() && !is_begun {
                is_begun = true;
                job.started().await;
            }
            if self.tells_progress && is_begun && task.processed_records != told_records {
                told_records = task.processed_records;
                job.progress(told::progress(&task)).await;
            }
            // It may take days until somebody goes on with it, and is in nobody's way.
            looks += 1;
            if !task.status.is_held() && (looks > MOST_LOOKS || task.status == Status::Paused) && !is_aside {
                is_aside = true;
                job.set_aside().await;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            task = patiently(|| store::load(&engine, task.id)).await.map_err(|error| told::refusal(&error))?;
        }
        if !is_begun && task.started_at.is_some() {
            job.started().await;
        }
        if let (Some(began), Some(ended)) = (task.started_at, task.completed_at) {
            job.took(Duration::from_millis(u64::try_from(ended - began).unwrap_or(0)));
        }
        let errors = patiently(|| store::load_errors(&engine, task.id, 0, told::MOST_ERRORS)).await;
        Ok(told::outcome(&task, errors.unwrap_or_default()))
    }

    fn rows(&self) -> std::sync::MutexGuard<'_, HashMap<String, Uuid>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The row that a message or an id stands for.
    fn row_of(&self, id: &str, message: Option<&Message>) -> Option<Uuid> {
        let known = self.rows().get(id).copied();
        let named = message.and_then(|message| message.args.first().or_else(|| message.kwargs.get("task_id")));
        known.or_else(|| Uuid::parse_str(named.and_then(Value::as_str).unwrap_or(id)).ok())
    }
}

/// While the database is away, a message waits.
async fn patiently<T, F: Future<Output = Result<T>>>(ask: impl Fn() -> F) -> Result<T> {
    let mut is_told = false;
    loop {
        match ask().await {
            Err(error @ (Error::Database(_) | Error::Connection { .. })) => {
                if !std::mem::replace(&mut is_told, true) {
                    tracing::warn!(%error, "a message of Celery waits for the database");
                }
                sleep(Duration::from_secs(1)).await;
            }
            other => return other,
        }
    }
}

impl Handler for Tasks {
    fn tasks(&self) -> Vec<String> {
        [EDIT, DELETE, ANY].map(str::to_owned).to_vec()
    }

    fn run<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Outcome> {
        async move {
            let outcome = self.bring_to_its_end(job).await;
            self.rows().remove(&job.message().id);
            outcome.unwrap_or_else(Outcome::Failure)
        }
        .boxed()
    }

    /// Cancels the task, whoever carries it out; every worker is told, and the first one does it.
    fn revoke<'a>(&'a self, id: &'a str, message: Option<&'a Message>) -> BoxFuture<'a, ()> {
        async move {
            let Some(row) = self.row_of(id, message) else { return };
            let reason = "revoked by Celery's remote control";
            match control::cancel_because(&self.engine, &User::operator(), row, reason).await {
                Ok(_) | Err(Error::TaskNotFound(_) | Error::Transition { .. }) => {}
                Err(error) => tracing::warn!(%error, task_id = %row, "a revoked task could not be cancelled"),
            }
        }
        .boxed()
    }
}
