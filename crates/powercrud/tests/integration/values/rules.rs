//! What a new record has to have, and what its empty boxes mean.

use serde_json::json;

use super::{one, open, page::Form};
use crate::support::{Kind, TestDatabase, each_database};

each_database! { texts_may_be_empty, defaults_are_values }
each_database! { [postgres mysql] triggers_fill_what_is_left_out }

async fn texts_may_be_empty(database: TestDatabase) {
    // As Django makes it: every text is NOT NULL, and nearly all of them may be empty.
    database
        .execute(
            "CREATE TABLE person (id integer PRIMARY KEY, username varchar(150) NOT NULL, first_name varchar(150) NOT NULL, bio text NOT NULL,
               nick varchar(20), age integer NOT NULL);
             INSERT INTO person VALUES (9, 'nine', 'N', 'x', '', 9);",
        )
        .await;
    let mut shown = open(&database).await;
    let new = "/resources/person/new";
    let form = Form::read(&shown.browser.get(new).await.expect(200).text, new);
    let numbered = if database.kind == Kind::Sqlite { form } else { form.with("id", "1") };
    let refused = shown.browser.post(new, &numbered.with("username", "ann").body()).await.expect(422);
    let refused = refused.holds(&["id=\"field-age-error\""]).lacks(&["id=\"field-first-5f-name-error\""]);
    let made = Form::read(&refused.text, new).with("age", "30");
    let page = shown.browser.post(new, &made.body()).await.location();
    let key = page.split('?').next().and_then(|path| path.rsplit('/').next()).expect("a key").to_owned();
    let held = |column: &str| {
        format!("SELECT CASE WHEN {column} = '' THEN 'empty' ELSE {column} END FROM person WHERE id = {key}")
    };
    assert_eq!(one(&database, &held("first_name")).await, "empty");
    assert_eq!(one(&database, &held("nick")).await, "NULL");
    let edit = format!("/resources/person/records/{key}/edit");
    let form = Form::read(&shown.browser.get(&edit).await.text, &edit);
    shown.browser.post(&edit, &form.with("username", "").body()).await.location();
    assert_eq!(one(&database, &held("username")).await, "empty");
    // A program says what it means.
    let people = "/api/v1/resources/person/records";
    let answer = shown.api.post(people, json!({"id": 3, "username": "x", "age": 1})).await;
    let answer = if database.kind == Kind::Sqlite {
        shown.api.post(people, json!({"username": "x", "age": 1})).await
    } else {
        answer
    };
    answer.expect_problem(422, "INVALID", &["first_name", "bio"]);
    let path = format!("{people}/{key}");
    for (value, expected) in [(json!(""), "empty"), (json!(null), "NULL"), (json!("ann"), "ann")] {
        shown.api.patch(&path, json!({"nick": value})).await.expect(200);
        assert_eq!(one(&database, &held("nick")).await, expected);
    }
    // Empty and NULL are told apart in the form of a text that may be both.
    let edit = "/resources/person/records/9/edit";
    let nine = |column: &str| {
        format!("SELECT CASE WHEN {column} = '' THEN 'empty' ELSE {column} END FROM person WHERE id = 9")
    };
    let form = Form::read(&shown.browser.get(edit).await.text, edit);
    assert_eq!(form.get("powercrud_empty.nick"), "1");
    shown.browser.post(edit, &form.with("bio", "y").body()).await.location();
    assert_eq!(one(&database, &nine("nick")).await, "empty");
    let unticked = Form(form.0.iter().filter(|(name, _)| name != "powercrud_empty.nick").cloned().collect());
    shown.browser.post(edit, &unticked.body()).await.location();
    assert_eq!(one(&database, &nine("nick")).await, "NULL");
}

async fn triggers_fill_what_is_left_out(database: TestDatabase) {
    let trigger = match database.kind {
        Kind::Postgres => {
            "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF NEW.slug IS NULL THEN NEW.slug := 'made'; END IF; NEW.number := COALESCE(NEW.number, 7); RETURN NEW; END $$;
             CREATE TRIGGER fill BEFORE INSERT ON page FOR EACH ROW EXECUTE FUNCTION fill();"
        }
        _ => {
            "CREATE TRIGGER fill BEFORE INSERT ON page FOR EACH ROW
               SET NEW.slug = COALESCE(NEW.slug, 'made'), NEW.number = COALESCE(NEW.number, 7);"
        }
    };
    database
        .execute("CREATE TABLE page (id integer PRIMARY KEY, slug varchar(20) NOT NULL, number integer NOT NULL, kind integer NOT NULL);")
        .await;
    database.execute(trigger).await;
    let mut shown = open(&database).await;
    let new = "/resources/page/new";
    let form = Form::read(&shown.browser.get(new).await.expect(200).text, new).with("id", "1");
    // What nobody fills is the database's complaint, at its field.
    shown.browser.post(new, &form.body()).await.expect(422).holds(&["id=\"field-kind-error\""]);
    shown.browser.post(new, &form.with("kind", "1").body()).await.location();
    assert_eq!(one(&database, "SELECT slug FROM page WHERE id = 1").await, "made");
    shown.api.post("/api/v1/resources/page/records", json!({"id": 2, "kind": 1})).await.expect(201);
    assert_eq!(one(&database, "SELECT slug FROM page WHERE id = 2 AND number = 7").await, "made");
}

async fn defaults_are_values(database: TestDatabase) {
    let (types, own) = match database.kind {
        Kind::Postgres => (
            "CREATE TYPE rating AS ENUM ('G', 'PG'); CREATE SEQUENCE numbers;",
            "rating rating NOT NULL DEFAULT 'G', number integer NOT NULL DEFAULT nextval('numbers'), made timestamp NOT NULL DEFAULT now(),",
        ),
        Kind::Mysql => {
            ("", "rating enum('G', 'PG') NOT NULL DEFAULT 'G', made timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,")
        }
        Kind::Sqlite => {
            ("", "rating varchar(5) NOT NULL DEFAULT 'G', made timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,")
        }
    };
    database
        .execute(&format!(
            "{types} CREATE TABLE film (id integer PRIMARY KEY, {own} length integer NOT NULL DEFAULT -5, rate decimal(4,2) NOT NULL DEFAULT 4.99);"
        ))
        .await;
    let mut shown = open(&database).await;
    let page = shown.browser.get("/resources/film/new").await.expect(200);
    page.holds(&["Left empty: G<", "Left empty: -5<", "Left empty: 4.99<", "Left empty: filled by the database<"])
        .lacks(&["::", "nextval", "&#x27;G"]);
}
