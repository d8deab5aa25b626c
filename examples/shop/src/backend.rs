//! Tells the workers of this process of tasks over a channel. Other processes' workers find them by looking into the database.

use futures_util::future::BoxFuture;
use powercrud::{
    Engine,
    backend::{Backend, Listener},
};
use tokio::sync::broadcast::{self, error::RecvError};
use uuid::Uuid;

/// A channel of this process; clones share it.
#[derive(Clone)]
pub struct InProcess(broadcast::Sender<Uuid>);

impl InProcess {
    /// Its name in `bulk_async_backend`.
    pub const NAME: &str = "channel";
}

impl Default for InProcess {
    fn default() -> Self {
        Self(broadcast::channel(100).0)
    }
}

struct Receiver(broadcast::Receiver<Uuid>);

impl Backend for InProcess {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn dispatch<'a>(&'a self, _engine: &'a Engine, task_id: Uuid) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(
            async move { self.0.send(task_id).map(|_| ()).map_err(|_| "no worker runs in this process".to_owned()) },
        )
    }

    fn listen<'a>(&'a self, _engine: &'a Engine) -> BoxFuture<'a, Result<Box<dyn Listener>, String>> {
        Box::pin(async move { Ok(Box::new(Receiver(self.0.subscribe())) as Box<dyn Listener>) })
    }
}

impl Listener for Receiver {
    fn heard(&mut self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            match self.0.recv().await {
                // What was missed is in the database.
                Ok(_) | Err(RecvError::Lagged(_)) => Ok(()),
                Err(error) => Err(error.to_string()),
            }
        })
    }
}
