//! A database that is away, or all of whose connections are in use, is told as what it is, and soon.

use std::time::{Duration, Instant};

use powercrud::{LoginMode, PowerCrud, Settings, User, db::Database, token::Scope};

use crate::{
    api::token_of,
    shop::items,
    support::{Kind, Server, TestDatabase, each_database},
    web::browser::Browser,
};

each_database! { [postgres] connections_that_are_all_in_use_are_told_so }

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_told_so_postgres() {
    is_told(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_told_so_mysql() {
    is_told(Kind::Mysql).await;
}

async fn is_told(kind: Kind) {
    let Some(mut server) = Server::create(kind).await else { return };
    items(&TestDatabase::on(kind, &server.url).await, 3).await;
    let own = Database::connect(&server.url).await.expect("a database that answers");
    let settings = Settings { discover: true, login: LoginMode::WhenUsersExist, ..Settings::default() };
    let app = PowerCrud::builder(own).all_settings(settings).build().await.expect("no mistakes");
    let token = format!("Bearer {}", token_of(&app, User::operator(), &[Scope::Read]).await);
    let token: &'static str = Box::leak(token.into_boxed_str());
    let other = format!("Bearer {}", token_of(&app, User::operator(), &[Scope::Read]).await);
    let other: &'static str = Box::leak(other.into_boxed_str());
    let mut browser = Browser::new(app.router());
    browser.with("authorization", token).get("/metrics").await.expect(200).holds(&["powercrud_database_up 1"]);

    server.crash();
    // Connections that were made before are tried first.
    let away = browser.get("/resources/item").await.expect(503);
    away.lacks(&["busy"]);
    let begun = Instant::now();
    browser.get("/resources/item").await.expect(503).holds(&["be reached"]).lacks(&["busy"]);
    let api = browser.with("authorization", token).get("/api/v1/resources/item/records").await.expect(503);
    api.holds(&["CONNECTION_LOST", "be reached"]).lacks(&["busy"]);
    browser.with("authorization", token).get("/metrics").await.expect(200).holds(&["powercrud_database_up 0"]);
    // Who was not let in before can't be told from anybody else.
    browser.with("authorization", other).get("/metrics").await.expect(503);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?} until all was answered", begun.elapsed());

    server.start().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    browser.get("/resources/item").await.expect(200);
    browser.with("authorization", token).get("/metrics").await.expect(200).holds(&["powercrud_database_up 1"]);
}

async fn connections_that_are_all_in_use_are_told_so(database: TestDatabase) {
    items(&database, 3).await;
    let app = PowerCrud::builder(&database).open_to_everybody().discover(true).build().await.expect("no mistakes");
    let mut browser = Browser::new(app.router());
    let mut held = Vec::new();
    while let Ok(Ok(transaction)) = tokio::time::timeout(Duration::from_secs(2), database.begin()).await {
        held.push(transaction);
    }
    browser.get("/resources/item").await.expect(503).holds(&["busy", "stayed in use"]).lacks(&["reached"]);
    drop(held);
}
