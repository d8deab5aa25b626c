//! Bulk update and delete on copies of Chinook, whose names the PostgreSQL edition spells `track`, `unit_price`.

use serde_json::{Value, json};

use crate::{
    program::{number, on},
    support::{Kind, TestDatabase, chinook, each_database},
};

each_database!(
    update_changes_exactly_the_rows_that_match,
    delete_names_each_record_that_is_in_use_and_deletes_the_rest,
    records_with_a_composite_key_are_deleted_by_filter,
    a_dry_run_changes_nothing,
    a_dry_run_counts_by_outcome,
    another_number_than_expected_is_refused,
    records_are_chosen_by_key,
    values_stay_data,
    links_are_added_removed_replaced_and_cleared,
    an_action_of_the_configuration_is_run,
);

/// `UnitPrice` as the database spells it.
fn name(database: &TestDatabase, name: &str) -> String {
    if database.kind != Kind::Postgres {
        return name.to_owned();
    }
    let mut snake = String::new();
    for (index, letter) in name.char_indices() {
        if letter.is_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// SQL with every `{Name}` as the database spells it.
fn sql(database: &TestDatabase, text: &str) -> String {
    text.split('{')
        .enumerate()
        .map(|(index, part)| match part.split_once('}') {
            Some((word, rest)) if index > 0 => format!("{}{rest}", name(database, word)),
            _ => part.to_owned(),
        })
        .collect()
}

async fn count(database: &TestDatabase, from: &str) -> i64 {
    number(database, &sql(database, &format!("SELECT COUNT(*) FROM {from}"))).await
}

async fn update_changes_exactly_the_rows_that_match(database: TestDatabase) {
    if !chinook(&database).await {
        return;
    }
    let matching = count(&database, "{Track} WHERE {GenreId} = 1").await;
    let others = "{Track} WHERE {GenreId} <> 1 AND {UnitPrice} = 1.29";
    assert!(matching > 1000);
    assert_eq!(count(&database, others).await, 0);
    let set = sql(&database, "{UnitPrice}=1.29");
    let filter = sql(&database, "{GenreId}=1");
    let arguments =
        ["bulk", "update", &name(&database, "Track"), "--set", &set, "--filter", &filter, "--format", "json"];
    let task = on(&database, &arguments).exits(0).json();
    for (key, expected) in [
        ("status", json!("SUCCESS")),
        ("operation", json!("update")),
        ("resource", json!(name(&database, "Track"))),
        ("total_records", json!(matching)),
        ("processed_records", json!(matching)),
        ("succeeded_records", json!(matching)),
        ("failed_records", json!(0)),
        ("progress_percent", json!(100)),
        ("errors", json!([])),
        ("error_message", json!("")),
    ] {
        assert_eq!(task[key], expected, "{key} in {task:#}");
    }
    assert!(["id", "created_at", "started_at", "completed_at"].iter().all(|key| task[key].is_string()), "{task:#}");
    assert_eq!(count(&database, "{Track} WHERE {GenreId} = 1 AND {UnitPrice} = 1.29").await, matching);
    assert_eq!(count(&database, others).await, 0);
}

async fn delete_names_each_record_that_is_in_use_and_deletes_the_rest(database: TestDatabase) {
    if !chinook(&database).await {
        return;
    }
    let used = count(&database, "{Genre}").await;
    database
        .execute(&sql(&database, "INSERT INTO {Genre} ({GenreId}, {Name}) VALUES (900, 'Polka'), (901, 'Fado');"))
        .await;
    let task =
        on(&database, &["bulk", "delete", &name(&database, "Genre"), "--all", "--format", "json"]).exits(2).json();
    assert_eq!((&task["status"], &task["total_records"]), (&json!("PARTIAL"), &json!(used + 2)), "{task:#}");
    assert_eq!((&task["succeeded_records"], &task["failed_records"]), (&json!(2), &json!(used)), "{task:#}");
    let errors = task["errors"].as_array().unwrap();
    let mut keys: Vec<i64> =
        errors.iter().map(|error| error["record_key"].as_str().unwrap().parse().unwrap()).collect();
    keys.sort_unstable();
    assert_eq!(keys, (1..=used).collect::<Vec<_>>());
    let explained = |error: &Value| error["code"] == "FOREIGN_KEY" && !error["message"].as_str().unwrap().is_empty();
    assert!(errors.iter().all(explained), "{task:#}");
    assert_eq!(count(&database, "{Genre}").await, used);
    assert_eq!(count(&database, "{Genre} WHERE {GenreId} >= 900").await, 0);
}

async fn records_with_a_composite_key_are_deleted_by_filter(database: TestDatabase) {
    if !chinook(&database).await {
        return;
    }
    let matching = count(&database, "{PlaylistTrack} WHERE {PlaylistId} = 8").await;
    let all = count(&database, "{PlaylistTrack}").await;
    assert!(matching > 1000);
    let filter = sql(&database, "{PlaylistId}=8");
    let arguments = ["bulk", "delete", &name(&database, "PlaylistTrack"), "--filter", &filter, "--format", "json"];
    let task = on(&database, &arguments).exits(0).json();
    assert_eq!((&task["status"], &task["succeeded_records"]), (&json!("SUCCESS"), &json!(matching)), "{task:#}");
    assert_eq!(count(&database, "{PlaylistTrack} WHERE {PlaylistId} = 8").await, 0);
    assert_eq!(count(&database, "{PlaylistTrack}").await, all - matching);
}

async fn a_dry_run_changes_nothing(database: TestDatabase) {
    if !chinook(&database).await {
        return;
    }
    let track = name(&database, "Track");
    let set = sql(&database, "{UnitPrice}=0.99");
    let preview = on(&database, &["bulk", "update", &track, "--set", &set, "--all", "--dry-run", "--format", "json"]);
    let preview = preview.exits(0).json();
    let unchanged = count(&database, "{Track} WHERE {UnitPrice} = 0.99").await;
    assert_eq!(preview["total_records"], json!(count(&database, "{Track}").await), "{preview:#}");
    assert_eq!(preview["unchanged_records"], json!(unchanged), "{preview:#}");
    assert!(!preview["samples"].as_array().unwrap().is_empty(), "{preview:#}");
    let text =
        on(&database, &["bulk", "delete", &name(&database, "Genre"), "--ids", "1,2", "--dry-run"]).exits(0).stdout;
    assert!(
        text.contains("2 genres selected; nothing was changed.") && text.contains("2 genres can't be deleted"),
        "{text}"
    );
    assert_eq!(count(&database, "{Track} WHERE {UnitPrice} = 0.99").await, unchanged);
    assert_eq!(count(&database, "{Genre} WHERE {GenreId} IN (1, 2)").await, 2);
    assert_eq!(on(&database, &["task", "list", "--format", "json"]).exits(0).json(), json!([]));
}

async fn a_dry_run_counts_by_outcome(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE shelf (id integer PRIMARY KEY, n integer, CHECK (n < 5 OR id < 3));
             CREATE TABLE book (id integer PRIMARY KEY, shelf_id integer, FOREIGN KEY (shelf_id) REFERENCES shelf (id));
             INSERT INTO shelf VALUES (1, 7), (2, 1), (3, 1);
             INSERT INTO book VALUES (1, 2);",
        )
        .await;
    let text = |arguments: &[&str]| on(&database, &[arguments, &["--dry-run"]].concat()).exits(0).stdout;
    let told = text(&["bulk", "update", "shelf", "--set", "n=7", "--ids", "1,2,3,99"]);
    assert!(told.contains("4 shelfs selected; nothing was changed."), "{told}");
    assert!(told.contains("1 will change, 1 already has these values, 2 will fail."), "{told}");
    assert!(told.contains("1 will fail because they break a rule"), "{told}");
    assert!(told.contains("1 will fail because there is no shelf with the key 99."), "{told}");
    let told = text(&["bulk", "delete", "shelf", "--ids", "1,2,99"]);
    assert!(told.contains("1 will be deleted, 1 will fail."), "{told}");
    assert!(told.contains("1 is not there, which counts as deleted."), "{told}");
    assert!(told.contains("1 shelf can't be deleted, because other records refer to them."), "{told}");
    let told = text(&["bulk", "delete", "shelf", "--ids", "1"]);
    assert!(told.contains("1 will be deleted, 0 will fail."), "{told}");
}

async fn another_number_than_expected_is_refused(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE shelf (id integer PRIMARY KEY, n integer); INSERT INTO shelf VALUES (1, 1), (2, 1), (3, 2);",
        )
        .await;
    let delete = |more: &[&str]| on(&database, &[&["bulk", "delete", "shelf", "--filter", "n=1"], more].concat());
    let told = &["the selection has 2 shelfs now, not 3"];
    delete(&["--expected-count", "3"]).exits(1).complains(told);
    delete(&["--expected-count", "3", "--dry-run"]).exits(1).complains(told);
    assert_eq!(number(&database, "SELECT COUNT(*) FROM shelf").await, 3);
    delete(&["--expected-count", "2", "--dry-run"]).exits(0);
    delete(&["--expected-count", "2"]).exits(0);
    let update = ["bulk", "update", "shelf", "--set", "n=5", "--all", "--expected-count"];
    on(&database, &[&update[..], &["2"]].concat()).exits(1).complains(&["has 1 shelf now, not 2"]);
    on(&database, &[&update[..], &["1"]].concat()).exits(0);
    assert_eq!(number(&database, "SELECT COUNT(*) FROM shelf WHERE n = 5").await, 1);
}

