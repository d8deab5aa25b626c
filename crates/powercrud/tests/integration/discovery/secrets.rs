//! Secrets in other people's tables are hidden until somebody shows them on purpose.

use powercrud::{Error, PowerCrud, Resource, Settings, User, record, task::store};
use serde_json::json;

use crate::{
    api::Client,
    shop::{carry_out, keys, update},
    support::{TestDatabase, each_database},
    web::browser::Browser,
};

each_database! {
    secrets_are_shown_nowhere_unless_the_configuration_shows_them,
    a_secret_key_is_no_address,
    what_refers_to_a_secret_is_one,
    rules_over_secrets_tell_nothing_of_them,
}

async fn users(database: &TestDatabase) {
    database
        .execute(
            "CREATE TABLE person (id INT NOT NULL PRIMARY KEY, password VARCHAR(80) NOT NULL, api_key VARCHAR(80),
               token_count INT, secretary VARCHAR(80));
             CREATE TABLE pet (id INT NOT NULL PRIMARY KEY, owner_id INT NOT NULL REFERENCES person (id), name VARCHAR(20));
             INSERT INTO person VALUES (1, 'hunter2-hashed', 'key-4711', 7, 'Miss Marple');
             INSERT INTO pet VALUES (1, 1, 'Rex');
             CREATE TABLE web_session (session_key VARCHAR(40) NOT NULL PRIMARY KEY, ends VARCHAR(40));
             INSERT INTO web_session VALUES ('stolen-cookie', 'soon');",
        )
        .await;
}

async fn secrets_are_shown_nowhere_unless_the_configuration_shows_them(database: TestDatabase) {
    users(&database).await;
    let app = PowerCrud::builder(&database).open_to_everybody().discover(true).build().await.expect("an app");
    let person = app.resource("person").unwrap();
    assert_eq!(person.secrets, ["password", "api_key"]);
    let mut browser = Browser::new(app.router());
    for path in [
        "/resources/person",
        "/resources/person?q=hunter2",
        "/resources/person/records/1",
        "/resources/person/records/1/edit",
        "/resources/pet",
        "/resources/pet/choices/owner_id?q=h",
        "/api/v1/resources/person/records",
        "/api/v1/resources/person/records/1",
    ] {
        browser.get(path).await.expect(200).lacks(&["hunter2-hashed", "key-4711"]);
    }
    browser.get("/resources/person").await.holds(&["Miss Marple", "Token count"]);
    assert_eq!(browser.get("/api/v1/resources/person/records?password=hunter2-hashed").await.status, 422);
    let set = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
    record::update(&app, &User::operator(), person, "1", &[set("secretary", "Poirot")]).await.expect("an edit");
    let refused =
        record::create(&app, &User::operator(), person, &[set("id", "2")]).await.expect_err("a required secret");
    assert!(refused.to_string().contains("show_secrets"), "{refused}");
    browser.get("/resources/person").await.lacks(&["/resources/person/new"]);

    let shown = PowerCrud::builder(&database)
        .open_to_everybody()
        .resource(Resource::table("person").show_secrets(["password"]));
    let app = shown.build().await.expect("an app");
    let person = app.resource("person").unwrap();
    assert!(person.field("password").is_some() && person.can_create() && person.secrets == ["api_key"]);
    let named =
        PowerCrud::builder(&database).open_to_everybody().resource(Resource::table("person").fields(["id", "api_key"]));
    assert!(named.build().await.expect("an app").resource("person").unwrap().field("api_key").is_some());
    let more = Resource::table("person").secret_fields(["secretary"]);
    let app = PowerCrud::builder(&database).open_to_everybody().resource(more).build().await.expect("an app");
    assert!(app.resource("person").unwrap().field("secretary").is_none());
    let wrong = Resource::table("person").show_secrets(["pasword"]).search_fields(["password"]);
    let Err(Error::Configuration(mistakes)) =
        PowerCrud::builder(&database).open_to_everybody().resource(wrong).build().await.map(drop)
    else {
        panic!("two mistakes are taken")
    };
    assert_eq!(mistakes.len(), 2, "{mistakes:?}");
    assert!(mistakes[1].contains("hidden because it likely holds a secret"), "{mistakes:?}");
}

async fn a_secret_key_is_no_address(database: TestDatabase) {
    users(&database).await;
    let settings = Settings { discover: true, ..Settings::default() };
    let app = PowerCrud::builder(&database).open_to_everybody().all_settings(settings).build().await.expect("an app");
    let session = app.resource("web_session").unwrap();
    assert!(session.read_only.as_deref().unwrap_or_default().contains("session_key"), "{:?}", session.read_only);
    let mut browser = Browser::new(app.router());
    browser.get("/resources/web_session").await.expect(200).holds(&["soon"]).lacks(&["stolen-cookie"]);
    browser.get("/api/v1/resources/web_session/records").await.expect(200).lacks(&["stolen-cookie"]);
}

