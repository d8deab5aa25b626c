//! Reverts: what a task overwrote or deleted comes back exactly, save for records that changed since, which are named.

mod circles;
mod deletes;
mod pages;
mod refused;
mod triggers;
mod types;
mod updates;

use powercrud::{
    PowerCrud, Resource, User,
    bulk::{self, Answer},
    task::BulkTask,
};
use sea_orm::{ConnectionTrait as _, Statement};

use crate::{
    shop::work,
    support::{Kind, TestDatabase},
};

/// All tables as resources; bulk tasks on `names` can be reverted.
pub(crate) async fn revertible<const N: usize>(database: &TestDatabase, names: [&str; N]) -> PowerCrud {
    let mut builder = PowerCrud::builder(database.clone()).open_to_everybody().discover(true);
    for name in names {
        builder = builder.resource(Resource::table(name).bulk_revert(true));
    }
    builder.build().await.expect("a configuration without mistakes")
}

/// As [`revertible`], in chunks of so many records.
async fn in_chunks(database: &TestDatabase, name: &str, size: u64) -> PowerCrud {
    let resource = Resource::table(name).bulk_revert(true).bulk_chunk_size(size);
    PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(resource)
        .discover(true)
        .build()
        .await
        .expect("a configuration")
}

/// Reverts a task to the end.
async fn revert(app: &PowerCrud, task: &BulkTask) -> BulkTask {
    match bulk::revert(app, &User::operator(), task.id).await.expect("a task that can be reverted") {
        Answer::Done(task) => task,
        Answer::Queued { task, .. } => work(app, &task).await,
        Answer::Duplicate(task) => panic!("{task:?} is running already"),
    }
}

/// Why a task can't be reverted.
async fn refusal(app: &PowerCrud, user: &User, task: &BulkTask) -> String {
    bulk::revert(app, user, task.id).await.expect_err("a refusal").to_string()
}

/// Every row of `table` as one text that tells any two values apart, by the text of `key`.
async fn exact(database: &TestDatabase, table: &str, columns: &[&str]) -> Vec<String> {
    let cell = |column: &&str| match database.kind {
        Kind::Sqlite => format!(
            "typeof({column}) || CASE typeof({column}) WHEN 'real' THEN quote({column}) ELSE hex(CAST({column} AS BLOB)) END"
        ),
        Kind::Postgres => format!("COALESCE(quote_literal(CAST({column} AS text)), 'NULL')"),
        Kind::Mysql => format!("COALESCE(HEX({column}), 'NULL'), ':', COALESCE(HEX(CONCAT({column}, '')), '')"),
    };
    let cells: Vec<_> = columns.iter().map(cell).collect();
    let row = match database.kind {
        Kind::Mysql => format!("CONCAT({})", cells.join(", ' ', ")),
        _ => cells.join(" || ' ' || "),
    };
    let connection = database.connection();
    let statement = Statement::from_string(connection.get_database_backend(), format!("SELECT {row} FROM {table}"));
    let rows = connection.query_all_raw(statement).await.expect("rows");
    let mut rows: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).expect("a text")).collect();
    rows.sort();
    rows
}
