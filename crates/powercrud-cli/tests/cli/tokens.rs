//! Tokens by the command line, and what they open.

use std::process::Command;

use crate::{
    program::on,
    serve::Server,
    support::{TestDatabase, each_database},
};

each_database! { a_token_is_made_used_and_revoked }

async fn a_token_is_made_used_and_revoked(database: TestDatabase) {
    database
        .execute("CREATE TABLE item (id INTEGER PRIMARY KEY, title VARCHAR(20)); INSERT INTO item VALUES (1, 'lamp');")
        .await;
    let create =
        ["token", "create", "--name", "nightly import", "--scope", "bulk,tasks", "--user", "ann", "--expires", "90d"];
    let made = on(&database, &[&create[..], &["--format", "json"]].concat()).exits(0).json();
    let (id, secret) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    assert_eq!((&made["scopes"], &made["user_id"]), (&serde_json::json!(["read", "bulk", "tasks"]), &"ann".into()));
    let plain = on(&database, &["token", "create", "--name", "x"])
        .exits(0)
        .complains(&["This is the only time", "as operator"]);
    assert!(plain.stdout.starts_with("pcr_") && plain.stdout.trim().len() == 68, "{plain}");
    let list = on(&database, &["token", "list"]).exits(0).stdout;
    assert!(
        list.contains("nightly import") && list.contains("read,bulk,tasks") && list.contains(&secret[..10]),
        "{list}"
    );
    assert!(!list.contains(secret));

    let server = Server::start(&["serve", "--no-worker", "--database", &database.url]);
    let get = || {
        let url = format!("http://{}/api/v1/resources/item/records/1", server.address);
        let header = format!("Authorization: Bearer {secret}");
        let answer = Command::new("curl").args(["-sS", "-H", &header, &url]).output().expect("curl");
        String::from_utf8_lossy(&answer.stdout).into_owned()
    };
    assert!(get().contains("\"lamp\""), "{}", get());
    on(&database, &["token", "revoke", id]).exits(0);
    assert!(get().contains("INVALID_TOKEN"), "{}", get());
    assert!(on(&database, &["token", "list"]).exits(0).stdout.contains("revoked 2"));
    assert_eq!(server.stop(), Some(0));

    on(&database, &["token", "revoke", "5"]).exits(64).complains(&["no token's id", "token list"]);
    on(&database, &["token", "revoke", "018f3f9e-7b1a-7c00-8000-000000000000"])
        .exits(1)
        .complains(&["there is no token"]);
    on(&database, &["token", "create", "--name", ""]).exits(64).complains(&["a name of 1 to 100 characters"]);
    for (arguments, said) in [
        (["--scope", "root"], "allowed are: read, write, bulk, tasks, admin"),
        (["--expires", "90"], "such as 90d"),
        (["--user-name", "Ann"], "--user"),
    ] {
        on(&database, &[&["token", "create", "--name", "x"], &arguments[..]].concat()).exits(64).complains(&[said]);
    }
}