async fn records_are_chosen_by_key(database: TestDatabase) {
    if !chinook(&database).await {
        return;
    }
    let composer = name(&database, "Composer");
    // 999999 is nobody: reported, and the others go on.
    let arguments =
        ["bulk", "update", &name(&database, "Track"), "--null", &composer, "--ids", "1,3,999999", "--format", "json"];
    let task = on(&database, &arguments).exits(2).json();
    assert_eq!((&task["succeeded_records"], &task["failed_records"]), (&json!(2), &json!(1)), "{task:#}");
    assert_eq!(task["errors"][0]["record_key"], "999999", "{task:#}");
    assert_eq!(count(&database, "{Track} WHERE {TrackId} IN (1, 3) AND {Composer} IS NULL").await, 2);
    assert_eq!(count(&database, "{Track} WHERE {TrackId} = 2 AND {Composer} IS NULL").await, 0);
    let before = count(&database, "{PlaylistTrack}").await;
    let keys = r#"["1","3402"],["1","3389"]"#;
    on(&database, &["bulk", "delete", &name(&database, "PlaylistTrack"), "--ids", keys]).exits(0);
    assert_eq!(count(&database, "{PlaylistTrack}").await, before - 2);
}

async fn values_stay_data(database: TestDatabase) {
    if !chinook(&database).await {
        return;
    }
    let nasty = "x'); DROP TABLE Track; -- %_\\ \u{e9}";
    let set = format!("{}={nasty}", name(&database, "Name"));
    let filter = sql(&database, "{GenreId}=24");
    let arguments =
        ["bulk", "update", &name(&database, "Track"), "--set", &set, "--filter", &filter, "--format", "json"];
    let task = on(&database, &arguments).exits(0).json();
    let changed = task["succeeded_records"].as_i64().unwrap();
    assert!(changed > 20, "{task:#}");
    let filter = format!("{}={nasty}", name(&database, "Name"));
    let found = [
        "bulk",
        "update",
        &name(&database, "Track"),
        "--set",
        &set,
        "--filter",
        &filter,
        "--dry-run",
        "--format",
        "json",
    ];
    assert_eq!(on(&database, &found).exits(0).json()["total_records"], json!(changed));
    assert_eq!(count(&database, "{Track} WHERE {GenreId} = 24").await, changed);
}

