//! What PowerCRUD did beside what plain SQL did.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use powercrud::{Atomicity, task::Status};

use crate::{
    case::Case,
    connection::Connection,
    dump::{Dump, dump},
    generate::Random,
    judge::Judge,
    subject::{Told, carry_out},
    support::{Kind, TestDatabase},
    with_two,
};

/// How many cases came to which end.
#[derive(Debug, Default)]
struct Tally {
    judged: u32,
    read_only: u32,
    failed: Vec<String>,
}

/// Tries each case, whatever the one before did.
pub(crate) async fn of_fixed(kind: Kind, cases: Vec<Case>) {
    let mut cases = cases.into_iter();
    try_all(kind, move |_| cases.next()).await.tell();
}

/// Tries cases that follow from `seed`, for as long as there is time.
pub(crate) async fn of_generated(kind: Kind, seed: u64, time: Duration) {
    let started = Instant::now();
    let mut random = Random::new(seed);
    let more = move |tally: &Tally| started.elapsed() < time && tally.failed.len() < 3;
    let tally = try_all(kind, move |tally| more(tally).then(|| random.case(kind))).await;
    assert!(tally.read_only * 2 <= tally.judged + 1, "too few cases were judged: {tally:?}");
    tally.tell();
}

/// Tries what `next` gives, in the same two databases until one fails, which may leave anything behind.
async fn try_all(kind: Kind, mut next: impl FnMut(&Tally) -> Option<Case> + Send + 'static) -> Tally {
    let mut tally = Tally::default();
    let mut case = next(&tally);
    let next = Arc::new(Mutex::new(next));
    while let Some(first) = case.take() {
        let at = Arc::new(Mutex::new((Some(first), std::mem::take(&mut tally))));
        let (shared, source) = (Arc::clone(&at), Arc::clone(&next));
        let tried = tokio::spawn(with_two(kind, move |subject, copy| async move {
            loop {
                let Some(case) = shared.lock().expect("no panic within").0.clone() else { break };
                let read_only = compare(&case, &subject, &copy).await;
                let (at, tally) = &mut *shared.lock().expect("no panic within");
                if read_only {
                    tally.read_only += 1
                } else {
                    tally.judged += 1
                }
                let next = &mut *source.lock().expect("no panic within");
                *at = next(tally);
            }
        }));
        let ended = tried.await;
        let (at, so_far) = std::mem::take(&mut *at.lock().expect("no panic within"));
        tally = so_far;
        match (ended, at) {
            (Err(error), Some(failed)) => {
                let why = error.into_panic();
                let why = why.downcast_ref::<String>().cloned().unwrap_or_else(|| "a panic".into());
                tally.failed.push(format!("{}: {why}\n{}", failed.name, failed.script.join(";\n")));
                case = next.lock().expect("no panic within")(&tally);
            }
            // All were tried, or there is no server, which was said.
            _ => break,
        }
    }
    tally
}

impl Tally {
    fn tell(self) {
        println!("{} cases judged, {} read-only, {} failed", self.judged, self.read_only, self.failed.len());
        assert!(self.failed.is_empty(), "{} cases failed:\n\n{}", self.failed.len(), self.failed.join("\n\n"));
    }
}

