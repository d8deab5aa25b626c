//! Tasks are carried out by the process that serves the pages: nothing else has to run.

use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::{Backend, Listener};
use crate::{config::IN_PROCESS_BACKEND, engine::Engine};

/// The backend of the name `in_process`, for applications that run no workers. A process that serves pages or the API starts a worker beside
/// them ([`Engine::start_in_process`]), which takes tasks of this backend alone, at once, and as many at a time as the setting `concurrency`
/// says. What a process had to leave, its next start goes on with; so does any other worker on the same database.
pub struct InProcess;

impl InProcess {
    pub(super) const NAME: &str = IN_PROCESS_BACKEND;
}

impl Backend for InProcess {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn dispatch<'a>(&'a self, engine: &'a Engine, _task_id: Uuid) -> BoxFuture<'a, Result<(), String>> {
        engine.embedded().wake_up.notify_one();
        async { Ok(()) }.boxed()
    }

    fn listen<'a>(&'a self, engine: &'a Engine) -> BoxFuture<'a, Result<Box<dyn Listener>, String>> {
        let listener = Beside(engine.clone());
        async move { Ok(Box::new(listener) as Box<dyn Listener>) }.boxed()
    }
}

struct Beside(Engine);

impl Listener for Beside {
    fn heard(&mut self) -> BoxFuture<'_, Result<(), String>> {
        async move {
            self.0.embedded().wake_up.notified().await;
            Ok(())
        }
        .boxed()
    }
}

impl Engine {
    /// Starts the worker that carries out tasks of the backend `in_process`, where a resource has that. Routers do so when they are made within
    /// a Tokio runtime; call it where they are not, or where a process serves neither pages nor API. Once for each engine: again, and after
    /// [`Engine::end_in_process`], it does nothing.
    pub fn start_in_process(&self) {
        let is_wanted = self.for_everybody().resources().iter().any(|resource| resource.backend() == InProcess::NAME);
        let Ok(runtime) = Handle::try_current() else { return };
        // Where nothing can be written, there is no task to work on.
        if !is_wanted || self.database().read_only_reason().is_some() {
            return;
        }
        self.embedded().start(|stop| {
            let worker = self.worker().of_backend(InProcess::NAME);
            runtime.spawn(async move {
                if let Err(error) = worker.run(stop).await {
                    tracing::error!(%error, "tasks of the backend in_process can't be carried out here");
                }
            })
        });
    }

    /// Ends that worker: running tasks finish their chunk and are given back. Call it after the server has stopped; what was not done is
    /// gone on with by the next start.
    pub async fn end_in_process(&self) {
        if let Some(worker) = self.embedded().end()
            && let Err(error) = worker.await
        {
            tracing::warn!(%error, "the worker of the backend in_process ended badly");
        }
    }
}
