//! Who hears of a task's end, by which channel, how often.

mod conformance;
mod email;
mod ends;
mod function;
mod messages;
mod notifier;
mod outbox;
mod pages;
mod receiver;
mod settings;
mod sink;
mod tls;
mod webhook;

use std::time::{Duration, Instant};

use powercrud::{Channel, PowerCrud, Resource, ResourceBuilder, Settings, User, db::Database};
use sea_orm::{ConnectionTrait as _, Statement};

use crate::support::TestDatabase;

/// A PowerCRUD whose users say who they are by a header.
async fn app(database: &TestDatabase, item: ResourceBuilder) -> PowerCrud {
    let hook = |parts: &axum::http::request::Parts| {
        let name = parts.headers.get("x-user")?.to_str().ok()?.to_owned();
        Some(User::new(&name, &name).staff(name == "staff"))
    };
    let builder = PowerCrud::builder(database.clone()).resource(item).user(hook);
    builder.build().await.expect("a configuration without mistakes")
}

/// Every notice there is: its channel, whom it is for, and how it stands.
async fn notices(database: &TestDatabase) -> Vec<(String, String, String)> {
    let sql = "SELECT channel, recipient, status FROM powercrud_notice ORDER BY channel, recipient, status";
    let connection = database.connection();
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let rows = connection.query_all_raw(statement).await.expect("notices");
    let text = |row: &sea_orm::QueryResult, index| row.try_get_by_index::<String>(index).expect("a text");
    rows.iter().map(|row| (text(row, 0), text(row, 1), text(row, 2))).collect()
}

fn notice(channel: &str, recipient: &str, status: &str) -> (String, String, String) {
    (channel.to_owned(), recipient.to_owned(), status.to_owned())
}

/// A notice of the outbox.
struct OutboxNotice {
    status: String,
    attempts: i64,
    last_error: String,
    /// In how many milliseconds the next try is due.
    due_in: i64,
}

/// The notices that are to be delivered or were, oldest first.
async fn outbox(database: &TestDatabase) -> Vec<OutboxNotice> {
    let now = match database.kind {
        crate::support::Kind::Sqlite => "CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER)",
        crate::support::Kind::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint)",
        crate::support::Kind::Mysql => "CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED)",
    };
    let sql = format!(
        "SELECT status, attempts, last_error, next_attempt_at - {now} FROM powercrud_notice
         WHERE channel <> 'messages' ORDER BY created_at, id"
    );
    let connection = database.connection();
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let rows = connection.query_all_raw(statement).await.expect("notices");
    let read = |row: &sea_orm::QueryResult| OutboxNotice {
        status: row.try_get_by_index(0).expect("a word"),
        attempts: row.try_get_by_index(1).expect("a number"),
        last_error: row.try_get_by_index(2).expect("a text"),
        due_in: row.try_get_by_index(3).expect("a number"),
    };
    rows.iter().map(read).collect()
}

/// Lets time go by: whatever is put off, a try or the end of a lease, is due now.
async fn due_now(database: &TestDatabase) {
    database.execute("UPDATE powercrud_notice SET next_attempt_at = 0;").await;
}

/// Waits until no notice is waiting or under way.
async fn until_settled(database: &TestDatabase) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while outbox(database).await.iter().any(|notice| matches!(notice.status.as_str(), "waiting" | "sending")) {
        assert!(Instant::now() < deadline, "notices are still waiting");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Settings that look for notices often.
fn eager() -> Settings {
    Settings { poll_interval: Duration::from_millis(10), ..Settings::default() }
}

/// A PowerCRUD that posts the ends of tasks on `item` to a receiver on this machine.
async fn webhook_app(database: impl Into<Database>, receiver: &receiver::Receiver) -> PowerCrud {
    let item = Resource::table("item").bulk_async_notification(Channel::Callback);
    let builder = PowerCrud::builder(database)
        .open_to_everybody()
        .all_settings(eager())
        .resource(item)
        .base_url("https://shop.example.org/admin/")
        .webhook_url(receiver.url())
        .webhook_secret(webhook::SECRET)
        .webhook_allow_private(true);
    builder.build().await.expect("a configuration without mistakes")
}
