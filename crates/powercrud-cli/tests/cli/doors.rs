//! The server as a process that strangers reach: no request ends it, and nobody takes all of it.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    program::{command, finish, number, on},
    serve::Server,
    support::{Kind, TestDatabase, run, skip},
};

const ITEMS: &str = "CREATE TABLE item (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO item VALUES (1, 'lamp');";

/// Sends bytes as they are and returns all that comes until the other side closes, or nothing more comes for a while.
fn raw(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(&server.address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    // It may hang up before it has read all of it.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while let Ok(read) = stream.read(&mut part) {
        if read == 0 {
            break;
        }
        answer.extend_from_slice(&part[..read]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// A server under a limit of the system, with one setting.
fn limited(limit: &str, url: &str, setting: &str, value: &str) -> Server {
    let plain = command(&["serve", "--no-worker", "--database", url, "--bind", "127.0.0.1:0"]);
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{limit}; exec \"$0\" \"$@\"")).arg(plain.get_program()).args(plain.get_args());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("POWERCRUD_") || name == "RUST_LOG") {
        shell.env_remove(name);
    }
    shell.env(setting, value).current_dir(env!("CARGO_TARGET_TMPDIR"));
    Server::spawn(shell)
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[tokio::test]
async fn no_request_ends_the_server() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        database.execute(ITEMS).await;
        let server = Server::start(&["serve", "--no-worker", "--database", &database.url]);
        let words = "a+".repeat(16_000);
        let filters = "id=1&".repeat(12_000);
        for path in ["/resources/item?", "/resources/item/count?", "/api/v1/resources/item/records?"] {
            for query in [format!("q={words}"), filters.clone(), format!("id__in={}", "1,".repeat(20_000))] {
                let answer = server.get(&format!("{path}{query}"));
                assert!(answer.starts_with("HTTP/1.1 422"), "{path}: {}", &answer[..200.min(answer.len())]);
            }
        }
        let conditions: Vec<_> = (0..25_000).map(|number| format!("\"f{number}\":\"x\"")).collect();
        let body = format!("{{\"filter\":{{{}}},\"changes\":{{\"title\":\"x\"}}}}", conditions.join(","));
        let host = &server.address;
        let head = format!("POST /api/v1/resources/item/bulk-update HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        let post = format!("{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        assert_eq!(status(&raw(&server, post.as_bytes())), "422");
        let deep = "[".repeat(200_000);
        let post = format!("{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{deep}", deep.len());
        assert!(status(&raw(&server, post.as_bytes())).starts_with('4'));

        let close = "Connection: close\r\n\r\n";
        for (what, request, statuses) in [
            ("10 MB of query", format!("GET /?{} HTTP/1.1\r\nHost: {host}\r\n{close}", "a".repeat(10_000_000)), &["414", "431", "400", ""][..]),
            ("cookies of 60 kB", format!("GET / HTTP/1.1\r\nHost: {host}\r\nCookie: a={}\r\n{close}", "b".repeat(60_000)), &["200", "431"]),
            ("cookies of 600 kB", format!("GET / HTTP/1.1\r\nHost: {host}\r\nCookie: a={}\r\n{close}", "b".repeat(600_000)), &["431", ""]),
            ("500 headers", format!("GET / HTTP/1.1\r\nHost: {host}\r\n{}{close}", "X-A: b\r\n".repeat(500)), &["431", "400", ""]),
            ("HTTP/1.0 without a host", "GET /resources/item HTTP/1.0\r\n\r\n".to_owned(), &["400"]),
            ("health by HTTP/1.0", "GET /healthz HTTP/1.0\r\n\r\n".to_owned(), &["200"]),
            ("an absolute address", format!("GET http://{host}/resources/item HTTP/1.1\r\nHost: {host}\r\n{close}"), &["200"]),
            ("another's absolute address", format!("GET http://evil.example/ HTTP/1.1\r\nHost: {host}\r\n{close}"), &["421"]),
            ("two hosts", format!("GET / HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n{close}"), &["400"]),
            ("another's host", format!("GET /resources/item HTTP/1.1\r\nHost: evil.example\r\n{close}"), &["421"]),
            ("slashes in a key", format!("GET /resources/item/records/a%2Fb%2F.. HTTP/1.1\r\nHost: {host}\r\n{close}"), &["404"]),
            ("a NUL", format!("GET /resources/item/records/%00 HTTP/1.1\r\nHost: {host}\r\n{close}"), &["400"]),
            ("no HTTP at all", "\u{16}\u{3}\u{1}\u{2}\r\n\r\n".to_owned(), &["400", ""]),
            (
                "a chunked body that lies",
                format!("POST /resources/item/new HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n{close}zz\r\n"),
                &["400", ""],
            ),
            (
                "two lengths",
                format!("POST /resources/item/new HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\nContent-Length: 6\r\n{close}title"),
                &["400", ""],
            ),
            (
                "a body that is announced too large",
                format!("POST /resources/item/new HTTP/1.1\r\nHost: {host}\r\nContent-Length: 99999999999\r\nExpect: 100-continue\r\n{close}"),
                &["413"],
            ),
        ] {
            let answer = raw(&server, request.as_bytes());
            assert!(statuses.contains(&status(&answer)), "{what}: {}", answer.chars().take(300).collect::<String>());
        }
        // Several at once come back in their order.
        let two = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\nGET /nothing HTTP/1.1\r\nHost: {host}\r\n{close}");
        let answers = raw(&server, two.as_bytes());
        let (first, second) = (answers.find("HTTP/1.1 200"), answers.find("HTTP/1.1 404"));
        assert!(first == Some(0) && second.is_some(), "{answers}");
        assert!(server.get("/resources/item").contains("lamp"));
        assert_eq!(server.stop(), Some(0));
    })
    .await;
}

