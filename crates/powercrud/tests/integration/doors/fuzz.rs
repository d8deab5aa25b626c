//! Generated requests: whatever somebody sends, it is answered, in time, and never by a fault of ours.
//!
//! `POWERCRUD_FUZZ_CASES` says how many requests each database gets; without it few enough for every run.

mod requests;

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    http::{Request, header},
};
use powercrud::{LoginMode, PowerCrud, Settings};
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use tower::ServiceExt as _;

use requests::{Sent, sent};

use crate::support::{Kind, TestDatabase, each_database};

each_database! { every_request_is_answered }

/// Requests to each database, where the environment says nothing.
const CASES: usize = 400;

/// No page needs nearly as long, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(25);

async fn open(database: &TestDatabase) -> PowerCrud {
    let (json, timestamp, bytes) = match database.kind {
        Kind::Sqlite => ("JSON", "DATETIME", "BLOB"),
        Kind::Postgres => ("JSONB", "TIMESTAMPTZ", "BYTEA"),
        Kind::Mysql => ("JSON", "DATETIME(6)", "BLOB"),
    };
    let number = if database.kind == Kind::Sqlite { "INTEGER" } else { "INT" };
    database
        .execute(&format!(
            "CREATE TABLE owner (id {number} NOT NULL PRIMARY KEY, name VARCHAR(40) NOT NULL);
             CREATE TABLE thing (
               id {number} NOT NULL PRIMARY KEY, title VARCHAR(40), price DECIMAL(8, 2), born DATE, at {timestamp}, flag BOOLEAN, data {json},
               raw {bytes}, ratio DOUBLE PRECISION, owner_id {number} REFERENCES owner (id), small SMALLINT
             );
             CREATE TABLE pair (a {number} NOT NULL, b VARCHAR(40) NOT NULL, note TEXT, PRIMARY KEY (a, b));
             INSERT INTO owner VALUES (1, 'Ann');
             INSERT INTO pair VALUES (1, '1', 'x');"
        ))
        .await;
    let rows: Vec<_> = (1..=30).map(|id| format!("({id}, 'Thing {id}', {id}.50, '2026-01-31', 1)")).collect();
    database
        .execute(&format!("INSERT INTO thing (id, title, price, born, owner_id) VALUES {};", rows.join(", ")))
        .await;
    let settings = Settings { discover: true, login: LoginMode::WhenUsersExist, ..Settings::default() };
    PowerCrud::builder(database.clone()).all_settings(settings).build().await.expect("things")
}

async fn every_request_is_answered(database: TestDatabase) {
    let cases = std::env::var("POWERCRUD_FUZZ_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let seed: [u8; 32] = std::env::var("POWERCRUD_FUZZ_SEED").map_or_else(|_| random_seed(), |text| seed_of(&text));
    let shown: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
    eprintln!("POWERCRUD_FUZZ_SEED={shown}");
    let router = open(&database).await.router();
    // Strategies stay on one thread.
    tokio::task::block_in_place(|| hunt(&router, cases, &seed, &shown));
}

fn hunt(router: &axum::Router, cases: usize, seed: &[u8; 32], shown: &str) {
    let runtime = tokio::runtime::Handle::current();
    let fault_of = |request: &Sent| runtime.block_on(fault_of(router, request));
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, seed));
    let requests = sent();
    for _ in 0..cases {
        let mut tree = requests.new_tree(&mut runner).expect("a request");
        let Some(mut fault) = fault_of(&tree.current()) else { continue };
        // The smallest request that goes wrong tells most.
        let mut smallest = tree.current();
        let mut steps = 0;
        let mut smaller = tree.simplify();
        while smaller && steps < 300 {
            steps += 1;
            let request = tree.current();
            smaller = match fault_of(&request) {
                Some(found) => {
                    (fault, smallest) = (found, request);
                    tree.simplify()
                }
                None => tree.complicate(),
            };
        }
        panic!("POWERCRUD_FUZZ_SEED={shown}: {fault}\n{smallest:?}");
    }
}

fn random_seed() -> [u8; 32] {
    let (one, other) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    [*one.as_bytes(), *other.as_bytes()].concat().try_into().expect("32 bytes")
}

fn seed_of(text: &str) -> [u8; 32] {
    let bytes: Vec<_> = (0..32)
        .map(|at| text.get(2 * at..2 * at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or(0))
        .collect();
    bytes.try_into().expect("32 bytes")
}

/// What is wrong with the answer; `None` also where the request is none that HTTP can carry.
async fn fault_of(router: &axum::Router, sent: &Sent) -> Option<String> {
    let mut request = Request::builder().method(&sent.method).uri(&sent.path).header(header::HOST, "localhost");
    for (name, value) in &sent.headers {
        request = request.header(*name, value);
    }
    let request = request.body(Body::from(sent.body.clone())).ok()?;
    let answer = async {
        let (parts, body) = router.clone().oneshot(request).await.expect("an answer").into_parts();
        // A stream of events is answered once it has begun.
        let is_stream = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
        let body = if is_stream { Ok(Default::default()) } else { to_bytes(body, usize::MAX).await };
        (parts.status, body)
    };
    match tokio::time::timeout(PATIENCE, answer).await {
        Err(_) => Some("no answer in time".to_owned()),
        Ok((_, Err(error))) => Some(format!("the body broke off: {error}")),
        Ok((status, Ok(body))) if status.is_server_error() => {
            Some(format!("{status}: {}", String::from_utf8_lossy(&body).chars().take(3000).collect::<String>()))
        }
        Ok(_) => None,
    }
}
