//! Tells people, and programs, that a task has ended.
//!
//! Notices are rows first, written in the transaction that ends the task: a task that ended has its notices, one that did not has none,
//! and (task, channel, recipient) is a unique key, so that nobody is told twice. What is a table of this database, [`messages`], is
//! delivered by that same transaction. Everything else is behind [`Notifier`] and is delivered later, by whatever process has the means
//! to ([`outbox`]).
//!
//! Who asked in the request and got the answer there is not told again.

mod email;
mod function;
pub(crate) mod messages;
mod outbox;
mod set_up;
mod summary;
mod webhook;
mod words;
mod write;

use std::time::Duration;

use futures_util::future::BoxFuture;
use uuid::Uuid;

pub(crate) use {
    function::TaskEndHook,
    outbox::{TRIES, give_up_forgotten},
    set_up::set_up,
    words::outcome,
    write::{words_of, write},
};
pub use {
    outbox::{NoticeState, NoticeStatus, of_task},
    set_up::Means,
};

use crate::{app::PowerCrud, config::Channel};

/// A way to deliver notices that is not a table of this database.
///
/// A notifier delivers each notice at least once: where a process dies between delivering and noting it, another delivers again, under
/// the same id, by which the receiver can tell. It holds no transaction and no connection while it waits for somebody else's machine.
pub(crate) trait Notifier: Send + Sync {
    /// Which notices are its own.
    fn address(&self) -> Address;

    /// After how long a delivery counts as failed.
    fn patience(&self) -> Duration;

    /// Delivers a notice.
    ///
    /// # Errors
    /// A [`Failure`], which says whether it is worth another try.
    fn deliver<'a>(&'a self, app: &'a PowerCrud, notice: &'a Notice) -> BoxFuture<'a, Result<(), Failure>>;

    /// Where it delivers to, without secrets; `None` for what has no place outside this process.
    fn place(&self) -> Option<String>;

    /// Whether that place can be reached now, and why not.
    fn reach(&self) -> BoxFuture<'_, Result<(), String>>;
}

/// What of the outbox is one notifier's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// The channel.
    pub(crate) channel: Channel,
    /// The recipient, where one is meant; `None` for a channel whose recipients are people.
    pub(crate) recipient: Option<&'static str>,
}

impl Address {
    pub(crate) const EMAIL: Self = Self { channel: Channel::Email, recipient: None };
    pub(crate) const WEBHOOK: Self = Self { channel: Channel::Callback, recipient: Some("webhook") };
    pub(crate) const FUNCTION: Self = Self { channel: Channel::Callback, recipient: Some("function") };
}

/// A notice that this process has taken, to deliver it.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    /// The same at each try.
    pub(crate) id: Uuid,
    pub(crate) task_id: Uuid,
    pub(crate) recipient: String,
    /// Which try this is, from 1.
    pub(crate) attempt: i64,
    /// When it began, by the database's clock, in milliseconds since 1970 UTC.
    pub(crate) at: i64,
}

/// Why a notice was not delivered.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// For people, without secrets.
    pub(crate) reason: String,
    /// Whether it may go better another time.
    pub(crate) may_pass: bool,
}

impl Failure {
    /// What may go better another time.
    pub(crate) fn passing(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), may_pass: true }
    }

    /// What will not.
    pub(crate) fn lasting(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), may_pass: false }
    }
}

/// The database failed, or a template did: the next try may go better.
impl From<crate::error::Error> for Failure {
    fn from(error: crate::error::Error) -> Self {
        Self::passing(error.to_string())
    }
}
