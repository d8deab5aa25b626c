//! A resource's own action: a named set of changes, statements over a chunk's records, or code for each record.

use std::{collections::BTreeMap, fmt, sync::Arc};

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{BY_STATEMENT, ONE_BY_ONE, Operation, Range, update};
use crate::{
    action::{Action, ActionValues, Work},
    bulk::chunk::{Attempted, Chunk, Failed},
    error::{Error, Result},
    form::{CheckedChanges, check_action_changes},
    resource::Resource,
    task::{BulkTask, Stored, StoredWork},
};
use powercrud_db::Transaction;

/// The namespace of idempotency keys (UUID version 5).
const IDEMPOTENCY: Uuid = Uuid::from_u128(0x5be1_9a0c_27f4_4f3e_b1d8_0c6e_93a5_41d7);

/// One run of an action.
pub(in crate::bulk) struct ActionRun {
    name: String,
    pub(in crate::bulk) action: Arc<Action>,
    what: What,
    /// Of a retry: the first of the tasks.
    origin: Option<Uuid>,
    /// Of whom, once the task is carried out.
    pub(in crate::bulk) user_id: Option<String>,
}

enum What {
    Set(CheckedChanges),
    Run(Arc<ActionValues>),
}

impl ActionRun {
    /// An action that sets these.
    pub(in crate::bulk) fn set(action: Arc<Action>, changes: CheckedChanges, origin: Option<Uuid>) -> Self {
        Self { name: action.operation(), action, what: What::Set(changes), origin, user_id: None }
    }

    /// An action of code, with these values.
    pub(in crate::bulk) fn run(action: Arc<Action>, values: ActionValues, origin: Option<Uuid>) -> Self {
        Self { name: action.operation(), action, what: What::Run(Arc::new(values)), origin, user_id: None }
    }

    pub(super) fn of_task(resource: &Resource, task: &BulkTask) -> Result<Arc<dyn Operation>> {
        let action = Arc::clone(resource.action(task.action().unwrap_or_default())?);
        let run = match (task.sets_fields(), action.is_set()) {
            (true, true) => {
                let (changes, errors) = check_action_changes(resource, &task.changes);
                if !errors.is_empty() {
                    return Err(Error::Invalid(errors));
                }
                Self::set(action, changes, task.origin_id)
            }
            (false, false) => {
                let (values, errors) = action.stored_values(&task.values);
                if !errors.is_empty() {
                    return Err(Error::Invalid(errors));
                }
                Self::run(action, values, task.origin_id)
            }
            _ => {
                let message = format!("the action {} is another one by now than when it was asked for", action.name);
                return Err(Error::NotAllowed(message));
            }
        };
        Ok(Arc::new(Self { user_id: task.user_id.clone(), ..run }))
    }

    /// What was filled in.
    pub(in crate::bulk) fn filled_in(&self) -> Arc<ActionValues> {
        match &self.what {
            What::Set(_) => Arc::default(),
            What::Run(values) => Arc::clone(values),
        }
    }

    /// The same for a record in each attempt of a task, and in its retries.
    pub(in crate::bulk) fn idempotency_key(&self, task_id: Uuid, record_key: &str) -> Uuid {
        let name = json!([self.origin.unwrap_or(task_id), record_key]).to_string();
        Uuid::new_v5(&IDEMPOTENCY, name.as_bytes())
    }
}

impl fmt::Debug for ActionRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActionRun").field("action", &self.action).field("values", &self.values()).finish()
    }
}

impl Operation for ActionRun {
    fn name(&self) -> &str {
        &self.name
    }

    fn stored(&self) -> Stored {
        let work = match &self.what {
            What::Set(changes) => StoredWork::Change(changes.to_changes()),
            What::Run(values) => StoredWork::Run(values.to_texts()),
        };
        Stored::V1 { work, origin: self.origin }
    }

    fn identity(&self) -> Json {
        match &self.what {
            What::Set(changes) => json!([self.name, update::identity_of_changes(changes)]),
            What::Run(values) => json!([self.name, values.to_texts()]),
        }
    }

    fn changes(&self) -> Option<&CheckedChanges> {
        match &self.what {
            What::Set(changes) => Some(changes),
            What::Run(_) => None,
        }
    }

    fn values(&self) -> BTreeMap<String, String> {
        match &self.what {
            What::Set(_) => BTreeMap::new(),
            What::Run(values) => values.to_texts(),
        }
    }

    fn columns_to_keep(&self, resource: &Resource) -> Option<Vec<String>> {
        update::columns_of_changes(resource, self.changes()?)
    }

    fn unforeseen(&self) -> Option<&'static str> {
        match &self.what {
            What::Set(_) => None,
            What::Run(_) => Some("the action itself"),
        }
    }

    fn goes_one_by_one(&self) -> bool {
        matches!(self.action.work, Work::EachRecord(_))
    }

    fn chunk_sizes(&self) -> (i64, i64) {
        if self.goes_one_by_one() { ONE_BY_ONE } else { BY_STATEMENT }
    }

    fn writes_records(&self) -> bool {
        self.action.is_set()
    }

    fn prepare<'a>(
        &'a self,
        chunk: &'a mut Chunk<'_>,
        transaction: &'a Transaction,
    ) -> BoxFuture<'a, Result<Vec<Failed>>> {
        match &self.action.work {
            Work::Set(_) => async { Ok(Vec::new()) }.boxed(),
            Work::Statements(_) => chunk.find_gone(transaction).boxed(),
            Work::EachRecord(_) => chunk.read_records(transaction).boxed(),
        }
    }

    fn attempt<'a>(
        &'a self,
        chunk: &'a mut Chunk<'_>,
        transaction: &'a Transaction,
        range: Range<'a>,
    ) -> BoxFuture<'a, Result<Attempted>> {
        match &self.action.work {
            Work::Set(_) => chunk.attempt_statement(transaction, range).boxed(),
            Work::Statements(work) => chunk.attempt_statements(transaction, self, &**work, range).boxed(),
            Work::EachRecord(work) => chunk.attempt_record(transaction, self, &**work, range).boxed(),
        }
    }
}
