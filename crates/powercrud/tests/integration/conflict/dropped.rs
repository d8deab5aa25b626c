//! Work that is dropped half-way, as a request's is when its client hangs up.

use std::time::{Duration, Instant};

use sea_orm::ConnectionTrait as _;

use crate::{
    shop::count,
    support::{TestDatabase, each_database},
};

each_database! { what_is_written_after_a_dropped_begin_stays }

const ROUNDS: u64 = 400;

/// Wherever a BEGIN is dropped, no connection of the pool is left in a transaction that nobody ends, in which the next statement is lost.
async fn what_is_written_after_a_dropped_begin_stays(database: TestDatabase) {
    database.execute("CREATE TABLE t (id integer PRIMARY KEY);").await;
    for round in 0..ROUNDS {
        let pool = powercrud::db::Database::clone(&database);
        let begun = Instant::now();
        let beginning = tokio::spawn(async move {
            loop {
                drop(pool.begin().await);
            }
        });
        // Not slept: the timer is too coarse to drop it in the middle.
        while begun.elapsed() < Duration::from_micros(round * 37 % 3_000) {
            tokio::task::yield_now().await;
        }
        beginning.abort();
        let _ = beginning.await;
        let insert = format!("INSERT INTO t VALUES ({round})");
        database.connection().execute_unprepared(&insert).await.expect("a row is written");
    }
    let other = TestDatabase::on(database.kind, &database.url).await;
    assert_eq!(count(&other, "t").await as u64, ROUNDS);
}
