//! Worker processes that are killed or frozen at random instants: whatever becomes of one, each row is changed exactly once.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use serde_json::Value;
use sqlx::{ConnectOptions as _, raw_sql, sqlite::SqliteConnectOptions};

use crate::{
    program::{Run, command, finish, number, on},
    support::{Kind, TestDatabase, each_database, run},
};

each_database! { workers_are_killed, workers_are_killed_in_a_revert, a_worker_is_frozen_past_its_lease }

pub(crate) const ROWS: i64 = 50_000;
const LEASE: Duration = Duration::from_secs(1);
/// How often a worker is killed on each of two databases of a kind, which are worked on at the same time.
const KILLS: u64 = 100;
/// How often a worker is killed in a revert.
const KILLS_IN_A_REVERT: u64 = 5;

/// Rows that count their own changes by a trigger.
pub(crate) async fn items(database: &TestDatabase) {
    let mut script =
        String::from("CREATE TABLE item (id integer PRIMARY KEY, price integer NOT NULL, touched integer NOT NULL);\n");
    for first in (1..=ROWS).step_by(1_000) {
        let rows: Vec<_> = (first..first + 1_000).map(|id| format!("({id}, 0, 0)")).collect();
        script += &format!("INSERT INTO item VALUES {};\n", rows.join(", "));
    }
    script += match database.kind {
        Kind::Sqlite => {
            "CREATE TRIGGER counted AFTER UPDATE OF price ON item BEGIN UPDATE item SET touched = touched + 1 WHERE id = NEW.id; END;"
        }
        Kind::Postgres => {
            "CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.touched := NEW.touched + 1; RETURN NEW; END $$;
            CREATE TRIGGER counted BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION counted();"
        }
        Kind::Mysql => {
            "CREATE TRIGGER counted BEFORE UPDATE ON item FOR EACH ROW SET NEW.touched = NEW.touched + 1;"
        }
    };
    database.execute(&script).await;
}

/// Small chunks, so that many instants lie within one; what a task overwrites is kept.
const ITEM: [(&str, &str); 2] =
    [("POWERCRUD_RESOURCES__item__bulk_chunk_size", "25"), ("POWERCRUD_RESOURCES__item__bulk_revert", "true")];

/// A worker process, killed when it is dropped.
pub(crate) struct Worker(Child);

impl Worker {
    fn start(database: &TestDatabase) -> Self {
        Self::start_with(database, &[])
    }

    /// With more settings.
    pub(crate) fn start_with(database: &TestDatabase, settings: &[(&str, String)]) -> Self {
        let mut command = command(&["worker", "--concurrency", "1", "--database", &database.url]);
        command
            .env("POWERCRUD_LEASE_SECONDS", LEASE.as_secs().to_string())
            .env("POWERCRUD_POLL_INTERVAL_MILLISECONDS", "20")
            // On a slow machine many in a row may be killed before their first chunk.
            .env("POWERCRUD_MAX_ATTEMPTS_WITHOUT_PROGRESS", "1000")
            .envs(ITEM)
            .envs(settings.iter().map(|(name, value)| (name, value)));
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts"))
    }