async fn what_refers_to_a_secret_is_one(database: TestDatabase) {
    let key = "token VARCHAR(40) NOT NULL";
    database
        .execute(&format!(
            "CREATE TABLE seckey ({key} PRIMARY KEY, name VARCHAR(20));
             CREATE TABLE secref (id INT NOT NULL PRIMARY KEY, s VARCHAR(40), note VARCHAR(20), UNIQUE (s),
               FOREIGN KEY (s) REFERENCES seckey (token));
             CREATE TABLE further (id INT NOT NULL PRIMARY KEY, t VARCHAR(40), FOREIGN KEY (t) REFERENCES secref (s));
             CREATE TABLE tag (id INT NOT NULL PRIMARY KEY, name VARCHAR(20));
             CREATE TABLE tag_of (s VARCHAR(40) NOT NULL, tag_id INT NOT NULL, PRIMARY KEY (s, tag_id),
               FOREIGN KEY (s) REFERENCES seckey (token), FOREIGN KEY (tag_id) REFERENCES tag (id));
             CREATE TABLE account (id INT NOT NULL PRIMARY KEY, login VARCHAR(20), hash VARCHAR(40), md5 VARCHAR(40), bearer VARCHAR(40));
             INSERT INTO seckey VALUES ('stolen-cookie', 'first');
             INSERT INTO secref VALUES (1, 'stolen-cookie', 'a note');
             INSERT INTO further VALUES (1, 'stolen-cookie');
             INSERT INTO tag VALUES (1, 'red');
             INSERT INTO tag_of VALUES ('stolen-cookie', 1);
             INSERT INTO account VALUES (1, 'ann', 'stolen-hash', 'stolen-md5', 'stolen-bearer');"
        ))
        .await;
    let app = PowerCrud::builder(&database).open_to_everybody().discover(true).build().await.expect("an app");
    for (resource, secrets) in
        [("secref", vec!["s"]), ("further", vec!["t"]), ("account", vec!["hash", "md5", "bearer"])]
    {
        assert_eq!(app.resource(resource).unwrap().secrets, secrets, "{resource}");
    }
    let mut browser = Browser::new(app.router());
    for path in [
        "/resources/secref",
        "/resources/secref/records/1",
        "/resources/secref/records/1/edit",
        "/resources/secref/new",
        "/resources/secref/choices/s",
        "/resources/secref/choices/s?q=stolen",
        "/resources/secref?s=stolen-cookie",
        "/resources/further",
        "/resources/further/choices/t",
        "/resources/tag",
        "/resources/tag/records/1",
        "/resources/tag/choices/seckeys",
        "/resources/tag_of",
        "/resources/account/records/1",
        "/api/v1/resources/secref/records",
        "/api/v1/resources/secref/records/1",
        "/api/v1/resources/tag_of/records",
        "/api/v1/resources/account/records",
    ] {
        let answer = browser.get(path).await;
        assert!(!answer.text.contains("stolen-") || path.contains("?s="), "{path}: {}", answer.text);
    }
    let sought = browser.get("/api/v1/resources/secref/records?s=stolen-cookie").await;
    assert_eq!(sought.status, 422, "{}", sought.text);

    // Whoever shows the one, shows the other; or each by itself.
    let shown = PowerCrud::builder(&database)
        .open_to_everybody()
        .discover(true)
        .resource(Resource::table("seckey").show_secrets(["token"]));
    let app = shown.build().await.expect("an app");
    assert!(
        app.resource("secref").unwrap().field("s").is_some() && app.resource("further").unwrap().field("t").is_some()
    );
    let shown = PowerCrud::builder(&database)
        .open_to_everybody()
        .discover(true)
        .resource(Resource::table("secref").show_secrets(["s"]));
    let app = shown.build().await.expect("an app");
    assert!(
        app.resource("secref").unwrap().field("s").is_some()
            && app.resource("seckey").unwrap().field("token").is_none()
    );
}

/// Neither the name of a hidden column nor a rule's text, nor that two hidden values are the same.
async fn rules_over_secrets_tell_nothing_of_them(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE client (id INT NOT NULL PRIMARY KEY, name VARCHAR(20) NOT NULL, n INT, api_key VARCHAR(20) NOT NULL,
               CHECK (n < 100 OR api_key = 'zebra'), UNIQUE (name, api_key));
             INSERT INTO client VALUES (1, 'a', 1, 'zebra'), (2, 'b', 2, 'zebra'), (3, 'c', 3, 'lion');",
        )
        .await;
    let app = PowerCrud::builder(&database).open_to_everybody().discover(true).build().await.expect("an app");
    let client = Client::nobody(app.router());
    let mut browser = Browser::new(app.router());
    let secret = ["api_key", "zebra", "UNIQUE", "already has"];
    for (key, field, value) in [("1", "name", "b"), ("3", "n", "200")] {
        let answer = client.patch(&format!("/api/v1/resources/client/records/{key}"), json!({field: value})).await;
        let answer = answer.expect_problem(422, "INVALID", &["over fields that are not shown"]);
        assert_eq!(answer.json["errors"][0]["field"], field, "{:#}", answer.json);
        let told = answer.json.to_string();
        assert!(secret.iter().all(|part| !told.contains(part)), "{told}");
        let form = browser.post(&format!("/resources/client/records/{key}/edit"), &format!("{field}={value}")).await;
        form.expect(422).holds(&["over fields that are not shown"]).lacks(&secret);
        let bulk = json!({"ids": [key], "changes": {field: value}, "validate_only": true});
        let previewed = client.post("/api/v1/resources/client/bulk-update", bulk).await.expect(200);
        let told = previewed.json.to_string();
        assert!(secret.iter().all(|part| !told.contains(part)), "{told}");
        let task = carry_out(&app, update("client", keys([key]), [(field, Some(value))])).await;
        let errors = store::errors(&app, &powercrud::User::operator(), task.id, 0, 10).await.expect("its errors");
        assert_eq!((errors.len(), errors[0].code.as_str()), (1, "CHECK"), "{errors:?}");
        assert!(secret.iter().all(|part| !errors[0].message.contains(part)), "{errors:?}");
    }
}
