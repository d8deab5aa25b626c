//! Version fields: what changed since it was selected, or since its form was opened, is not overwritten.

use powercrud::{
    Atomicity, Error, PowerCrud, Resource, ResourceBuilder, Selection, StoredSelection, User,
    bulk::{Answer, retry},
    query, record,
    task::{BulkTask, Status, store},
};
use tokio_util::sync::CancellationToken;

use crate::{
    shop::{
        assert_no_locks, carry_out, counts, delete, failures, in_background, keys, matching, queue, rows, update, when,
        work,
    },
    support::{Kind, TestDatabase, each_database},
};

each_database! {
    an_update, a_delete, timestamps, every_way_to_select, composite_keys, everything_or_nothing, a_worker_that_stops_half_way,
    links_alone, switched_on_after_the_selection, one_record, mistakes_in_settings
}

/// Documents `1..=count` of version 1; every fifth has none.
async fn documents(database: &TestDatabase, count: usize) {
    let rows: Vec<_> =
        (1..=count).map(|id| format!("({id}, 'title {id}', {})", if id % 5 == 0 { "NULL" } else { "1" })).collect();
    database
        .execute(&format!(
            "CREATE TABLE document (id integer PRIMARY KEY, title varchar(40) NOT NULL, version integer);
             INSERT INTO document VALUES {};",
            rows.join(", ")
        ))
        .await;
}

async fn with(database: &TestDatabase, document: ResourceBuilder) -> PowerCrud {
    let built = PowerCrud::builder(database.clone())
        .open_to_everybody()
        .discover(true)
        .resource(document.version_field("version"));
    built.build().await.expect("a configuration")
}

async fn app(database: &TestDatabase) -> PowerCrud {
    with(database, Resource::table("document").bulk_chunk_size(4u64)).await
}

/// Title and version by id.
async fn state(database: &TestDatabase, id: u64) -> (String, Option<String>) {
    let rows = rows(database, "document", &["id", "title", "version"]).await;
    let row = rows.get(&id.to_string()).unwrap_or_else(|| panic!("no document {id}"));
    (row[0].clone().expect("a title"), row[1].clone())
}

/// A new document; SQLite numbers them itself.
fn new(database: &TestDatabase) -> Vec<powercrud::Input> {
    let id = (database.kind != Kind::Sqlite).then(|| ("id".to_owned(), Some("50".to_owned())));
    id.into_iter().chain([("title".to_owned(), Some("new".to_owned()))]).collect()
}

fn title(selection: Selection) -> powercrud::bulk::BulkRequest {
    in_background(update("document", selection, [("title", Some("set"))]))
}

async fn an_update(database: TestDatabase) {
    documents(&database, 30).await;
    let app = app(&database).await;
    let task = queue(&app, title(Selection::All)).await;
    database
        .execute(
            "UPDATE document SET title = 'mine', version = 2 WHERE id = 7;
             UPDATE document SET title = 'mine', version = 1 WHERE id = 10;
             UPDATE document SET title = 'mine', version = NULL WHERE id = 11;
             UPDATE document SET title = 'unnoticed' WHERE id = 12;
             DELETE FROM document WHERE id = 13;",
        )
        .await;
    let task = work(&app, &task).await;
    assert_eq!((task.status, counts(&task)), (Status::Partial, (26, 4, 0)));
    let errors = store::errors(&app, &powercrud::User::operator(), task.id, 0, 100).await.expect("errors");
    let told: Vec<_> = errors.iter().map(|error| (&*error.record_key, &*error.code, error.field.as_deref())).collect();
    let conflict = |key| (key, "VERSION_CONFLICT", Some("version"));
    assert_eq!(told, [conflict("7"), conflict("10"), conflict("11"), ("13", "NOT_FOUND", None)]);
    assert_eq!(errors[0].message, "it was changed since it was selected: version was 1, is 2");
    assert_eq!(errors[1].message, "it was changed since it was selected: version was empty, is 1");
    for (id, expected) in [(7, "2"), (10, "1")] {
        assert_eq!(state(&database, id).await, ("mine".into(), Some(expected.into())));
    }
    assert_eq!(state(&database, 11).await, ("mine".into(), None));
    assert_eq!(
        state(&database, 12).await,
        ("set".into(), Some("2".into())),
        "a version that did not move tells nothing"
    );
    assert_eq!(state(&database, 5).await, ("set".into(), Some("1".into())), "the first version after none");
    // A retry is for the versions that there are now.
    let task = match retry(&app, &User::operator(), task.id).await.expect("a retry") {
        Answer::Done(task) => task,
        Answer::Queued { task, .. } => work(&app, &task).await,
        Answer::Duplicate(task) => panic!("{task:?}"),
    };
    assert_eq!(failures(&app, &task).await.len(), 1, "only the deleted one is left");
    assert_no_locks(&database).await;
}

