//! What a [`Backend`] promises, put to one.

use std::{sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, select_all};
use tokio::{sync::oneshot, time::timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{BrokenPromises, Findings, PATIENCE};
use crate::{
    engine::{Backend, Engine, Listener},
    words::why_no_name,
};

const NAME: &str = "its name is a word for configurations, and always the same";
const HEALTHY: &str = "health says nothing against it while tasks can be passed on";
const WAITS_FOR_NOBODY: &str = "dispatch waits for no worker";
const LISTENS: &str = "a worker can begin to listen";
const PASSES: &str = "dispatch passes tasks on while workers listen";
const HEARD: &str = "a worker hears soon of each task that is dispatched while it listens";
const BACKLOG: &str = "what was dispatched while nobody listened keeps nobody from hearing of later tasks";
const BURST: &str = "many tasks at once are heard of, and the worker goes on to listen";
const DROPPED: &str = "heard may be dropped at any time, and nothing is lost by it";
const ONE_OF_MANY: &str = "of several workers that listen, one at least hears of each task";
const PROCESSES: &str = "a task is heard of in other processes than the one that dispatched it";
const GONE: &str = "a worker that ends leaves the others to hear of later tasks";
const QUIET: &str = "heard waits while there is nothing to do";
const STOPS: &str = "listening ends soon once it is cancelled";
const SAYS_SO: &str = "what can't be reached is told: by health, by dispatch, and by listen or heard";
const SECRET: &str = "no error tells a secret";

/// So long nothing has to be heard for all to be heard that was dispatched.
const SILENCE: Duration = Duration::from_millis(40);

/// A suite for a backend; see [`backend`].
#[must_use = "nothing is checked before `check`"]
pub struct BackendSuite<'a> {
    engine: &'a Engine,
    elsewhere: &'a Engine,
    process: Box<dyn Fn() -> Arc<dyn Backend> + Send + Sync + 'a>,
    unreachable: Option<(&'a Engine, Arc<dyn Backend>)>,
    secrets: Vec<String>,
    patience: Duration,
    wakes: bool,
}

/// Checks what [`Backend`] promises of the one that `process` makes: each time one as another process has it, with connections of its
/// own to the same broker. Of a backend within one process it makes another handle of the same channel.
///
/// Tasks that it dispatches are in no table. A broker whose own workers look for them has to let such ones be.
///
/// ```
/// # use futures_util::future::BoxFuture;
/// # use powercrud_engine::{Engine, backend::{Backend, Listener}};
/// # use tokio::sync::broadcast;
/// # use uuid::Uuid;
/// # #[derive(Clone)]
/// # struct Channel(broadcast::Sender<Uuid>);
/// # struct Receiver(broadcast::Receiver<Uuid>);
/// # impl Backend for Channel {
/// #     fn name(&self) -> &'static str { "channel" }
/// #     fn dispatch<'a>(&'a self, _engine: &'a Engine, task_id: Uuid) -> BoxFuture<'a, Result<(), String>> {
/// #         Box::pin(async move { self.0.send(task_id).map(|_| ()).map_err(|_| "nobody listens".to_owned()) })
/// #     }
/// #     fn listen<'a>(&'a self, _engine: &'a Engine) -> BoxFuture<'a, Result<Box<dyn Listener>, String>> {
/// #         Box::pin(async move { Ok(Box::new(Receiver(self.0.subscribe())) as Box<dyn Listener>) })
/// #     }
/// # }
/// # impl Listener for Receiver {
/// #     fn heard(&mut self) -> BoxFuture<'_, Result<(), String>> {
/// #         Box::pin(async move {
/// #             match self.0.recv().await {
/// #                 Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => Ok(()),
/// #                 Err(error) => Err(error.to_string()),
/// #             }
/// #         })
/// #     }
/// # }
/// # async fn test(engine: &Engine) {
/// let channel = Channel(broadcast::channel(100).0);
/// powercrud_engine::testing::backend(engine, || channel.clone()).check().await.unwrap();
/// # }
/// ```
pub fn backend<'a, B: Backend + 'static>(
    engine: &'a Engine,
    process: impl Fn() -> B + Send + Sync + 'a,
) -> BackendSuite<'a> {
    BackendSuite {
        engine,
        elsewhere: engine,
        process: Box::new(move || Arc::new(process())),
        unreachable: None,
        secrets: Vec::new(),
        patience: PATIENCE,
        wakes: true,
    }
}

impl<'a> BackendSuite<'a> {
    /// The engine of the other process, with a pool of its own: for backends that go through the database.
    pub fn elsewhere(mut self, engine: &'a Engine) -> Self {
        self.elsewhere = engine;
        self
    }

