//! The pages about the API: its tokens, and its document to be read.

use super::{client::Client, open};
use crate::{
    support::{TestDatabase, each_database},
    web::browser::Browser,
};

each_database! { a_token_is_shown_once_and_revoked, the_document_is_a_page_too }

async fn a_token_is_shown_once_and_revoked(database: TestDatabase) {
    let (app, _) = open(database).await;
    let mut browser = Browser::new(app.router());
    browser.get("/tokens/new").await.expect(200).holds(&["write", "90 days", "Make token"]);
    let made = browser.post("/tokens", "name=%3Cb%3Enight&scope=write&scope=tasks&expires=30").await.expect(200);
    assert_eq!(made.header("cache-control"), "no-store");
    let secret = made.text.split("value=\"pcr_").nth(1).and_then(|rest| rest.split('"').next()).expect("a secret");
    let api = Client::new(app.router(), &format!("pcr_{secret}"));
    let token = api.get("/api/v1/resources").await.expect(200);
    assert_eq!(token.json["resources"].as_array().unwrap().len(), 3);
    api.get("/api/v1/tokens").await.expect_problem(403, "SCOPE_MISSING", &["admin"]);

    let list = browser.get("/tokens").await.expect(200);
    let list = list.holds(&["&lt;b&gt;night", "read, write, tasks", "good until", &secret[..6], "Revoke"]);
    let list = list.lacks(&[secret, "<b>night"]);
    let actions = list.text.split("action=\"").skip(1).filter_map(|rest| rest.split('"').next());
    for action in actions.filter(|action| action.ends_with("/revoke")).map(str::to_owned).collect::<Vec<_>>() {
        assert_eq!(browser.post(&action, "").await.location(), "/tokens");
    }
    browser.get("/tokens").await.expect(200).holds(&["revoked"]).lacks(&["Revoke…"]);
    api.get("/api/v1/resources").await.expect_problem(401, "INVALID_TOKEN", &[]);

    for (form, text) in [
        ("name=&expires=30", "A name of 1 to 100 characters"),
        ("name=x", "Choose how long it lasts"),
        ("name=x&expires=8", "allowed are: 7, 30, 90, 365, never"),
        ("name=x&expires=7&scope=root", "is no scope"),
    ] {
        browser.post("/tokens", form).await.expect(422).holds(&[text, "Make token"]).lacks(&["pcr_"]);
    }
    browser.post("/tokens/5/revoke", "").await.expect(404).holds(&["There is no token 5"]);
}

async fn the_document_is_a_page_too(database: TestDatabase) {
    let (app, api) = open(database).await;
    let page = Browser::new(app.router()).get("/api").await.expect(200);
    let document = api.get("/api/openapi.json").await.expect(200).json;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let line = format!("{} {path}", method.to_uppercase());
            assert!(page.text.contains(&line), "{line} is not on the page");
            assert!(page.text.contains(operation["summary"].as_str().unwrap()), "{line} has no summary there");
        }
    }
    // What a task is told as, is what its description says.
    let bulk =
        api.post("/api/v1/resources/book/bulk-update", serde_json::json!({"ids": [5], "changes": {"notes": "x"}}));
    let told = bulk.await.expect(200).json;
    let keys = |json: &serde_json::Value| json.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut described = keys(&document["components"]["schemas"]["Task"]["properties"]);
    described.sort();
    assert_eq!(keys(&told), described);
    let mut described = keys(&document["components"]["schemas"]["Token"]["properties"]);
    described.sort();
    assert_eq!(keys(&api.get("/api/v1/tokens").await.expect(200).json["tokens"][0]), described);
    page.holds(&["Exactly one of", "id=\"Problem\"", "OpenAPI document"]);
}
