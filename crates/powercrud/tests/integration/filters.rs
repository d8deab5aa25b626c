//! What filters, searches and orders find, compared with what plain SQL finds.

mod encodings;
mod equality;
mod nulls;
mod orders;
mod texts;
mod timestamps;

use std::collections::BTreeSet;

use powercrud::{PowerCrud, User, token::Scope};
use sea_orm::{ConnectionTrait as _, Statement};

use crate::{
    api::{client::Client, token_of},
    support::TestDatabase,
    web::browser::encode,
};

/// All tables of a database, as a program reaches them.
async fn open(database: &TestDatabase) -> (PowerCrud, Client) {
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().discover(true).build().await.expect("no mistakes");
    let api = Client::new(app.router(), &token_of(&app, User::operator(), &[Scope::Admin]).await);
    (app, api)
}

/// The keys of the records of `thing` that match `filter`, `FIELD=VALUE`.
async fn found(api: &Client, filter: &str) -> BTreeSet<String> {
    let (name, value) = filter.split_once('=').expect("FIELD=VALUE");
    let path = format!("/api/v1/resources/thing/records?page_size=1000&{}={}", encode(name), encode(value));
    api.get(&path).await.expect(200).keys().into_iter().map(str::to_owned).collect()
}

/// The first column of each row, by plain SQL.
async fn texts(database: &TestDatabase, sql: &str) -> Vec<String> {
    let connection = database.connection();
    let rows = connection.query_all_raw(Statement::from_string(connection.get_database_backend(), sql)).await;
    let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.iter().map(|row| row.try_get_by_index::<String>(0).expect("a text")).collect()
}

/// Fails unless each filter finds the rows of `thing` that plain SQL finds by the condition beside it.
async fn compare(database: &TestDatabase, api: &Client, cases: &[(&str, &str)]) {
    let key = match database.kind {
        crate::support::Kind::Mysql => "CAST(id AS CHAR)",
        _ => "CAST(id AS text)",
    };
    let mut faults = Vec::new();
    for (filter, condition) in cases {
        let expected = texts(database, &format!("SELECT {key} FROM thing WHERE {condition}")).await;
        let expected: BTreeSet<String> = expected.into_iter().collect();
        let found = found(api, filter).await;
        if found != expected {
            faults.push(format!("{filter} finds {found:?}; {condition} finds {expected:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