    /// One that can't reach what it needs, such as a broker at an address where nobody answers: it has to say so.
    pub fn unreachable(mut self, engine: &'a Engine, backend: impl Backend + 'static) -> Self {
        self.unreachable = Some((engine, Arc::new(backend)));
        self
    }

    /// What no error may tell, such as the password in its address.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// How long "soon" is.
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// It wakes nobody, as the database's own where that can't: nothing has to be heard.
    pub fn wakes_nobody(mut self) -> Self {
        self.wakes = false;
        self
    }

    /// Checks it.
    ///
    /// # Errors
    /// What it does not keep.
    pub async fn check(self) -> Result<(), BrokenPromises> {
        let mut findings = Findings::new(self.patience);
        let (here, there) = ((self.process)(), (self.process)());
        let name = here.name();
        findings.require(name == here.name() && name == there.name(), NAME, format_args!("{name:?}, then another"));
        if let Some(mistake) = why_no_name("a backend", name, 40) {
            findings.broken(NAME, mistake);
        }
        let healthy = findings.within(HEALTHY, "health", here.health(self.engine)).await;
        if let Some(Err(error)) = healthy {
            findings.broken(HEALTHY, error);
        }
        // It may say by an error that nobody hears of it.
        for _ in 0..100 {
            let told = findings.within(WAITS_FOR_NOBODY, "dispatch", here.dispatch(self.engine, Uuid::new_v4())).await;
            if told.is_none() {
                return findings.end();
            }
        }
        let mut suite = Hearing { findings, engine: self.engine, backend: here };
        let Some(mut listener) = suite.listen().await else { return suite.findings.end() };
        if self.wakes {
            suite.hears(&mut listener).await;
            suite.hears_among_others(&mut listener, &there, self.elsewhere).await;
        }
        suite.waits(&mut listener).await;
        suite.stops(listener).await;
        let mut findings = suite.findings;
        if let Some((engine, backend)) = &self.unreachable {
            says_so(&mut findings, engine, &**backend, &self.secrets).await;
        }
        findings.end()
    }
}

type BoxListener = Box<dyn Listener>;

struct Hearing<'a> {
    findings: Findings,
    engine: &'a Engine,
    backend: Arc<dyn Backend>,
}