/// Each answer is of more than 100 MB; all of them together are more than there is.
#[tokio::test]
async fn large_answers_at_once_end_no_server() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        database.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT);").await;
        let numbers = "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 1000)";
        let body = "replace(hex(zeroblob(16000)), '00', '\"' || char(1))";
        database.execute(&format!("INSERT INTO note {numbers} SELECT n, {body} FROM number;")).await;
        let server = limited("ulimit -v 2000000", &database.url, "POWERCRUD_REQUEST_MEMORY", "268435456");
        let statuses: Vec<String> = std::thread::scope(|scope| {
            let get = || {
                let answer = server.get("/api/v1/resources/note/records?page_size=1000");
                assert!(answer.starts_with("HTTP/1.1 200") || answer.contains("SERVER_BUSY"), "{answer:.300}");
                status(&answer).to_owned()
            };
            let running: Vec<_> = (0..30).map(|_| scope.spawn(get)).collect();
            running.into_iter().map(|one| one.join().expect("an answer")).collect()
        });
        assert!(statuses.iter().any(|status| status == "200"), "{statuses:?}");
        assert!(server.get("/resources/note").starts_with("HTTP/1.1 200"));
        assert_eq!(server.stop(), Some(0));
    })
    .await;
}

/// Of 80 file descriptors 70 half-open connections left none.
#[tokio::test]
async fn half_open_connections_keep_nobody_out() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        database.execute(ITEMS).await;
        let server = limited("ulimit -n 80", &database.url, "POWERCRUD_TITLE", "Shop");
        let half_open: Vec<_> = (0..150)
            .map(|number| {
                let mut stream = TcpStream::connect(&server.address).expect("it listens");
                if number % 2 == 0 {
                    let _ = stream.write_all(b"GET /resources/item HTTP/1.1\r\nHost: 127");
                }
                stream
            })
            .collect();
        let begun = Instant::now();
        for _ in 0..5 {
            let page = server.get("/resources/item");
            assert!(page.starts_with("HTTP/1.1 200") && page.contains("lamp"), "{page}");
        }
        // Long before the half-open ones run out of time.
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
        drop(half_open);
        assert_eq!(server.stop(), Some(0));
    })
    .await;
}

#[tokio::test]
async fn slow_bodies_keep_nobody_out() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        database.execute(ITEMS).await;
        let server = limited("ulimit -n 80", &database.url, "POWERCRUD_TITLE", "Shop");
        let to: std::net::SocketAddr = server.address.parse().expect("an address");
        let mut slow = Vec::new();
        for number in 0..40 {
            let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
            socket.bind(format!("127.0.0.{}:0", 2 + number % 2).parse().expect("an address")).expect("a loopback address");
            let mut stream = socket.connect(to).await.expect("it listens");
            let head = format!(
                "POST /resources/item/new HTTP/1.1\r\nHost: {to}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nname="
            );
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await;
            slow.push(stream);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let begun = Instant::now();
        for _ in 0..5 {
            let page = server.get("/resources/item");
            assert!(page.starts_with("HTTP/1.1 200") && page.contains("lamp"), "{page}");
        }
        // Long before the slow ones run out of time.
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        drop(slow);
        assert_eq!(server.stop(), Some(0));
    })
    .await;
}

