//! Random tables, records that fail, chunk sizes, and interruptions: whatever happens on the way, the end is what a simple model says
//! that applies the operation record by record.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use powercrud::{
    Atomicity, PowerCrud, Resource, Selection, Settings, User,
    task::{BulkTask, Status, store},
};
use proptest::{
    collection::{btree_set, vec},
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
    test_runner::{Config, TestRunner},
};
use tokio::{runtime::Handle, task::block_in_place};
use tokio_util::sync::CancellationToken;

use crate::{
    shop::{assert_no_locks, counts, delete, failures, in_background, keys, matching, on_update, queue, rows, update},
    support::{TestDatabase, each_database},
};

each_database! { the_end_is_what_a_model_says }

/// Cases on each database.
const CASES: u32 = 20;

/// A row of the table: by its number, what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Fine,
    /// No stock above this.
    Limited(i64),
    /// A sale refers to it, so that it can't be deleted.
    Sold,
    /// It is deleted by somebody else between the request and the work.
    Gone,
}

#[derive(Clone, Copy, Debug)]
enum Interruption {
    Cancel,
    PauseAndResume,
    /// The worker is gone without a word.
    Crash,
    /// The worker's process is told to stop.
    Shutdown,
}

#[derive(Clone, Debug)]
struct Case {
    /// Keys with their fates.
    rows: BTreeMap<i64, Fate>,
    text_keys: bool,
    /// `None` deletes.
    stock: Option<i64>,
    chosen: Chosen,
    chunk_size: u64,
    atomicity: Atomicity,
    /// What happens once so many percent are done.
    interruptions: Vec<(u64, Interruption)>,
}

#[derive(Clone, Debug)]
enum Chosen {
    All,
    /// Keys from this one on.
    From(i64),
    /// Each so many-th key.
    Each(usize),
}

fn cases() -> impl Strategy<Value = Case> {
    let fate = prop_oneof![
        12 => Just(Fate::Fine),
        1 => (0..40i64).prop_map(Fate::Limited),
        1 => Just(Fate::Sold),
        1 => Just(Fate::Gone),
    ];
    let fates = prop_oneof![3 => vec(fate, 300), 1 => Just(vec![Fate::Fine; 300])];
    let interruption = select(vec![
        Interruption::Cancel,
        Interruption::PauseAndResume,
        Interruption::PauseAndResume,
        Interruption::Crash,
        Interruption::Crash,
        Interruption::Shutdown,
    ]);
    let rows = (btree_set(1..400i64, 1..300), fates)
        .prop_map(|(keys, fates)| keys.into_iter().zip(fates).collect::<BTreeMap<_, _>>());
    let chosen = prop_oneof![
        2 => Just(Chosen::All),
        1 => (1..400i64).prop_map(Chosen::From),
        1 => (1..5usize).prop_map(Chosen::Each),
    ];
    let atomicity = prop_oneof![3 => Just(Atomicity::Chunk), 1 => Just(Atomicity::All)];
    let stock = prop_oneof![2 => (0..40i64).prop_map(Some), 1 => Just(None)];
    (rows, any::<bool>(), stock, chosen, 1..60u64, atomicity, vec((0..100u64, interruption), 0..4)).prop_map(
        |(rows, text_keys, stock, chosen, chunk_size, atomicity, interruptions)| Case {
            rows,
            text_keys,
            stock,
            chosen,
            chunk_size,
            atomicity,
            interruptions,
        },
    )
}

impl Case {
    fn key(&self, number: i64) -> String {
        if self.text_keys { format!("k{number:04}") } else { number.to_string() }
    }

    fn chosen(&self) -> BTreeSet<i64> {
        let keys = self.rows.keys().copied();
        match self.chosen {
            Chosen::All => keys.collect(),
            Chosen::From(first) => keys.filter(|key| *key >= first).collect(),
            Chosen::Each(step) => keys.step_by(step).collect(),
        }
    }

