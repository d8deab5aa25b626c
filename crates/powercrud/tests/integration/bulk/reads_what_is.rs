//! What others do meanwhile is seen as it is, sessions refuse what does not fit, and tables without transactions take no bulk operations.

use std::time::{Duration, Instant};

use powercrud::{Error, Selection, User, bulk::plan, db::Database, record, task::Status};
use sea_orm::{ConnectionTrait as _, SqlxMySqlConnector, Statement, TransactionTrait as _};
use sqlx::{Executor as _, mysql::MySqlPoolOptions};

use crate::{
    shop::{carry_out, counts, discovered, failures, in_background, items, keys, matching, queue, rows, update},
    support::{Kind, TestDatabase, each_database},
};

each_database! { [postgres mysql] what_goes_while_the_statement_waits_is_gone, a_locked_row_holds_up_no_submission }
each_database! { [mysql] sessions_are_strict, tables_without_transactions }

/// Waits until some statement of this database waits for a row lock.
async fn until_somebody_waits(database: &TestDatabase) {
    let sql = match database.kind {
        Kind::Postgres => {
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        }
        _ => "SELECT 1 FROM information_schema.processlist WHERE db = DATABASE() AND info LIKE 'UPDATE `item`%'",
    };
    let connection = database.connection();
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        if !connection.query_all_raw(statement).await.expect("rows").is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "nobody waits");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn what_goes_while_the_statement_waits_is_gone(database: TestDatabase) {
    items(&database, 30).await;
    let app = discovered(&database).await;
    let task = queue(&app, update("item", Selection::All, [("note", Some("x"))])).await;
    let other = database.connection().begin().await.expect("a transaction");
    other.execute_unprepared("DELETE FROM item WHERE id = 5").await.expect("a delete");
    let worker = tokio::spawn({
        let app = app.clone();
        async move { crate::shop::work(&app, &task).await }
    });
    until_somebody_waits(&database).await;
    other.commit().await.expect("a commit");
    let task = worker.await.expect("no panic");
    assert_eq!((task.status, counts(&task)), (Status::Partial, (29, 1, 0)), "{}", task.error_message);
    assert_eq!(failures(&app, &task).await, [("5".to_owned(), "NOT_FOUND".to_owned())]);
}

async fn a_locked_row_holds_up_no_submission(database: TestDatabase) {
    items(&database, 30).await;
    let app = discovered(&database).await;
    let other = database.connection().begin().await.expect("a transaction");
    other.execute_unprepared("UPDATE item SET note = 'other' WHERE id = 5").await.expect("an update");
    let selection = matching(&app, "item", &["id__lt=26"]);
    let submission = queue(&app, update("item", selection, [("note", Some("x"))]));
    let task = tokio::time::timeout(Duration::from_secs(20), submission).await.expect("nobody waits for the row");
    other.commit().await.expect("a commit");
    let task = crate::shop::work(&app, &task).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (25, 0, 0)), "{}", task.error_message);
}

/// Values that do not fit are refused, whatever the server or the application has chosen for its sessions.
async fn sessions_are_strict(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE place (id integer PRIMARY KEY, name varchar(20) CHARACTER SET latin1 NOT NULL);
             INSERT INTO place VALUES (1, 'a'), (2, 'b'), (3, 'c');",
        )
        .await;
    let lax = MySqlPoolOptions::new()
        .max_connections(3)
        .after_connect(|connection, _| {
            Box::pin(async { connection.execute("SET SESSION sql_mode = ''").await.map(|_| ()) })
        })
        .connect(&database.url)
        .await
        .expect("a pool");
    let handed_in = Database::from_connection(SqlxMySqlConnector::from_sqlx_mysql_pool(lax.clone()));
    let app =
        powercrud::PowerCrud::builder(handed_in).open_to_everybody().discover(true).build().await.expect("no mistakes");
    let place = app.resource("place").expect("a resource");
    let arrow = [("name".to_owned(), Some("\u{2192}".to_owned()))];
    let error = record::update(&app, &User::operator(), place, "1", &arrow).await.expect_err("it does not fit");
    assert!(matches!(&error, Error::Invalid(errors) if errors[0].code == "INVALID_VALUE"), "{error:?}");
    for request in [
        update("place", keys([1, 2]), [("name", Some("\u{2192}"))]),
        in_background(update("place", keys([1, 2]), [("name", Some("\u{2192}"))])),
    ] {
        let task = carry_out(&app, request).await;
        assert_eq!((task.status, task.failed_records), (Status::Failure, 2), "{}", task.error_message);
    }
    let names = rows(&database, "place", &["id", "name"]).await;
    assert!(names.values().flatten().flatten().eq(["a", "b", "c"]), "{names:?}");
    // The application's sessions are as they were.
    for _ in 0..6 {
        let mode: String = sqlx::query_scalar("SELECT @@sql_mode").fetch_one(&lax).await.expect("a mode");
        assert_eq!(mode, "");
    }
    let statement = Statement::from_string(database.connection().get_database_backend(), "SELECT @@sql_mode");
    let row = database.connection().query_one_raw(statement).await.expect("a row").expect("a row");
    let ours: String = row.try_get_by_index(0).expect("a text");
    for mode in ["STRICT_ALL_TABLES", "ERROR_FOR_DIVISION_BY_ZERO", "NO_ENGINE_SUBSTITUTION"] {
        assert!(ours.contains(mode), "{ours}");
    }
}

async fn tables_without_transactions(database: TestDatabase) {
    for engine in ["MyISAM", "MEMORY"] {
        let name = engine.to_lowercase();
        database
            .execute(&format!(
                "CREATE TABLE {name} (id integer PRIMARY KEY, name varchar(20)) ENGINE = {engine}; INSERT INTO {name} VALUES (1, 'a');"
            ))
            .await;
    }
    let app = discovered(&database).await;
    for engine in ["MyISAM", "MEMORY"] {
        let resource = app.resource(&engine.to_lowercase()).expect("a resource");
        let reason = resource.table.no_bulk.as_deref().expect("a reason");
        assert!(reason.contains(engine), "{reason}");
        assert!(!resource.can_bulk_delete() && !resource.can_bulk_edit());
        let error =
            plan(&app, update(&resource.name, keys([1]), [("name", Some("b"))])).await.err().expect("a refusal");
        assert!(error.to_string().contains(engine), "{error}");
        let edit = [("name".to_owned(), Some("b".to_owned()))];
        record::update(&app, &User::operator(), resource, "1", &edit).await.expect("single records can be written");
    }
}
