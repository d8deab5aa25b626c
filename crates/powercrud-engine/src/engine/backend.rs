//! How a task that is ready comes to a worker's notice.

use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::Engine;

/// Carries the news that a task is ready from whoever submitted it to workers, in this process or another.
///
/// The row of the task is the queue and the only truth: workers look into the database every
/// [`poll_interval`](crate::config::Settings::poll_interval) whatever a backend does, claim a task by a conditional update, and find nothing where
/// another one was faster. So a backend makes tasks start sooner, and nothing depends on it. What an implementor promises:
///
/// - [`Backend::dispatch`] is called after the task was committed. It may lose, repeat, reorder and delay what it is given, and says by an error that it
///   could not pass it on, which is logged. It waits for no worker.
/// - [`Listener::heard`] returns soon after a task was dispatched while it listens, in each process that listens or in one of them. What was
///   dispatched before is nobody's loss: a worker looks once it listens. Many tasks may be heard of at once.
/// - Neither holds a transaction, and both may be dropped at any time; what was not heard is heard when it is asked again. A worker that ends leaves the
///   others to hear of later tasks.
/// - What can't be reached is told: by [`Backend::health`], by [`Backend::dispatch`], and by [`Backend::listen`] or [`Listener::heard`]; no error tells a secret.
///
/// `powercrud::testing::backend` (feature `testing`) says whether it keeps that.
///
/// One over a channel, for the workers of this process:
///
/// ```
/// use futures_util::future::BoxFuture;
/// use powercrud_engine::{
///     Engine,
///     backend::{Backend, Listener},
/// };
/// use tokio::sync::broadcast;
/// use uuid::Uuid;
///
/// struct Channel(broadcast::Sender<Uuid>);
///
/// struct Receiver(broadcast::Receiver<Uuid>);
///
/// impl Backend for Channel {
///     fn name(&self) -> &'static str {
///         "channel"
///     }
///
///     fn dispatch<'a>(&'a self, _engine: &'a Engine, task_id: Uuid) -> BoxFuture<'a, Result<(), String>> {
///         Box::pin(async move { self.0.send(task_id).map(|_| ()).map_err(|_| "nobody listens".to_owned()) })
///     }
///
///     fn listen<'a>(&'a self, _engine: &'a Engine) -> BoxFuture<'a, Result<Box<dyn Listener>, String>> {
///         Box::pin(async move { Ok(Box::new(Receiver(self.0.subscribe())) as Box<dyn Listener>) })
///     }
/// }
///
/// impl Listener for Receiver {
///     fn heard(&mut self) -> BoxFuture<'_, Result<(), String>> {
///         Box::pin(async move {
///             match self.0.recv().await {
///                 // What was missed is in the database.
///                 Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => Ok(()),
///                 Err(error) => Err(error.to_string()),
///             }
///         })
///     }
/// }
/// ```
pub trait Backend: Send + Sync {
    /// Its name in `bulk_async_backend`, and in the rows of its tasks: up to 40 letters (a-z), digits, `-` and `_`, beginning with a letter.
    fn name(&self) -> &'static str;

    /// Tells workers of a task.
    ///
    /// # Errors
    /// Why it could not; the task is found by who looks next.
    fn dispatch<'a>(&'a self, engine: &'a Engine, task_id: Uuid) -> BoxFuture<'a, Result<(), String>>;

    /// Begins to listen, for one worker.
    ///
    /// # Errors
    /// Why it can't; it is tried again after the poll interval.
    fn listen<'a>(&'a self, engine: &'a Engine) -> BoxFuture<'a, Result<Box<dyn Listener>, String>>;

    /// Whether tasks can be passed on now, and why not.
    fn health<'a>(&'a self, _engine: &'a Engine) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

/// What one worker hears of a backend.
pub trait Listener: Send {
    /// Returns once there may be something to do.
    ///
    /// # Errors
    /// Why nothing more will be heard; the worker begins to listen anew.
    fn heard(&mut self) -> BoxFuture<'_, Result<(), String>>;
}
