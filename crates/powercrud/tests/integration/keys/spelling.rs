//! Where a key has several spellings that the database takes for one, its own is the key: for locks, selections, history and audit.

use powercrud::{
    ConflictScope, Error, PowerCrud, Resource, Selection, StoredSelection, User, bulk::run, history::history, record,
    task::Status,
};

use crate::{
    shop::{carry_out, count, counts, delete, failures, in_background, keys, queue, update, work},
    support::{Kind, TestDatabase, each_database},
};

each_database! { locks_know_every_spelling, one_record_counts_once, history_is_found_by_every_spelling, pairs }

async fn app(database: &TestDatabase) -> PowerCrud {
    let (column, prepare) = match database.kind {
        Kind::Sqlite => ("text COLLATE NOCASE NOT NULL", ""),
        Kind::Postgres => ("citext", "CREATE EXTENSION citext;"),
        Kind::Mysql => ("varchar(40) COLLATE utf8mb4_general_ci", ""),
    };
    database
        .execute(&format!(
            "{prepare}
             CREATE TABLE word (id {column} PRIMARY KEY, n integer NOT NULL);
             INSERT INTO word VALUES ('abc', 0), ('Def', 0), ('x y', 0);
             CREATE TABLE two (id {column}, number integer NOT NULL, n integer NOT NULL, PRIMARY KEY (id, number));
             INSERT INTO two VALUES ('abc', 1, 0), ('Def', 1, 0), ('abc', 2, 0);"
        ))
        .await;
    let resource = |name: &str| Resource::table(name).bulk_async_conflict_scope(ConflictScope::Record);
    let builder =
        PowerCrud::builder(database.clone()).open_to_everybody().resource(resource("word")).resource(resource("two"));
    builder.build().await.expect("a configuration without mistakes")
}

fn set(n: &str) -> [(String, Option<String>); 1] {
    [("n".to_owned(), Some(n.to_owned()))]
}

async fn locks_know_every_spelling(database: TestDatabase) {
    let app = app(&database).await;
    let resource = app.resource("word").expect("a resource");
    for held in ["abc", "ABC"] {
        let task = queue(&app, in_background(update("word", keys([held]), [("n", Some("1"))]))).await;
        for spelling in ["abc", "ABC", "Abc"] {
            let edited = record::update(&app, &User::operator(), resource, spelling, &set("9")).await;
            assert!(matches!(edited, Err(Error::RecordHeld { .. })), "{held} {spelling}: {edited:?}");
            let deleted = record::delete(&app, &User::operator(), resource, spelling).await;
            assert!(matches!(deleted, Err(Error::RecordHeld { .. })), "{held} {spelling}: {deleted:?}");
            assert!(record::held_by(&app, resource, spelling).await.expect("an answer").is_some(), "{held} {spelling}");
            let other = run(&app, in_background(update("word", keys([spelling]), [("n", Some("2"))]))).await;
            assert!(matches!(other, Err(Error::Conflict { .. })), "{held} {spelling}: {other:?}");
        }
        record::update(&app, &User::operator(), resource, "DEF", &set("3")).await.expect("another record");
        let task = work(&app, &task).await;
        assert_eq!((task.status, counts(&task)), (Status::Success, (1, 0, 0)), "{:?}", failures(&app, &task).await);
    }
}

async fn one_record_counts_once(database: TestDatabase) {
    let app = app(&database).await;
    let resource = app.resource("word").expect("a resource");
    let task = carry_out(&app, update("word", keys(["abc", "ABC"]), [("n", Some("2"))])).await;
    assert_eq!((task.total_records, counts(&task)), (1, (1, 0, 0)), "{:?}", failures(&app, &task).await);
    let task = carry_out(&app, update("word", keys(["abc", "ABC", "def"]), [("n", Some("1"))])).await;
    assert_eq!((task.total_records, counts(&task)), (2, (2, 0, 0)));
    assert_eq!(count(&database, "(SELECT 1 FROM word WHERE n = 1) AS found").await, 2);
    let task =
        carry_out(&app, in_background(update("word", keys(["abc", "ABC", "def", "nothing"]), [("n", Some("1"))])))
            .await;
    assert_eq!((task.total_records, counts(&task)), (3, (2, 1, 0)));
    assert_eq!(failures(&app, &task).await, [("nothing".to_owned(), "NOT_FOUND".to_owned())]);
    let mut stored = StoredSelection::of_owner(&app, resource, "ann").await.expect("a selection");
    let ticks = ["abc", "ABC", "DEF"].map(str::to_owned);
    stored.tick(&app, resource, &ticks, true).await.expect("ticks");
    assert_eq!((stored.added, stored.count(&app, resource).await.expect("a count")), (2, 2));
    stored.tick(&app, resource, &["Abc".to_owned()], false).await.expect("one less");
    assert_eq!(stored.added, 1);
    let task = carry_out(&app, delete("word", Selection::Stored(stored.id))).await;
    assert_eq!((counts(&task), task.missing_records, count(&database, "word").await), ((1, 0, 0), 0, 2));
}

async fn history_is_found_by_every_spelling(database: TestDatabase) {
    let app = app(&database).await;
    let resource = app.resource("word").expect("a resource");
    let row = record::get(&app, resource, "ABC").await.expect("the record");
    assert_eq!(row.key, "abc", "the database's own spelling");
    record::update(&app, &User::operator(), resource, "ABC", &set("4")).await.expect("written");
    carry_out(&app, update("word", keys(["aBC"]), [("n", Some("5"))])).await;
    let other = "(SELECT 1 FROM powercrud_audit WHERE record_key IS NOT NULL AND record_key <> 'abc') AS other";
    assert_eq!(count(&database, other).await, 0, "the audit trail knows one spelling");
    for spelling in ["abc", "ABC"] {
        let (entries, _) = history(&app, &User::operator(), resource, spelling, 10).await.expect("a history");
        assert_eq!(entries.len(), 2, "{spelling}: {entries:?}");
    }
}

async fn pairs(database: TestDatabase) {
    let app = app(&database).await;
    let given = [r#"["ABC","1"]"#, r#"["abc", "01"]"#, r#"["DEF",1]"#];
    let task = carry_out(&app, in_background(update("two", keys(given), [("n", Some("1"))]))).await;
    assert_eq!((task.total_records, counts(&task)), (2, (2, 0, 0)), "{:?}", failures(&app, &task).await);
    let task = carry_out(&app, delete("two", keys([r#"["ABC","2"]"#]))).await;
    assert_eq!((counts(&task), task.missing_records, count(&database, "two").await), ((1, 0, 0), 0, 2));
}