    fn signal(&self, signal: &str) {
        let told = Command::new("kill").args([signal, &self.0.id().to_string()]).status().expect("kill starts");
        assert!(told.success());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// SplitMix64: the same instants for the same seed.
struct Random(u64);

impl Random {
    /// The seed is printed with a failed test; `TEST_SEED` sets it.
    fn new() -> Self {
        let given = std::env::var("TEST_SEED").ok().map(|seed| seed.parse().expect("TEST_SEED is a whole number"));
        let now = || SystemTime::UNIX_EPOCH.elapsed().expect("a clock after 1970").as_nanos() as u64;
        let seed = given.unwrap_or_else(now);
        eprintln!("TEST_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % end
    }
}

fn submit(database: &TestDatabase, price: i64) {
    let set = format!("price={price}");
    on(database, &["bulk", "update", "item", "--set", &set, "--all", "--no-wait", "--format", "json"]).exits(0);
}

fn with_reverts(database: &TestDatabase, arguments: &[&str]) -> Run {
    let mut command = command(&[arguments, &["--database", &database.url]].concat());
    command.envs(ITEM);
    finish(command).exits(0)
}

async fn attempts(database: &TestDatabase) -> i64 {
    let integer = if database.kind == Kind::Mysql { "SIGNED" } else { "bigint" };
    number(database, &format!("SELECT CAST(COALESCE(SUM(attempt), 0) AS {integer}) FROM powercrud_bulk_task")).await
}

async fn is_active(database: &TestDatabase) -> bool {
    number(database, "SELECT COUNT(*) FROM powercrud_bulk_task WHERE completed_at IS NULL").await > 0
}

/// The process that holds the active task, if one does.
async fn holder(database: &TestDatabase, workers: &[Worker]) -> Option<usize> {
    for (place, worker) in workers.iter().enumerate() {
        let sql = format!(
            "SELECT COUNT(*) FROM powercrud_bulk_task t JOIN powercrud_worker w ON w.id = t.worker_id
             WHERE t.status = 'STARTED' AND w.pid = {}",
            worker.0.id()
        );
        if number(database, &sql).await > 0 {
            return Some(place);
        }
    }
    None
}

/// Waits until a condition, which may await, holds.
macro_rules! wait {
    ($what:literal, $until:expr) => {{
        let start = Instant::now();
        while !$until {
            assert!(start.elapsed() < Duration::from_secs(240), concat!("in vain: ", $what));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }};
}

/// Every row was changed once by each task, the tasks say so, and nothing is held.
async fn assert_exactly_once(database: &TestDatabase, tasks: i64) {
    let list = on(database, &["task", "list", "--format", "json"]).exits(0).json();
    let list = list.as_array().expect("a list");
    assert_eq!(list.len() as i64, tasks);
    for task in list {
        assert_eq!(task["status"], "SUCCESS", "{task}");
        for count in ["total_records", "processed_records", "succeeded_records"] {
            assert_eq!(task[count], Value::from(ROWS), "{count} in {task}");
        }
        assert_eq!(task["failed_records"], 0, "{task}");
    }
    let wrong = number(database, &format!("SELECT COUNT(*) FROM item WHERE touched <> {tasks}")).await;
    assert_eq!(wrong, 0, "rows were changed more or less often than {tasks} times");
    assert_eq!(number(database, "SELECT COUNT(*) FROM powercrud_lock").await, 0, "locks are left");
}

/// Kills whoever holds the active task at a random instant and starts another, so often; `submit` is told which task it is,
/// from 1 on. Returns how many were submitted, all of which have ended.
async fn kill(database: &TestDatabase, kills: u64, submit: impl Fn(i64)) -> i64 {
    let mut random = Random::new();
    let mut workers = vec![Worker::start(database), Worker::start(database)];
    let (mut tasks, mut killed, mut slowest) = (0, 0, Duration::ZERO);
    while killed < kills {
        if !is_active(database).await {
            tasks += 1;
            submit(tasks);
        }
        let mut held;
        wait!("a worker that holds the task", {
            held = holder(database, &workers).await;
            held.is_some() || !is_active(database).await
        });
        let Some(held) = held else { continue };
        tokio::time::sleep(Duration::from_micros(random.below(400_000))).await;
        let before = attempts(database).await;
        // SIGKILL.
        let since = Instant::now();
        drop(workers.remove(held));
        workers.push(Worker::start(database));
        if !is_active(database).await {
            continue;
        }
        killed += 1;
        wait!("another worker", attempts(database).await > before);
        slowest = slowest.max(since.elapsed());
    }
    wait!("the last task's end", !is_active(database).await);
    eprintln!("{killed} kills in {tasks} tasks; the slowest resumption took {slowest:?}");
    assert!(slowest <= LEASE + Duration::from_secs(1), "a task was resumed only after {slowest:?}");
    tasks
}

async fn workers_are_killed(database: TestDatabase) {
    let kind = database.kind;
    tokio::join!(killed_in_updates(database), run(kind, killed_in_updates));
}

async fn killed_in_updates(database: TestDatabase) {
    items(&database).await;
    on(&database, &["migrate"]).exits(0);
    let tasks = kill(&database, KILLS, |task| submit(&database, task)).await;
    assert_exactly_once(&database, tasks).await;
}

/// Each revert is killed until it ends, and then the next task and its revert.
async fn workers_are_killed_in_a_revert(database: TestDatabase) {
    items(&database).await;
    on(&database, &["migrate"]).exits(0);
    let reverts = kill(&database, KILLS_IN_A_REVERT, |price| {
        let set = format!("price={price}");
        let update = with_reverts(&database, &["bulk", "update", "item", "--set", &set, "--all", "--format", "json"]);
        let update = update.json();
        let id = update["id"].as_str().expect("a task");
        with_reverts(&database, &["task", "revert", id, "--no-wait"]);
    })
    .await;
    assert_eq!(number(&database, "SELECT COUNT(*) FROM item WHERE price <> 0").await, 0, "some are not restored");
    assert_exactly_once(&database, 2 * reverts).await;
}

/// A process may be frozen within a transaction, whose locks then keep the others out; it is thawed and frozen at another instant.
/// Whether somebody is in the midst of writing to a SQLite file, so that nobody else can.
async fn is_being_written(database: &TestDatabase) -> bool {
    if database.kind != Kind::Sqlite {
        return false;
    }
    let options: SqliteConnectOptions = database.url.parse().expect("an address that was made here");
    let mut connection = options.busy_timeout(Duration::from_millis(20)).connect().await.expect("a connection");
    raw_sql("BEGIN IMMEDIATE; ROLLBACK").execute(&mut connection).await.is_err()
}

async fn a_worker_is_frozen_past_its_lease(database: TestDatabase) {
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut random = Random::new();
    items(&database).await;
    on(&database, &["migrate"]).exits(0);
    let workers = [Worker::start(&database), Worker::start(&database)];
    let (mut tasks, mut overtaken, mut frozen) = (0, 0, 0);
    while overtaken < 2 && Instant::now() < deadline {
        if !is_active(&database).await {
            tasks += 1;
            submit(&database, tasks);
        }
        let mut held;
        wait!("a worker that holds the task", {
            held = holder(&database, &workers).await;
            held.is_some() || !is_active(&database).await
        });
        let Some(held) = held else { continue };
        tokio::time::sleep(Duration::from_micros(random.below(200_000))).await;
        workers[held].signal("-STOP");
        frozen += 1;
        // Whoever holds the file can't be overtaken; that the other waits as long is seen now and then.
        if frozen % 4 != 1 && is_being_written(&database).await {
            workers[held].signal("-CONT");
            continue;
        }
        let before = attempts(&database).await;
        let start = Instant::now();
        while attempts(&database).await == before && start.elapsed() < LEASE + Duration::from_secs(1) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let taken = attempts(&database).await > before;
        // Thawed while the other is in the midst of its work.
        workers[held].signal("-CONT");
        overtaken += usize::from(taken);
    }
    wait!("the end", !is_active(&database).await);
    // A later task shows that both are alive, and that what was frozen has nothing left to write.
    tasks += 1;
    submit(&database, tasks);
    wait!("the end", !is_active(&database).await);
    eprintln!("overtaken {overtaken} times in {tasks} tasks");
    assert!(overtaken > 0, "no frozen worker was overtaken, of {frozen}");
    assert_exactly_once(&database, tasks).await;
}