/// Whether the table was read-only; panics where PowerCRUD and plain SQL disagree.
async fn compare(case: &Case, subject: &TestDatabase, copy: &TestDatabase) -> bool {
    let kind = subject.kind;
    let mut ours = Connection::open(kind, &subject.url).await;
    ours.clean().await;
    ours.script(&case.script).await;
    let mut plain = Connection::open(kind, &copy.url).await;
    plain.clean().await;
    plain.script(&case.script).await;
    let before = dump(kind, &mut ours).await;
    let told = carry_out(case, subject).await;
    let after = dump(kind, &mut ours).await;
    let mut judge = Judge::new(case, kind, &mut plain).await;
    let records = judge.selected().await;
    match told {
        Told::ReadOnly(reason) => {
            assert!(case.may_be_read_only, "{}: read-only: {reason}", case.name);
            assert!(!reason.trim().is_empty(), "{}: read-only without a reason", case.name);
            assert_same(case, &before, &after, "a read-only table");
            return true;
        }
        Told::Refused(reason) => {
            assert_same(case, &before, &after, "a refused request");
            let refused = judge.apply_all(&records, &BTreeSet::new()).await;
            assert!(
                !refused.is_empty() || records.is_empty(),
                "{}: refused ({reason}), but plain SQL refuses no record of {}",
                case.name,
                records.len()
            );
        }
        Told::Ended { task, failed } => {
            let name = &case.name;
            let say = || format!("{task:?}");
            assert_eq!(task.total_records as usize, records.len(), "{name}: other records were selected: {}", say());
            assert_eq!(task.failed_records as usize, failed.len(), "{name}: not all that failed are named: {}", say());
            let unattempted = task.unattempted_records() as usize;
            match task.status {
                Status::Success => assert_eq!((failed.len(), unattempted), (0, 0), "{name}: no success: {}", say()),
                Status::Partial => assert!(task.succeeded_records > 0 && !failed.is_empty(), "{name}: {}", say()),
                Status::Failure => assert!(!failed.is_empty() || unattempted > 0, "{name}: no failure: {}", say()),
                other => panic!("{name}: ended as {other:?}"),
            }
            let named: BTreeSet<String> = failed.keys().map(|key| key.to_lowercase()).collect();
            let known: BTreeSet<_> = records.iter().map(|record| record.key.clone()).collect();
            let unknown: Vec<_> = named.difference(&known).collect();
            let excused = |code: &str| case.may_refuse.contains(&code);
            for (key, failure) in &failed {
                assert!(!failure.message.is_empty(), "{name}: {key} failed without a reason");
                let is_known = known.contains(&key.to_lowercase());
                assert!(is_known || excused(&failure.code), "{name}: {key} was not selected: {}", failure.message);
            }
            let undone = case.atomicity == Atomicity::All && !failed.is_empty();
            if unattempted > 0 && !undone {
                let refused = judge.apply_all(&records, &BTreeSet::new()).await;
                assert_eq!(refused.len(), records.len(), "{name}: gave up though records could be done: {}", say());
                assert_same(case, &before, &after, "a task that did nothing");
                return false;
            }
            let lies = judge.apply_all(&records, &named).await;
            if !undone {
                let lies: Vec<_> = lies.iter().map(|(record, fate)| (&record.key, fate)).collect();
                assert!(lies.is_empty(), "{name}: called done, but plain SQL refuses {lies:?}: {}", say());
            }
            for record in records.iter().filter(|record| named.contains(&record.key)) {
                let failure = failed.iter().find(|(key, _)| key.to_lowercase() == record.key).expect("it is named").1;
                let fate = judge.apply(record).await;
                assert!(
                    fate.is_refusal() || excused(&failure.code),
                    "{name}: {} failed ({}: {}), but plain SQL says {fate:?}",
                    record.key,
                    failure.code,
                    failure.message
                );
            }
            if undone {
                assert_same(case, &before, &after, "all or nothing");
            } else {
                let expected = dump(kind, &mut plain).await;
                assert_done(case, &before, &expected, &after, unknown.len(), failed.len());
            }
        }
    }
    false
}

fn assert_same(case: &Case, before: &Dump, after: &Dump, what: &str) {
    assert!(before == after, "{}: {what} was changed:\n{}", case.name, differences(before, after));
}

/// The tables are as plain SQL left them, but for the `unnamed` records that failed under a name that the judge does not know, or for
/// excused ones that stay as they were.
fn assert_done(case: &Case, before: &Dump, expected: &Dump, after: &Dump, unnamed: usize, failed: usize) {
    let allowed = if case.may_refuse.is_empty() { unnamed } else { failed };
    let mut left = 0;
    for (table, rows) in after {
        let wanted = &expected[table];
        for row in without(rows, wanted) {
            assert!(
                before[table].contains(row) && left < allowed,
                "{}: {table} is not as plain SQL leaves it:\n{}",
                case.name,
                differences(expected, after)
            );
            left += 1;
        }
        assert!(
            without(wanted, rows).len() <= left,
            "{}: rows of {table} are gone or not as they should be:\n{}",
            case.name,
            differences(expected, after)
        );
    }
}

/// The rows of `rows` that `others` lacks, each as often as it lacks them.
fn without<'a>(rows: &'a [String], others: &[String]) -> Vec<&'a String> {
    let mut others: Vec<_> = others.iter().collect();
    let mut left = Vec::new();
    for row in rows {
        match others.iter().position(|other| *other == row) {
            Some(index) => drop(others.swap_remove(index)),
            None => left.push(row),
        }
    }
    left
}

fn differences(expected: &Dump, got: &Dump) -> String {
    let mut text = String::new();
    for (table, rows) in expected {
        let none = Vec::new();
        let others = got.get(table).unwrap_or(&none);
        for (sign, rows) in [("expected", without(rows, others)), ("got", without(others, rows))] {
            for row in rows.into_iter().take(20) {
                text += &format!("  {table} {sign}: {row}\n");
            }
        }
    }
    text
}
