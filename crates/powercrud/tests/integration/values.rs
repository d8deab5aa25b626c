//! What a record holds: unchanged forms change nothing, every value survives, nobody overwrites what was not seen, and a value that does
//! not fit is its field's error.

mod every_type;
mod geometry;
mod late;
mod misfits;
mod page;
mod rules;
mod types;
mod underflow;
mod unfit;

use powercrud::{PowerCrud, User};
use sea_orm::{ConnectionTrait as _, Statement};

use crate::{
    api::{client::Client, token_of},
    support::TestDatabase,
    web::browser::Browser,
};

/// All tables of a database, as a person and as a program reach them.
struct Shown {
    app: PowerCrud,
    browser: Browser,
    api: Client,
}

async fn open(database: &TestDatabase) -> Shown {
    let app =
        PowerCrud::builder(database.clone()).open_to_everybody().discover(true).build().await.expect("no mistakes");
    let api = Client::new(app.router(), &token_of(&app, User::operator(), &[powercrud::token::Scope::Admin]).await);
    Shown { browser: Browser::new(app.router()), app, api }
}

/// The only column of the only row of a query, by plain SQL.
async fn one(database: &TestDatabase, sql: &str) -> String {
    let connection = database.connection();
    let row = connection.query_one_raw(Statement::from_string(connection.get_database_backend(), sql)).await;
    let row = row.unwrap_or_else(|error| panic!("{sql}: {error}")).unwrap_or_else(|| panic!("{sql}: no row"));
    row.try_get_by_index::<Option<String>>(0).expect("a text").unwrap_or_else(|| "NULL".to_owned())
}
