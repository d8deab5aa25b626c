//! The setting `tables_schema`: the program's own tables in a schema or database of their own, whichever command asks.

use crate::{
    program::{Run, command, finish, number, powercrud},
    support::{Kind, TestDatabase, each_database},
};

each_database! { [postgres mysql] every_command_finds_the_tables_in_their_schema }
each_database! { [sqlite] a_file_has_no_schemas }

const TABLE: &str = "CREATE TABLE item (id INTEGER PRIMARY KEY, title VARCHAR(40), price INTEGER);
    INSERT INTO item VALUES (1, 'a', 2), (2, 'b', 2), (3, 'c', 2);";

fn in_schema(database: &TestDatabase, schema: &str, arguments: &[&str]) -> Run {
    let mut command = command(&[arguments, &["--database", &database.url]].concat());
    command.env("POWERCRUD_TABLES_SCHEMA", schema);
    finish(command)
}

async fn every_command_finds_the_tables_in_their_schema(database: TestDatabase) {
    database.execute(TABLE).await;
    let schema = format!("{}_own", database.url.rsplit('/').next().expect("a name").split('?').next().expect("a name"));
    let run = |arguments: &[&str]| in_schema(&database, &schema, arguments);
    run(&["check"]).exits(1);
    let migrated = run(&["migrate"]).exits(0).stdout;
    assert!(migrated.contains("migrations applied"), "{migrated}");
    let check = run(&["check"]).exits(0).stdout;
    assert!(check.contains(&format!("own tables     in {schema}")), "{check}");
    let update = ["bulk", "update", "item", "--set", "price=5", "--all", "--no-wait", "--format", "json"];
    let task = run(&update).exits(0).json();
    let id = task["id"].as_str().expect("an id");
    run(&["bulk", "delete", "item", "--ids", "3"]).exits(3);
    run(&["task", "cancel", id]).exits(0);
    run(&["task", "retry", id]).exits(0);
    assert_eq!(number(&database, "SELECT COUNT(*) FROM item WHERE price = 5").await, 3);
    let resources = run(&["resources"]).exits(0).stdout;
    assert!(resources.contains("item") && !resources.contains("powercrud_"), "{resources}");
    let (data, own) = match database.kind {
        Kind::Mysql => ("DATABASE()".to_owned(), format!("'{schema}'")),
        _ => ("current_schema()".to_owned(), format!("'{schema}'")),
    };
    let tables = |schema: &str| {
        format!(
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = {schema} AND table_name LIKE 'powercrud%'"
        )
    };
    assert_eq!(number(&database, &tables(&data)).await, 0);
    assert!(number(&database, &tables(&own)).await > 15);
    // Without the setting there are none of them.
    let without = powercrud(&["uninstall", "--yes", "--database", &database.url]).exits(0).stdout;
    assert!(without.contains("no tables of PowerCRUD here"), "{without}");
    let told = run(&["uninstall"]).exits(0).stdout;
    assert!(told.contains(&format!("would remove {schema}.powercrud_bulk_task")), "{told}");
    run(&["uninstall", "--yes"]).exits(0);
    assert_eq!(number(&database, &tables(&own)).await, 0);
    // In small letters: scripts that drop databases are meant for others, and left out.
    let (what, all) = if database.kind == Kind::Mysql { ("database", "") } else { ("schema", " CASCADE") };
    database.execute(&format!("drop {what} {schema}{all};")).await;
}

async fn a_file_has_no_schemas(database: TestDatabase) {
    database.execute(TABLE).await;
    for arguments in [&["check"][..], &["migrate"], &["resources"], &["uninstall"]] {
        let refused = in_schema(&database, "own", arguments).exits(1);
        refused.complains(&["POWERCRUD_TABLES_SCHEMA: \"own\" is not allowed, because a SQLite file has no schemas"]);
    }
}
