//! Generated requests: whatever somebody sends, it is answered, in time, and never by a fault of ours.
//!
//! `POWERCRUD_FUZZ_CASES` says how many requests each database gets; without it few enough for every run.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    http::{Method, Request, header},
};
use powercrud::{LoginMode, PowerCrud, Settings};
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use tower::ServiceExt as _;

use crate::support::{Kind, TestDatabase, each_database};

each_database! { every_request_is_answered }

/// Requests to each database, where the environment says nothing.
const CASES: usize = 400;

/// No page needs nearly as long, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(25);

#[derive(Clone, Debug)]
struct Sent {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// Texts that programs stumble over, and any other.
fn text() -> impl Strategy<Value = String> {
    let odd = select(vec![
        "",
        "0",
        "1",
        "-1",
        "01",
        "2",
        "3",
        "1,2",
        "[1]",
        "[\"1\"]",
        "[[[[",
        "{\"a\":1}",
        "null",
        "true",
        "NaN",
        "Infinity",
        "1e400",
        "-1e-400",
        "18446744073709551616",
        "9223372036854775807",
        "-9223372036854775809",
        "99999999999999999999999999.5",
        "0.1",
        "1_000",
        "\0",
        "a\0b",
        "'",
        "\"",
        "''; DROP TABLE thing; --",
        "%",
        "_",
        "%%",
        "!",
        "\\",
        "/",
        "..",
        ".",
        "~",
        "~~",
        "\u{feff}",
        "\u{202e}",
        "９",
        "𝕏",
        "ß",
        "İ",
        "e\u{301}",
        "\r\n",
        "\n",
        "\t",
        " ",
        "   ",
        "2026-02-30",
        "2026-01-31",
        "0000-00-00",
        "99999-01-01",
        "-4713-01-01",
        "infinity",
        "24:00:00",
        "23:59:60",
        "12:00",
        "2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00+99:99",
        "0x00",
        "ff",
        "abc",
        "00000000-0000-0000-0000-000000000000",
        "018f3f9e-7b1a-7c00-8000-000000000000.failed",
        "018f3f9e-7b1a-7c00-8000-000000000000",
        "thing",
        "title",
        "-title",
        "id",
        "exact",
        "in",
        "isnull",
        "contains",
        "add",
        "remove",
        "all",
        "select",
        "matching",
        "draft",
    ]);
    prop_oneof![
        6 => odd.prop_map(str::to_owned),
        1 => "[ -~]{0,24}",
        1 => "\\PC{0,12}",
        1 => any::<Vec<char>>().prop_map(|chars| chars.into_iter().take(20).collect()),
        1 => (select(vec!["a", "1", ",", "9", "\u{10ffff}", "[", "%"]), 100usize..3000).prop_map(|(part, times)| part.repeat(times)),
    ]
}

fn name() -> impl Strategy<Value = String> {
    let known = select(vec![
        "q",
        "page",
        "page_size",
        "ordering",
        "in_task",
        "id",
        "id__in",
        "id__gt",
        "title",
        "title__contains",
        "title__startswith",
        "title__ne",
        "title__in",
        "price",
        "price__gte",
        "born",
        "born__lte",
        "at",
        "at__gt",
        "flag",
        "flag__isnull",
        "data",
        "data__contains",
        "raw",
        "raw__isnull",
        "ratio__lt",
        "owner_id",
        "owner_id__in",
        "change",
        "null",
        "set.title",
        "set.price",
        "set.born",
        "set.owner_id",
        "set.data",
        "set.at",
        "key",
        "keys",
        "action",
        "selection",
        "filter",
        "request",
        "version",
        "confirm",
        "state",
        "list",
        "field",
        "operator",
        "value",
        "choose",
        "next",
        "name",
        "password",
        "old_password",
        "again",
        "expires",
        "scope",
        "place",
        "watch",
        "status",
        "resource",
        "from",
        "to",
        "user",
        "days",
        "reason",
        "cursor",
        "after",
        "outcome",
        "fields",
        "count",
        "days_kept",
        "older_than",
    ]);
    prop_oneof![12 => known.prop_map(str::to_owned), 1 => text()]
}

fn pairs() -> impl Strategy<Value = String> {
    vec((name(), text()), 0..6).prop_map(|pairs| {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        pairs.join("&")
    })
}

/// Percent-encodes all but letters and digits.
fn encode(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// Broken encodings, and pieces that look like nothing.
fn raw() -> impl Strategy<Value = String> {
    prop_oneof![
        "[!-~&&[^ <>\"`{}#\\\\^|]]{0,40}",
        select(vec!["%", "%4", "%zz", "%ff%fe", "&&&", "=", "a=b=c", "?", "%C0%80", "a[]=1", ";"])
            .prop_map(str::to_owned)
    ]
}

fn path() -> impl Strategy<Value = String> {
    let route = select(vec![
        "/",
        "/running",
        "/resources/thing",
        "/resources/thing",
        "/resources/thing",
        "/resources/thing/filter",
        "/resources/thing/filter/form",
        "/resources/thing/count",
        "/resources/thing/running",
        "/resources/thing/selection",
        "/resources/thing/bulk-edit",
        "/resources/thing/bulk-edit/preview",
        "/resources/thing/bulk-delete",
        "/resources/thing/choices/owner_id",
        "/resources/thing/choices/{}",
        "/resources/thing/new",
        "/resources/thing/records/{}",
        "/resources/thing/records/{}/edit",
        "/resources/thing/records/{}/delete",
        "/resources/pair/records/{}",
        "/resources/pair/records/{}/edit",
        "/resources/{}",
        "/tasks",
        "/tasks/badge",
        "/tasks/{}",
        "/tasks/{}/progress",
        "/tasks/{}/strip",
        "/tasks/{}/results/{}",
        "/tasks/{}/cancel",
        "/tasks/{}/retry",
        "/tasks/{}/revert",
        "/messages",
        "/messages/seen",
        "/messages/{}/seen",
        "/tokens",
        "/tokens/new",
        "/tokens/{}/revoke",
        "/staff",
        "/staff/audit",
        "/staff/purge",
        "/staff/tasks/{}/{}",
        "/assets/{}",
        "/login",
        "/logout",
        "/account",
        "/metrics",
        "/healthz",
        "/readyz",
        "/api",
        "/api/openapi.json",
        "/api/v1/resources",
        "/api/v1/resources/{}",
        "/api/v1/resources/thing/records",
        "/api/v1/resources/thing/records",
        "/api/v1/resources/thing/records/{}",
        "/api/v1/resources/pair/records/{}",
        "/api/v1/resources/thing/bulk-update",
        "/api/v1/resources/thing/bulk-update",
        "/api/v1/resources/thing/bulk-delete",
        "/api/v1/tasks",
        "/api/v1/tasks/{}",
        "/api/v1/tasks/{}/errors",
        "/api/v1/tasks/{}/results",
        "/api/v1/tasks/{}/cancel",
        "/api/v1/tokens",
        "/api/v1/tokens/{}/revoke",
        "/{}",
    ]);
    (route, vec(text(), 2)).prop_map(|(route, parts)| {
        parts.iter().fold(route.to_owned(), |path, part| path.replacen("{}", &encode(part), 1)).replace("{}", "x")
    })
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        text().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        let key = prop_oneof![
            select(vec![
                "ids",
                "filter",
                "all",
                "changes",
                "validate_only",
                "request_id",
                "background",
                "reason",
                "records"
            ])
            .prop_map(str::to_owned),
            name()
        ];
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Into::into),
            vec((key, inner), 0..5).prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn sent() -> impl Strategy<Value = Sent> {
    let method =
        select(vec![Method::GET, Method::GET, Method::GET, Method::POST, Method::POST, Method::PATCH, Method::DELETE]);
    let query = prop_oneof![6 => pairs(), 1 => raw()];
    let form = prop_oneof![4 => pairs(), 1 => raw()].prop_map(|body| ("application/x-www-form-urlencoded", body));
    let object = json().prop_map(|value| ("application/json", value.to_string()));
    let bulk = (json(), pairs(), any::<bool>()).prop_map(|(value, _, only)| {
        let body = serde_json::json!({"ids": ["1", "2"], "changes": value, "validate_only": only});
        ("application/json", body.to_string())
    });
    let filter = (json(), vec((name(), json()), 0..4)).prop_map(|(_, pairs)| {
        let filter = serde_json::Value::Object(pairs.into_iter().collect());
        (
            "application/json",
            serde_json::json!({"filter": filter, "changes": {"title": "x"}, "validate_only": true}).to_string(),
        )
    });
    let record = vec((name(), json()), 0..5)
        .prop_map(|pairs| ("application/json", serde_json::Value::Object(pairs.into_iter().collect()).to_string()));
    let body = prop_oneof![2 => Just(("", String::new())), 4 => form, 1 => object, 1 => bulk, 1 => filter, 1 => record];
    let visible = || "[ -~]{0,60}";
    let extra = vec(
        prop_oneof![
            visible().prop_map(|value| ("cookie", value)),
            text().prop_map(|value| (
                "cookie",
                format!("powercrud_selection={}; powercrud_session={}", encode(&value), encode(&value))
            )),
            visible().prop_map(|value| ("authorization", format!("Bearer {value}"))),
            visible().prop_map(|value| ("x-request-id", value)),
            visible().prop_map(|value| ("if-match", value)),
            visible().prop_map(|value| ("accept", value)),
            visible().prop_map(|value| ("x-forwarded-for", value)),
            visible().prop_map(|value| ("last-event-id", value)),
            Just(("hx-request", "true".to_owned())),
            Just(("hx-target", "dialog-box".to_owned())),
            visible().prop_map(|value| ("hx-current-url", value)),
        ],
        0..3,
    );
    (method, path(), query, body, extra).prop_map(|(method, path, query, (kind, body), mut headers)| {
        if !kind.is_empty() {
            headers.push(("content-type", kind.to_owned()));
        }
        let path = if query.is_empty() { path } else { format!("{path}?{query}") };
        Sent { method, path, headers, body }
    })
}

async fn open(database: &TestDatabase) -> PowerCrud {
    let (json, moment, bytes) = match database.kind {
        Kind::Sqlite => ("JSON", "DATETIME", "BLOB"),
        Kind::Postgres => ("JSONB", "TIMESTAMPTZ", "BYTEA"),
        Kind::Mysql => ("JSON", "DATETIME(6)", "BLOB"),
    };
    let number = if database.kind == Kind::Sqlite { "INTEGER" } else { "INT" };
    database
        .execute(&format!(
            "CREATE TABLE owner (id {number} NOT NULL PRIMARY KEY, name VARCHAR(40) NOT NULL);
             CREATE TABLE thing (
               id {number} NOT NULL PRIMARY KEY, title VARCHAR(40), price DECIMAL(8, 2), born DATE, at {moment}, flag BOOLEAN, data {json},
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
    PowerCrud::builder(database.clone()).settings(settings).build().await.expect("things")
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
