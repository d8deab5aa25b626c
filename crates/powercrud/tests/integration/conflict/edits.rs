//! Single edits raced against bulk tasks: who is accepted is never overwritten unseen, and who is refused changes nothing.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use powercrud::{
    ConflictScope, Error, PowerCrud, Resource, Settings,
    db::Database,
    record,
    task::{BulkTask, store},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    shop::{assert_no_locks, in_background, items, keys, queue, rows, update},
    support::{TestDatabase, each_database},
};

each_database! { with_the_model_held, with_records_held }

const RECORDS: i64 = 120;
/// The bulk tasks change the records up to here; the others are nobody's.
const IN_TASKS: i64 = 60;
const EDITORS: i64 = 6;
const ROUNDS: usize = 4;
/// Far from what an editor writes.
const BULK: i64 = 1_000_000;

async fn with_the_model_held(database: TestDatabase) {
    race(database, ConflictScope::Model).await;
}

async fn with_records_held(database: TestDatabase) {
    race(database, ConflictScope::Record).await;
}

/// An edit of one record, and when it was under way.
struct Edit {
    key: i64,
    value: i64,
    accepted: bool,
    asked: Instant,
    answered: Instant,
}

/// A bulk task, and what is known of when it held its records: not before `asked`, surely from `submitted` to `seen_running`, and
/// no more from `seen_ended` on.
struct Hold {
    value: i64,
    asked: Instant,
    submitted: Instant,
    seen_running: Instant,
    seen_ended: Instant,
}

impl Hold {
    fn surely_holds_during(&self, edit: &Edit) -> bool {
        edit.asked > self.submitted && edit.answered < self.seen_running
    }

    fn surely_free_during(&self, edit: &Edit) -> bool {
        edit.answered < self.asked || edit.asked > self.seen_ended
    }
}

async fn app(database: &TestDatabase, scope: ConflictScope) -> PowerCrud {
    let own = Database::connect(&database.url).await.expect("a database that answers");
    let item = Resource::table("item").bulk_async_conflict_scope(scope).bulk_chunk_size(2u64);
    let settings = Settings { poll_interval: Duration::from_millis(10), ..Settings::default() };
    PowerCrud::builder(own)
        .open_to_everybody()
        .all_settings(settings)
        .resource(item)
        .build()
        .await
        .expect("no mistakes")
}

/// Edits its own records again and again, each time with another value, and counts in `answered` what was answered of records that
/// tasks may hold.
async fn edit_until(app: PowerCrud, editor: i64, answered: watch::Sender<i64>, stop: CancellationToken) -> Vec<Edit> {
    let item = Arc::clone(app.resource("item").expect("a resource"));
    let mut edits = Vec::new();
    // Beyond what is there already: a value that is there is not written again.
    let mut value = RECORDS;
    while !stop.is_cancelled() {
        for key in (1..=RECORDS).filter(|key| key % EDITORS == editor) {
            value += 1;
            let asked = Instant::now();
            let answer = record::update(
                &app,
                &powercrud::User::operator(),
                &item,
                &key.to_string(),
                &[("stock".into(), Some(value.to_string()))],
            )
            .await;
            let accepted = match answer {
                Ok(_) => true,
                Err(Error::RecordHeld { .. }) => false,
                Err(error) => panic!("record {key}: {error:?}"),
            };
            edits.push(Edit { key, value, accepted, asked, answered: Instant::now() });
            if key <= IN_TASKS {
                answered.send_modify(|answered| *answered += 1);
            }
        }
    }
    edits
}

async fn bulk(app: &PowerCrud, round: usize) -> Hold {
    let value = BULK + round as i64;
    let asked = Instant::now();
    let request = update("item", keys(1..=IN_TASKS), [("stock", Some(value.to_string().as_str()))]);
    let task = queue(app, in_background(request)).await;
    let submitted = Instant::now();
    let (seen_running, seen_ended) = last_moments(app, &task).await;
    Hold { value, asked, submitted, seen_running, seen_ended }
}

