//! Bad input gets a clear answer with the right exit status, and nothing is changed.

use serde_json::json;

use crate::{
    program::{command, finish, number, on, powercrud},
    serve::Server,
    support::{Kind, TestDatabase, run},
};

const SHOP: &str = "
    CREATE TABLE shelf (id INTEGER PRIMARY KEY, name VARCHAR(10) NOT NULL UNIQUE);
    CREATE TABLE item (
        id INTEGER PRIMARY KEY,
        title VARCHAR(10) NOT NULL,
        code VARCHAR(10) UNIQUE,
        state VARCHAR(10) NOT NULL CHECK (state IN ('new', 'sold')),
        pieces SMALLINT NOT NULL,
        shelf_id INTEGER REFERENCES shelf (id)
    );
    CREATE TABLE keyless (word TEXT);
    CREATE VIEW sold AS SELECT * FROM item WHERE state = 'sold';
    INSERT INTO shelf VALUES (1, 'left'), (2, 'right');
    INSERT INTO item VALUES (1, 'a', 'A', 'new', 1, 1), (2, 'b', 'B', 'new', 2, 2), (3, 'c', 'C', 'sold', 3, NULL);
";

#[test]
fn wrong_usage_is_64_and_says_what_is_right() {
    powercrud(&[]).exits(64);
    powercrud(&["bulk", "update", "item"]).exits(64).complains(&["--set"]);
    powercrud(&["bulk", "delete", "item"]).exits(64).complains(&["--filter", "--ids", "--all"]);
    powercrud(&["bulk", "delete", "item", "--all", "--ids", "1"]).exits(64);
    powercrud(&["bulk", "delete", "item", "--filter", "state"]).exits(64).complains(&["a field, =, and a value"]);
    powercrud(&["frobnicate"]).exits(64).complains(&["frobnicate"]);
    powercrud(&["resources"]).exits(64).complains(&["--database", "POWERCRUD_DATABASE_URL", "powercrud.toml"]);
    powercrud(&["serve", "--database", "sqlite::memory:", "--bind", "0.0.0.0:0"])
        .exits(64)
        .complains(&["no user", "--allow-remote"]);
    assert!(powercrud(&["--help"]).exits(0).stdout.contains("Exit status"));
    assert!(powercrud(&["--version"]).exits(0).stdout.starts_with("powercrud "));
}

#[test]
fn a_database_that_is_not_there_is_1_and_hides_the_password() {
    for (url, expected) in [
        ("sqlite:/nowhere/shop.db", "/nowhere/shop.db"),
        ("shop-that-is-not-there.db", "sqlite:PATH"),
        ("sqlite:", "names no file"),
        ("sqlite://?mode=rwc", "names no file"),
        ("oracle://ann:s3cret@db/shop", "oracle"),
        ("postgres://ann:s3cret@127.0.0.1:1/shop", "127.0.0.1:1"),
    ] {
        let run = powercrud(&["resources", "--database", url]).exits(1).complains(&["can't connect", expected]);
        assert!(!run.stderr.contains("s3cret"), "{run}");
    }
    let run = powercrud(&["resources", "--format", "json", "--database", "sqlite:/nowhere/shop.db"]).exits(1);
    assert_eq!(run.json()["error"]["code"], "CONNECTION");
}

#[tokio::test]
async fn a_wrong_password_is_1_and_is_not_repeated() {
    run(Kind::Mysql, async |database: TestDatabase| {
        let (_, place) = database.url.split_once('@').expect("an address with a user");
        let url = format!("mysql://nobody:s3cret@{place}");
        let run = powercrud(&["resources", "--database", &url]).exits(1).complains(&["can't connect", "nobody:****@"]);
        assert!(!run.stderr.contains("s3cret"), "{run}");
    })
    .await;
}

