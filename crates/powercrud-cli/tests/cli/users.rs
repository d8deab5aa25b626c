//! Users: added, listed, changed and removed; passwords that are never arguments; a server that asks for login.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    program::{Run, command, finish, on, powercrud},
    serve::Server,
    support::{TestDatabase, each_database, run},
};

each_database! { users_are_added_changed_and_removed, users_have_roles }

/// Runs the program with a password in its environment.
fn with_password(database: &TestDatabase, arguments: &[&str], password: &str) -> Run {
    let mut command = command(&[arguments, &["--database", &database.url]].concat());
    command.env("POWERCRUD_PASSWORD", password);
    finish(command)
}

/// Runs it with a text on standard input.
fn with_input(mut command: Command, text: &str) -> Run {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may refuse before it reads.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    let output = child.wait_with_output().unwrap();
    Run {
        exit: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn users(database: &TestDatabase) -> Vec<Value> {
    on(database, &["user", "list", "--format", "json"]).exits(0).json().as_array().unwrap().clone()
}

async fn users_are_added_changed_and_removed(database: TestDatabase) {
    assert!(on(&database, &["user", "list"]).exits(0).stdout.contains("powercrud user add"));
    let add = ["user", "add", "Ann", "--staff", "--email", "ann@example.org"];
    let added = with_password(&database, &add, "correct horse").exits(0);
    assert!(added.stdout.contains("Ann") && !(added.stdout + &added.stderr).contains("correct horse"));
    let bob = command(&["user", "add", "bob", "--database", &database.url]);
    with_input(bob, "battery staple\r\nmore\n").exits(0);
    let listed = users(&database);
    let names: Vec<_> = listed.iter().map(|user| user["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Ann", "bob"]);
    assert_eq!((&listed[0]["is_staff"], &listed[0]["email"]), (&true.into(), &"ann@example.org".into()));
    assert_eq!((&listed[1]["is_staff"], &listed[1]["last_login_at"]), (&false.into(), &Value::Null));
    assert!(!listed[0].to_string().contains("argon2"), "{}", listed[0]);
    // What can't be done is named, with what is allowed.
    with_password(&database, &["user", "add", "ANN"], "correct horse").exits(64).complains(&["name", "already"]);
    with_password(&database, &["user", "add", "cid"], "short").exits(64).complains(&["password", "at least 8"]);
    let bad = ["user", "add", "cid", "--email", "nowhere"];
    with_password(&database, &bad, "correct horse").exits(64).complains(&["email", "nowhere"]);
    on(&database, &["user", "add", "cid"]).exits(64).complains(&["POWERCRUD_PASSWORD", "standard input"]);
    on(&database, &["user", "add", "cid", "--password", "correct horse"]).exits(64);
    for word in ["password", "deactivate", "activate", "remove"] {
        on(&database, &["user", word, "nobody"]).exits(64).complains(&["nobody", "user list"]);
    }
    with_password(&database, &["user", "password", "bob"], "correct horse").exits(0);
    on(&database, &["user", "deactivate", "bob"]).exits(0);
    assert_eq!(users(&database)[1]["is_active"], false);
    assert!(on(&database, &["check"]).exits(0).stdout.contains("1 of 2 may sign in"));
    on(&database, &["user", "activate", "BOB"]).exits(0);
    assert_eq!(users(&database)[1]["is_active"], true);
    on(&database, &["user", "remove", "bob"]).exits(0);
    let last = on(&database, &["user", "remove", "ann"]).exits(0);
    assert!(last.stdout.contains("No user is left"), "{last}");
    assert!(users(&database).is_empty());
}

#[tokio::test]
async fn a_server_with_users_asks_for_login_and_may_be_reached() {
    run(crate::support::Kind::Sqlite, async |database: TestDatabase| {
        database.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, title TEXT);").await;
        powercrud(&["serve", "--database", &database.url, "--bind", "0.0.0.0:0"])
            .exits(64)
            .complains(&["user add", "--allow-remote"]);
        with_password(&database, &["user", "add", "ann"], "correct horse").exits(0);
        for bind in ["127.0.0.1:0", "0.0.0.0:0"] {
            let server = Server::start_on(&["serve", "--database", &database.url], bind);
            let page = server.get("/resources/item");
            assert!(page.starts_with("HTTP/1.1 303") && page.contains("location: /login?next="), "{bind}: {page}");
            assert!(server.get("/login").contains("Sign in"));
            assert_eq!(server.stop(), Some(0));
        }
    })
    .await;
}

#[tokio::test]
async fn the_demo_can_ask_for_login() {
    let folder =
        std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("demo-login-{}", std::process::id()));
    let place = folder.display().to_string();
    let demo = ["demo", "--rows", "30", "--data-dir", &place];
    let server = Server::start(&[&demo[..], &["--login"]].concat());
    assert!(server.get("/resources/book").starts_with("HTTP/1.1 303"));
    let said = server.said();
    assert!(said.contains("ann (staff) signs in with ") && said.contains("bob signs in with "), "{said}");
    assert_eq!(server.stop(), Some(0));
    let server = Server::start(&demo);
    assert!(server.get("/resources/book").starts_with("HTTP/1.1 200"));
    assert_eq!(server.stop(), Some(0));
    std::fs::remove_dir_all(&folder).unwrap();
}

