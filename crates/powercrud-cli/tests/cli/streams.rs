//! A thousand open status pages on one server: what they cost it, and that it stops none the less.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait as _, Statement};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::{
    program::on,
    serve::Server,
    support::{Kind, TestDatabase, run},
};

const PAGES: usize = 1_000;
const WATCHED: Duration = Duration::from_secs(8);

async fn execute(database: &TestDatabase, sql: &str) {
    let connection = database.connection();
    connection.execute_raw(Statement::from_string(connection.get_database_backend(), sql)).await.unwrap();
}

/// Resident memory in bytes, and processor time so far.
fn cost(process: u32) -> (u64, Duration) {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{process}/{file}")).expect("a process that lives");
    let status = read("status");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a resident set");
    let kilobytes: u64 = resident.trim().trim_end_matches(" kB").parse().expect("a number");
    let stat = read("stat");
    // After the name in brackets: user and system time are the 12th and 13th field, in hundredths of a second.
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("ticks")).sum();
    (kilobytes * 1024, Duration::from_millis(ticks * 10))
}

/// One page's stream: counts the progress it is told.
async fn watch(address: String, path: String, told: Arc<AtomicU64>) {
    let mut stream = TcpStream::connect(&address).await.expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("a request");
    let mut buffer = [0; 8192];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(length) => {
                let news = buffer[..length].windows(16).filter(|window| window == b"event: progress-").count();
                told.fetch_add(news as u64, Ordering::Relaxed);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_thousand_pages_cost_little_and_do_not_keep_the_server_from_stopping() {
    if !cfg!(target_os = "linux") {
        return;
    }
    run(Kind::Sqlite, async |database: TestDatabase| {
        database.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, title TEXT); INSERT INTO item VALUES (1, 'a'), (2, 'b');").await;
        let server = Server::start(&["serve", "--no-worker", "--database", &database.url]);
        let task = on(&database, &["bulk", "update", "item", "--set", "title=x", "--all", "--no-wait", "--format", "json"]);
        let task = task.json()["id"].as_str().expect("an id").to_owned();
        // Somebody else's worker is on it.
        execute(&database, "UPDATE powercrud_bulk_task SET status = 'STARTED', attempt = 1, total_records = 1000000, started_at = created_at, lease_expires_at = 9999999999999").await;
        let page = server.get(&format!("/tasks/{task}"));
        let path = page.split_once("sse-connect=\"").and_then(|(_, rest)| rest.split_once('"')).expect("a stream").0;
        let path = path.replace("&amp;", "&");
        let told = Arc::new(AtomicU64::new(0));
        let mut pages = JoinSet::new();
        for _ in 0..PAGES {
            pages.spawn(watch(server.address.clone(), path.clone(), Arc::clone(&told)));
        }
        let begun = Instant::now();
        while told.load(Ordering::Relaxed) < PAGES as u64 {
            assert!(begun.elapsed() < Duration::from_secs(60), "{} of {PAGES} pages are told", told.load(Ordering::Relaxed));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        told.store(0, Ordering::Relaxed);
        let (_, before) = cost(server.process.id());
        let begun = Instant::now();
        while begun.elapsed() < WATCHED {
            execute(&database, "UPDATE powercrud_bulk_task SET processed_records = processed_records + 100, succeeded_records = succeeded_records + 100").await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let seconds = begun.elapsed().as_secs_f64();
        let (memory, after) = cost(server.process.id());
        let share = (after - before).as_secs_f64() / seconds;
        let news = told.load(Ordering::Relaxed) as f64 / PAGES as f64 / seconds;
        eprintln!("{PAGES} pages: {} MB, {:.0} % of one core, {news:.2} news a second each", memory >> 20, share * 100.0);
        // Progress is to be at most a second old.
        assert!(news > 1.0, "each page is told {news} times a second");
        assert!(memory < 120 << 20, "{} MB", memory >> 20);
        // Of a program that was not optimised.
        assert!(share < 0.5, "{:.0} % of one core", share * 100.0);
        let told_to_stop = Instant::now();
        assert_eq!(server.stop(), Some(0));
        assert!(told_to_stop.elapsed() < Duration::from_secs(8), "open pages held the server up");
        tokio::time::timeout(Duration::from_secs(20), pages.join_all()).await.expect("every stream has ended");
    })
    .await;
}