/// What is asked of `item`, the exit status, the code, and what the message must hold.
const REFUSED: &[(&[&str], i32, &str, &str)] = &[
    (&["update", "itme", "--set", "state=sold", "--all"], 64, "UNKNOWN_RESOURCE", "item"),
    (&["update", "item", "--set", "stat=sold", "--all"], 64, "UNKNOWN_FIELD", "state"),
    (&["update", "item", "--set", "state=sold", "--filter", "stat=new"], 64, "UNKNOWN_FIELD", "state"),
    (&["update", "item", "--set", "state=sold", "--filter", "state__near=new"], 64, "UNKNOWN_OPERATOR", "near"),
    (&["update", "item", "--set", "state=lost", "--all"], 64, "INVALID_CHOICE", "new, sold"),
    (&["update", "item", "--set", "pieces=many", "--all"], 64, "INVALID_TYPE", "whole number"),
    (&["update", "item", "--set", "pieces=99999999999999999999", "--all"], 64, "OUT_OF_RANGE", "whole number from"),
    (&["update", "item", "--set", "title=much too long", "--all"], 64, "TOO_LONG", "at most 10 characters"),
    (&["update", "item", "--null", "title", "--all"], 64, "NOT_NULL", "title"),
    (&["update", "item", "--set", "shelf_id=9", "--all"], 64, "FOREIGN_KEY", "shelf"),
    (&["update", "item", "--set", "code=X", "--all"], 64, "UNIQUE", "unique"),
    (&["update", "item", "--set", "pieces=1", "--filter", "pieces__gt=many"], 64, "INVALID_TYPE", "pieces"),
    (&["update", "item", "--set", "state=sold", "--filter", "pieces=77"], 1, "NOTHING_SELECTED", "item"),
    (&["delete", "keyless", "--all"], 1, "READ_ONLY", "key"),
    (&["delete", "sold", "--all"], 1, "READ_ONLY", "view"),
];

#[tokio::test]
async fn a_bad_request_names_what_is_wrong_and_what_is_allowed() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        database.execute(SHOP).await;
        let before =
            number(&database, "SELECT SUM(pieces * id) + COUNT(code) * 1000 FROM item WHERE state <> 'lost'").await;
        for (arguments, exit, code, part) in REFUSED {
            let run = on(&database, &[&["bulk"], *arguments, &["--format", "json"]].concat()).exits(*exit);
            let error = &run.json()["error"];
            assert!(
                error["code"] == *code || error["errors"][0]["code"] == *code,
                "{arguments:?}: {code} expected in {run}"
            );
            assert!(error["message"].as_str().unwrap().contains(part), "{arguments:?}: {part:?} expected in {run}");
            let text = on(&database, &[&["bulk"], *arguments].concat()).exits(*exit).complains(&[part]);
            assert_eq!(text.stdout, "", "{text}");
        }
        let after =
            number(&database, "SELECT SUM(pieces * id) + COUNT(code) * 1000 FROM item WHERE state <> 'lost'").await;
        assert_eq!(after, before);
        assert_eq!(on(&database, &["task", "list", "--format", "json"]).exits(0).json(), json!([]));
    })
    .await;
}

#[tokio::test]
async fn every_mistake_of_a_request_is_named_at_once() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        database.execute(SHOP).await;
        let arguments =
            ["bulk", "update", "item", "--set", "state=lost", "--set", "pieces=x", "--null", "title", "--all"];
        on(&database, &arguments).exits(64).complains(&["state", "pieces", "title"]);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_cannot_be_written_says_so() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        database.execute(SHOP).await;
        on(&database, &["migrate"]).exits(0);
        let url = database.url.replace("mode=rwc", "mode=ro");
        let run = powercrud(&["bulk", "delete", "shelf", "--all", "--format", "json", "--database", &url]).exits(1);
        let message = run.json()["error"]["message"].to_string();
        assert!(message.contains("readonly") || message.contains("read-only"), "{run}");
        assert_eq!(number(&database, "SELECT COUNT(*) FROM shelf").await, 2);
        let server = Server::start(&["serve", "--database", &url]);
        assert!(server.get("/resources/shelf").starts_with("HTTP/1.1 200"));
        assert_eq!(server.stop(), Some(0));
    })
    .await;
}

#[tokio::test]
async fn an_unknown_task_is_1_and_a_thing_that_is_no_id_64() {
    run(Kind::Sqlite, async |database: TestDatabase| {
        on(&database, &["task", "show", "0198f3f0-0000-7000-8000-000000000000"]).exits(1).complains(&["no bulk task"]);
        on(&database, &["task", "cancel", "seven"]).exits(64).complains(&["no task id"]);
        assert_eq!(on(&database, &["task", "list"]).exits(0).stdout.trim(), "There are no bulk tasks.");
    })
    .await;
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut shell = std::process::Command::new("sh");
    let program = command(&["--help"]).get_program().to_owned();
    shell.args(["-c", "\"$0\" --help | true"]).arg(program);
    finish(shell).exits(0);
}