async fn users_have_roles(database: TestDatabase) {
    let with = |arguments: &[&str], text: &str| {
        let name = format!("roles-{}-{:?}", std::process::id(), database.kind);
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("powercrud.toml"), text).unwrap();
        let mut command = command(&[arguments, &["--database", &database.url]].concat());
        command.current_dir(&folder).env("POWERCRUD_PASSWORD", "correct horse");
        let run = finish(command);
        std::fs::remove_dir_all(&folder).unwrap();
        run
    };
    database.execute("CREATE TABLE book (id INTEGER NOT NULL PRIMARY KEY, publisher_id INTEGER);").await;
    let roles =
        "[roles.clerk.resources.book]\nallow = [\"view\", \"change\"]\nrows = \"publisher_id={user.publisher}\"";
    let add = ["user", "add", "Ann", "--role", "clerk", "--attribute", "publisher=7"];
    with(&add, roles).exits(0);
    with(&["user", "add", "Sue", "--role", "staff"], roles).exits(0);
    let listed = users(&database);
    assert_eq!((&listed[0]["role"], &listed[0]["attributes"]["publisher"]), (&"clerk".into(), &"7".into()));
    assert_eq!((&listed[1]["role"], &listed[1]["is_staff"]), (&"staff".into(), &true.into()));
    with(&["user", "role", "ann", "clark"], roles).exits(64).complains(&["clark", "viewer, editor, staff, clerk"]);
    with(&["user", "role", "ann", "clerk", "--attribute", "1=7"], roles).exits(64).complains(&["attributes", "1"]);
    with(&["user", "role", "ann", "clerk", "--attribute", "seven"], roles).exits(64).complains(&["NAME=VALUE"]);
    with(&["user", "role", "nobody", "clerk"], roles).exits(64).complains(&["nobody"]);
    let changed = with(&["user", "role", "ann", "clerk", "--attribute", "publisher=8"], roles).exits(0).stdout;
    assert!(changed.contains("Ann is clerk now with publisher=8"), "{changed}");
    let table = with(&["user", "list"], roles).exits(0).stdout;
    assert!(table.contains("clerk") && table.contains("publisher=8"), "{table}");
    assert!(with(&["check"], roles).exits(0).stdout.contains("viewer, editor, staff, clerk"));
    // Whose role is gone may do nothing, and is named.
    let told = with(&["check"], "").exits(0).stdout;
    assert!(told.contains("Ann has the role \"clerk\", which there is not"), "{told}");
    with(&["user", "role", "ann", "--none"], roles).exits(0);
    assert_eq!(users(&database)[0]["role"], Value::Null);
    // Mistakes are told together, with their places.
    let wrong = "[roles.clerk]\ndefault = 7\n[roles.clerk.resources.books]\nallow = \"view\"\n[roles.clerk.resources.book]\n\
        allow = [\"fly\"]\nrows = \"price=1\"\ncolour = \"red\"";
    with(&["check"], wrong).exits(1).complains(&[
        "powercrud.toml: roles.clerk.default: 7 is not allowed",
        "powercrud.toml: roles.clerk.resources.book.colour: there is no such setting; allowed are: allow, rows",
        "roles.clerk.resources.books: there is no such resource",
        "powercrud.toml: roles.clerk.resources.book.allow: \"fly\" is no permission",
        "powercrud.toml: roles.clerk.resources.book.rows: book has no column \"price\"",
    ]);
}