async fn links_are_added_removed_replaced_and_cleared(database: TestDatabase) {
    if !chinook(&database).await {
        return;
    }
    let (track, genre) = (name(&database, "Track"), sql(&database, "{GenreId}=1"));
    let rock = count(&database, "{Track} WHERE {GenreId} = 1").await;
    let linked = |playlist: i64| {
        let sql = format!(
            "{{PlaylistTrack}} JOIN {{Track}} USING ({{TrackId}}) WHERE {{GenreId}} = 1 AND {{PlaylistId}} = {playlist}"
        );
        let database = &database;
        async move { count(database, &sql).await }
    };
    let all = count(&database, "{PlaylistTrack}").await;
    let before = [linked(1).await, linked(2).await, linked(17).await];
    assert!(before[0] == rock && before[1] == 0 && before[2] > 0, "{before:?}");
    let links = ["--add", "playlists=2,1", "--remove", "Playlists=17"];
    let bulk = |links: &[&str], more: &[&str]| {
        let arguments = [&["bulk", "update", &track], links, &["--filter", &genre], more].concat();
        on(&database, &arguments)
    };
    let preview = bulk(&links, &["--dry-run", "--format", "json"]).exits(0).json();
    assert_eq!((&preview["total_records"], &preview["unchanged_records"]), (&json!(rock), &json!(0)), "{preview:#}");
    let text = bulk(&links, &["--dry-run"]).exits(0).stdout;
    assert!(text.contains("Movies") && text.contains("Heavy Metal Classic"), "{text}");
    let task = bulk(&links, &["--format", "json"]).exits(0).json();
    assert_eq!((&task["status"], &task["succeeded_records"]), (&json!("SUCCESS"), &json!(rock)), "{task:#}");
    let field = if database.kind == Kind::Postgres { "playlists" } else { "Playlists" };
    let add = &task["changes"][field]["add"];
    assert!(add["1"] == "Music" && add["2"] == "Movies", "{task:#}");
    assert_eq!([linked(1).await, linked(2).await, linked(17).await], [rock, rock, 0]);
    assert_eq!(count(&database, "{PlaylistTrack}").await, all + rock - before[2]);
    let text = bulk(&["--replace", "playlists=17"], &[]).exits(0).stdout;
    assert!(text.contains(": only Heavy Metal Classic"), "{text}");
    assert_eq!([linked(1).await, linked(2).await, linked(17).await], [0, 0, rock]);
    bulk(&["--clear", "playlists"], &[]).exits(0);
    assert_eq!([linked(1).await, linked(2).await, linked(17).await], [0, 0, 0]);
    let refused = bulk(&["--add", "playlists=77,88"], &[]).exits(64);
    assert!(refused.stderr.contains("there is no") && refused.stderr.contains("77, 88"), "{}", refused.stderr);
}