impl Hearing<'_> {
    async fn listen(&mut self) -> Option<BoxListener> {
        let listening = self.backend.listen(self.engine);
        match self.findings.within(LISTENS, "listen", listening).await? {
            Ok(listener) => Some(listener),
            Err(error) => {
                self.findings.broken(LISTENS, error);
                None
            }
        }
    }

    async fn dispatch(&mut self, backend: &dyn Backend, engine: &Engine) {
        let passed = self.findings.within(PASSES, "dispatch", backend.dispatch(engine, Uuid::new_v4())).await;
        if let Some(Err(error)) = passed {
            self.findings.broken(PASSES, error);
        }
    }

    /// Dispatches, and waits until it is heard of.
    async fn is_heard(&mut self, promise: &'static str, what: &str, listener: &mut BoxListener) -> bool {
        let backend = Arc::clone(&self.backend);
        self.dispatch(&*backend, self.engine).await;
        let heard = self.findings.within(promise, what, listener.heard()).await;
        if let Some(Err(error)) = &heard {
            self.findings.broken(promise, format_args!("{what} failed: {error}"));
        }
        drain(listener).await;
        matches!(heard, Some(Ok(())))
    }

    /// What one worker hears.
    async fn hears(&mut self, listener: &mut BoxListener) {
        drain(listener).await;
        if !self.is_heard(BACKLOG, "heard", listener).await {
            return;
        }
        for _ in 0..20 {
            if !self.is_heard(HEARD, "heard", listener).await {
                return;
            }
        }
        let backend = Arc::clone(&self.backend);
        for _ in 0..500 {
            self.dispatch(&*backend, self.engine).await;
        }
        match self.findings.within(BURST, "heard", listener.heard()).await {
            Some(Ok(())) => {
                drain(listener).await;
                self.is_heard(BURST, "heard after it", listener).await;
            }
            Some(Err(error)) => self.findings.broken(BURST, format_args!("heard failed: {error}")),
            None => return,
        }
        for pause in (0..20).map(Duration::from_millis) {
            // Dropped while it waits, then again and again while the task is on its way.
            let _ = timeout(pause, listener.heard()).await;
            self.dispatch(&*backend, self.engine).await;
            let again_and_again =
                async { while timeout(Duration::from_micros(200), listener.heard()).await.is_err() {} };
            if self.findings.within(DROPPED, "heard", again_and_again).await.is_none() {
                return;
            }
            drain(listener).await;
        }
    }

    /// What several hear: of this process and of another.
    async fn hears_among_others(&mut self, first: &mut BoxListener, there: &Arc<dyn Backend>, elsewhere: &Engine) {
        let Some(mut second) = self.listen().await else { return };
        let here = Arc::clone(&self.backend);
        let listening = self.findings.within(LISTENS, "listen in another process", there.listen(elsewhere)).await;
        let mut third = match listening {
            Some(Ok(listener)) => listener,
            Some(Err(error)) => return self.findings.broken(LISTENS, error),
            None => return,
        };
        for turn in 0..20 {
            for listener in [&mut *first, &mut second, &mut third] {
                drain(listener).await;
            }
            let (backend, engine) = if turn % 2 == 0 { (&*here, self.engine) } else { (&**there, elsewhere) };
            self.dispatch(backend, engine).await;
            let any = async { any_heard([&mut *first, &mut second, &mut third]).await };
            match self.findings.within(ONE_OF_MANY, "heard of every worker", any).await {
                Some(Ok(())) => {}
                Some(Err(error)) => return self.findings.broken(ONE_OF_MANY, error),
                None => return,
            }
        }
        // One ends while it waits, another while it was told and did not look.
        let _ = timeout(Duration::from_millis(1), second.heard()).await;
        drop(second);
        self.dispatch(&*here, self.engine).await;
        drain(&mut third).await;
        drop(third);
        drain(first).await;
        for _ in 0..10 {
            if !self.is_heard(GONE, "heard of the one that is left", first).await {
                return;
            }
        }
        self.dispatch(&**there, elsewhere).await;
        match self.findings.within(PROCESSES, "heard", first.heard()).await {
            Some(Err(error)) => self.findings.broken(PROCESSES, error),
            Some(Ok(())) => drain(first).await,
            None => {}
        }
    }

    /// A worker would go round and round.
    async fn waits(&mut self, listener: &mut BoxListener) {
        drain(listener).await;
        let mut times = 0;
        let _ = timeout(Duration::from_millis(300), async {
            while times < 20 && listener.heard().await.is_ok() {
                times += 1;
                tokio::task::yield_now().await;
            }
        })
        .await;
        self.findings.require(
            times < 20,
            QUIET,
            format_args!("it returned {times} times though nothing was dispatched"),
        );
    }

    async fn stops(&mut self, mut listener: BoxListener) {
        let (stop, (begun, begins)) = (CancellationToken::new(), oneshot::channel());
        let stopped = stop.clone();
        let worker = tokio::spawn(async move {
            let listening = async {
                let _ = begun.send(());
                while listener.heard().await.is_ok() {
                    tokio::task::yield_now().await;
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                biased;
                () = listening => {}
                () = stopped.cancelled() => {}
            }
        });
        let _ = begins.await;
        stop.cancel();
        self.findings.within(STOPS, "a worker", worker).await;
    }
}

/// Whether anybody hears something.
async fn any_heard<const N: usize>(listeners: [&mut BoxListener; N]) -> Result<(), String> {
    let all: Vec<BoxFuture<'_, _>> = listeners.into_iter().map(|listener| listener.heard()).collect();
    select_all(all).await.0
}

/// Hears what there is, until it is silent for a moment.
async fn drain(listener: &mut BoxListener) {
    for _ in 0..2_000 {
        if !matches!(timeout(SILENCE, listener.heard()).await, Ok(Ok(()))) {
            return;
        }
    }
}

/// One that can't reach what it needs.
async fn says_so(findings: &mut Findings, engine: &Engine, backend: &dyn Backend, secrets: &[String]) {
    let mut errors = Vec::new();
    for (what, told) in [
        ("health", findings.within(SAYS_SO, "health", backend.health(engine)).await),
        ("dispatch", findings.within(SAYS_SO, "dispatch", backend.dispatch(engine, Uuid::new_v4())).await),
    ] {
        match told {
            Some(Ok(())) => findings.broken(SAYS_SO, format_args!("{what} is Ok")),
            Some(Err(error)) => errors.push((what, error)),
            None => {}
        }
    }
    let listening = async { backend.listen(engine).await?.heard().await };
    match findings.within(SAYS_SO, "listen, and heard after it,", listening).await {
        Some(Ok(())) => findings.broken(SAYS_SO, "listen and heard are Ok"),
        Some(Err(error)) => errors.push(("listen", error)),
        None => {}
    }
    for (what, error) in errors {
        findings.require(!error.trim().is_empty(), SAYS_SO, format_args!("{what} gives no reason"));
        let tells = secrets.iter().any(|secret| error.contains(secret));
        findings.require(!tells, SECRET, format_args!("that of {what} does"));
    }
}
