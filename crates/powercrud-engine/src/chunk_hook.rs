//! Code of the application's own around each chunk of a bulk task, in the chunk's transaction.
//!
//! A [`ChunkHook`] writes what has to stand if, and only if, the chunk does: an entry in a journal, a row of an outbox, a sum that other
//! tables keep. It is committed with the chunk's records, their outcome and the task's progress, so that it happens exactly once,
//! whatever crashes.
//!
//! # What an implementor promises
//!
//! - What it does goes through [`ChunkOfTask::transaction`] alone. It may be called for the same records again where their transaction did not
//!   stand, which leaves nothing of the earlier call.
//! - It waits for nobody else's machine, since the transaction holds locks meanwhile.
//! - It is the same in all processes that share a database: a worker calls its own.
//!
//! `powercrud::testing::chunk_hook` (feature `testing`) says whether it keeps that.
//!
//! An error rolls the chunk back. One of the database is told as any that the chunk meets: the transaction is tried again where it may
//! pass, and smaller chunks find the record that is in the way. Any other error, or a panic, ends the task. Records that are tried
//! once more after their chunk, as a delete does with those that others of the same delete kept, are chunks of their own.
//!
//! ```
//! use futures_util::future::BoxFuture;
//! use powercrud_engine::{
//!     action::AppError,
//!     chunk_hook::{ChunkHook, ChunkOfTask},
//! };
//! use sea_orm::{ConnectionTrait as _, sea_query::Query};
//!
//! /// Notes in a table of the application's own which records a task has changed.
//! struct Journal;
//!
//! impl ChunkHook for Journal {
//!     fn after<'a>(&'a self, chunk: &'a ChunkOfTask<'a>) -> BoxFuture<'a, Result<(), AppError>> {
//!         Box::pin(async move {
//!             for key in chunk.keys().filter(|key| !chunk.failed().any(|failed| failed == *key)) {
//!                 let mut insert = Query::insert();
//!                 insert.into_table("journal").columns(["task_id", "record_key"]);
//!                 insert.values_panic([chunk.task_id().to_string().into(), key.into()]);
//!                 chunk.transaction().execute(&insert).await?;
//!             }
//!             Ok(())
//!         })
//!     }
//! }
//! ```

use std::fmt;

use futures_util::future::BoxFuture;
use powercrud_db::Transaction;
use uuid::Uuid;

use crate::action::AppError;

/// Code around each chunk of a bulk task; the [module](self) says what an implementor promises.
pub trait ChunkHook: Send + Sync + 'static {
    /// Called before the first of the chunk's records is touched.
    ///
    /// # Errors
    /// Nothing of the chunk stands.
    fn before<'a>(&'a self, chunk: &'a ChunkOfTask<'a>) -> BoxFuture<'a, Result<(), AppError>> {
        let _ = chunk;
        Box::pin(async { Ok(()) })
    }

    /// Called after the last of the chunk's records, before the transaction is committed.
    ///
    /// # Errors
    /// Nothing of the chunk stands.
    fn after<'a>(&'a self, chunk: &'a ChunkOfTask<'a>) -> BoxFuture<'a, Result<(), AppError>> {
        let _ = chunk;
        Box::pin(async { Ok(()) })
    }
}

/// A chunk of a bulk task, and its transaction.
pub struct ChunkOfTask<'a> {
    pub(crate) task_id: Uuid,
    pub(crate) resource: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) user_id: Option<&'a str>,
    pub(crate) keys: &'a [String],
    pub(crate) failed: &'a [String],
    pub(crate) transaction: &'a Transaction,
}

impl ChunkOfTask<'_> {
    /// The bulk task.
    pub fn task_id(&self) -> Uuid {
        self.task_id
    }

    /// The resource's name.
    pub fn resource(&self) -> &str {
        self.resource
    }

    /// `update`, `delete`, `revert`, or `action:` and an action's name.
    pub fn operation(&self) -> &str {
        self.operation
    }

    /// The user who asked for the task; `None` for the operator.
    pub fn user_id(&self) -> Option<&str> {
        self.user_id
    }

    /// The keys of the chunk's records, each of several columns a JSON array; [`ChunkHook::after`] is given those that were tried, which
    /// may be fewer: the others come with a later chunk.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }

    /// Those of them that failed, for [`ChunkHook::after`]; none before.
    pub fn failed(&self) -> impl Iterator<Item = &str> {
        self.failed.iter().map(String::as_str)
    }

    /// The chunk's transaction. SeaORM's entities and statements run on it.
    pub fn transaction(&self) -> &Transaction {
        self.transaction
    }
}

impl fmt::Debug for ChunkOfTask<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkOfTask").field("task_id", &self.task_id).field("keys", &self.keys).finish()
    }
}