async fn an_action_of_the_configuration_is_run(database: TestDatabase) {
    if !chinook(&database).await {
        return;
    }
    let (track, price, composer) =
        (name(&database, "Track"), name(&database, "UnitPrice"), name(&database, "Composer"));
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
        "actions-{:?}-{}.toml",
        database.kind,
        std::process::id()
    ));
    let action = format!("[resources.{track}.actions.give_away]\nset = {{ {price} = 0 }}\nnull = [\"{composer}\"]\n");
    std::fs::write(&file, action).unwrap();
    let file_name = file.display().to_string();
    let filter = sql(&database, "{GenreId}=1");
    let run = ["bulk", "run", &track, "give_away", "--filter", &filter, "--config", &file_name];
    let matching = count(&database, "{Track} WHERE {GenreId} = 1").await;
    let dry = on(&database, &[&run[..], &["--dry-run", "--format", "json"]].concat()).exits(0).json();
    assert_eq!((&dry["changing_records"], &dry["samples"][0]["changes"][0][0]), (&json!(matching), &json!(price)));
    let task = on(&database, &[&run[..], &["--format", "json"]].concat()).exits(0).json();
    assert_eq!((&task["operation"], &task["succeeded_records"]), (&json!("action:give_away"), &json!(matching)));
    assert_eq!(count(&database, "{Track} WHERE {UnitPrice} = 0 AND {Composer} IS NULL").await, matching);
    let listed = on(&database, &["resources", "--format", "json", "--config", &file_name]).exits(0).json();
    let listed = listed.as_array().unwrap().iter().find(|resource| resource["name"] == json!(track)).unwrap().clone();
    assert_eq!(listed["actions"][0]["label"], "Give away");
    let unknown = on(&database, &["bulk", "run", &track, "burn", "--all", "--config", &file_name]).exits(64);
    assert!(unknown.stderr.contains("has no action \"burn\"; there are: give_away"), "{}", unknown.stderr);
    let value = on(&database, &[&run[..], &["--value", "why=fun"]].concat()).exits(64);
    assert!(value.stderr.contains("it takes none"), "{}", value.stderr);
    // Every mistake at once, each with its place.
    let wrong = format!(
        "[resources.{track}.actions.a]\nset = {{ colour = 1, {price} = \"much\" }}\nlabel = 7\n[resources.{track}.actions.b]\nsets = {{}}\n"
    );
    std::fs::write(&file, wrong).unwrap();
    let refused = on(&database, &["check", "--config", &file_name]).exits(1).stderr;
    for (place, what) in [
        ("actions.a.set.colour".to_owned(), "there is no field \"colour\""),
        (format!("actions.a.set.{price}"), "\"much\" is not allowed"),
        ("actions.a.label".to_owned(), "7 is not allowed; allowed is a text"),
        ("actions.b.sets".to_owned(), "there is no such setting of an action; allowed are: set, null"),
        ("actions.b.set".to_owned(), "sets nothing"),
    ] {
        let line = format!("{file_name}: resources.{track}.{place}: ");
        assert!(refused.lines().any(|l| l.contains(&line) && l.contains(what)), "{line}{what} is not in {refused}");
    }
    std::fs::remove_file(&file).unwrap();
}