async fn a_delete(database: TestDatabase) {
    documents(&database, 30).await;
    database
        .execute(
            "CREATE TABLE page (id integer PRIMARY KEY, document_id integer NOT NULL, FOREIGN KEY (document_id) REFERENCES document (id));
             INSERT INTO page VALUES (1, 7), (2, 8);",
        )
        .await;
    let app = app(&database).await;
    let task = queue(&app, in_background(delete("document", matching(&app, "document", &["id__lte=20"])))).await;
    database.execute("UPDATE document SET version = 9 WHERE id IN (2, 7);").await;
    let task = work(&app, &task).await;
    assert_eq!(counts(&task), (17, 3, 0));
    let told = failures(&app, &task).await;
    let expected = [("2", "VERSION_CONFLICT"), ("7", "VERSION_CONFLICT"), ("8", "FOREIGN_KEY")];
    assert_eq!(told, expected.map(|(key, code)| (key.to_owned(), code.to_owned())));
    assert_eq!(crate::shop::count(&database, "document").await, 13);
}

async fn timestamps(database: TestDatabase) {
    let (timestamp, past) = match database.kind {
        Kind::Sqlite => ("datetime", "2020-01-01 00:00:00"),
        Kind::Postgres => ("timestamptz", "2020-01-01 00:00:00+05"),
        Kind::Mysql => ("datetime(6)", "2020-01-01 00:00:00.5"),
    };
    let rows: Vec<_> = (1..=12).map(|id| format!("({id}, 'title {id}', '{past}')")).collect();
    database
        .execute(&format!(
            "CREATE TABLE document (id integer PRIMARY KEY, title varchar(40), version {timestamp} NOT NULL);
             INSERT INTO document VALUES {};",
            rows.join(", ")
        ))
        .await;
    let app = app(&database).await;
    let task = queue(&app, title(Selection::All)).await;
    database.execute("UPDATE document SET version = '2020-01-01 00:00:01' WHERE id = 3;").await;
    let task = work(&app, &task).await;
    assert_eq!(failures(&app, &task).await, [("3".to_owned(), "VERSION_CONFLICT".to_owned())]);
    let now = matching(&app, "document", &["version__gt=2026-01-01"]);
    let again = carry_out(&app, in_background(update("document", now, [("title", Some("again"))]))).await;
    assert_eq!((again.status, counts(&again)), (Status::Success, (11, 0, 0)), "the moment is that of the edit");
    let document = app.resource("document").expect("documents").clone();
    let before = query::version(&app, &document, "4").await.expect("a version").expect("a document");
    let inputs = [("title".to_owned(), Some("by hand".to_owned()))];
    record::update_unchanged(&app, &User::operator(), &document, "4", &inputs, &before)
        .await
        .expect("nobody else was there");
    let late = record::update_unchanged(&app, &User::operator(), &document, "4", &inputs, &before).await;
    assert!(matches!(late, Err(Error::VersionConflict { .. })), "{late:?}");
    // Also a new record has a version, though nobody gave one.
    record::create(&app, &User::operator(), &document, &new(&database)).await.expect("a record");
}

