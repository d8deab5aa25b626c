//! Actions that run statements over all of a chunk's records.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use powercrud::{Action, ActionError, ActionField, Selection, User, audit, bulk, task::Status};
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query};

use super::with_actions;
use crate::{
    shop::{
        action, assert_no_locks, carry_out, count, counts, failures, in_background, items, keys, rows, touched_once,
    },
    support::{TestDatabase, each_database},
};

each_database! {
    one_statement_a_chunk, a_bad_record_stands_alone, several_statements_are_one, what_it_says_itself_ends_the_task, gone_records_are_named
}

/// Adds copies to the stock, and counts how often it was asked how.
fn restock(asked: Arc<AtomicU64>) -> Action {
    Action::statements("restock", move |chunk| {
        asked.fetch_add(1, Ordering::Relaxed);
        let copies = chunk.values().integer("copies").ok_or_else(|| ActionError::failed("no number of copies"))?;
        let mut update = chunk.update();
        update.value("stock", Expr::col("stock").add(copies));
        Ok(vec![update.into()])
    })
    .field(ActionField::integer("copies").required())
}

async fn one_statement_a_chunk(database: TestDatabase) {
    const ROWS: i64 = 12_000;
    items(&database, ROWS as usize).await;
    let asked = Arc::new(AtomicU64::new(0));
    let app = with_actions(&database, [restock(Arc::clone(&asked))]).await;
    let task = carry_out(&app, action("item", "restock", Selection::All, [("copies", "1000000")])).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (ROWS as u64, 0, 0)), "{}", task.error_message);
    assert_eq!((task.operation.as_str(), task.values["copies"].as_str()), ("action:restock", "1000000"));
    assert_eq!(touched_once(&database).await, ROWS as u64);
    let entries = audit::list(&app, &User::operator(), &audit::AuditFilter::default()).await.expect("a trail");
    let asked_for = |entry: &audit::AuditEntry| entry.changes.contains_key("copies");
    assert!(entries.iter().any(asked_for), "{entries:?}");
    let stocks = rows(&database, "item", &["id", "stock"]).await;
    assert!(stocks.iter().all(|(id, row)| row[0] == Some((id.parse::<i64>().unwrap() + 1_000_000).to_string())));
    // Chunks have 2,000 records at first, and more where those were quick.
    let asked = asked.load(Ordering::Relaxed);
    assert!((1..=40).contains(&asked), "{asked} statements for {ROWS} records");
    assert_no_locks(&database).await;
}

async fn a_bad_record_stands_alone(database: TestDatabase) {
    items(&database, 300).await;
    let rename = Action::statements("spoil", |chunk| {
        let mut update = chunk.update();
        let broken = Expr::col("id").is_in([77, 200]);
        update.value("status", Expr::case(broken, Expr::val("broken")).finally(Expr::val("gone")));
        Ok(vec![update.into()])
    });
    let app = with_actions(&database, [rename]).await;
    let task = carry_out(&app, action("item", "spoil", Selection::All, [])).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (298, 2, 0)), "{}", task.error_message);
    let failed = ["77", "200"].map(|key| (key.to_owned(), "CHECK".to_owned()));
    assert_eq!(failures(&app, &task).await, failed);
    let statuses = rows(&database, "item", &["id", "status"]).await;
    // The two that fail were so from the start.
    assert_eq!(statuses.values().filter(|row| row[0].as_deref() == Some("gone")).count(), 300);
    assert_eq!(touched_once(&database).await, 298);
    // Few at once: everything or nothing.
    let task = carry_out(&app, action("item", "spoil", keys([76, 77, 78]), [])).await;
    assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 1, 2)));
    let refused = bulk::revert(&app, &User::operator(), task.id).await.expect_err("what code did can't be reverted");
    assert!(refused.to_string().contains("nobody but its own code knows"), "{refused}");
}

async fn several_statements_are_one(database: TestDatabase) {
    items(&database, 100).await;
    database
        .execute(
            "CREATE TABLE sold (item_id integer PRIMARY KEY, stock integer NOT NULL); INSERT INTO sold VALUES (50, 1);",
        )
        .await;
    let sell = Action::statements("sell_out", |chunk| {
        let mut sold = Query::select();
        sold.column("id").column("stock").from(chunk.table()).and_where(chunk.keys());
        let mut insert = Query::insert();
        insert.into_table(Alias::new("sold")).columns(["item_id", "stock"]);
        insert.select_from(sold).map_err(ActionError::failed)?;
        let mut update = chunk.update();
        update.value("stock", 0);
        Ok(vec![insert.into(), update.into()])
    });
    let app = with_actions(&database, [sell]).await;
    let task = carry_out(&app, action("item", "sell_out", Selection::All, [])).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (99, 1, 0)), "{}", task.error_message);
    assert_eq!(failures(&app, &task).await, [("50".to_owned(), "UNIQUE".to_owned())]);
    assert_eq!(count(&database, "sold").await, 100);
    assert_eq!(count(&database, "(SELECT 1 FROM item WHERE stock = 0) AS sold_out").await, 99);
}

async fn what_it_says_itself_ends_the_task(database: TestDatabase) {
    items(&database, 40).await;
    let closed = Action::statements("sell", |_| Err(ActionError::failed("the shop is closed")));
    let panics = Action::statements("panic", |_| panic!("no such thing"));
    let app = with_actions(&database, [closed, panics]).await;
    for (name, words) in [("sell", "the shop is closed"), ("panic", "panicked")] {
        let task = carry_out(&app, in_background(action("item", name, Selection::All, []))).await;
        assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 0, 40)));
        assert!(task.error_message.contains(words), "{}", task.error_message);
    }
    assert_no_locks(&database).await;
}

async fn gone_records_are_named(database: TestDatabase) {
    items(&database, 40).await;
    let app = with_actions(&database, [restock(Arc::default())]).await;
    let request = in_background(action("item", "restock", keys(1..=30), [("copies", "1")]));
    let task = crate::shop::queue(&app, request).await;
    database.execute("DELETE FROM item WHERE id IN (7, 30);").await;
    let task = crate::shop::work(&app, &task).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (28, 2, 0)), "{}", task.error_message);
    let gone = ["7", "30"].map(|key| (key.to_owned(), "NOT_FOUND".to_owned()));
    assert_eq!(failures(&app, &task).await, gone);
}
