//! Schemas on which something went wrong once, by name. They run first, and all of them every time.

mod mysql;
mod postgres;
mod sqlite;

use std::collections::VecDeque;

use super::{
    step::{Assignment, Bulk, Case, Deed, Selected, Step},
    trial,
};
use crate::support::Kind;

/// Cases that PowerCRUD is known to fail, with the cause. One that does not fail any more fails this test until it is taken off the list.
const KNOWN_DEFECTS: &[(Kind, &str, &str)] = &[
    (Kind::Sqlite, "untyped key", KEYS),
    (Kind::Sqlite, "blob key", KEYS),
    (Kind::Sqlite, "real key", KEYS),
    (Kind::Sqlite, "a number and its text in a composite key", KEYS),
    (Kind::Sqlite, "null in a key", KEYS),
    (Kind::Sqlite, "null in a composite key", KEYS),
    (Kind::Sqlite, "invalid UTF-8 in a key", KEYS),
    (Kind::Sqlite, "nul in a key", KEYS),
    (Kind::Sqlite, "text in an integer key", KEYS),
    (Kind::Sqlite, "numeric key", KEYS),
    (Kind::Sqlite, "strict", KEYS),
    (Kind::Sqlite, "a trigger raises ROLLBACK", FAULTS),
    (Kind::Sqlite, "a trigger raises ROLLBACK at a delete", FAULTS),
    (Kind::Sqlite, "a unique column on conflict rollback", FAULTS),
    (Kind::Sqlite, "invalid UTF-8 in a cell", VALUES),
    (Kind::Postgres, "inheritance: update", KEYS),
    (Kind::Postgres, "inheritance: delete", KEYS),
    (Kind::Postgres, "inheritance: one record", KEYS),
    (Kind::Postgres, "real key", KEYS),
    (Kind::Postgres, "double key", KEYS),
    (Kind::Postgres, "numeric key", KEYS),
    (Kind::Postgres, "date key", KEYS),
    (Kind::Postgres, "timestamp key", KEYS),
    (Kind::Postgres, "timestamptz key", KEYS),
    (Kind::Postgres, "time key", KEYS),
    (Kind::Postgres, "tables whose names collide", "two tables of one name stop the server"),
    (Kind::Postgres, "a trigger raises 23000", FAULTS),
    (Kind::Postgres, "a trigger raises P0002", FAULTS),
    (Kind::Postgres, "a trigger raises 54000", FAULTS),
    (Kind::Postgres, "a trigger raises 42501", FAULTS),
    (Kind::Postgres, "a trigger raises XX000", FAULTS),
    (Kind::Postgres, "a trigger raises 40002", FAULTS),
    (Kind::Postgres, "a trigger raises 0A000", FAULTS),
    (Kind::Postgres, "a trigger raises 57014", FAULTS),
    (Kind::Postgres, "a trigger refuses a delete with P0002", FAULTS),
    (Kind::Postgres, "a trigger's function is missing", FAULTS),
    (Kind::Postgres, "row security", FAULTS),
    (Kind::Postgres, "casts that cut", VALUES),
    (Kind::Mysql, "float key", KEYS),
    (Kind::Mysql, "unsigned 64", KEYS),
    (Kind::Mysql, "date key", KEYS),
    (Kind::Mysql, "datetime key", KEYS),
    (Kind::Mysql, "timestamp key", KEYS),
    (Kind::Mysql, "time key", KEYS),
    (Kind::Mysql, "year key", KEYS),
    (Kind::Mysql, "nul in a key", KEYS),
    (Kind::Mysql, "boolean key", KEYS),
    (Kind::Mysql, "a trigger raises 02000", FAULTS),
    (Kind::Mysql, "a trigger divides by zero", FAULTS),
    (Kind::Mysql, "a trigger's table is missing", FAULTS),
    (Kind::Mysql, "Aria", FAULTS),
    (Kind::Mysql, "a value of 70 kB", VALUES),
];

