//! Spans as an OpenTelemetry collector gets them.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    process::Command,
    sync::mpsc,
    time::{Duration, Instant},
};

use crate::{
    program::{command, finish, number, on},
    serve::Server,
    support::{Kind, TestDatabase, run},
};

/// A collector: its address, and the first line and body of each delivery.
fn collector() -> (String, mpsc::Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let (mut head, mut length) = (Vec::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                match line.trim_end() {
                    "" => break,
                    line => head.push(line.to_owned()),
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let _ = sender.send((head.swap_remove(0), body));
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = reader.into_inner().write_all(answer);
        }
    });
    (address, receiver)
}

/// The trace of each span of a delivery: in OpenTelemetry's protocol a span begins with its trace's 16 bytes and its own 8.
fn traces(body: &[u8]) -> BTreeSet<[u8; 16]> {
    let is_span = |window: &[u8]| window.starts_with(&[0x0a, 16]) && window[18..20] == [0x12, 8];
    body.windows(28).filter(|window| is_span(window)).map(|window| window[2..18].try_into().unwrap()).collect()
}

#[tokio::test]
async fn spans_come_to_the_collector_without_what_records_hold() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        database
            .execute("CREATE TABLE item (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO item VALUES (1, 'lamp');")
            .await;
        let (address, deliveries) = collector();
        let update = ["bulk", "update", "item", "--set", "title=secretdesk", "--all", "--database", &database.url];
        let mut command = command(&update);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", address);
        finish(command).exits(0);
        let (first, body) = deliveries.try_recv().expect("what is left is sent at the end");
        let body = String::from_utf8_lossy(&body);
        assert_eq!(first, "POST /v1/traces HTTP/1.1");
        for part in ["powercrud", "bulk_task", "chunk", "task_id", "item", "committed"] {
            assert!(body.contains(part), "{part:?} is not in {body:?}");
        }
        assert!(!body.contains("secretdesk"), "{body:?}");
    })
    .await;
}

#[tokio::test]
async fn a_task_is_in_the_trace_of_a_request_that_another_process_answered() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        database
            .execute("CREATE TABLE item (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO item VALUES (1, 'lamp');")
            .await;
        let token = on(&database, &["token", "create", "--name", "x", "--scope", "bulk"]).exits(0).stdout;
        let start = |arguments: &[&str]| {
            let (address, deliveries) = collector();
            let mut command = command(&[arguments, &["--database", &database.url]].concat());
            command.env("OTEL_EXPORTER_OTLP_ENDPOINT", address);
            (Server::spawn(command), deliveries)
        };
        let delivered = |deliveries: mpsc::Receiver<(String, Vec<u8>)>| {
            deliveries.try_iter().flat_map(|(_, body)| body).collect::<Vec<_>>()
        };

        let (server, deliveries) = start(&["serve", "--no-worker", "--bind", "127.0.0.1:0"]);
        let answer = Command::new("curl")
            .args(["-sS", "-H", &format!("Authorization: Bearer {}", token.trim()), "-H", "X-Request-Id: of-mine"])
            .args(["--json", r#"{"all": true, "background": true, "changes": {"title": "desk"}}"#])
            .arg(format!("http://{}/api/v1/resources/item/bulk-update", server.address))
            .output()
            .expect("curl");
        let task: serde_json::Value = serde_json::from_slice(&answer.stdout).expect("a task");
        // The process is gone before anybody takes the task.
        assert_eq!(server.stop(), Some(0));
        let of_request = delivered(deliveries);

        let (worker, deliveries) = start(&["worker", "--metrics", "127.0.0.1:0"]);
        let begin = Instant::now();
        while number(&database, "SELECT COUNT(*) FROM powercrud_bulk_task WHERE status = 'SUCCESS'").await == 0 {
            assert!(begin.elapsed() < Duration::from_secs(20), "{}", on(&database, &["task", "list"]));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(worker.stop(), Some(0));
        let of_task = delivered(deliveries);

        assert_eq!(traces(&of_request).len(), 1, "one request was answered");
        assert_eq!(traces(&of_task), traces(&of_request));
        let of_task = String::from_utf8_lossy(&of_task);
        for part in ["bulk_task", "chunk", "of-mine"] {
            assert!(of_task.contains(part), "{part:?} is not in {of_task:?}");
        }
        let shown = on(&database, &["task", "show", task["id"].as_str().unwrap()]).exits(0).stdout;
        assert!(shown.contains("\nrequest of-mine\n"), "{shown}");
    })
    .await;
}
