//! The suite of hooks around chunks.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use futures_util::future::BoxFuture;
use powercrud::{
    AppError, PowerCrud,
    chunk_hook::{ChunkHook, ChunkOfTask},
    testing,
};
use sea_orm::{ConnectionTrait as _, sea_query::Query};

use super::assert_broken;
use crate::{
    shop::items,
    support::{Kind, TestDatabase, each_database},
};

each_database! { what_is_broken_is_found }

/// How a hook is broken.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Broken {
    Not,
    Commits,
    WritesElsewhere,
    RemembersBetweenCalls,
    Waits,
    Panics,
}

struct Journal {
    broken: Broken,
    called: AtomicU64,
    elsewhere: powercrud::db::Database,
}

impl ChunkHook for Journal {
    fn after<'a>(&'a self, chunk: &'a ChunkOfTask<'a>) -> BoxFuture<'a, Result<(), AppError>> {
        Box::pin(async move {
            let called = self.called.fetch_add(1, Ordering::Relaxed);
            match self.broken {
                Broken::Waits => std::future::pending().await,
                Broken::Panics => panic!("not this one"),
                Broken::RemembersBetweenCalls if called % 2 == 1 => return Ok(()),
                _ => {}
            }
            for key in chunk.keys().filter(|key| !chunk.failed().any(|failed| failed == *key)) {
                let mut insert = Query::insert();
                insert.into_table("journal").columns(["record_key", "operation"]);
                insert.values_panic([key.into(), chunk.operation().into()]);
                match self.broken {
                    Broken::WritesElsewhere => self.elsewhere.connection().execute(&insert).await?,
                    _ => chunk.transaction().execute(&insert).await?,
                };
            }
            if self.broken == Broken::Commits {
                chunk.transaction().execute_unprepared("COMMIT").await?;
                chunk.transaction().execute_unprepared("BEGIN").await?;
            }
            Ok(())
        })
    }
}

async fn what_is_broken_is_found(database: TestDatabase) {
    items(&database, 6).await;
    database.execute("CREATE TABLE journal (record_key varchar(40), operation varchar(40));").await;
    let app = PowerCrud::builder(database.clone()).discover(true).build().await.expect("no mistakes");
    for (broken, parts) in [
        (Broken::Not, &[][..]),
        (Broken::Commits, &["the chunk's transaction alone"]),
        (Broken::WritesElsewhere, &["the chunk's transaction alone"]),
        (Broken::RemembersBetweenCalls, &["does the same"]),
        (Broken::Waits, &["waits for nobody"]),
        (Broken::Panics, &["does not panic"]),
    ] {
        // SQLite has one who writes at a time: whoever waits for another connection there waits in vain.
        let is_stuck = database.kind == Kind::Sqlite && broken == Broken::WritesElsewhere;
        let parts = if is_stuck { &["waits for nobody"][..] } else { parts };
        let hook = Journal { broken, called: AtomicU64::new(0), elsewhere: (&database).into() };
        let checked = testing::chunk_hook(&app, "item", &hook).within(Duration::from_millis(1_500)).check().await;
        match parts {
            [] => checked.unwrap(),
            parts => assert_broken(checked, parts),
        }
        database.execute("DELETE FROM journal;").await;
    }
    let hook = Journal { broken: Broken::Not, called: AtomicU64::new(0), elsewhere: (&database).into() };
    assert_broken(testing::chunk_hook(&app, "itm", &hook).check().await, &["a resource that there is"]);
}
