//! The suite of rules.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use futures_util::future::BoxFuture;
use powercrud::{
    AppError, FieldError, PowerCrud, testing,
    validate::{ChangedRecord, PlannedOperation, Validate},
};
use sea_orm::ConnectionTrait as _;

use super::assert_broken;
use crate::{
    shop::items,
    support::{TestDatabase, each_database},
};

each_database! { what_is_broken_is_found }

/// How a rule is broken.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Broken {
    Not,
    Writes,
    WritesElsewhere,
    ChangesItsMind,
    Waits,
    Panics,
    NoSuchField,
    NoWord,
    EmptyRefusal,
}

struct StockRules {
    broken: Broken,
    asked: AtomicU64,
    elsewhere: powercrud::db::Database,
}

fn no() -> AppError {
    AppError::new("NEGATIVE", "can't be less than nothing").field("stock")
}

impl Validate for StockRules {
    fn plan<'a>(&'a self, _plan: &'a PlannedOperation<'a>) -> BoxFuture<'a, Result<(), Vec<FieldError>>> {
        Box::pin(async move {
            match self.broken {
                Broken::EmptyRefusal => Err(Vec::new()),
                Broken::NoSuchField => Err(vec![FieldError::new("stok", "NEGATIVE", "is negative")]),
                _ => Ok(()),
            }
        })
    }

    fn record<'a>(&'a self, record: &'a ChangedRecord<'a>) -> BoxFuture<'a, Result<(), AppError>> {
        Box::pin(async move {
            let asked = self.asked.fetch_add(1, Ordering::Relaxed);
            let sql = "UPDATE item SET note = 'seen' WHERE id = 3";
            match self.broken {
                Broken::Writes => record.transaction().execute_unprepared(sql).await.map(|_| ()).map_err(Into::into),
                Broken::WritesElsewhere => {
                    self.elsewhere.connection().execute_unprepared("INSERT INTO seen VALUES (1)").await?;
                    Ok(())
                }
                Broken::ChangesItsMind if asked.is_multiple_of(2) => Err(no()),
                Broken::Waits => std::future::pending().await,
                Broken::Panics => panic!("not this one"),
                Broken::NoWord => Err(AppError::new("not a word", "is wrong")),
                // What a rule reads, the database may refuse.
                Broken::Not if record.key() == "2" => {
                    record.transaction().execute_unprepared("SELECT nothing FROM nowhere").await?;
                    Ok(())
                }
                Broken::Not if record.after().is_some_and(|after| after.integer("stock") < Some(5)) => Err(no()),
                _ => Ok(()),
            }
        })
    }
}

async fn what_is_broken_is_found(database: TestDatabase) {
    items(&database, 6).await;
    database.execute("CREATE TABLE seen (id integer);").await;
    let app = PowerCrud::builder(database.clone()).discover(true).build().await.expect("no mistakes");
    for (broken, parts) in [
        (Broken::Not, &[][..]),
        (Broken::Writes, &["writes nothing"]),
        (Broken::WritesElsewhere, &["writes nothing"]),
        (Broken::ChangesItsMind, &["says the same"]),
        (Broken::Waits, &["waits for nobody"]),
        (Broken::Panics, &["does not panic"]),
        (Broken::NoSuchField, &["has a field that there is"]),
        (Broken::NoWord, &["a word for programs"]),
        (Broken::EmptyRefusal, &["an entry for each mistake"]),
    ] {
        // SQLite has one who writes at a time: whoever waits for another connection there waits in vain.
        let is_sqlite = database.kind == crate::support::Kind::Sqlite;
        let parts = if is_sqlite && broken == Broken::WritesElsewhere { &["waits for nobody"][..] } else { parts };
        let rule = StockRules { broken, asked: AtomicU64::new(0), elsewhere: (&database).into() };
        let checked = testing::validate(&app, "item", &rule).within(Duration::from_millis(1_500)).check().await;
        match parts {
            [] => checked.unwrap(),
            parts => assert_broken(checked, parts),
        }
    }
    let rule = StockRules { broken: Broken::Not, asked: AtomicU64::new(0), elsewhere: (&database).into() };
    assert_broken(testing::validate(&app, "itm", &rule).check().await, &["a resource that there is"]);
}
