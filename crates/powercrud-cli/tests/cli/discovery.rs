//! What `powercrud resources` finds, and bulk edits under odd names.

use serde_json::{Value, json};

use crate::{
    program::{number, on},
    support::{Kind, TestDatabase, each_database, oddities, sakila},
};

each_database!(
    odd_tables_are_found_and_those_that_are_read_only_say_why,
    odd_names_are_changed_like_any_other,
    a_film_rental_is_found_and_changed,
    looks_write_nothing_and_uninstall_leaves_nothing,
);

async fn odd_tables_are_found_and_those_that_are_read_only_say_why(database: TestDatabase) {
    oddities(&database).await;
    let found = on(&database, &["resources", "--format", "json"]).exits(0).complains(&["left out: "]).json();
    let resource = |name: &str| {
        let mut resources = found.as_array().unwrap().iter();
        resources.find(|resource| resource["name"] == name).unwrap_or_else(|| panic!("{name} is missing in {found:#}"))
    };
    assert_eq!(resource("composite")["key"], json!(["b", "a"]));
    assert_eq!(resource("unique_instead")["key"], json!(["code"]));
    let field = |resource: &Value, name: &str| {
        resource["fields"].as_array().unwrap().iter().find(|field| field["name"] == name).cloned().unwrap()
    };
    assert_eq!(field(resource("employee"), "boss_id")["references"], "employee");
    assert_eq!(field(resource("choice"), "status")["choices"].as_array().unwrap().len(), 3);
    for (name, reason) in [("a view", "it is a view"), ("no_key", "primary key")] {
        let resource = resource(name);
        assert!(resource["read_only"].as_str().unwrap().contains(reason), "{resource:#}");
        assert_eq!((&resource["bulk_fields"], &resource["bulk_delete"]), (&json!([]), &json!(false)));
    }
    let text = on(&database, &["resources"]).exits(0).stdout;
    assert!(text.contains("Odd \"Table\" `here`") && text.contains("it is a view"), "{text}");
}

async fn odd_names_are_changed_like_any_other(database: TestDatabase) {
    oddities(&database).await;
    let quote = |name: &str| match database.kind {
        Kind::Mysql => format!("`{}`", name.replace('`', "``")),
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    };
    let odd = "Odd \"Table\" `here`";
    on(&database, &["bulk", "update", odd, "--set", "a-b=2026-12-24", "--ids", "1'2\"3"]).exits(0);
    let changed = format!("SELECT COUNT(*) FROM {} WHERE {} = '2026-12-24'", quote(odd), quote("a-b"));
    assert_eq!(number(&database, &changed).await, 1);

    let arguments = ["bulk", "update", "order", "--set", "why? $1=$1 ?", "--set", "it's=7", "--filter", "select=x"];
    on(&database, &arguments).exits(0);
    let question = quote("why? $1");
    let changed =
        format!("SELECT COUNT(*) FROM {} WHERE {question} = '$1 ?' AND {} = 7", quote("order"), quote("it's"));
    assert_eq!(number(&database, &changed).await, 1);

    let keys = r#"["x\"y","2"]"#;
    on(&database, &["bulk", "update", "composite", "--set", "note=found", "--ids", keys]).exits(0);
    assert_eq!(number(&database, "SELECT COUNT(*) FROM composite WHERE note = 'found' AND c = 1").await, 1);
    assert_eq!(number(&database, "SELECT COUNT(*) FROM composite WHERE note = 'found'").await, 1);
}

async fn a_film_rental_is_found_and_changed(database: TestDatabase) {
    if !sakila(&database).await {
        return;
    }
    let found = on(&database, &["resources", "--format", "json"]).exits(0).json();
    let read_only: Vec<_> =
        found.as_array().unwrap().iter().filter(|resource| !resource["read_only"].is_null()).collect();
    assert!(found.as_array().unwrap().len() >= 20, "{found:#}");
    assert!(read_only.iter().any(|resource| resource["name"] == "film_list"), "{found:#}");
    let films = number(&database, "SELECT COUNT(*) FROM film WHERE rating = 'PG-13'").await;
    assert!(films > 0);
    let arguments =
        ["bulk", "update", "film", "--set", "rating=G", "--set", "rental_duration=9", "--filter", "rating=PG-13"];
    let task = on(&database, &[&arguments[..], &["--format", "json"]].concat()).exits(0).json();
    assert_eq!(task["succeeded_records"], json!(films), "{task:#}");
    assert_eq!(number(&database, "SELECT COUNT(*) FROM film WHERE rental_duration = 9 AND rating = 'G'").await, films);
    assert_eq!(number(&database, "SELECT COUNT(*) FROM film WHERE rating = 'PG-13'").await, 0);
    on(&database, &["bulk", "update", "film", "--set", "rating=XXX", "--all"]).exits(64).complains(&["PG-13"]);
    // Actors are in films.
    let task = on(&database, &["bulk", "delete", "actor", "--all", "--format", "json"]).exits(2).json();
    assert_eq!((&task["status"], &task["succeeded_records"]), (&json!("FAILURE"), &json!(0)), "{task:#}");
}

async fn looks_write_nothing_and_uninstall_leaves_nothing(database: TestDatabase) {
    oddities(&database).await;
    let own = match database.kind {
        Kind::Sqlite => "SELECT COUNT(*) FROM sqlite_schema WHERE name LIKE 'powercrud%' AND type = 'table'",
        Kind::Postgres => "SELECT COUNT(*) FROM pg_class WHERE relname LIKE 'powercrud%' AND relkind = 'r'",
        Kind::Mysql => {
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name LIKE 'powercrud%'"
        }
    };
    on(&database, &["resources"]).exits(0);
    let told = on(&database, &["check"]).exits(1).stdout;
    assert!(told.contains("missing; run `powercrud migrate`"), "{told}");
    let composite = ["composite", "--all", "--dry-run"];
    on(&database, &[&["bulk", "delete"], &composite[..]].concat()).exits(0);
    on(&database, &[&["bulk", "update"], &composite[..], &["--set", "note=x"]].concat()).exits(0);
    assert_eq!(number(&database, own).await, 0);
    let nothing = on(&database, &["uninstall"]).exits(0).stdout;
    assert!(nothing.contains("nothing to do"), "{nothing}");

    on(&database, &["migrate"]).exits(0);
    let made = number(&database, own).await;
    let told = on(&database, &["uninstall"]).exits(0).stdout;
    assert_eq!(told.lines().filter(|line| line.starts_with("would remove powercrud_")).count() as i64, made, "{told}");
    assert_eq!(number(&database, own).await, made);
    on(&database, &["uninstall", "--yes"]).exits(0);
    assert_eq!(number(&database, own).await, 0);
}
