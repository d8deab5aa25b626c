//! Schemas on which something went wrong once, by name. They run first, and all of them every time.

mod mysql;
mod postgres;
mod sqlite;

use std::collections::VecDeque;

use crate::{
    step::{Action, Assignment, Bulk, Case, Selected, Step},
    support::Kind,
    trial,
};

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
            match outcome {
                Ok(done) => {
                    println!("ok      {}: {:?}", case.name, done.0);
                    tally.merge(&done);
                }
                Err(difference) => {
                    println!("FAILED  {}: {}", case.name, summary(&difference));
                    wrong.push(difference);
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
fn bulk(table: &str, action: Action, selection: Selected) -> Step {
    Step::Bulk(Bulk { table: table.to_owned(), action, selection, background: true, chunk_size: 3 })
}

/// In the request: all or nothing.
fn at_once(table: &str, action: Action, selection: Selected) -> Step {
    Step::Bulk(Bulk { table: table.to_owned(), action, selection, background: false, chunk_size: 3 })
}

/// As PowerCRUD is told, and as SQL.
fn set(column: &str, text: &str, sql: &str) -> Assignment {
    Assignment { column: column.to_owned(), text: Some(text.to_owned()), sql: sql.to_owned() }
}

fn update(column: &str, text: &str, sql: &str) -> Action {
    Action::Update(vec![set(column, text, sql)])
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
        bulk(table, Action::Delete, Selected::Tags(vec![2])),
        bulk(table, Action::Delete, Selected::All),
    ]
}
