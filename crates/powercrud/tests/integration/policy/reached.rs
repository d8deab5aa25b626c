//! What an update does to rows that are not the clerk's, by foreign keys: whatever hangs on links that go, and what follows a changed value.

use std::collections::BTreeMap;

use axum::http::Method;
use powercrud::{
    Error, PowerCrud, Resource, RoleResource, RoleSettings, Settings,
    bulk::{self, Answer, BulkRequest, plan},
    record,
    task::{Status, store},
};

use super::{Asker, user};
use crate::{
    shop::{carry_out, count, counts, delete, in_background, keys, rows, update, work},
    support::{TestDatabase, each_database},
};

each_database! { links_that_others_hang_on, a_delete_takes_what_hangs_on_its_links, values_that_others_follow, a_revert_of_such_values }

/// Records 1 to 6 with links to 1, 2 and 3. What hangs on a link: a `note` on that of 1 with 1, a `mark` on that of 2 with 1, and on that
/// of 3 with 1 both a note and a mark of the clerk's own. `follows` follows the code of 1, `loses` that of 2, and `own` those of 3 and 4.
async fn tables(database: &TestDatabase) {
    database
        .execute(
            "CREATE TABLE a (id integer PRIMARY KEY, code varchar(9) UNIQUE, v integer NOT NULL);
             CREATE TABLE b (id integer PRIMARY KEY, name varchar(9) NOT NULL);
             CREATE TABLE ab (a_id integer NOT NULL, b_id integer NOT NULL, PRIMARY KEY (a_id, b_id),
               FOREIGN KEY (a_id) REFERENCES a (id) ON DELETE CASCADE, FOREIGN KEY (b_id) REFERENCES b (id));
             CREATE TABLE note (id integer PRIMARY KEY, a_id integer, b_id integer, own integer NOT NULL,
               FOREIGN KEY (a_id, b_id) REFERENCES ab (a_id, b_id) ON DELETE CASCADE);
             CREATE TABLE mark (id integer PRIMARY KEY, a_id integer, b_id integer, own integer NOT NULL,
               FOREIGN KEY (a_id, b_id) REFERENCES ab (a_id, b_id) ON DELETE SET NULL);
             CREATE TABLE follows (id integer PRIMARY KEY, c varchar(9), own integer NOT NULL,
               FOREIGN KEY (c) REFERENCES a (code) ON UPDATE CASCADE);
             CREATE TABLE loses (id integer PRIMARY KEY, c varchar(9), own integer NOT NULL,
               FOREIGN KEY (c) REFERENCES a (code) ON UPDATE SET NULL);
             INSERT INTO a VALUES (1, 'x1', 0), (2, 'x2', 0), (3, 'x3', 0), (4, 'x4', 0), (5, 'x5', 0), (6, 'x6', 0);
             INSERT INTO b VALUES (1, 'one'), (2, 'two'), (3, 'three');
             INSERT INTO ab SELECT a.id, b.id FROM a, b;
             INSERT INTO note VALUES (1, 1, 1, 0), (2, 3, 1, 1), (3, 4, 2, 0);
             INSERT INTO mark VALUES (1, 2, 1, 0), (2, 3, 1, 1);
             INSERT INTO follows VALUES (1, 'x1', 0), (2, 'x3', 1);
             INSERT INTO loses VALUES (1, 'x2', 0), (2, 'x4', 1);",
        )
        .await;
}

/// What hangs there is the clerk's where it is `own`; without `sees` there is none of it for the clerk.
async fn open(database: &TestDatabase, sees: bool) -> PowerCrud {
    tables(database).await;
    let of = |allow: &[&str], rows: &[&str]| RoleResource {
        allow: powercrud::Words(allow.iter().map(|word| (*word).to_owned()).collect()),
        rows: powercrud::Words(rows.iter().map(|word| (*word).to_owned()).collect()),
        ..RoleResource::default()
    };
    let mut resources = BTreeMap::from([
        ("a".to_owned(), of(&["all"], &[])),
        ("b".to_owned(), of(&["view"], &[])),
        ("ab".to_owned(), of(&["all"], &[])),
    ]);
    for table in ["note", "mark", "follows", "loses"] {
        if sees {
            resources.insert(table.to_owned(), of(&["all"], &["own=1"]));
        }
    }
    let clerk = RoleSettings { resources, ..RoleSettings::default() };
    let roles = BTreeMap::from([("clerk".to_owned(), clerk)]);
    PowerCrud::builder(database.clone())
        .all_settings(Settings { discover: true, roles, ..Settings::default() })
        .resource(Resource::table("a").bulk_chunk_size(4u64).bulk_revert(true))
        .user(|parts| parts.headers.get("x-user").and_then(|word| word.to_str().ok()).map(user))
        .allowed_hosts(["*"])
        .build()
        .await
        .expect("no mistakes")
}

fn by_clerk(request: BulkRequest) -> BulkRequest {
    BulkRequest { user: user("clerk"), ..in_background(request) }
}

/// What the preview says will fail is what fails, by that code at that field; the keys of those.
async fn refused(app: &PowerCrud, request: BulkRequest, field: Option<&str>) -> Vec<String> {
    let total = plan(app, request.clone()).await.expect("a plan").preview().await.expect("a preview");
    let task = carry_out(app, request).await;
    let errors = store::errors(app, &powercrud::User::operator(), task.id, 0, 99).await.expect("errors");
    for error in &errors {
        assert_eq!((error.code.as_str(), error.field.as_deref()), ("OTHERS_AFFECTED", field), "{error:?}");
        for table in ["note", "mark", "follows", "loses"] {
            assert!(!error.message.contains(table), "{error:?}");
        }
    }
    let failed = errors.len() as u64;
    assert_eq!(counts(&task), (total.total_records - failed, failed, 0));
    if field.is_some() {
        assert_eq!(total.failing_records, failed, "{total:?}");
        assert!(total.failures.iter().all(|failure| failure.code == "OTHERS_AFFECTED"), "{total:?}");
    }
    errors.into_iter().map(|error| error.record_key).collect()
}

