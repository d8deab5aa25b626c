//! Brokers of a test's own, Python with Celery, and a worker to talk to.

use std::{
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use powercrud_celery::{Address, Failure, Handler, Job, Message, Outcome, Worker, WorkerOptions};
use serde_json::{Value, json};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{python, rabbitmq::Rabbit, redis_server::RedisServer};

/// Long enough for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What can't be tested here; with `CI=true` that is a failure.
pub(crate) fn skip(what: &str, why: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{what}: {why}");
    eprintln!("skipped: {what}: {why}");
}

/// A process that ends with its test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number").port()
}

pub(crate) fn await_port(port: u16) {
    await_that(&format!("port {port} answers"), || TcpStream::connect(("127.0.0.1", port)).is_ok());
}

pub(crate) fn await_that(what: &str, mut is: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What Redis answers.
pub(crate) fn redis_says(server: &RedisServer, command: &[&str]) -> Value {
    let client = redis::Client::open(server.url(0)).expect("an address");
    let mut connection = client.get_connection().expect("a connection");
    let mut asked = redis::cmd(command[0]);
    asked.arg(&command[1..]);
    match asked.query::<redis::Value>(&mut connection).expect("an answer") {
        redis::Value::Int(number) => json!(number),
        redis::Value::BulkString(bytes) => json!(String::from_utf8_lossy(&bytes)),
        other => json!(format!("{other:?}")),
    }
}

/// A broker, a place for results, and Python that uses both.
pub(crate) struct Scene {
    pub(crate) python: PathBuf,
    pub(crate) broker: String,
    pub(crate) redis: RedisServer,
    pub(crate) rabbit: Option<Rabbit>,
}

impl Scene {
    pub(crate) fn new(broker: &str, version: &str) -> Option<Self> {
        let Some(python) = python::celery(version) else {
            skip("Celery for Python", "it can't be installed");
            return None;
        };
        let Some(redis) = RedisServer::start() else {
            skip("Celery over Redis", "there is no redis-server");
            return None;
        };
        let (broker, rabbit) = match broker {
            "redis" => (redis.url(0), None),
            _ => {
                let Some(rabbit) = Rabbit::start() else {
                    skip("Celery over RabbitMQ", "rabbitmqctl can't make a virtual host");
                    return None;
                };
                (rabbit.url(), Some(rabbit))
            }
        };
        Some(Self { python, broker, redis, rabbit })
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.env("BROKER", &self.broker).env("RESULTS", self.redis.url(1));
        command
            .env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire"))
            .env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// What Python prints as JSON, with `app` and `task(name)` at hand.
    pub(crate) fn python(&self, text: &str) -> Value {
        let text = format!("from client import *\n{text}");
        let output = self.command().args(["-c", &text]).output().expect("Python");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{text}\n{out}\n{err}");
        let last = out.trim().lines().last().unwrap_or("null");
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {out}\n{err}"))
    }

    pub(crate) fn options(&self) -> WorkerOptions {
        WorkerOptions {
            hostname: "echo@test".to_owned(),
            results: Some(Address::parse(&self.redis.url(1)).expect("an address")),
            lease: Duration::from_secs(3),
            prefetch: 4,
            ..WorkerOptions::new("echo", "rust")
        }
    }

    pub(crate) async fn worker(&self) -> Echo {
        self.worker_with(self.options()).await
    }

    pub(crate) async fn worker_with(&self, options: WorkerOptions) -> Echo {
        let state = Arc::new(State::default());
        let address = Address::parse(&self.broker).expect("an address");
        let worker = Worker::connect(address, options, Arc::clone(&state) as Arc<dyn Handler>).await.expect("a worker");
        let stop = CancellationToken::new();
        let running = tokio::spawn(worker.run(stop.clone()));
        Echo { state, stop, running }
    }
}

/// What the worker has done.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) seen: Mutex<Vec<Message>>,
    pub(crate) revoked: Mutex<Vec<String>>,
    release: Notify,
    revocation: Notify,
}

impl State {
    pub(crate) fn names(&self) -> Vec<String> {
        self.seen.lock().expect("no panic").iter().map(|message| message.name.clone()).collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().expect("no panic").len()
    }

    pub(crate) fn release(&self) {
        self.release.notify_one();
    }
}

impl Handler for State {
    fn tasks(&self) -> Vec<String> {
        ["rust.echo", "rust.add", "rust.fail", "rust.wait"].map(str::to_owned).to_vec()
    }

    fn run<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let message = job.message();
            self.seen.lock().expect("no panic").push(message.clone());
            job.started().await;
            match message.name.as_str() {
                "rust.add" => {
                    let sum: i64 = message
                        .args
                        .iter()
                        .flat_map(|arg| match arg {
                            Value::Array(all) => all.clone(),
                            one => vec![one.clone()],
                        })
                        .filter_map(|arg| arg.as_i64())
                        .sum();
                    Outcome::Success(json!(sum))
                }
                "rust.fail" => Outcome::Failure(Failure::builtin("ValueError", "no such thing")),
                "rust.wait" => {
                    job.progress(json!({"done": 1, "total": 2})).await;
                    tokio::select! {
                        () = self.release.notified() => Outcome::Success(json!("released")),
                        () = self.revocation.notified() => Outcome::Revoked,
                    }
                }
                _ => Outcome::Success(json!({"args": message.args, "kwargs": message.kwargs})),
            }
        })
    }

    fn revoke<'a>(&'a self, id: &'a str, message: Option<&'a Message>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            self.revoked.lock().expect("no panic").push(id.to_owned());
            if message.is_some_and(|message| message.name == "rust.wait") {
                self.revocation.notify_one();
            }
        })
    }
}

pub(crate) struct Echo {
    pub(crate) state: Arc<State>,
    pub(crate) stop: CancellationToken,
    pub(crate) running: JoinHandle<()>,
}

impl Echo {
    pub(crate) async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.running).await.expect("it ends").expect("no panic");
    }
}

/// Waits in a test of several threads.
pub(crate) async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A test for each broker and each Celery.
macro_rules! each_celery {
    ($($test:ident),*) => {$(
        mod $test {
            use super::*;

            async fn with(broker: &str, version: &str) {
                if let Some(scene) = Scene::new(broker, version) {
                    super::$test(scene).await;
                }
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn redis_5_5() {
                with("redis", "5.5").await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn redis_5_6() {
                with("redis", "5.6").await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn rabbitmq_5_5() {
                with("rabbitmq", "5.5").await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn rabbitmq_5_6() {
                with("rabbitmq", "5.6").await;
            }
        }
    )*};
}

pub(crate) use each_celery;

impl Scene {
    /// As [`Scene::python`], beside the test.
    pub(crate) fn python_in_background(&self, text: &str) -> JoinHandle<Value> {
        let mut command = self.command();
        command.args(["-c", &format!("from client import *\n{text}")]);
        tokio::task::spawn_blocking(move || {
            let output = command.output().expect("Python");
            let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            serde_json::from_str(out.trim().lines().last().unwrap_or_default())
                .unwrap_or_else(|error| panic!("{error}: {out}\n{err}"))
        })
    }

    /// Whether anybody receives events, soon.
    pub(crate) async fn somebody_hears_events(&self) -> bool {
        for _ in 0..600 {
            let heard = match &self.rabbit {
                None => redis_says(&self.redis, &["PUBSUB", "NUMPAT"]) != json!(0),
                Some(rabbit) => rabbit.lists(&["list_bindings", "source_name"]).contains("celeryev"),
            };
            if heard {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        false
    }
}
