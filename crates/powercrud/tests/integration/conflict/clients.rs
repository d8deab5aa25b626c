//! Fifty clients submit overlapping and identical requests at the same instant: each gets an answer, no record has two holders,
//! and no lock is left.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use powercrud::{
    ConflictScope, Error, OnConflict, PowerCrud, Resource, Settings,
    bulk::{Answer, run},
    db::Database,
    task::{BulkTask, Status},
};
use tokio::{sync::Barrier, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    shop::{assert_no_locks, count, counts, in_background, items, keys, update, when, work},
    support::{TestDatabase, each_database},
};

each_database! { by_model_refused, by_record_refused, by_model_queued, by_record_queued }

const CLIENTS: usize = 50;
/// Rounds of each of the two tests in which others are refused, on each database.
const ROUNDS: usize = 80;
/// And of each in which they queue: a round of 41 tasks.
const ROUNDS_OF_QUEUES: usize = 20;

async fn by_model_refused(database: TestDatabase) {
    refused(database, ConflictScope::Model).await;
}

async fn by_record_refused(database: TestDatabase) {
    refused(database, ConflictScope::Record).await;
}

async fn by_model_queued(database: TestDatabase) {
    queued(database, ConflictScope::Model).await;
}

async fn by_record_queued(database: TestDatabase) {
    queued(database, ConflictScope::Record).await;
}

/// Two applications with a pool of their own each, as two processes would have.
async fn apps(database: &TestDatabase, scope: ConflictScope, on_conflict: OnConflict) -> [PowerCrud; 2] {
    let app = async || {
        let own = Database::connect(&database.url).await.expect("a database that answers");
        let item = Resource::table("item").bulk_async_conflict_scope(scope).bulk_async_on_conflict(on_conflict);
        let settings = Settings { poll_interval: Duration::from_millis(10), ..Settings::default() };
        PowerCrud::builder(own)
            .open_to_everybody()
            .all_settings(settings)
            .resource(item)
            .build()
            .await
            .expect("no mistakes")
    };
    [app().await, app().await]
}

/// What a client wants: every fifth the same, the others ten records each that overlap with their neighbours'.
fn wish(client: usize) -> std::ops::RangeInclusive<i64> {
    if client.is_multiple_of(5) { 1..=30 } else { client as i64 * 4 + 1..=client as i64 * 4 + 10 }
}

/// All clients' answers, which come within a minute.
async fn at_once(apps: &[PowerCrud; 2], round: usize) -> Vec<powercrud::Result<Answer>> {
    let barrier = Arc::new(Barrier::new(CLIENTS));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (app, barrier) = (apps[client % 2].clone(), Arc::clone(&barrier));
            let note = if client.is_multiple_of(5) { format!("same {round}") } else { format!("{client} {round}") };
            tokio::spawn(async move {
                let request = in_background(update("item", keys(wish(client)), [("note", Some(note.as_str()))]));
                barrier.wait().await;
                run(&app, request).await
            })
        })
        .collect();
    let mut answers = Vec::new();
    for client in clients {
        answers.push(timeout(Duration::from_secs(60), client).await.expect("an answer").expect("no panic"));
    }
    answers
}

/// The tasks that were made, by client. Whoever got somebody else's task asked for the same.
fn made(answers: Vec<powercrud::Result<Answer>>, refuses: bool) -> Vec<(usize, BulkTask)> {
    let (mut made, mut same) = (Vec::new(), Vec::new());
    for (client, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(Answer::Queued { task, .. }) => made.push((client, task)),
            Ok(Answer::Duplicate(task)) => same.push((client, task.id)),
            Err(Error::Conflict { .. }) if refuses => {}
            other => panic!("client {client}: {other:?}"),
        }
    }
    for (client, id) in same {
        let first = made.iter().find(|(_, task)| task.id == id);
        let first = first.unwrap_or_else(|| panic!("client {client} got the task {id} that nobody made"));
        assert!(client.is_multiple_of(5) && first.0.is_multiple_of(5), "{client} is not the same as {first:?}");
    }
    made
}

async fn refused(database: TestDatabase, scope: ConflictScope) {
    items(&database, 300).await;
    let apps = apps(&database, scope, OnConflict::Reject).await;
    let mut tasks = 0;
    for round in 0..ROUNDS {
        let made = made(at_once(&apps, round).await, true);
        assert!(!made.is_empty(), "somebody wins");
        tasks += made.len();
        assert_eq!(count(&database, "powercrud_bulk_task").await, tasks, "who is refused leaves no trace");
        if scope == ConflictScope::Model {
            assert_eq!(made.len(), 1, "one holder");
        }
        let mut held = BTreeSet::new();
        for (client, _) in &made {
            for key in wish(*client) {
                assert!(held.insert(key), "record {key} has two holders");
            }
        }
        for (client, task) in &made {
            let task = work(&apps[0], task).await;
            assert_eq!((task.status, counts(&task).0), (Status::Success, wish(*client).count() as u64));
        }
        assert_no_locks(&database).await;
    }
}

async fn queued(database: TestDatabase, scope: ConflictScope) {
    items(&database, 300).await;
    let apps = apps(&database, scope, OnConflict::Queue).await;
    for round in 0..ROUNDS_OF_QUEUES {
        let made = made(at_once(&apps, round).await, false);
        // All but the nine clients who asked for the same as the first of them.
        assert_eq!(made.len(), CLIENTS - 9, "everybody's task is there");
        let stop = CancellationToken::new();
        let workers: Vec<_> =
            apps.iter().map(|app| tokio::spawn(app.worker().concurrency(2).run(stop.clone()))).collect();
        let mut ended = Vec::new();
        for (client, task) in &made {
            let task = when(&apps[0], task, |task| task.status.is_final()).await;
            assert_eq!((task.status, counts(&task).0), (Status::Success, wish(*client).count() as u64));
            assert_eq!(task.attempt, 1, "nobody waits for a lease to lapse where nobody died: {task:?}");
            ended.push((task.started_at.expect("a start"), task.completed_at.expect("an end"), *client, task));
        }
        stop.cancel();
        for worker in workers {
            worker.await.expect("no panic").expect("a worker that could start");
        }
        ended.sort_by_key(|(start, end, ..)| (*start, *end));
        for (place, (_, end, client, task)) in ended.iter().enumerate() {
            for (start, _, later, other) in &ended[place + 1..] {
                let overlap = wish(*client).any(|key| wish(*later).contains(&key));
                if scope == ConflictScope::Model || overlap {
                    assert!(start >= end, "two at a time: {task:?} {other:?}");
                }
            }
        }
        if scope == ConflictScope::Model {
            // The one that had not to wait comes first, whatever its moment.
            let timestamps: Vec<_> = ended[1..].iter().map(|(.., task)| task.created_at).collect();
            assert!(timestamps.is_sorted(), "in the order of their submission: {timestamps:?}");
        }
        assert_no_locks(&database).await;
    }
}
