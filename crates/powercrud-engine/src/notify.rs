//! Tells people, and programs, that a task has ended.
//!
//! Notices are rows first, written in the transaction that ends the task: a task that ended has its notices, one that did not has none,
//! and (task, channel, recipient) is a unique key, so that nobody is told twice. What is a table of this database, [`messages`], is
//! delivered by that same transaction. Everything else is behind [`Notifier`] and is delivered later, by whatever process has the means
//! to (`outbox`).
//!
//! Who asked in the request and got the answer there is not told again.

mod channel_status;
mod function;
pub mod messages;
mod outbox;
mod summary;
mod words;
mod write;

pub use {
    channel_status::{ChannelStatus, tells_by},
    function::{Function, TaskEndHook},
    outbox::{NoticeState, NoticeStatus, TRIES, of_task},
    summary::{ErrorLine, Summary},
    words::outcome,
};
pub(crate) use {
    outbox::give_up_forgotten,
    write::{words_of, write},
};

pub use crate::engine::{Address, Failure, FailureHook, Notice, Notifier, QueueHooks, SuccessHook};