    /// The code of the error that a record has, where the operation is applied to it alone.
    fn error(&self, fate: Fate) -> Option<&'static str> {
        match (self.stock, fate) {
            (Some(_), Fate::Gone) => Some("NOT_FOUND"),
            (Some(stock), Fate::Limited(most)) if stock > most => Some("CHECK"),
            (None, Fate::Sold) => Some("FOREIGN_KEY"),
            _ => None,
        }
    }

    async fn create(&self, database: &TestDatabase) {
        let key = if self.text_keys { "varchar(8)" } else { "integer" };
        let literal = |number: i64| if self.text_keys { format!("'k{number:04}'") } else { number.to_string() };
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|(number, fate)| {
                let most = if let Fate::Limited(most) = fate { *most } else { 1_000 };
                format!("({}, {number}, -1, {most}, 0)", literal(*number))
            })
            .collect();
        let sold: Vec<_> = self.rows.iter().filter(|(_, fate)| **fate == Fate::Sold).collect();
        let sold: String = sold
            .iter()
            .map(|(number, _)| format!("INSERT INTO sale VALUES ({number}, {});", literal(**number)))
            .collect();
        database
            .execute(&format!(
                "DROP TABLE IF EXISTS sale; DROP TABLE IF EXISTS item;
                CREATE TABLE item (id {key} PRIMARY KEY, number integer NOT NULL, stock integer NOT NULL,
                    most integer NOT NULL, touched integer NOT NULL, CHECK (stock <= most));
                CREATE TABLE sale (id integer PRIMARY KEY, item_id {key} NOT NULL, FOREIGN KEY (item_id) REFERENCES item (id));
                INSERT INTO item VALUES {}; {sold}",
                rows.join(", ")
            ))
            .await;
        let trigger = on_update(database.kind, "item", "touched = touched + 1");
        database.execute(&trigger.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")).await;
    }

    async fn remove_gone(&self, database: &TestDatabase) {
        let gone: Vec<_> =
            self.rows.iter().filter(|(_, fate)| **fate == Fate::Gone).map(|(key, _)| key.to_string()).collect();
        if !gone.is_empty() {
            database.execute(&format!("DELETE FROM item WHERE number IN ({});", gone.join(", "))).await;
        }
    }

    async fn app(&self, database: &TestDatabase) -> PowerCrud {
        let settings = Settings {
            lease: Duration::from_millis(600),
            poll_interval: Duration::from_millis(20),
            ..Settings::default()
        };
        let item = Resource::table("item").bulk_chunk_size(self.chunk_size).bulk_atomicity(self.atomicity);
        PowerCrud::builder(database.clone())
            .open_to_everybody()
            .all_settings(settings)
            .resource(item)
            .build()
            .await
            .expect("no mistakes")
    }

    fn selection(&self, app: &PowerCrud) -> Selection {
        match self.chosen {
            Chosen::All => Selection::All,
            Chosen::From(first) => matching(app, "item", &[&format!("number__gte={first}")]),
            Chosen::Each(_) => keys(self.chosen().into_iter().map(|number| self.key(number))),
        }
    }
}