async fn links_that_others_hang_on(database: TestDatabase) {
    for (sees, expected) in [(true, vec!["1", "2"]), (false, vec!["1", "2", "3"])] {
        for inputs in [("bs__remove", Some("1")), ("bs__replace", Some("2,3")), ("bs__clear", None)] {
            let app = open(&database, sees).await;
            let mut expected = expected.clone();
            if inputs.0 == "bs__clear" {
                expected.push("4");
            }
            let request = by_clerk(update("a", keys(1..=6), [inputs]));
            assert_eq!(refused(&app, request, Some("bs")).await, expected, "{inputs:?}");
            assert_eq!(count(&database, "note WHERE own = 0").await, 2, "{inputs:?}");
            assert_eq!(count(&database, "mark WHERE own = 0 AND a_id = 2").await, 1, "{inputs:?}");
            // Those who may do it are not kept from it.
            let task = carry_out(&app, in_background(update("a", keys(1..=6), [("bs__clear", None)]))).await;
            assert_eq!((task.status, count(&database, "ab").await), (Status::Success, 0));
            assert_eq!(count(&database, "note").await, 0);
            drop_all(&database).await;
        }
    }
}

async fn drop_all(database: &TestDatabase) {
    let tables = ["note", "mark", "follows", "loses", "ab", "b", "a"];
    let drops: Vec<_> = tables.iter().map(|table| format!("DROP TABLE {table};")).collect();
    database.execute(&drops.join(" ")).await;
}

async fn a_delete_takes_what_hangs_on_its_links(database: TestDatabase) {
    let app = open(&database, true).await;
    database.execute("DELETE FROM follows; DELETE FROM loses;").await;
    let a = app.resource("a").expect("a resource");
    match record::delete(&app, &user("clerk"), a, "1").await {
        Err(Error::Invalid(errors)) => assert_eq!(errors[0].code, "OTHERS_AFFECTED"),
        other => panic!("a note goes along: {other:?}"),
    }
    assert_eq!(refused(&app, by_clerk(delete("a", keys(1..=6))), None).await, ["1", "2", "4"]);
    assert_eq!(count(&database, "note WHERE own = 0").await, 2);
}

async fn values_that_others_follow(database: TestDatabase) {
    for (sees, expected) in [(true, vec!["1", "2"]), (false, vec!["1", "2", "3", "4"])] {
        let app = open(&database, sees).await;
        let clerk = Asker::new(&app, "clerk");
        for id in 1..=6 {
            let path = format!("/api/v1/resources/a/records/{id}");
            // Nothing follows this one.
            clerk.json(Method::PATCH, &path, r#"{"v": 5}"#).await.expect(200);
            let answer = clerk.json(Method::PATCH, &path, &format!(r#"{{"code": "y{id}"}}"#)).await;
            let is_refused = expected.contains(&id.to_string().as_str());
            assert_eq!(answer.status, if is_refused { 422 } else { 200 }, "{id}: {}", answer.text);
            assert_eq!(answer.text.contains("OTHERS_AFFECTED"), is_refused, "{}", answer.text);
            // What is there already is no change.
            let same = if is_refused { "x" } else { "y" };
            clerk.json(Method::PATCH, &path, &format!(r#"{{"code": "{same}{id}"}}"#)).await.expect(200);
        }
        let untouched = async || {
            let of = async |table: &str| rows(&database, table, &["id", "c"]).await["1"][0].clone();
            assert_eq!((of("follows").await, of("loses").await), (Some("x1".to_owned()), Some("x2".to_owned())));
        };
        untouched().await;
        drop_all(&database).await;
        let app = open(&database, sees).await;
        // NULL is all that a unique column of several records can be set to, and a reference follows it there.
        let request = by_clerk(update("a", keys(1..=6), [("code", None), ("v", Some("7"))]));
        assert_eq!(refused(&app, request, Some("code")).await, expected);
        untouched().await;
        let left = rows(&database, "a WHERE code IS NOT NULL OR v <> 7", &["id"]).await;
        assert_eq!(left.into_keys().collect::<Vec<_>>(), expected);
        carry_out(&app, in_background(update("a", keys([1]), [("code", Some("z1"))]))).await;
        assert_eq!(count(&database, "follows WHERE c = 'z1'").await, 1, "who may do anything may do this");
        drop_all(&database).await;
    }
}

async fn a_revert_of_such_values(database: TestDatabase) {
    let app = open(&database, true).await;
    for key in [5, 6] {
        let code = format!("q{key}");
        let task = carry_out(&app, by_clerk(update("a", keys([key]), [("code", Some(code.as_str()))]))).await;
        assert_eq!(task.status, Status::Success);
        if key == 6 {
            database.execute("INSERT INTO follows VALUES (6, 'q6', 0);").await;
        }
        let reverted = match bulk::revert(&app, &user("clerk"), task.id).await.expect("a task that can be reverted") {
            Answer::Done(task) => task,
            Answer::Queued { task, .. } => work(&app, &task).await,
            Answer::Duplicate(task) => panic!("{task:?} is running already"),
        };
        let expected = if key == 6 { (0, 1, 0) } else { (1, 0, 0) };
        assert_eq!(counts(&reverted), expected, "{}", reverted.error_message);
    }
    assert_eq!(count(&database, "follows WHERE c = 'q6'").await, 1);
    assert_eq!(count(&database, "a WHERE code IN ('x5', 'q6')").await, 2);
}
