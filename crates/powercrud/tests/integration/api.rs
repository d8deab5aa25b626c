//! The JSON API, by requests to the router as a program sends them.

mod bulk;
pub(crate) mod client;
mod pages;
mod problems;
mod records;
mod tasks;
mod tokens;
mod watch;

use powercrud::{
    PowerCrud, Resource, User,
    token::{self, NewToken, Scope},
};

use crate::{support::TestDatabase, web::shop};
pub(crate) use client::Client;

/// The shop's API, for a program with a token of the operator that may do all.
async fn open(database: TestDatabase) -> (PowerCrud, Client) {
    shop(&database).await;
    let app = PowerCrud::builder(database)
        .open_to_everybody()
        .discover(true)
        .resource(Resource::table("book"))
        .build()
        .await
        .expect("a shop");
    let client = Client::new(app.router(), &token_of(&app, User::operator(), &[Scope::Admin]).await);
    (app, client)
}

fn user(name: &str, is_staff: bool) -> User {
    User { id: Some(name.to_owned()), is_staff, ..User::operator() }
}

pub(crate) async fn token_of(app: &PowerCrud, user: User, scopes: &[Scope]) -> String {
    let new = NewToken { name: "a test".into(), scopes: scopes.to_vec(), user, lasts: None };
    token::create(app, &User::operator(), new).await.expect("a token").1
}