async fn last_moments(app: &PowerCrud, task: &BulkTask) -> (Instant, Instant) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut seen_running = Instant::now();
    loop {
        let asked = Instant::now();
        let task = store::get(app, &powercrud::User::operator(), task.id).await.expect("the task");
        if task.status.is_final() {
            assert_eq!((task.succeeded_records, task.attempt), (IN_TASKS as u64, 1), "{task:?}");
            return (seen_running, Instant::now());
        }
        seen_running = asked;
        assert!(Instant::now() < deadline, "in vain: {task:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn race(database: TestDatabase, scope: ConflictScope) {
    items(&database, RECORDS as usize).await;
    let apps = [app(&database, scope).await, app(&database, scope).await];
    let stop = CancellationToken::new();
    let (answered, mut seen_answered) = watch::channel(0);
    let editors: Vec<_> = (0..EDITORS)
        .map(|editor| {
            let app = apps[editor as usize % 2].clone();
            tokio::spawn(edit_until(app, editor, answered.clone(), stop.clone()))
        })
        .collect();
    let worker = tokio::spawn(apps[1].worker().concurrency(1).run(stop.clone()));
    let mut holds = Vec::new();
    for round in 0..ROUNDS {
        holds.push(bulk(&apps[0], round).await);
        // Of one answer more than there are editors, one is an editor's second: it was asked for between the tasks.
        let enough = *seen_answered.borrow() + EDITORS + 1;
        let editing = seen_answered.wait_for(|answered| *answered >= enough);
        tokio::time::timeout(Duration::from_secs(60), editing)
            .await
            .expect("edits between the tasks")
            .expect("editors");
    }
    stop.cancel();
    let mut edits = Vec::new();
    for editor in editors {
        edits.append(&mut editor.await.expect("no edit but accepted and held ones"));
    }
    worker.await.expect("no panic").expect("a worker that could start");
    judge(scope, &edits, &holds);
    assert_values(&database, &edits, &holds).await;
    assert_no_locks(&database).await;
}

/// Each edit was answered as the tasks' holds ask for.
fn judge(scope: ConflictScope, edits: &[Edit], holds: &[Hold]) {
    let (mut refused, mut accepted, mut outside) = (0, 0, 0);
    for edit in edits {
        let holdable = scope == ConflictScope::Model || edit.key <= IN_TASKS;
        let held = holdable && holds.iter().any(|hold| hold.surely_holds_during(edit));
        let free = !holdable || holds.iter().all(|hold| hold.surely_free_during(edit));
        assert!(!(held && edit.accepted), "record {} was edited while a task held it", edit.key);
        assert!(!free || edit.accepted, "record {} was refused although nothing held it", edit.key);
        refused += usize::from(held);
        accepted += usize::from(free && holdable);
        outside += usize::from(!holdable && holds.iter().any(|hold| hold.surely_holds_during(edit)));
    }
    eprintln!("{} edits: {refused} held, {accepted} free, {outside} beside a task", edits.len());
    assert!(refused > 0 && accepted > 0, "edits fell into the tasks ({refused}) and between them ({accepted})");
    assert!(scope == ConflictScope::Model || outside > 0, "records beside a running task were edited");
}

/// Each record has been written as often as writes were accepted, and has the value of the last.
async fn assert_values(database: &TestDatabase, edits: &[Edit], holds: &[Hold]) {
    let mut by_key: BTreeMap<i64, Vec<&Edit>> = BTreeMap::new();
    for edit in edits.iter().filter(|edit| edit.accepted) {
        by_key.entry(edit.key).or_default().push(edit);
    }
    let last_hold = holds.last().expect("a task");
    for (key, row) in rows(database, "item", &["id", "stock", "touched"]).await {
        let key: i64 = key.parse().expect("a number");
        let number = |cell: usize| row[cell].as_deref().expect("a value").parse::<i64>().expect("a number");
        let edits = by_key.get(&key).map_or(&[][..], Vec::as_slice);
        let in_tasks = key <= IN_TASKS;
        let writes = edits.len() + if in_tasks { holds.len() } else { 0 };
        assert_eq!(number(1), writes as i64, "writes of record {key}");
        let stock = number(0);
        let last = edits.last().map_or(key, |last| last.value);
        match edits.last() {
            _ if !in_tasks => assert_eq!(stock, last, "the last accepted write of record {key}"),
            // Asked for when the last task held the record already, and accepted: it came after the task's end.
            Some(edit) if edit.asked > last_hold.submitted => {
                assert_eq!(stock, last, "an edit of record {key} is lost")
            }
            // Asked for before and answered after: a client that the machine kept waiting, whichever came first.
            Some(edit) if edit.answered > last_hold.seen_running => {
                assert!([last, last_hold.value].contains(&stock), "record {key} has {stock}");
            }
            // Accepted before the last task took the record, which the task overwrote by right.
            _ => assert_eq!(stock, last_hold.value, "the last task's write of record {key} is lost"),
        }
    }
}
