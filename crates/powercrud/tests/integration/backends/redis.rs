//! Workers that are told of tasks over Redis, on a server of the test's own.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use powercrud::{
    Error, PowerCrud, Resource, Settings,
    backend::{Backend as _, Redis},
    testing,
};
use uuid::Uuid;

use super::{carried_out, woken_by};
use crate::{
    shop::items,
    support::{TestDatabase, each_database, skip},
};

each_database! { it_keeps_its_promises, a_worker_elsewhere_starts_at_once }
each_database! { [sqlite] a_server_that_goes_and_comes_back, addresses_are_checked }

const PASSWORD: &str = "hunter2";
const CHANNEL: &str = "powercrud";

pub(super) struct Server {
    process: Child,
    pub(super) port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// `None` where there is no Redis; scripts/test installs it.
    pub(super) fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number").port();
        Self::start_at(port)
    }

    fn start_at(port: u16) -> Option<Self> {
        let options = ["--bind", "127.0.0.1", "--save", "", "--requirepass", PASSWORD, "--port", &port.to_string()];
        let process = Command::new("redis-server").args(options).stdout(Stdio::null()).spawn();
        let Ok(process) = process else {
            skip("tasks over Redis", "there is no redis-server");
            return None;
        };
        let server = Self { process, port };
        let deadline = Instant::now() + Duration::from_secs(30);
        while server.says("PING").is_none_or(|answer| !answer.contains("PONG")) {
            assert!(Instant::now() < deadline, "no Redis at {port}");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(server)
    }

    pub(super) fn url(&self) -> String {
        format!("redis://:{PASSWORD}@127.0.0.1:{}/0", self.port)
    }

    /// What it answers to a command.
    pub(super) fn says(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        write!(stream, "AUTH {PASSWORD}\r\n{command}\r\nQUIT\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// Whether anybody is told of tasks.
    fn is_heard(&self) -> bool {
        self.says(&format!("PUBSUB NUMSUB {CHANNEL}")).is_some_and(|answer| answer.contains(":1"))
    }

    fn backend(&self) -> Redis {
        Redis::new(&self.url(), CHANNEL).expect("an address")
    }
}

async fn it_keeps_its_promises(database: TestDatabase) {
    let Some(server) = Server::start() else { return };
    let app = || PowerCrud::builder(database.clone()).build();
    let (here, there) = (app().await.expect("no mistakes"), app().await.expect("no mistakes"));
    // Nobody is there, and whoever is lets nobody in.
    let nowhere = Redis::new(&format!("redis://:{PASSWORD}@127.0.0.1:1/0"), CHANNEL).expect("an address");
    let stranger = Redis::new(&format!("redis://:{PASSWORD}x@127.0.0.1:{}/0", server.port), CHANNEL);
    for unreachable in [nowhere, stranger.expect("an address")] {
        let suite = testing::backend(&here, || server.backend()).elsewhere(&there);
        suite.unreachable(&here, unreachable).secret(PASSWORD).check().await.unwrap();
    }
}

async fn a_worker_elsewhere_starts_at_once(database: TestDatabase) {
    let Some(server) = Server::start() else { return };
    let settings = Settings { redis_url: Some(server.url().into()), ..woken_by("redis") };
    carried_out(&database, settings, None, || server.is_heard()).await;
}

async fn a_server_that_goes_and_comes_back(database: TestDatabase) {
    let Some(server) = Server::start() else { return };
    let app = PowerCrud::builder(database.clone()).build().await.expect("no mistakes");
    let redis = server.backend();
    let mut listener = redis.listen(&app).await.expect("a listener");
    redis.dispatch(&app, Uuid::new_v4()).await.expect("told");
    listener.heard().await.expect("heard");
    let port = server.port;
    drop(server);
    let lost = tokio::time::timeout(Duration::from_secs(30), listener.heard()).await.expect("it says so");
    assert!(lost.expect_err("lost").contains("Redis"));
    for told in [redis.health(&app).await, redis.dispatch(&app, Uuid::new_v4()).await] {
        assert!(told.expect_err("away").contains("Redis"));
    }
    let _server = Server::start_at(port);
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Err(error) = redis.health(&app).await {
        assert!(Instant::now() < deadline, "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut listener = redis.listen(&app).await.expect("a listener");
    redis.dispatch(&app, Uuid::new_v4()).await.expect("told");
    listener.heard().await.expect("heard");
}

async fn addresses_are_checked(database: TestDatabase) {
    items(&database, 3).await;
    let app = |url: Option<&str>| {
        let mut app =
            PowerCrud::builder(database.clone()).resource(Resource::table("item")).bulk_async_backend("redis");
        if let Some(url) = url {
            app = app.redis_url(url);
        }
        app.build()
    };
    for (url, part) in [
        (None, "there is no backend \"redis\"; allowed are: database, in_process; redis needs redis_url"),
        (
            Some("http://:hunter2@localhost"),
            "redis_url, redis_channel: that is no address of Redis; allowed is redis://",
        ),
    ] {
        let Err(Error::Configuration(mistakes)) = app(url).await else { panic!("there are mistakes") };
        let told = mistakes.join("; ");
        assert!(told.contains(part) && !told.contains(PASSWORD), "{told}");
    }
    app(Some("rediss://:hunter2@localhost/0")).await.expect("an address with TLS");
}
