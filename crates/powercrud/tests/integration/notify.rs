//! Who hears of a task's end, by which channel, how often.

mod ends;
mod messages;

use powercrud::{PowerCrud, ResourceBuilder, User};
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
