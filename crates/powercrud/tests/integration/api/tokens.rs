//! Tokens: what they open, and when they stop to.

use std::time::Duration;

use axum::http::Method;
use powercrud::{
    PowerCrud, User,
    account::{self, NewAccount},
    token::{self, NewToken, Scope},
};
use sea_orm::{ConnectionTrait as _, Statement};
use serde_json::{Value, json};

use super::{client::Client, open, token_of, user};
use crate::support::{TestDatabase, each_database};

each_database! { a_token_is_as_good_as_its_user, scopes_limit_what_a_token_does, tokens_end, a_secret_is_kept_nowhere, tokens_are_their_owners }

async fn scopes_limit_what_a_token_does(database: TestDatabase) {
    let (app, api) = open(database).await;
    let task = "/api/v1/tasks/018f3f9e-7b1a-7c00-8000-000000000000";
    let requests = [
        (Scope::Write, Method::POST, "/api/v1/resources/book/records".to_owned()),
        (Scope::Write, Method::PATCH, "/api/v1/resources/book/records/5".to_owned()),
        (Scope::Write, Method::DELETE, "/api/v1/resources/book/records/999".to_owned()),
        (Scope::Bulk, Method::POST, "/api/v1/resources/book/bulk-update".to_owned()),
        (Scope::Bulk, Method::POST, "/api/v1/resources/book/bulk-delete".to_owned()),
        (Scope::Bulk, Method::POST, format!("{task}/retry")),
        (Scope::Bulk, Method::POST, format!("{task}/revert")),
        (Scope::Tasks, Method::POST, format!("{task}/cancel")),
        (Scope::Tasks, Method::POST, format!("{task}/pause")),
        (Scope::Tasks, Method::POST, format!("{task}/resume")),
        (Scope::Admin, Method::GET, "/api/v1/tokens".to_owned()),
        (Scope::Admin, Method::POST, format!("/api/v1/tokens/{}/revoke", &task[14..])),
    ];
    for &scope in Scope::ALL {
        let client = api.with_token(&token_of(&app, User::operator(), &[scope]).await);
        client.get("/api/v1/resources/book/records").await.expect(200);
        client.get("/api/v1/tasks").await.expect(200);
        for (needed, method, path) in &requests {
            let answer = client.send(method.clone(), path, Some("{}".into())).await;
            let refused = answer.status == 403 && answer.json["code"] == "SCOPE_MISSING";
            assert_eq!(refused, scope != *needed && scope != Scope::Admin, "{scope} {method} {path}: {}", answer.json);
            if refused {
                let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{needed}\"");
                assert_eq!(answer.header("www-authenticate"), challenge);
            }
        }
    }
}

