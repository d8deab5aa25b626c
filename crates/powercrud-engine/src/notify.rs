//! Tells people, and programs, that a task has ended.
//!
//! Notices are rows first, written in the transaction that ends the task: a task that ended has its notices, one that did not has none,
//! and (task, channel, recipient) is a unique key, so that nobody is told twice. What is a table of this database, [`messages`], is
//! delivered by that same transaction. Everything else is behind [`Notifier`] and is delivered later, by whatever process has the means
//! to (`outbox`).
//!
//! Who asked in the request and got the answer there is not told again.

mod function;
mod hooks;
mod means;
pub mod messages;
mod outbox;
mod summary;
mod words;
mod write;

use std::time::Duration;

use futures_util::future::BoxFuture;
use uuid::Uuid;

pub use {
    function::{Function, TaskEndHook},
    hooks::{FailureHook, QueueHooks, SuccessHook},
    means::{Means, tells_by},
    outbox::{NoticeState, NoticeStatus, TRIES, of_task},
    summary::{ErrorLine, Summary},
    words::outcome,
};
pub(crate) use {
    outbox::give_up_forgotten,
    write::{words_of, write},
};

use crate::{config::Channel, engine::Engine};

/// A way to deliver notices that is not a table of this database.
///
/// A notifier delivers each notice at least once: where a process dies between delivering and noting it, another delivers again, under
/// the same id, by which the receiver can tell. It holds no transaction and no connection while it waits for somebody else's machine.
pub trait Notifier: Send + Sync {
    /// Which notices are its own.
    fn address(&self) -> Address;

    /// After how long a delivery counts as failed.
    fn patience(&self) -> Duration;

    /// Delivers a notice.
    ///
    /// # Errors
    /// A [`Failure`], which says whether it is worth another try.
    fn deliver<'a>(&'a self, engine: &'a Engine, notice: &'a Notice) -> BoxFuture<'a, Result<(), Failure>>;

    /// Where it delivers to, without secrets; `None` for what has no place outside this process.
    fn place(&self) -> Option<String>;

    /// Whether that place can be reached now, and why not.
    fn reach(&self) -> BoxFuture<'_, Result<(), String>>;
}

/// What of the outbox is one notifier's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The channel.
    pub channel: Channel,
    /// The recipient, where one is meant; `None` for a channel whose recipients are people.
    pub recipient: Option<&'static str>,
}

impl Address {
    /// Mail.
    pub const EMAIL: Self = Self { channel: Channel::Email, recipient: None };
    /// The webhook.
    pub const WEBHOOK: Self = Self { channel: Channel::Callback, recipient: Some("webhook") };
    /// The application's function.
    pub const FUNCTION: Self = Self { channel: Channel::Callback, recipient: Some("function") };
}

/// A notice that this process has taken, to deliver it.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The same at each try.
    pub id: Uuid,
    /// The task that has ended.
    pub task_id: Uuid,
    /// Whom it is for, in the channel's words.
    pub recipient: String,
    /// Which try this is, from 1.
    pub attempt: i64,
    /// When it began, by the database's clock, in milliseconds since 1970 UTC.
    pub at: i64,
}

/// Why a notice was not delivered.
#[derive(Clone, Debug)]
pub struct Failure {
    /// For people, without secrets.
    pub reason: String,
    /// Whether it may go better another time.
    pub may_pass: bool,
}

impl Failure {
    /// What may go better another time.
    pub fn passing(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), may_pass: true }
    }

    /// What will not.
    pub fn lasting(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), may_pass: false }
    }
}

/// The database failed, or a template did: the next try may go better.
impl From<crate::error::Error> for Failure {
    fn from(error: crate::error::Error) -> Self {
        Self::passing(error.to_string())
    }
}
