//! Tokens where the application says who asks: good for whom it still knows.

use axum::http::Method;
use powercrud::{
    Error, PowerCrud, Resource, User,
    token::{self, NewToken, Scope},
};

use super::send;
use crate::{
    api::token_of,
    shop::items,
    support::{TestDatabase, each_database},
};

each_database! { a_token_needs_a_user_whom_the_application_knows }

async fn a_token_needs_a_user_whom_the_application_knows(database: TestDatabase) {
    items(&database, 3).await;
    let builder = || PowerCrud::builder(database.clone()).resource(Resource::table("item"));
    // As the command line makes them, which knows no hook.
    let maker = builder().build().await.expect("the command line");
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
