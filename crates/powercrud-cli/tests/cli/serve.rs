//! The server as a process: it prints its address, answers, works, and stops when told to.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    program::{command, number, on, powercrud},
    support::{Kind, TestDatabase, run},
};

/// A server that is killed where a test forgets it.
pub(crate) struct Server {
    pub(crate) process: Child,
    pub(crate) address: String,
    said: String,
}

impl Server {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_on(arguments, "127.0.0.1:0")
    }

    pub(crate) fn start_on(arguments: &[&str], bind: &str) -> Self {
        Self::run(&[arguments, &["--bind", bind]].concat())
    }

    /// Runs a command that prints an address at which it serves.
    pub(crate) fn run(arguments: &[&str]) -> Self {
        let mut command = command(arguments);
        command.stderr(Stdio::null());
        Self::spawn(command)
    }

    /// As [`Server::run`], with what the command has beside its arguments.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let before = said.len();
            assert!(output.read_line(&mut said).unwrap() > 0, "no address in {said:?}");
            let address = said[before..].split("http://").nth(1).and_then(|rest| rest.split_whitespace().next());
            if let Some(address) = address {
                break address.to_owned();
            }
        };
        Self { process, address, said }
    }

    /// What it printed until its address.
    pub(crate) fn said(&self) -> &str {
        &self.said
    }

    /// The whole answer to a GET.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Sends SIGTERM and returns the exit status.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let told = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        assert!(told.success());
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the server does not stop");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn a_server_answers_works_and_stops() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        database
            .execute("CREATE TABLE item (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO item VALUES (1, 'lamp');")
            .await;
        let server = Server::start(&["serve", "--database", &database.url]);
        let page = server.get("/resources/item");
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("lamp"), "{page}");
        assert!(server.get("/nothing-here").starts_with("HTTP/1.1 404"));
        // The server's own worker does it.
        assert!(on(&database, &["check"]).exits(0).stdout.contains("1 worker alive"));
        let task = on(&database, &["bulk", "update", "item", "--set", "title=desk", "--all", "--no-wait"]).exits(0);
        assert_eq!(task.stderr, "");
        let start = Instant::now();
        while number(&database, "SELECT COUNT(*) FROM item WHERE title = 'desk'").await == 0 {
            assert!(start.elapsed() < Duration::from_secs(20), "{}", on(&database, &["task", "list"]));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(server.stop(), Some(0));
        assert!(on(&database, &["check"]).exits(0).stdout.contains("none alive"));
    })
    .await;
}

#[tokio::test]
async fn a_server_without_a_worker_leaves_the_work() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        let server = Server::start(&["serve", "--no-worker", "--database", &database.url]);
        assert!(server.get("/").starts_with("HTTP/1.1 200"));
        assert!(on(&database, &["check"]).exits(0).stdout.contains("none alive"));
        assert_eq!(server.stop(), Some(0));
    })
    .await;
}

#[tokio::test]
async fn a_worker_serves_its_metrics_where_it_is_told_to() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        database
            .execute("CREATE TABLE item (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO item VALUES (1, 'lamp');")
            .await;
        let worker = Server::run(&["worker", "--metrics", "127.0.0.1:0", "--database", &database.url]);
        assert!(worker.get("/healthz").ends_with("ok\n"));
        on(&database, &["bulk", "update", "item", "--set", "title=desk", "--all"]).exits(0);
        let metrics = worker.get("/metrics");
        assert!(metrics.contains("\npowercrud_queue_seconds_count 1\n"), "{metrics}");
        let done = "\npowercrud_records_total{operation=\"update\",outcome=\"succeeded\"} 1\n";
        assert!(metrics.contains(done), "{metrics}");
        assert!(worker.get("/resources/item").starts_with("HTTP/1.1 404"), "there are no pages");
        assert_eq!(worker.stop(), Some(0));
    })
    .await;
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    powercrud(&["serve", "--database", "sqlite::memory:", "--bind", &address]).exits(1).complains(&[&address]);
}

#[tokio::test]
async fn the_demo_is_made_once_kept_and_made_anew_on_request() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("demo-{}", std::process::id()));
    let place = folder.display().to_string();
    let demo = ["demo", "--rows", "300", "--data-dir", &place];
    let server = Server::start(&demo);
    let page = server.get("/resources/book");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("300"), "{page}");
    assert_eq!(server.stop(), Some(0));

    let url = format!("sqlite:{}", folder.join("bookshop.db").display());
    let delete = ["bulk", "delete", "book", "--filter", "id__in=2,3", "--database", &url];
    powercrud(&delete).exits(0);
    // On an order, so it stays.
    let sold = ["bulk", "delete", "book", "--ids", "1", "--database", &url];
    powercrud(&sold).exits(2).complains(&[]);

    let server = Server::start(&demo);
    assert!(server.get("/resources/book").contains("298"));
    assert_eq!(server.stop(), Some(0));
    let server = Server::start(&[&demo[..], &["--reset"]].concat());
    assert!(server.get("/resources/book").contains("300"));
    assert_eq!(server.stop(), Some(0));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_proxy_that_is_not_named_is_told_once() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        for (trusted, times) in [("", 1), ("127.0.0.1", 0)] {
            let log = PathBuf::from(database.url.trim_start_matches("sqlite:").split('?').next().unwrap());
            let log = log.with_extension(format!("log{times}"));
            let mut command = command(&["serve", "--database", &database.url, "--bind", "127.0.0.1:0"]);
            command.stderr(std::fs::File::create(&log).unwrap());
            if !trusted.is_empty() {
                command.env("POWERCRUD_TRUSTED_PROXIES", trusted);
            }
            let server = Server::spawn(command);
            for _ in 0..2 {
                let mut stream = TcpStream::connect(&server.address).unwrap();
                let head = "X-Forwarded-For: 192.0.2.7\r\nConnection: close";
                write!(stream, "GET / HTTP/1.1\r\nHost: {}\r\n{head}\r\n\r\n", server.address).unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            }
            assert_eq!(server.stop(), Some(0));
            let told = std::fs::read_to_string(&log).unwrap();
            assert_eq!(told.matches("set trusted_proxies to [\"127.0.0.1\"]").count(), times, "{told}");
        }
    })
    .await;
}
