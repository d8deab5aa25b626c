//! Tokens where the application resolves the user: good for whom it still knows.

use axum::http::Method;
use powercrud::{
    Error, LoginMode, PowerCrud, Resource, Settings, User, account,
    token::{self, NewToken, Scope},
};

use super::send;
use crate::{
    api::token_of,
    shop::items,
    support::{TestDatabase, each_database},
    web::{browser::Browser, login},
};

each_database! { a_token_needs_a_user_whom_the_application_knows, what_was_open_to_everybody_ends_with_the_first_user }

async fn a_token_needs_a_user_whom_the_application_knows(database: TestDatabase) {
    items(&database, 3).await;
    let builder = || PowerCrud::builder(database.clone()).resource(Resource::table("item"));
    // As the command line makes them, which knows no hook.
    let maker = builder().open_to_everybody().build().await.expect("the command line");
    let ann = token_of(&maker, User::new("ann", "Ann"), &[Scope::Admin]).await;
    let left = token_of(&maker, User::new("left", "Left").staff(true), &[Scope::Admin]).await;
    let operator = token_of(&maker, User::operator(), &[Scope::Admin]).await;

    let hook = |_: &axum::http::request::Parts| None;
    let deaf = builder().user(hook).build().await.expect("an application");
    let knowing = builder().user(hook).token_user(async |id| (id == "ann").then(|| User::new("ann", "Ann Adler")));
    let knowing = knowing.build().await.expect("an application");
    let read = async |app: &PowerCrud, token: &str, path: &str| {
        let header = format!("Bearer {token}");
        send(&app.router(), None, Method::GET, path, &[("authorization", &header)], "").await
    };
    for path in ["/api/v1/resources", "/api/v1/resources/item/records", "/api/v1/tasks", "/metrics"] {
        for token in [&ann, &left, &operator] {
            read(&deaf, token, path).await.expect(401);
        }
        for token in [&left, &operator] {
            let told = read(&knowing, token, path).await.expect(401).text;
            assert!(told.contains("INVALID_TOKEN"), "{told}");
        }
        // What the application says today counts, not what the token was made with.
        read(&knowing, &ann, path).await.expect(if path == "/metrics" { 403 } else { 200 });
    }
    let own = read(&knowing, &ann, "/api/v1/tokens").await.expect(200).text;
    assert!(own.contains("\"ann\"") && !own.contains("\"left\""), "{own}");

    let new = || NewToken { name: "n".into(), scopes: vec![], user: User::new("ann", "Ann"), lasts: None };
    let error = token::create(&deaf, &User::operator(), new()).await.expect_err("it would be good for nothing");
    assert!(matches!(&error, Error::NotAllowed(message) if message.contains("token_user")), "{error}");
    token::create(&knowing, &User::operator(), new()).await.expect("a token");
}

async fn what_was_open_to_everybody_ends_with_the_first_user(database: TestDatabase) {
    items(&database, 3).await;
    let settings = Settings { login: LoginMode::WhenUsersExist, ..Settings::default() };
    let app = PowerCrud::builder(database.clone()).all_settings(settings).resource(Resource::table("item"));
    let app = app.build().await.expect("the program");
    let operator = token_of(&app, User::operator(), &[Scope::Admin]).await;
    let mut browser = Browser::new(app.router());
    let made = browser.post("/tokens", "name=mine&scope=admin&expires=never").await.expect(200).text;
    let by_page = made.split("pcr_").nth(1).and_then(|rest| rest.get(..64)).expect("a secret");
    let by_page = format!("pcr_{by_page}");
    let read = async |token: &str, path: &str| {
        let header = format!("Bearer {token}");
        send(&app.router(), None, Method::GET, path, &[("authorization", &header)], "").await
    };
    for token in [&by_page, &operator] {
        let told = read(token, "/api/v1/tokens").await.expect(200).text;
        let tokens: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        let of_nobody = |token: &serde_json::Value| token["user_id"].is_null() && token["user_name"] == "operator";
        assert!(tokens["tokens"].as_array().is_some_and(|all| all.len() == 2 && all.iter().all(of_nobody)), "{told}");
    }
    login::add(&database, "ann", true).await;
    read(&by_page, "/api/v1/tokens").await.expect(401);
    // Who has the command line has everything anyway.
    let told = read(&operator, "/api/v1/tokens").await.expect(200).text;
    assert!(told.contains("\"revoked_at\":\"2"), "{told}");
    // For good: not only while there are users.
    account::remove(&database, &User::operator(), "ann").await.expect("ann goes");
    read(&by_page, "/api/v1/tokens").await.expect(401);
}