async fn tokens_end(database: TestDatabase) {
    let (app, api) = open(database.clone()).await;
    let books = "/api/v1/resources/book/records";
    let new = NewToken {
        name: "n".into(),
        scopes: Vec::new(),
        user: user("ann", false),
        lasts: Some(Duration::from_secs(900)),
    };
    let (short, secret) = token::create(&app, &User::operator(), new).await.expect("a token");
    let client = api.with_token(&secret);
    client.get(books).await.expect(200);
    sql(&app, &format!("UPDATE powercrud_api_token SET expires_at = {}", short.created_at - 1)).await;
    let expired = client.get(books).await.expect_problem(401, "INVALID_TOKEN", &[]);
    sql(&app, "UPDATE powercrud_api_token SET expires_at = NULL").await;
    client.get(books).await.expect(200);
    token::revoke(&app, &user("ann", false), short.id).await.expect("one's own");
    let revoked = client.get(books).await.expect_problem(401, "INVALID_TOKEN", &[]);
    let wrong = api.with_token("pcr_0000000000000000000000000000000000000000000000000000000000000000").get(books).await;
    let wrong = wrong.expect_problem(401, "INVALID_TOKEN", &[]);
    assert_eq!(wrong.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    // The same words for each, and never the token.
    for answer in [&expired, &revoked] {
        assert_eq!(answer.json["detail"], wrong.json["detail"]);
        assert!(!answer.json.to_string().contains(&secret));
    }
    for value in ["Basic YTpi", "Bearer", "Bearer ", "bearer x", "ann"] {
        Client::nobody(app.router()).with("authorization", value).get(books).await.expect_problem(
            401,
            "INVALID_TOKEN",
            &[],
        );
    }
    // A bad token is refused also where nobody has to sign in; without any, this is the operator's own browser.
    Client::nobody(app.router()).get(books).await.expect(200);
    let token = token_of(&app, User::operator(), &[]).await;
    let app = PowerCrud::builder(database).discover(true).user(|_| None).build().await.expect("a shop");
    let nobody = Client::nobody(app.router());
    for path in [books, "/api/openapi.json", "/api/v1/tasks"] {
        let answer = nobody.get(path).await.expect_problem(401, "NOT_SIGNED_IN", &["Bearer pcr_"]);
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    // Where the application has the login, it has to say of whom tokens are.
    nobody.with_token(&token).get(books).await.expect_problem(401, "INVALID_TOKEN", &[]);
}

async fn a_secret_is_kept_nowhere(database: TestDatabase) {
    let (app, api) = open(database).await;
    let secret = token_of(&app, User::operator(), &[Scope::Bulk]).await;
    assert_eq!((secret.len(), &secret[..4]), (68, "pcr_"));
    let listed = api.get("/api/v1/tokens").await.expect(200).json;
    let tokens = listed["tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), 2);
    let one = tokens.iter().find(|one| one["scopes"] == json!(["read", "bulk"])).expect("the token");
    assert_eq!((&one["prefix"], &one["last_used_at"]), (&json!(secret[..10]), &Value::Null));
    assert!(!listed.to_string().contains(&secret[10..]));
    api.with_token(&secret).get("/api/v1/tasks").await.expect(200);
    let listed = api.get("/api/v1/tokens").await.expect(200).json;
    let used = listed["tokens"].as_array().unwrap().iter().filter(|one| one["last_used_at"].is_string()).count();
    assert_eq!(used, 2);
    let connection = app.database().connection();
    let statement = Statement::from_string(connection.get_database_backend(), "SELECT hash FROM powercrud_api_token");
    for row in connection.query_all_raw(statement).await.unwrap() {
        let hash: String = row.try_get_by_index(0).unwrap();
        assert!(hash.len() == 64 && !secret.contains(&hash));
    }
}

async fn tokens_are_their_owners(database: TestDatabase) {
    let (app, api) = open(database).await;
    let ann = api.with_token(&token_of(&app, user("ann", false), &[Scope::Admin]).await);
    let bob = api.with_token(&token_of(&app, user("bob", false), &[Scope::Admin]).await);
    let mine = ann.get("/api/v1/tokens").await.expect(200).json;
    assert_eq!((mine["tokens"].as_array().unwrap().len(), &mine["tokens"][0]["user_id"]), (1, &json!("ann")));
    let path = format!("/api/v1/tokens/{}/revoke", mine["tokens"][0]["id"].as_str().unwrap());
    bob.send(Method::POST, &path, None).await.expect_problem(404, "TOKEN_NOT_FOUND", &[]);
    ann.get("/api/v1/tasks").await.expect(200);
    assert_eq!(api.get("/api/v1/tokens").await.expect(200).json["tokens"].as_array().unwrap().len(), 3);
    assert!(api.send(Method::POST, &path, None).await.expect(200).json["revoked_at"].is_string());
    ann.get("/api/v1/tasks").await.expect_problem(401, "INVALID_TOKEN", &[]);
    let long =
        NewToken { name: "x".repeat(101), scopes: Vec::new(), user: user("", false), lasts: Some(Duration::ZERO) };
    let error = token::create(&app, &User::operator(), long).await.expect_err("three mistakes").to_string();
    assert!(["name", "expires", "user"].iter().all(|field| error.contains(field)), "{error}");
}

/// Where PowerCRUD keeps the users, a token follows what becomes of its user.
async fn a_token_is_as_good_as_its_user(database: TestDatabase) {
    let (app, _) = open(database.clone()).await;
    let new = NewAccount { name: "Ann".into(), email: None, password: "correct horse".into(), is_staff: true };
    let ann = account::create(&database, &User::operator(), new).await.expect("a user");
    let token = token_of(&app, ann.clone().into(), &[Scope::Admin]).await;
    let operators = token_of(&app, User::operator(), &[]).await;
    let stranger = token_of(&app, user("somebody", true), &[]).await;
    let app = PowerCrud::builder(database.clone()).discover(true).login().build().await.expect("a shop");
    let api = Client::new(app.router(), &token);
    let tokens = async || api.get("/api/v1/tokens").await.expect(200).json["tokens"].as_array().unwrap().len();
    assert_eq!(tokens().await, 4);
    api.with_token(&operators).get("/api/v1/tasks").await.expect(200);
    api.with_token(&stranger).get("/api/v1/tasks").await.expect_problem(401, "INVALID_TOKEN", &[]);
    Client::nobody(app.router()).get("/api/v1/tasks").await.expect_problem(401, "NOT_SIGNED_IN", &[]);
    sql(&app, "UPDATE powercrud_user SET is_staff = (1 = 0)").await;
    assert_eq!(tokens().await, 1, "no staff any more");
    account::set_active(&database, &User::operator(), "ann", false).await.expect("deactivated");
    api.get("/api/v1/tasks").await.expect_problem(401, "INVALID_TOKEN", &[]);
    account::set_active(&database, &User::operator(), "ann", true).await.expect("active again");
    api.get("/api/v1/tasks").await.expect(200);
    account::remove(&database, &User::operator(), "ann").await.expect("removed");
    api.get("/api/v1/tasks").await.expect_problem(401, "INVALID_TOKEN", &[]);
}

async fn sql(app: &PowerCrud, sql: &str) {
    app.database().connection().execute_unprepared(sql).await.unwrap();
}
