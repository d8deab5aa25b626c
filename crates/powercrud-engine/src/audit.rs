//! The audit trail: who did what to which record or task, when, and why.
//!
//! An entry is written by the transaction of the action: what was done has its entry, and what was not done has none.

mod keeping;
mod list;

use std::collections::BTreeMap;

use sea_orm::ConnectionTrait;
use serde::{Deserialize, Deserializer, Serialize};
use strum::VariantArray as _;
use uuid::Uuid;

pub use keeping::purge;
pub use list::{AuditFilter, count, list, people};
pub use list::{did_lately, of_record, people_of};

use crate::{
    digest::digest,
    engine::Engine,
    error::{Error, Result},
    own::entity::{self, audit},
    query::comparable_key,
    resource::{Resource, grouped},
    task::BulkTask,
    user::User,
};
use powercrud_db::{Dialect, QueryExt as _, Value};

/// The `user_id` of tries to sign in with a name that no user has. No user has this id.
pub const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// What somebody may do that is kept in the audit trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Action {
    /// A record was created.
    RecordCreated,
    /// A record was changed.
    RecordUpdated,
    /// A record was deleted.
    RecordDeleted,
    /// A bulk task was submitted.
    TaskSubmitted,
    /// What a bulk task left undone was submitted again.
    TaskRetried,
    /// The revert of a bulk task was submitted.
    TaskReverted,
    /// A bulk task was cancelled, or its cancellation asked for.
    TaskCancelled,
    /// A pause was asked for.
    TaskPaused,
    /// A paused task was let go on.
    TaskResumed,
    /// A task was taken from a dead worker and queued again.
    TaskRequeued,
    /// A task without a living worker was ended, so that its locks went.
    TaskReleased,
    /// An ended task was deleted with all that was kept of it.
    TaskDeleted,
    /// A token was made.
    TokenMade,
    /// A token was revoked.
    TokenRevoked,
    /// A user was added.
    UserAdded,
    /// A user got another password.
    PasswordChanged,
    /// A user may sign in again.
    UserActivated,
    /// A user may sign in no more.
    UserDeactivated,
    /// A user was removed.
    UserRemoved,
    /// A user signed in.
    SignedIn,
    /// Somebody could not sign in by a user's name, or by a name that no user has.
    SignInFailed,
    /// Somebody tried while, after too many failures, the name has to wait.
    SignInDelayed,
    /// A user signed out, or signed in anew in the same browser.
    SignedOut,
    /// A user got another role, or other attributes.
    AccessChanged,
    /// A user asked for what their rights do not let them do.
    Refused,
    /// What a newer version of the program knows, and this one does not.
    Unknown,
}

impl Action {
    /// All that are known.
    pub const ALL: &'static [Self] = Self::VARIANTS.split_last().expect("actions").1;

    /// The word in the table and in addresses.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The action of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        word.parse().ok().filter(|action| *action != Self::Unknown)
    }
}

/// What a field held and holds; `None` where that is not known, `Some(None)` is NULL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Before.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "known")]
    pub from: Option<Option<String>>,
    /// After.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "known")]
    pub to: Option<Option<String>>,
}

/// What is there is known, also where it is null.
fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

/// Changes by field name.
pub type FieldChanges = BTreeMap<String, FieldChange>;

/// One line of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Names it.
    pub id: Uuid,
    /// When, in milliseconds since 1970 UTC by the database's clock.
    pub at: i64,
    /// Who; `None` for the operator. Of a try to sign in that failed: whose name it was, which may be somebody else's doing, or
    /// [`NOBODY`].
    pub user_id: Option<String>,
    /// That user's name at the time.
    pub user_name: Option<String>,
    /// What was done.
    pub action: Action,
    /// The resource's name, where it is about one.
    pub resource: Option<String>,
    /// The record's key, where it is about one.
    pub record_key: Option<String>,
    /// The bulk task, where it is about one.
    pub task_id: Option<Uuid>,
    /// What it is about, in a few words, such as "update of 12 books".
    pub subject: String,
    /// Why, as whoever did it said; empty where nobody was asked.
    pub reason: String,
    /// What changed.
    pub changes: FieldChanges,
}

/// Something done, to be written.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    action: Action,
    resource: Option<String>,
    record: Option<(String, String)>,
    task_id: Option<Uuid>,
    subject: String,
    reason: String,
    changes: FieldChanges,
}

impl AuditEvent {
    /// Something of that kind.
    pub fn new(action: Action) -> Self {
        Self {
            action,
            resource: None,
            record: None,
            task_id: None,
            subject: String::new(),
            reason: String::new(),
            changes: FieldChanges::new(),
        }
    }

