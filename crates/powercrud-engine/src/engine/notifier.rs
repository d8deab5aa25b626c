//! How an application tells people of the ends of tasks by a channel of its own.

use std::time::Duration;

use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::Engine;
use crate::{config::Channel, error::Error, words::why_no_name};

/// A way to deliver notices that is not a table of this database: a chat, a pager, a queue.
///
/// Notices are rows, written by the transaction that ends a task, for resources with the channel
/// [`Channel::Callback`]; a worker whose process has the notifier takes them one by one, and tries again later what failed, eight times within a
/// day. What an implementor promises:
///
/// - It delivers each notice at least once: where a process dies between delivering and noting it, another delivers again, under the same
///   [`Notice::id`], by which the receiver can tell.
/// - It holds no transaction and no connection of the database while it waits for somebody else's machine.
/// - It ends by itself, or may be dropped after [`Notifier::timeout`].
///
/// `powercrud::testing::notifier` (feature `testing`) says whether it keeps that.
///
/// ```
/// use futures_util::future::BoxFuture;
/// use powercrud_engine::{
///     Engine,
///     notify::{Address, Failure, Notice, Notifier, Summary},
/// };
///
/// /// Writes to a chat.
/// struct Chat;
///
/// async fn post(_line: String) -> Result<(), std::io::Error> {
///     Ok(())
/// }
///
/// impl Notifier for Chat {
///     fn address(&self) -> Address {
///         Address::callback("chat")
///     }
///
///     fn deliver<'a>(&'a self, engine: &'a Engine, notice: &'a Notice) -> BoxFuture<'a, Result<(), Failure>> {
///         Box::pin(async move {
///             let summary = Summary::of(engine, notice.task_id).await?;
///             post(format!("{}: {}", summary.task.resource, summary.outcome)).await.map_err(|error| Failure::passing(error.to_string()))
///         })
///     }
/// }
/// ```
pub trait Notifier: Send + Sync {
    /// Which notices are its own.
    fn address(&self) -> Address;

    /// Delivers a notice.
    ///
    /// # Errors
    /// A [`Failure`], which says whether it is worth another try.
    fn deliver<'a>(&'a self, engine: &'a Engine, notice: &'a Notice) -> BoxFuture<'a, Result<(), Failure>>;

    /// After how long a delivery counts as failed: half a minute, unless said otherwise.
    fn timeout(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// Where it delivers to, without secrets; `None` for what has no place outside this process.
    fn endpoint(&self) -> Option<String> {
        None
    }

    /// Whether that place can be reached now, and why not.
    fn health_check(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
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

    /// A notifier of the application's own, by a name that stays the same: up to 60 letters (a-z), digits, `-` and `_`, beginning with a letter.
    pub const fn callback(name: &'static str) -> Self {
        Self { channel: Channel::Callback, recipient: Some(name) }
    }

    /// Why nobody but PowerCRUD may have it, or why it is none.
    pub fn why_not_own(self) -> Option<String> {
        let Self { channel: Channel::Callback, recipient: Some(name) } = self else {
            return Some(
                "only a callback can be a notifier of the application's own: Address::callback(NAME)".to_owned(),
            );
        };
        match name {
            "none" | "webhook" | "function" => Some(format!("{name:?} is taken; call the notifier otherwise")),
            name if name.parse::<Channel>().is_ok() => {
                Some(format!("{name:?} is a channel; call the notifier otherwise"))
            }
            name => why_no_name("a notifier", name, 60),
        }
    }
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
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::passing(error.to_string())
    }
}