const KEYS: &str = "a record is not found by the key that the list gives it";
const FAULTS: &str = "an error that is not listed ends the task";
const VALUES: &str = "a value is lost, cut or refused";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    run(Kind::Sqlite, sqlite::cases()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    run(Kind::Postgres, postgres::cases()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysql() {
    run(Kind::Mysql, mysql::cases()).await;
}

/// `POWERCRUD_ORACLE_CASE` names a part of the cases' names, to run those alone.
async fn run(kind: Kind, cases: Vec<Case>) {
    let wanted = std::env::var("POWERCRUD_ORACLE_CASE").unwrap_or_default();
    let mut left: VecDeque<_> = cases.into_iter().filter(|case| case.name.contains(&wanted)).collect();
    let mut wrong = Vec::new();
    let mut tally = trial::Tally::default();
    while !left.is_empty() {
        // A role of its own finds PowerCRUD's tables of another owner in a database that was used before.
        let together = left.iter().position(|case| case.role.is_some()).unwrap_or(left.len()).max(1);
        let outcomes = trial::run_batch(kind, left.iter().take(together).cloned().collect()).await;
        if outcomes.is_empty() {
            return;
        }
        for outcome in outcomes {
            let Some(case) = left.pop_front() else { break };
            let known = KNOWN_DEFECTS.iter().find(|(of, name, _)| *of == kind && *name == case.name);
            match (outcome, known) {
                (Ok(done), None) => {
                    println!("ok      {}: {:?}", case.name, done.0);
                    tally.merge(&done);
                }
                (Err(difference), Some((.., cause))) => {
                    println!("known   {}: {cause}: {}", case.name, summary(&difference));
                }
                (Err(difference), None) => {
                    println!("FAILED  {}: {}", case.name, summary(&difference));
                    wrong.push(difference);
                }
                (Ok(_), Some((.., cause))) => {
                    println!("MENDED  {}: {cause}", case.name);
                    wrong.push(format!("{}: no longer fails, take it off KNOWN_DEFECTS ({cause})", case.name));
                }
            }
        }
    }
    println!("{:?}", tally.0);
    assert!(wrong.is_empty(), "{} cases differ from plain SQL:\n{}", wrong.len(), wrong.join("\n"));
}

/// What differs, in one line.
fn summary(difference: &str) -> String {
    let told = difference.split("\n--- ").nth(1).filter(|told| !told.starts_with("schema")).unwrap_or(difference);
    told.chars().take(300).map(|c| if c == '\n' { ' ' } else { c }).collect()
}

fn case(kind: Kind, name: &str, script: impl Into<String>, steps: Vec<Step>) -> Case {
    Case { name: name.to_owned(), kind, script: script.into(), role: None, steps }
}

/// `count` rows for `INSERT INTO … VALUES`, made from their numbers.
fn rows(count: i64, row: impl Fn(i64) -> String) -> String {
    (1..=count).map(row).collect::<Vec<_>>().join(", ")
}

/// In the background, three records a chunk.
fn bulk(table: &str, deed: Deed, selection: Selected) -> Step {
    Step::Bulk(Bulk { table: table.to_owned(), deed, selection, background: true, chunk_size: 3 })
}

/// In the request: all or nothing.
fn at_once(table: &str, deed: Deed, selection: Selected) -> Step {
    Step::Bulk(Bulk { table: table.to_owned(), deed, selection, background: false, chunk_size: 3 })
}

/// As PowerCRUD is told, and as SQL.
fn set(column: &str, text: &str, sql: &str) -> Assignment {
    Assignment { column: column.to_owned(), text: Some(text.to_owned()), sql: sql.to_owned() }
}

fn update(column: &str, text: &str, sql: &str) -> Deed {
    Deed::Update(vec![set(column, text, sql)])
}

fn filter(condition: &str, sql: &str) -> Selected {
    Selected::Filter { conditions: vec![condition.to_owned()], sql: sql.to_owned() }
}

fn edit(table: &str, tag: i64, change: Assignment) -> Step {
    Step::Edit { table: table.to_owned(), tag, change }
}

fn pages(table: &str, page_size: u64) -> Step {
    Step::Pages { table: table.to_owned(), page_size }
}

/// What every table has to stand: it is listed, a record is edited, some are changed, some and then all deleted. Its columns are `tag`
/// and a text `note`, beside its key.
fn usual(table: &str) -> Vec<Step> {
    vec![
        pages(table, 2),
        edit(table, 1, set("note", "edited", "'edited'")),
        bulk(table, update("note", "changed", "'changed'"), filter("tag__gte=2", "tag >= 2")),
        bulk(table, update("note", "by key", "'by key'"), Selected::Tags(vec![1, 3])),
        bulk(table, Deed::Delete, Selected::Tags(vec![2])),
        bulk(table, Deed::Delete, Selected::All),
    ]
}
