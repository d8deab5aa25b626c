//! Spans as an OpenTelemetry collector gets them.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::mpsc,
};

use crate::{
    program::{command, finish},
    support::{Kind, TestDatabase, run},
};

/// A collector that takes one delivery and tells its first line and body.
fn collector() -> (String, mpsc::Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = Vec::new();
            let mut buffer = [0; 65_536];
            loop {
                let read = stream.read(&mut buffer).unwrap();
                bytes.extend_from_slice(&buffer[..read]);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
                let length =
                    head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                let begins = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
                if read == 0 || bytes.len() - begins >= length.unwrap_or(0) {
                    let first = head.lines().next().unwrap_or_default().to_owned();
                    let _ = sender.send((first, String::from_utf8_lossy(&bytes[begins..]).into_owned()));
                    break;
                }
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    (address, receiver)
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
        assert_eq!(first, "POST /v1/traces HTTP/1.1");
        for part in ["powercrud", "bulk_task", "chunk", "task_id", "item", "committed"] {
            assert!(body.contains(part), "{part:?} is not in {body:?}");
        }
        assert!(!body.contains("secretdesk"), "{body:?}");
    })
    .await;
}