#[tokio::test]
async fn an_address_that_is_none_tells_no_password() {
    for url in [
        "postgres://postgres:s3cret#Word@127.0.0.1/x",
        "postgres:/postgres:s3cret#Word@127.0.0.1/x",
        "sqlite://u:s3cret#Word@/x",
        "oracle://u:s3cret#Word@127.0.0.1/x",
        "root:s3cret#Word@127.0.0.1/x",
    ] {
        let output = command(&["check", "--database", url]).output().expect("the program");
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told);
        assert!(!output.status.success() && !told.contains("s3cret") && !told.contains("Word"), "{url}: {told}");
    }
}

#[tokio::test]
async fn a_password_in_the_address_is_never_logged() {
    run(Kind::Postgres, async |database: TestDatabase| {
        let address = database.url.split_once("://").expect("an address").1;
        let rest = address.rsplit_once('@').map_or(address, |(_, rest)| rest);
        // Where TLS is spoken, there is something to trace.
        let has_tls = number(&database, "SELECT COUNT(*) FROM pg_settings WHERE name = 'ssl' AND setting = 'on'").await;
        if has_tls == 0 {
            return skip("what is traced of a connection", "the server speaks no TLS");
        }
        let rest = rest.split('?').next().unwrap_or(rest);
        let url = format!("postgres://postgres:s3cretWord@{rest}");
        let (user, word) = ("s3cretUser", "s3cretMail");
        let mail = format!("smtp://{user}:{word}@127.0.0.1:1?tls=none");
        for arguments in [&["check"][..], &["resources"], &["migrate"]] {
            let mut command = command(&[arguments, &["--database", &url]].concat());
            command
                .env("RUST_LOG", "trace")
                .env("POWERCRUD_EMAIL_URL", &mail)
                .env("POWERCRUD_EMAIL_FROM", "a@example.org");
            command.env("POWERCRUD_BASE_URL", "http://127.0.0.1:8000");
            let ran = finish(command);
            assert!(ran.stderr.contains("SqlxPostgresPoolConnection"), "nothing was traced: {ran}");
            for text in ["s3cretWord", word] {
                assert!(
                    !ran.stderr.contains(text) && !ran.stdout.contains(text),
                    "{text} in {arguments:?}:\n{}",
                    around(&ran.stderr, text)
                );
            }
        }
        // Nor where the connection fails.
        let wrong = format!("postgres://nobody:s3cretWord@{rest}");
        let mut command = command(&["check", "--database", &wrong.replace("5432", "1")]);
        command.env("RUST_LOG", "trace");
        let ran = finish(command);
        assert!(!ran.stderr.contains("s3cretWord"), "{}", around(&ran.stderr, "s3cretWord"));
    })
    .await;
}

fn around(text: &str, part: &str) -> String {
    text.lines().filter(|line| line.contains(part)).take(3).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn staff_who_set_a_password_end_its_user_s_tokens() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        database.execute(ITEMS).await;
        let with_password = |arguments: &[&str]| {
            let mut command = command(&[arguments, &["--database", &database.url]].concat());
            command.env("POWERCRUD_PASSWORD", "correct horse");
            finish(command).exits(0)
        };
        with_password(&["user", "add", "ann", "--staff"]);
        let secret =
            on(&database, &["token", "create", "--name", "night", "--user", "ann"]).exits(0).stdout.trim().to_owned();
        let server = Server::start(&["serve", "--no-worker", "--database", &database.url]);
        let ask = || {
            let head =
                format!("GET /api/v1/tasks HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {secret}\r\n", server.address);
            status(&raw(&server, format!("{head}Connection: close\r\n\r\n").as_bytes())).to_owned()
        };
        assert_eq!(ask(), "200");
        assert!(with_password(&["user", "password", "ann"]).stdout.contains("tokens"));
        assert_eq!(ask(), "401");
    })
    .await;
}