    /// Done to a record.
    pub(crate) fn on_record(mut self, resource: &Resource, key: &str) -> Self {
        self.resource = Some(resource.name.clone());
        self.record = Some((key.to_owned(), record_hash(resource, key)));
        self
    }

    /// About a resource of that name.
    #[must_use]
    pub fn on_resource(mut self, name: &str) -> Self {
        self.resource = Some(name.to_owned());
        self
    }

    /// Done to a bulk task on that resource.
    pub(crate) fn on_task(mut self, task_id: Uuid, resource: &str) -> Self {
        self.task_id = Some(task_id);
        self.resource = Some(resource.to_owned());
        self
    }

    /// Done to a bulk task that there is already.
    pub(crate) fn of_task(engine: &Engine, action: Action, task: &BulkTask) -> Self {
        let records = match engine.resource(&task.resource) {
            Ok(resource) => resource.count_in_words(task.total_records),
            Err(_) if task.total_records == 1 => "1 record".to_owned(),
            Err(_) => format!("{} records", grouped(task.total_records)),
        };
        let subject = format!("{} of {records}", task.operation);
        Self::new(action).on_task(task.id, &task.resource).about(subject)
    }

    /// What it was done to, in words.
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    pub(crate) fn because(mut self, reason: &str) -> Self {
        self.reason = reason.to_owned();
        self
    }

    pub(crate) fn changing(mut self, changes: FieldChanges) -> Self {
        self.changes = changes;
        self
    }

    /// Writes it, at the database's own time, as part of the transaction of what was done.
    pub async fn write<C: ConnectionTrait>(self, transaction: &C, dialect: Dialect, by: &User) -> Result<()> {
        let (key, hash) = self.record.unzip();
        let insert = entity::insert::<audit::Entity, _>([
            (audit::Column::Id, Uuid::now_v7().into()),
            (audit::Column::At, dialect.now()),
            (audit::Column::UserId, by.id.clone().into()),
            (audit::Column::UserName, by.recorded_name().into()),
            (audit::Column::Action, self.action.as_str().into()),
            (audit::Column::Resource, self.resource.into()),
            (audit::Column::RecordKey, key.into()),
            (audit::Column::RecordHash, hash.into()),
            (audit::Column::TaskId, self.task_id.into()),
            (audit::Column::Subject, self.subject.into()),
            (audit::Column::Reason, self.reason.into()),
            (audit::Column::Changes, serde_json::json!(self.changes).to_string().into()),
        ]);
        transaction.insert(&insert).await?;
        Ok(())
    }
}

/// By what a record's entries are found, whichever resource over its table was used and however its key was spelled.
fn record_hash(resource: &Resource, key: &str) -> String {
    digest(&serde_json::json!([resource.model_name, comparable_key(resource, key)]).to_string())
}

/// The most characters of a value that the trail keeps.
const LONGEST_VALUE: usize = 10_000;

/// A value as the trail keeps it.
pub(crate) fn kept_value(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bytes(number) => Some(format!("{number} bytes")),
        value => {
            let text = value.to_text();
            match text.char_indices().nth(LONGEST_VALUE) {
                Some((end, _)) => Some(format!("{}…", &text[..end])),
                None => Some(text),
            }
        }
    }
}

const LONGEST_REASON: usize = 500;

/// The reason that somebody gives, which must be one.
pub(crate) fn checked_reason(reason: &str) -> Result<&str> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(Error::invalid("reason", "NOT_NULL", "say why; the reason is kept in the audit trail"));
    }
    if reason.chars().count() > LONGEST_REASON || reason.contains('\0') {
        let message = format!("a reason has at most {LONGEST_REASON} characters, none of them NUL");
        return Err(Error::invalid("reason", "OUT_OF_RANGE", message));
    }
    Ok(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_unknown_are_told_apart() {
        let change = FieldChange { from: Some(None), to: Some(Some("2".into())) };
        let json = serde_json::to_string(&change).unwrap();
        assert_eq!(json, r#"{"from":null,"to":"2"}"#);
        assert_eq!(serde_json::from_str::<FieldChange>(&json).unwrap(), change);
        let json = serde_json::to_string(&FieldChange { from: None, ..change }).unwrap();
        assert_eq!(json, r#"{"to":"2"}"#);
        assert_eq!(serde_json::from_str::<FieldChange>(&json).unwrap().from, None);
    }

    #[test]
    fn every_action_has_a_word() {
        for &action in Action::ALL {
            assert_eq!(Action::from_word(action.as_str()), Some(action));
        }
    }
}
