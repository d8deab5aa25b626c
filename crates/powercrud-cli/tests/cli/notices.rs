//! Mail and webhooks as an operator sets them up.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use crate::{
    program::{command, finish, on},
    support::{Kind, TestDatabase, run},
};

const TABLE: &str =
    "CREATE TABLE item (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO item VALUES (1, 'a'), (2, 'b');";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A server that takes what is posted: its port, and what came.
fn receiver() -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, received) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let (mut line, mut length) = (String::new(), 0);
            while reader.read_line(&mut line).unwrap() > 2 {
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            // `check` connects and sends nothing.
            if length > 0 && reader.read_exact(&mut body).is_ok() {
                let _ = reader.into_inner().write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
                let _ = sender.send(String::from_utf8(body).unwrap());
            }
        }
    });
    (port, received)
}

#[tokio::test]
async fn check_tries_what_is_set_up_and_shows_no_secret() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        database.execute(TABLE).await;
        on(&database, &["migrate"]).exits(0);
        let (port, received) = receiver();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let start = |variables: &[(&str, String)]| {
            let mut command = command(&["check", "--database", &database.url]);
            command.envs(variables.iter().map(|(name, value)| (*name, value)));
            finish(command)
        };
        let variables = [
            ("POWERCRUD_BASE_URL", "https://shop.example.org".to_owned()),
            ("POWERCRUD_EMAIL_URL", format!("smtp://ann:s3cret@127.0.0.1:{closed}?tls=none")),
            ("POWERCRUD_EMAIL_FROM", "The shop <shop@example.org>".to_owned()),
            ("POWERCRUD_WEBHOOK_URL", format!("http://127.0.0.1:{port}/s3cret")),
            ("POWERCRUD_WEBHOOK_SECRET", SECRET.to_owned()),
            ("POWERCRUD_WEBHOOK_ALLOW_PRIVATE", "true".to_owned()),
            ("POWERCRUD_BULK_ASYNC_NOTIFICATION", "messages, callback".to_owned()),
        ];
        let checked = start(&variables).exits(0);
        for part in [
            &format!("email          127.0.0.1 port {closed}, not encrypted, with login, from The shop <shop@example.org>, no resource"),
            "CAN'T BE REACHED: ",
            &format!("webhook        http://127.0.0.1:{port}, signed, for 1 resource; reached"),
        ] {
            assert!(checked.stdout.contains(part), "{part:?} is not in {checked}");
        }
        assert!(!checked.to_string().contains("s3cret") && !checked.to_string().contains("MfKQ"), "{checked}");
        assert!(received.try_recv().is_err(), "nothing is sent");

        start(&variables[..1]).exits(0);
        start(&variables[1..5]).exits(1).complains(&["2 mistake", "base_url: is missing", "POWERCRUD_WEBHOOK_URL: 127.0.0.1 is this machine"]);
        start(&[("POWERCRUD_BULK_ASYNC_NOTIFICATION", "email".to_owned())]).exits(1).complains(&["\"email\" needs email_url"]);
    })
    .await;
}

#[tokio::test]
async fn a_command_that_works_alone_delivers_too() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        database.execute(TABLE).await;
        let (port, received) = receiver();
        let mut command =
            command(&["bulk", "update", "item", "--set", "title=x", "--all", "--database", &database.url]);
        command
            .env("POWERCRUD_WEBHOOK_URL", format!("http://127.0.0.1:{port}/"))
            .env("POWERCRUD_WEBHOOK_SECRET", SECRET)
            .env("POWERCRUD_WEBHOOK_ALLOW_PRIVATE", "true")
            .env("POWERCRUD_BULK_ASYNC_NOTIFICATION", "messages, callback");
        finish(command).exits(0);
        let body = received.recv_timeout(Duration::from_secs(30)).expect("it was posted before the command ended");
        assert!(body.contains("\"bulk_task.ended\"") && body.contains("2 items changed."), "{body}");

        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let show = ["task", "show", body["data"]["id"].as_str().unwrap()];
        let shown = on(&database, &show).exits(0);
        let rows: Vec<Vec<_>> = shown.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
        for row in [["messages", "operator", "sent", "1"], ["callback", "webhook", "sent", "1"]] {
            assert!(
                rows.iter().any(|found| found.starts_with(&row) && found.ends_with(&["UTC"])),
                "{row:?} in {shown}"
            );
        }
        let json = on(&database, &[&show[..], &["--format", "json"]].concat()).exits(0).json();
        let told: Vec<_> = json["notices"].as_array().unwrap().iter().map(|notice| &notice["channel"]).collect();
        assert_eq!(told, ["messages", "callback"]);
    })
    .await;
}
