//! A chat that hears of the ends of bulk tasks. This one keeps the lines in memory.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use powercrud::{
    Engine,
    notify::{Address, Failure, Notice, Notifier, Summary},
};

/// Who writes to the chat; clones share it.
#[derive(Clone, Default)]
pub struct Chat(Arc<Mutex<Vec<String>>>);

impl Chat {
    /// What was written so far.
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Notifier for Chat {
    fn address(&self) -> Address {
        Address::callback("chat")
    }

    fn deliver<'a>(&'a self, engine: &'a Engine, notice: &'a Notice) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let Summary { task, outcome, .. } = Summary::of(engine, notice.task_id).await?;
            let who = task.user_name.unwrap_or_default();
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{who}: {outcome}"));
            Ok(())
        })
    }
}
