//! For tests of applications (feature `testing`): a PowerCRUD in memory, and suites that say whether policies, backends, notifiers, rules and
//! hooks keep what their traits promise.
//!
//! Put `powercrud = { version = "…", features = ["testing"] }` under `[dev-dependencies]`.
//!
//! [`app`] makes a PowerCRUD over a SQLite database in memory, whose tasks are carried out by hand ([`TestApp::finish`]) or by a worker in
//! the background ([`TestApp::start_worker`]). [`backend`], [`notifier`], [`policy`], [`validate`] and [`chunk_hook`] are the suites; they take any
//! [`PowerCrud`], so that what depends on a database is checked on that one.
//!
//! ```
//! use powercrud::{Resource, bulk, task::Status, testing};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let schema = "
//!     CREATE TABLE book (id integer PRIMARY KEY, status text NOT NULL, price numeric);
//!     INSERT INTO book (status) VALUES ('new'), ('new'), ('old');
//! ";
//! let app = testing::app(schema, |builder| builder.resource(Resource::table("book").bulk_fields(["price"]))).await?;
//! let answer = bulk::update(&app, "book").set("price", "7.77").filter("status=new").in_background().run().await?;
//! let task = app.finish(&answer).await?;
//! assert_eq!((task.status, task.succeeded_records), (Status::Success, 2));
//! # Ok(())
//! # }
//! ```

use std::{ops::Deref, sync::Mutex};

use powercrud_engine::{
    bulk::Answer,
    error::{Error, Result},
    task::{BulkTask, Status, store},
    user::User,
};
use sea_orm::{ConnectOptions, ConnectionTrait as _, DatabaseConnection};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::app::{Builder, PowerCrud};

pub use powercrud_engine::testing::{
    BackendSuite, BrokenPromise, BrokenPromises, ChunkHookSuite, NotifierSuite, PATIENCE, PolicySuite, RecordsSuite,
    ValidateSuite, backend, chunk_hook, notifier, notifiers, policy, validate,
};

/// A PowerCRUD over a database in memory that is its own, and goes with it. It derefs to its [`PowerCrud`].
pub struct TestApp {
    powercrud: PowerCrud,
    connection: DatabaseConnection,
    /// The database is there for as long as it has a connection, and whoever is dropped at a query takes theirs along.
    _kept: DatabaseConnection,
    worker: Mutex<Option<Running>>,
}

struct Running {
    /// Stops the worker when the application goes.
    stop: DropGuard,
    worker: JoinHandle<Result<()>>,
}

/// Makes an application over a SQLite database in memory with these tables: `schema` is a script of statements, and `configure` is given a
/// builder under which every table is a resource, whether it is named or not.
///
/// The database has one connection. Code that waits for a second while it holds the first, such as a rule that asks past its
/// transaction, waits in vain and fails, here as it would on a busy server.
///
/// # Errors
/// The database's, and mistakes of the configuration.
pub async fn app(schema: &str, configure: impl FnOnce(Builder) -> Builder) -> Result<TestApp> {
    let mut options = ConnectOptions::new(format!("sqlite:file:powercrud-{}?mode=memory", uuid::Uuid::new_v4()));
    options.max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None).sqlx_logging(false);
    let kept = sea_orm::Database::connect(options.clone()).await?;
    let connection = sea_orm::Database::connect(options).await?;
    connection.execute_unprepared(schema).await?;
    let builder = PowerCrud::builder(connection.clone()).discover(true);
    Ok(TestApp { powercrud: configure(builder).build().await?, connection, _kept: kept, worker: Mutex::default() })
}

impl Deref for TestApp {
    type Target = PowerCrud;

    fn deref(&self) -> &PowerCrud {
        &self.powercrud
    }
}

impl TestApp {
    /// SeaORM's connection to the database, to look at what was done.
    pub fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// The task of an answer once it has ended: a task that is queued is carried out by hand, unless a worker runs in the background, which is
    /// waited for.
    ///
    /// # Errors
    /// The database's; [`Error::Internal`] where nothing but another task's end would set it going.
    pub async fn finish(&self, answer: &Answer) -> Result<BulkTask> {
        if self.has_worker() {
            return answer.wait(self).await;
        }
        let id = answer.task().id;
        let task = store::get(self, &User::operator(), id).await?;
        if task.status.is_final() || task.status == Status::Paused {
            return Ok(task);
        }
        let task = self.worker().run_task(id, &CancellationToken::new()).await?;
        match task.status.is_final() || task.status == Status::Paused {
            true => Ok(task),
            false => Err(Error::Internal(format!(
                "the task waits for another ({}): `work` carries out all of them",
                task.status.as_str()
            ))),
        }
    }

    /// Carries out by hand all tasks that are queued or wait for such, and delivers the notices of their ends. Returns the tasks, in the order in
    /// which they were carried out.
    ///
    /// # Errors
    /// The database's.
    pub async fn work(&self) -> Result<Vec<BulkTask>> {
        let mut done = Vec::new();
        let (worker, stop) = (self.worker(), CancellationToken::new());
        while let Some(task) = worker.run_next(&stop).await? {
            done.push(task);
        }
        self.deliver_notices().await?;
        Ok(done)
    }

    /// Lets a worker run in the background, until [`TestApp::stop_worker`] or until the application goes. A second call does nothing.
    pub fn start_worker(&self) {
        let mut running = self.worker.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        running.get_or_insert_with(|| {
            let stop = CancellationToken::new();
            let worker = tokio::spawn(self.worker().run(stop.clone()));
            Running { stop: stop.drop_guard(), worker }
        });
    }

    /// Stops that worker, once it has finished the chunks that it is at.
    ///
    /// # Errors
    /// Why it could not begin; [`Error::Internal`] where it panicked.
    pub async fn stop_worker(&self) -> Result<()> {
        let running = self.worker.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let Some(Running { stop, worker }) = running else { return Ok(()) };
        stop.disarm().cancel();
        worker.await.map_err(|error| Error::Internal(format!("the worker: {error}")))?
    }

    fn has_worker(&self) -> bool {
        self.worker.lock().unwrap_or_else(std::sync::PoisonError::into_inner).is_some()
    }
}
