//! What a command says is so: nothing that its own work makes untrue, nothing twice, and no value that is hidden.

use crate::{
    program::{command, finish, number, on},
    support::{TestDatabase, each_database},
};

each_database! {
    a_command_that_does_the_work_itself_warns_of_nothing, values_of_hidden_fields_are_told_by_no_command,
    what_has_nothing_to_edit_is_wrong_usage
}

async fn shop(database: &TestDatabase) {
    database
        .execute(
            "CREATE TABLE later (id INTEGER PRIMARY KEY, v VARCHAR(40), w VARCHAR(40));
             INSERT INTO later VALUES (1, 'a', 'b'), (2, 'a', 'b');
             CREATE TABLE played (a INTEGER, b INTEGER, PRIMARY KEY (a, b));
             INSERT INTO played VALUES (1, 1);",
        )
        .await;
}

async fn a_command_that_does_the_work_itself_warns_of_nothing(database: TestDatabase) {
    shop(&database).await;
    let update = ["bulk", "update", "later", "--set", "v=x", "--all"];
    let done = on(&database, &update).exits(0);
    assert_eq!(done.stderr, "", "{done}");
    let left = on(&database, &[&update[..], &["--no-wait", "--format", "json"]].concat()).exits(0);
    assert_eq!(left.stderr.lines().count(), 1, "{left}");
    let id = left.json()["id"].as_str().expect("an id").to_owned();
    let left = left.complains(&["No worker is alive"]);
    assert!(!left.stderr.contains("WARN"), "{left}");
    on(&database, &["task", "cancel", &id]).exits(0);
    for arguments in [&["task", "retry", &id][..], &["bulk", "delete", "later", "--ids", "1"]] {
        let done = on(&database, arguments).exits(0);
        assert_eq!(done.stderr, "", "{done}");
    }
    assert_eq!(number(&database, "SELECT COUNT(*) FROM later WHERE v = 'x'").await, 1);
}

async fn values_of_hidden_fields_are_told_by_no_command(database: TestDatabase) {
    shop(&database).await;
    let update = ["bulk", "update", "later", "--set", "v=tell-nobody", "--set", "w=shown", "--filter", "v=a"];
    let task = on(&database, &[&update[..], &["--format", "json"]].concat()).exits(0).json();
    let id = task["id"].as_str().expect("an id");
    let hiding = |arguments: &[&str]| {
        let mut command = command(&[arguments, &["--database", &database.url]].concat());
        command.env("POWERCRUD_RESOURCES__later__SECRET_FIELDS", "[\"v\"]");
        finish(command)
    };
    for arguments in [&["task", "list"][..], &["task", "show", id]] {
        for format in ["text", "json"] {
            let told = hiding(&[arguments, &["--format", format]].concat()).exits(0);
            assert!(told.stdout.contains("shown") && !told.stdout.contains("tell-nobody"), "{told}");
        }
    }
    // What a command does again is told as little.
    let again = hiding(&["task", "retry", id]);
    assert!(!format!("{again}").contains("tell-nobody"), "{again}");
}

async fn what_has_nothing_to_edit_is_wrong_usage(database: TestDatabase) {
    shop(&database).await;
    let update = ["bulk", "update", "played", "--set", "b=2", "--all"];
    on(&database, &update).exits(64).complains(&["played has no fields that bulk edit may change"]);
}
