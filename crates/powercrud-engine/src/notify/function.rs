//! The callback that is a function of the application.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};

use super::{Address, Failure, Notice, Notifier};
use crate::{
    engine::Engine,
    task::{BulkTask, store},
};

/// What an application does when a task has ended.
pub type TaskEndHook = Arc<dyn Fn(BulkTask) -> BoxFuture<'static, ()> + Send + Sync>;

/// Calls that function.
pub struct Function(pub TaskEndHook);

impl Notifier for Function {
    fn address(&self) -> Address {
        Address::FUNCTION
    }

    /// It is this application's own code and may have something to do.
    fn timeout(&self) -> Duration {
        Duration::from_secs(300)
    }

    fn deliver<'a>(&'a self, engine: &'a Engine, notice: &'a Notice) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let task = store::load(engine, notice.task_id).await?;
            let called = AssertUnwindSafe(async { (self.0)(task).await });
            called.catch_unwind().await.map_err(|_| Failure::passing("the function panicked"))
        })
    }

    fn endpoint(&self) -> Option<String> {
        None
    }

    fn health_check(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}