/// Each keeps its own way to the keys.
async fn every_way_to_select(database: TestDatabase) {
    documents(&database, 40).await;
    let app = app(&database).await;
    let document = app.resource("document").expect("documents").clone();
    let mut ticked = StoredSelection::of_owner(&app, &document, "somebody").await.expect("a selection");
    let ids: Vec<_> = (2..=30).step_by(2).map(|id: u64| id.to_string()).collect();
    ticked.tick(&app, &document, &ids, true).await.expect("ticks");
    let mut around = StoredSelection::of_owner(&app, &document, "somebody else").await.expect("a selection");
    let params = query::ListParams::from_conditions(&document, &["id__lte=10"]).expect("conditions");
    around.select_matching(&app, &params).await.expect("a selection");
    around.tick(&app, &document, &["3".into()], false).await.expect("an exception");
    around.tick(&app, &document, &["33".into()], true).await.expect("an addition");
    let cases = [
        (keys([5, 6, 8, 99, 20]), vec![6], (3, 2)),
        (Selection::Stored(ticked.id), vec![4, 30], (13, 2)),
        (Selection::Stored(around.id), vec![33, 3, 10], (8, 2)),
        (matching(&app, "document", &["id__gt=10", "title__ne=x"]), vec![11, 40], (28, 2)),
    ];
    for (selection, disturbed, (succeeded, failed)) in cases {
        let what = format!("{selection:?}");
        let task = queue(&app, title(selection)).await;
        let ids = disturbed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        database
            .execute(&format!("UPDATE document SET version = COALESCE(version, 0) + 10 WHERE id IN ({ids});"))
            .await;
        let task = work(&app, &task).await;
        assert_eq!(counts(&task), (succeeded, failed, 0), "{what}: {:?}", failures(&app, &task).await);
    }
}

async fn composite_keys(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE document (shelf varchar(10) NOT NULL, place integer NOT NULL, title varchar(40), version integer NOT NULL,
               PRIMARY KEY (shelf, place));
             INSERT INTO document VALUES ('a,\"b', 1, 'x', 1), ('a,\"b', 2, 'x', 1), ('c', 1, 'x', 1), ('c', 2, 'x', 1);",
        )
        .await;
    let app = app(&database).await;
    for selection in [Selection::All, keys([r#"["a,\"b","1"]"#, r#"["a,\"b", "2"]"#, r#"["c","1"]"#])] {
        let task = queue(&app, title(selection)).await;
        database.execute("UPDATE document SET version = version + 1 WHERE shelf <> 'c' AND place = 2;").await;
        let task = work(&app, &task).await;
        assert_eq!((task.status, task.failed_records), (Status::Partial, 1));
        let [(key, code)] = &failures(&app, &task).await[..] else { panic!("one fails") };
        assert_eq!((key.as_str(), code.as_str()), (r#"["a,\"b","2"]"#, "VERSION_CONFLICT"));
    }
}

async fn everything_or_nothing(database: TestDatabase) {
    documents(&database, 30).await;
    let document = Resource::table("document").bulk_atomicity(Atomicity::All);
    let app = with(&database, document).await;
    let task = queue(&app, title(Selection::All)).await;
    database.execute("UPDATE document SET version = 3 WHERE id = 29;").await;
    let task = work(&app, &task).await;
    assert_eq!((task.status, counts(&task)), (Status::Failure, (0, 1, 29)));
    assert!(task.error_message.contains("version was 1, is 3"), "{}", task.error_message);
    assert_eq!(state(&database, 1).await, ("title 1".into(), Some("1".into())));
    let task = carry_out(&app, title(Selection::All)).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (30, 0, 0)));
}

/// Another worker goes on, and does not stumble over what the first has changed itself.
async fn a_worker_that_stops_half_way(database: TestDatabase) {
    documents(&database, 400).await;
    let app = app(&database).await;
    let mut task = queue(&app, title(Selection::All)).await;
    let mut stops = 0;
    while !task.status.is_final() {
        let stop = CancellationToken::new();
        let worker = app.worker();
        let (id, token) = (task.id, stop.clone());
        let running = tokio::spawn(async move { worker.run_task(id, &token).await });
        let before = task.processed_records;
        when(&app, &task, |task: &BulkTask| task.processed_records > before || task.status.is_final()).await;
        stop.cancel();
        task = running.await.expect("the worker lives").expect("the worker works");
        stops += 1;
    }
    assert!(stops > 1, "it was never stopped");
    assert_eq!((task.status, counts(&task)), (Status::Success, (400, 0, 0)));
    let documents = rows(&database, "document", &["id", "version"]).await;
    for (id, row) in documents {
        let expected = if id.parse::<u64>().expect("a number").is_multiple_of(5) { "1" } else { "2" };
        assert_eq!(row[0].as_deref(), Some(expected), "document {id} was changed exactly once");
    }
}

async fn links_alone(database: TestDatabase) {
    documents(&database, 8).await;
    database
        .execute(
            "CREATE TABLE tag (id integer PRIMARY KEY, name varchar(40));
             CREATE TABLE document_tag (document_id integer NOT NULL, tag_id integer NOT NULL, PRIMARY KEY (document_id, tag_id),
               FOREIGN KEY (document_id) REFERENCES document (id), FOREIGN KEY (tag_id) REFERENCES tag (id));
             INSERT INTO tag VALUES (1, 'one');",
        )
        .await;
    let app = app(&database).await;
    let request = update("document", Selection::All, [("tags__add", Some("1"))]);
    let task = queue(&app, in_background(request)).await;
    database.execute("UPDATE document SET version = 3 WHERE id = 2;").await;
    let task = work(&app, &task).await;
    assert_eq!(counts(&task), (7, 1, 0));
    assert_eq!(crate::shop::count(&database, "document_tag").await, 7);
    assert_eq!(state(&database, 1).await.1.as_deref(), Some("2"), "whose links change is changed");
    assert_eq!(state(&database, 2).await.1.as_deref(), Some("3"));
}

/// A task from before the setting has no versions to compare, and its runs of keys stay runs.
async fn switched_on_after_the_selection(database: TestDatabase) {
    documents(&database, 30).await;
    let before =
        PowerCrud::builder(database.clone()).open_to_everybody().discover(true).build().await.expect("a configuration");
    let task = queue(&before, title(Selection::All)).await;
    let app = app(&database).await;
    database.execute("UPDATE document SET version = 5 WHERE id = 3;").await;
    let task = work(&app, &task).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (30, 0, 0)));
    assert_eq!(state(&database, 3).await, ("set".into(), Some("6".into())));
    // And the other way round.
    let task = queue(&app, title(Selection::All)).await;
    database.execute("UPDATE document SET version = 9 WHERE id = 3;").await;
    let task = work(&before, &task).await;
    assert_eq!((task.status, counts(&task)), (Status::Success, (30, 0, 0)));
}