async fn the_end_is_what_a_model_says(database: TestDatabase) {
    let config = Config { cases: CASES, max_shrink_iters: 60, failure_persistence: None, ..Config::default() };
    block_in_place(|| {
        let outcome = TestRunner::new(config).run(&cases(), |case| {
            Handle::current().block_on(check(&case, &database));
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
    });
}

async fn check(case: &Case, database: &TestDatabase) {
    if case.chosen().is_empty() {
        return;
    }
    case.create(database).await;
    let app = case.app(database).await;
    let request = match case.stock {
        Some(stock) => update("item", case.selection(&app), [("stock", Some(stock.to_string().as_str()))]),
        None => delete("item", case.selection(&app)),
    };
    let task = queue(&app, in_background(request)).await;
    case.remove_gone(database).await;
    let task = carry_out(&app, &task, &case.interruptions).await;
    compare(case, database, &app, &task).await;
    assert_no_locks(database).await;
}

/// Runs a task to its end, by one worker after the other where the interruptions end one.
async fn carry_out(app: &PowerCrud, task: &BulkTask, interruptions: &[(u64, Interruption)]) -> BulkTask {
    let start = || {
        let stop = CancellationToken::new();
        (tokio::spawn(app.worker().concurrency(1).run(stop.clone())), stop)
    };
    let operator = User::operator();
    let (mut worker, mut stop) = start();
    let mut interruptions = interruptions.to_vec();
    interruptions.sort_by_key(|(percent, _)| *percent);
    for (percent, interruption) in interruptions {
        let seen = until(app, task, |task| task.progress_percent() >= percent).await;
        if seen.status.is_final() {
            break;
        }
        match interruption {
            // It may have ended in between.
            Interruption::Cancel => drop(store::cancel(app, &operator, task.id).await),
            Interruption::PauseAndResume => {
                if store::pause(app, &operator, task.id).await.is_ok() {
                    until(app, task, |task| task.status != Status::Pausing).await;
                    let _ = store::resume(app, &operator, task.id).await;
                }
            }
            Interruption::Crash => {
                worker.abort();
                let _ = worker.await;
                (worker, stop) = start();
            }
            Interruption::Shutdown => {
                stop.cancel();
                worker.await.expect("no panic").expect("a worker that could start");
                (worker, stop) = start();
            }
        }
    }
    let task = until(app, task, |_| false).await;
    stop.cancel();
    worker.await.expect("no panic").expect("a worker that could start");
    task
}

/// The task when it is so, or when it has ended.
async fn until(app: &PowerCrud, task: &BulkTask, condition: impl Fn(&BulkTask) -> bool) -> BulkTask {
    crate::shop::when(app, task, |task| condition(task) || task.status.is_final()).await
}

async fn compare(case: &Case, database: &TestDatabase, app: &PowerCrud, task: &BulkTask) {
    let chosen = case.chosen();
    let (succeeded, failed, unattempted) = counts(task);
    assert_eq!(task.total_records, chosen.len() as u64, "{task:?}");
    let named: BTreeMap<String, String> = failures(app, task).await.into_iter().collect();
    assert_eq!(named.len() as u64, failed, "{task:?}");
    let after = rows(database, "item", &["id", "stock", "touched"]).await;
    let expected: BTreeMap<i64, Option<&str>> = chosen.iter().map(|key| (*key, case.error(case.rows[key]))).collect();
    let bad = expected.values().flatten().filter(|code| **code != "NOT_FOUND").count();
    let undone = case.atomicity == Atomicity::All && (bad > 0 || task.status == Status::Cancelled);
    let mut done = 0;
    for (number, fate) in &case.rows {
        let key = case.key(*number);
        let row = after.get(&key);
        let touched = row.and_then(|row| row[1].clone());
        let untouched = match fate {
            Fate::Gone => row.is_none(),
            _ => touched.as_deref() == Some("0") && row.is_some_and(|row| row[0].as_deref() == Some("-1")),
        };
        let changed = match (case.stock, fate) {
            // Of a delete, who was gone already is done.
            (None, _) => row.is_none(),
            (Some(_), Fate::Gone) => false,
            (Some(stock), _) => {
                touched.as_deref() == Some("1") && row.is_some_and(|row| row[0] == Some(stock.to_string()))
            }
        };
        let error = named.get(&key).map(String::as_str);
        let expected = expected.get(number).copied();
        match expected {
            None => assert!(untouched && error.is_none(), "{key} was not chosen: {row:?}"),
            Some(Some(code)) => {
                assert!(untouched, "{key} can't be done: {row:?}");
                assert!(error.is_none_or(|found| found == code), "{key}: {error:?}, {code} was expected");
            }
            Some(None) => {
                assert!(error.is_none(), "{key} has no error: {error:?}");
                assert!(untouched || changed, "{key} is half done: {row:?}");
                done += u64::from(changed && (case.stock.is_some() || *fate != Fate::Gone));
            }
        }
    }
    let errors = expected.values().flatten().count() as u64;
    let gone = chosen.iter().filter(|key| case.stock.is_none() && case.rows[*key] == Fate::Gone).count() as u64;
    if undone {
        assert_eq!((done, succeeded), (0, 0), "all or nothing: {task:?}");
        return;
    }
    if task.status == Status::Cancelled {
        assert!(unattempted > 0, "{task:?}");
        assert!((done..=done + gone).contains(&succeeded), "{done} were done: {task:?}");
        return;
    }
    assert_eq!((done + gone, errors, 0), (succeeded, failed, unattempted), "{task:?}");
    let status = match (succeeded, failed) {
        (_, 0) => Status::Success,
        (0, _) => Status::Failure,
        _ => Status::Partial,
    };
    assert_eq!(task.status, status, "{task:?}");
}