async fn one_record(database: TestDatabase) {
    documents(&database, 5).await;
    let app = app(&database).await;
    let document = app.resource("document").expect("documents").clone();
    let inputs = |text: &str| [("title".to_owned(), Some(text.to_owned()))];
    record::update(&app, &User::operator(), &document, "1", &inputs("a")).await.expect("a change");
    assert_eq!(state(&database, 1).await, ("a".into(), Some("2".into())));
    record::update_unchanged(&app, &User::operator(), &document, "1", &inputs("b"), "2").await.expect("a change");
    let late = record::update_unchanged(&app, &User::operator(), &document, "1", &inputs("c"), "2")
        .await
        .expect_err("it is version 3");
    assert_eq!((late.code(), late.to_string().contains("was 2 and is 3")), ("VERSION_CONFLICT", true), "{late}");
    record::update_unchanged(&app, &User::operator(), &document, "5", &inputs("d"), "")
        .await
        .expect("no version is one as well");
    let gone = record::update_unchanged(&app, &User::operator(), &document, "77", &inputs("e"), "1").await;
    assert!(matches!(gone, Err(Error::RecordNotFound { .. })), "{gone:?}");
    let refused =
        record::update(&app, &User::operator(), &document, "1", &[("version".into(), Some("9".into()))]).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "nobody sets a version by hand");
    let key = record::create(&app, &User::operator(), &document, &new(&database)).await.expect("a record");
    assert_eq!(state(&database, key.parse().expect("a number")).await, ("new".into(), Some("1".into())));
    assert_eq!(state(&database, 1).await, ("b".into(), Some("3".into())));
}

async fn mistakes_in_settings(database: TestDatabase) {
    documents(&database, 1).await;
    let cases: [(&str, &[&str], &str); 4] = [
        ("revision", &["title"], "document has no column \"revision\"; allowed are: version"),
        ("title", &[], "can't tell versions apart"),
        ("id", &["title"], "allowed are: version"),
        (
            "version",
            &["version"],
            "bulk_fields: \"version\" can't be written: as the version field, every edit sets it",
        ),
    ];
    for (field, bulk, expected) in cases {
        let document = Resource::table("document").version_field(field).bulk_fields(bulk.to_vec());
        let Err(Error::Configuration(mistakes)) =
            PowerCrud::builder(database.clone()).open_to_everybody().resource(document).build().await
        else {
            panic!("{field} is taken");
        };
        assert!(mistakes.len() == 1 && mistakes[0].contains(expected), "{mistakes:?}");
    }
}
