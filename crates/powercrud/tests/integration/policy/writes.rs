//! What a clerk may write, and what is refused.

use std::collections::BTreeMap;

use axum::http::Method;
use powercrud::{
    Action, Changes, Error, PowerCrud, Resource, RoleResource, RoleSettings, Selection, Settings, User,
    bulk::{self, BulkRequest},
    record,
};

use super::{Asker, OUTSIDE, open, refusals, user};
use crate::{
    shop::{action, carry_out, count, counts, delete, failures, in_background, keys, rows, update},
    support::{TestDatabase, each_database},
};

each_database! {
    records_stay_within_the_scope, bulk_tasks_stay_within_the_scope, a_delete_takes_nobody_elses_records_along,
    what_is_not_allowed_is_neither_offered_nor_done, an_action_needs_no_right_but_its_own, what_nobody_could_own_is_not_made,
    others_tasks_tell_no_counts, a_preview_counts_what_would_leave_the_scope, without_a_role_nothing_changes
}

/// Field and code of each mistake.
fn mistakes<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<(Option<String>, String)> {
    match result {
        Err(Error::Invalid(errors)) => errors.into_iter().map(|error| (error.field, error.code)).collect(),
        other => panic!("{other:?}"),
    }
}

async fn records_stay_within_the_scope(database: TestDatabase) {
    let app = open(&database).await;
    let clerk = user("clerk:1");
    let own = app.for_user(&clerk);
    let book = own.resource("book").expect("books").clone();
    assert_eq!(powercrud::query::count(&own, &book, &Default::default()).await.expect("a count"), 6);
    assert!(book.field("cost").is_none());
    assert!(matches!(record::get(&own, &book, "9").await, Err(Error::RecordNotFound { .. })));
    // Also where the resource is everybody's.
    let everybodys = app.resource("book").expect("books").clone();
    assert!(matches!(record::get(&own, &everybodys, "9").await, Err(Error::RecordNotFound { .. })));
    assert!(matches!(record::delete(&app, &clerk, &everybodys, "9").await, Err(Error::RecordNotFound { .. })));
    let set = |pairs: &[(&str, &str)]| -> Vec<powercrud::Input> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect()
    };
    let made = record::create(&app, &clerk, &everybodys, &set(&[("title", "Mine"), ("publisher_id", "1")])).await;
    let made = made.expect("a book of their own");
    for (inputs, field) in [
        // The other publisher is none of theirs, whether as a reference or as the scope.
        (set(&[("title", "Theirs"), ("publisher_id", "2")]), "publisher_id"),
        (set(&[("title", "Nobody's"), ("publisher_id", "77")]), "publisher_id"),
    ] {
        let refused = mistakes(record::create(&app, &clerk, &everybodys, &inputs).await);
        assert_eq!(refused, [(Some(field.to_owned()), "FOREIGN_KEY".to_owned())]);
        let refused = mistakes(record::update(&app, &clerk, &everybodys, &made, &inputs[1..]).await);
        assert_eq!(refused, [(Some(field.to_owned()), "FOREIGN_KEY".to_owned())]);
    }
    let hidden = mistakes(record::update(&app, &clerk, &everybodys, &made, &set(&[("cost", "1")])).await);
    assert_eq!(hidden, [(Some("cost".to_owned()), "UNKNOWN_FIELD".to_owned())]);
    record::update(&app, &clerk, &everybodys, &made, &set(&[("title", "Still mine")])).await.expect("a change");
    record::delete(&app, &clerk, &everybodys, &made).await.expect("it is theirs");
}

async fn bulk_tasks_stay_within_the_scope(database: TestDatabase) {
    let app = open(&database).await;
    let by = |mut request: bulk::BulkRequest| {
        request.user = user("clerk:1");
        request
    };
    let others = rows(&database, "book", &["id", "publisher_id", "status", "title"]).await;
    for background in [false, true] {
        let status = if background { "b" } else { "a" };
        let mut request = by(update("book", Selection::All, [("status", Some(status))]));
        if background {
            request = in_background(request);
        }
        let preview = bulk::plan(&app, request.clone()).await.expect("a plan").preview().await.expect("a preview");
        assert_eq!((preview.total_records, preview.changing_records), (6, 6));
        assert_eq!(counts(&carry_out(&app, request).await), (6, 0, 0));
    }
    let now = rows(&database, "book", &["id", "publisher_id", "status", "title"]).await;
    for (key, row) in &now {
        let is_own = row[0].as_deref() == Some("1");
        assert_eq!(row[1].as_deref() == Some("b"), is_own, "{key}: {row:?}");
        assert!(is_own || others[key] == *row);
    }
    // Keys that are somebody else's are refused as keys that nobody has.
    for given in [["1", "9"], ["1", "99"]] {
        let request = by(update("book", keys(given), [("status", Some("c"))]));
        assert_eq!(
            mistakes(bulk::plan(&app, request).await.map(|_| ())),
            [(Some("key".to_owned()), "RECORD_NOT_FOUND".to_owned())]
        );
        let refused = mistakes(bulk::plan(&app, by(delete("book", keys(given)))).await.map(|_| ()));
        assert_eq!(refused.len(), 1);
    }
    // Nor is anything brought out of the scope, or linked with what is beyond it.
    let request = by(update("book", Selection::All, [("publisher_id", Some("2"))]));
    assert_eq!(mistakes(bulk::plan(&app, request).await.map(|_| ()))[0].0.as_deref(), Some("publisher_id"));
    let request = by(update("book", Selection::All, [("tags__add", Some("2"))]));
    assert_eq!(mistakes(bulk::plan(&app, request).await.map(|_| ()))[0].0.as_deref(), Some("tags"));
    let links = count(&database, "book_tag WHERE tag_id = 2").await;
    let task = carry_out(&app, by(update("book", Selection::All, [("tags__clear", None)]))).await;
    assert_eq!(counts(&task), (6, 0, 0));
    assert_eq!(count(&database, "book_tag WHERE tag_id = 2").await, links);
    assert_eq!(count(&database, "book_tag WHERE tag_id = 1").await, 6);
    // What it overwrote can be had back by the one who may.
    let task = carry_out(&app, by(update("book", keys(["1", "2"]), [("status", Some("d"))]))).await;
    assert!(matches!(bulk::revert(&app, &user("reader:1"), task.id).await, Err(Error::Forbidden(_))));
    let reverted = bulk::revert(&app, &user("clerk:1"), task.id).await.expect("a revert");
    assert_eq!(counts(reverted.task()), (2, 0, 0));
    assert!(bulk::retry(&app, &user("stranger"), task.id).await.is_err());
}

async fn a_delete_takes_nobody_elses_records_along(database: TestDatabase) {
    let app = open(&database).await;
    let clerk = user("clerk:1");
    let book = app.resource("book").expect("books").clone();
    // Reviews go with their book, and are not for clerks.
    assert_eq!(mistakes(record::delete(&app, &clerk, &book, "1").await), [(None, "OTHERS_AFFECTED".to_owned())]);
    let mut request = in_background(delete("book", keys(["1", "2", "3"])));
    request.user = clerk.clone();
    let preview = bulk::plan(&app, request.clone()).await.expect("a plan").preview().await.expect("a preview");
    assert_eq!((preview.blocked_records, preview.changing_records), (2, 1));
    assert!(preview.referrers.iter().all(|referrer| referrer.table != "review"), "{:?}", preview.referrers);
    let task = carry_out(&app, request).await;
    assert_eq!(counts(&task), (1, 2, 0));
    let told = failures(&app, &task).await;
    assert_eq!(told, [("1", "OTHERS_AFFECTED"), ("2", "OTHERS_AFFECTED")].map(|(key, code)| (key.into(), code.into())));
    assert_eq!((count(&database, "review").await, count(&database, "book").await), (11, 11));
    // Who may delete reviews takes them along.
    record::delete(&app, &user("editor"), &book, "1").await.expect("an editor may");
    assert_eq!(count(&database, "review").await, 10);
}

async fn what_is_not_allowed_is_neither_offered_nor_done(database: TestDatabase) {
    let app = open(&database).await;
    let reader = Asker::new(&app, "reader:1");
    let home = reader.get("/").await.expect(200).text;
    assert!(home.contains("/resources/book") && !home.contains("/resources/review"), "{home}");
    let list = reader.get("/resources/book").await.expect(200).text;
    assert!(list.contains("Own book 1") && !list.contains("/new\"") && !list.contains("bulk-edit"), "{list}");
    let page = reader.get("/resources/book/records/1").await.expect(200).text;
    assert!(!page.contains("records/1/edit") && !page.contains("records/1/delete"), "{page}");
    for path in ["/resources/book/new", "/resources/book/records/1/edit", "/resources/book/bulk-edit"] {
        let refused = reader.get(path).await.expect(403).text;
        assert!(refused.contains("Your rights do not let you"), "{refused}");
    }
    reader.form("/resources/book/new", "title=x&publisher_id=1").await.expect(403);
    reader.form("/resources/book/records/1/delete", "").await.expect(403);
    let json = reader.get("/api/v1/resources").await.expect(200).text;
    assert!(
        json.contains(r#""name":"book""#) && !json.contains(r#""name":"review""#) && !json.contains("cost"),
        "{json}"
    );
    assert!(json.contains(r#""can_create":false"#) && !json.contains(r#""can_create":true"#), "{json}");
    let patch = reader.json(Method::PATCH, "/api/v1/resources/book/records/1", r#"{"title": "x"}"#).await.expect(403);
    assert!(patch.text.contains("FORBIDDEN"), "{}", patch.text);
    reader
        .json(Method::POST, "/api/v1/resources/book/bulk-update", r#"{"all": true, "changes": {"title": "x"}}"#)
        .await
        .expect(403);
    reader.json(Method::POST, "/api/v1/resources/book/bulk-delete", r#"{"all": true}"#).await.expect(403);
    // What there is not for them is not there.
    for path in ["/resources/review", "/api/v1/resources/review/records", "/resources/book/records/9"] {
        reader.get(path).await.expect(404);
    }
    let document = reader.get("/api/openapi.json").await.expect(200).text;
    assert!(document.contains(r#""book","publisher","tag""#) && !document.contains("\"review\""), "{document}");
    let told = refusals(&app).await;
    for subject in ["GET /resources/book/new", "PATCH /api/v1/resources/book/records/1", "GET /resources/review"] {
        assert!(told.iter().any(|other| other == subject), "{subject}: {told:?}");
    }
    assert!(!told.iter().any(|subject| subject.contains("records/9")), "{told:?}");
    // A clerk is offered what a clerk may do, and shown no name of what is not theirs.
    let clerk = Asker::new(&app, "clerk:1");
    let list = clerk.get("/resources/book").await.expect(200).text;
    assert!(list.contains("/resources/book/new") && list.contains("Own house"), "{list}");
    let choices = clerk.get("/resources/book/choices/publisher_id").await.expect(200).text;
    assert!(choices.contains("Own house") && !choices.contains(OUTSIDE), "{choices}");
    let page = clerk.get("/resources/book/records/1").await.expect(200).text;
    assert!(page.contains("Plain tag") && !page.contains(OUTSIDE), "{page}");
}

/// Who may take an action need not be allowed to edit what it sets.
async fn an_action_needs_no_right_but_its_own(database: TestDatabase) {
    super::books(&database).await;
    let words = |words: &[&str]| powercrud::Words(words.iter().map(|word| (*word).to_owned()).collect());
    let role = |allow: &[&str], read_only: &[&str]| RoleSettings {
        resources: BTreeMap::from([(
            "book".to_owned(),
            RoleResource { allow: words(allow), read_only: words(read_only), ..RoleResource::default() },
        )]),
        default: ["view"].into(),
    };
    let roles = BTreeMap::from([
        ("archivist".to_owned(), role(&["view", "action:archive"], &[])),
        ("keeper".to_owned(), role(&["all"], &["status", "tags"])),
    ]);
    let archive = Action::change("archive", Changes::new().set("status", "archived").clear("tags"));
    let app = PowerCrud::builder(database.clone())
        .all_settings(Settings { discover: true, roles, ..Settings::default() })
        .resource(Resource::table("book").action(archive))
        .user(|parts| parts.headers.get("x-user").and_then(|word| word.to_str().ok()).map(user))
        .allowed_hosts(["*"])
        .build()
        .await
        .expect("no mistakes");
    for (word, first) in [("archivist", 1), ("keeper", 5)] {
        let asker = Asker::new(&app, word);
        let page = asker.get(&format!("/resources/book/records/{first}")).await.expect(200).text;
        assert!(page.contains("actions/archive"), "{page}");
        let path = "/api/v1/resources/book/actions/archive";
        let foretold = asker.json(Method::POST, path, &format!(r#"{{"ids": [{first}], "validate_only": true}}"#)).await;
        assert!(foretold.expect(200).text.contains(r#""changing_records":1"#));
        asker.json(Method::POST, path, &format!(r#"{{"ids": [{first}]}}"#)).await.expect(200);
        // A worker asks again what its user may do.
        let request = BulkRequest {
            user: user(word),
            ..in_background(action("book", "archive", keys([first + 1, first + 2]), []))
        };
        assert_eq!(counts(&carry_out(&app, request).await), (2, 0, 0));
        for key in first..first + 3 {
            assert_eq!(count(&database, &format!("book WHERE id = {key} AND status = 'archived'")).await, 1, "{key}");
            assert_eq!(count(&database, &format!("book_tag WHERE book_id = {key}")).await, 0, "{key}");
        }
        // By hand none of it.
        let path = format!("/api/v1/resources/book/records/{}", first + 3);
        let refused = asker.json(Method::PATCH, &path, r#"{"status": "archived"}"#).await;
        assert!([403, 422].contains(&refused.status), "{}", refused.text);
        let body = r#"{"all": true, "changes": {"status": "archived"}}"#;
        let refused = asker.json(Method::POST, "/api/v1/resources/book/bulk-update", body).await;
        assert!([403, 422].contains(&refused.status), "{}", refused.text);
        assert!(!refused.text.contains("allowed are: \""), "{}", refused.text);
    }
}

/// A user by a role over books alone.
async fn with_role(database: &TestDatabase, book: RoleResource) -> PowerCrud {
    super::books(database).await;
    let clerk = RoleSettings { resources: BTreeMap::from([("book".to_owned(), book)]), ..RoleSettings::default() };
    let roles = BTreeMap::from([("clerk".to_owned(), clerk)]);
    PowerCrud::builder(database.clone())
        .all_settings(Settings { discover: true, roles, ..Settings::default() })
        .user(|parts| parts.headers.get("x-user").and_then(|word| word.to_str().ok()).map(user))
        .allowed_hosts(["*"])
        .build()
        .await
        .expect("no mistakes")
}

/// What makes a record one's own is hidden, or an attribute is empty.
async fn what_nobody_could_own_is_not_made(database: TestDatabase) {
    let rows = ["publisher_id={user.publisher}", "title__startswith={user.prefix}"].into();
    let hide = ["publisher_id"].into();
    let app = with_role(&database, RoleResource { allow: ["all"].into(), rows, hide, ..RoleResource::default() }).await;
    let seen = async |user: &User| {
        let own = app.for_user(user);
        let book = own.resource("book").expect("books").clone();
        let count = powercrud::query::count(&own, &book, &Default::default()).await.expect("a count");
        (count, book.can_create())
    };
    let clerk = user("clerk:1");
    assert_eq!(seen(&clerk.clone().attribute("prefix", "Own")).await, (6, false));
    for nobody in [clerk.clone(), clerk.attribute("prefix", "")] {
        assert_eq!(seen(&nobody).await, (0, false));
    }
}

async fn others_tasks_tell_no_counts(database: TestDatabase) {
    let rows = ["publisher_id={user.publisher}"].into();
    let app = with_role(&database, RoleResource { allow: ["all"].into(), rows, ..RoleResource::default() }).await;
    let mut all = in_background(update("book", Selection::All, [("status", Some("held"))]));
    all.user = User::new("u2", "Somebody");
    let task = crate::shop::queue(&app, all).await;
    assert_eq!(task.total_records, 12);
    let clerk = Asker::new(&app, "clerk:1");
    let body = r#"{"all": true, "changes": {"status": "mine"}}"#;
    let refused = clerk.json(Method::POST, "/api/v1/resources/book/bulk-update", body).await.expect(409).text;
    let saved = clerk.json(Method::PATCH, "/api/v1/resources/book/records/1", r#"{"title": "Mine"}"#).await.expect(409);
    for told in [refused, saved.text, clerk.get("/resources/book").await.expect(200).text] {
        assert!(!told.contains("of 12") && told.contains("0%"), "{told}");
    }
}

async fn without_a_role_nothing_changes(database: TestDatabase) {
    let app = open(&database).await;
    for word in [":", "editor", "staff"] {
        let asker = Asker::new(&app, word);
        let page = asker.get("/resources/book/records/9").await.expect(200).text;
        assert!(page.contains(OUTSIDE) && page.contains(super::HIDDEN) && page.contains("records/9/edit"), "{page}");
        assert!(app.for_user(&user(word)).viewer().is_none(), "{word}");
    }
    assert!(app.for_user(&User::operator()).viewer().is_none());
    let viewer = Asker::new(&app, "viewer");
    let page = viewer.get("/resources/book/records/9").await.expect(200).text;
    assert!(page.contains(OUTSIDE) && !page.contains("records/9/edit"), "{page}");
    viewer.form("/resources/book/records/9/delete", "").await.expect(403);
}

async fn a_preview_counts_what_would_leave_the_scope(database: TestDatabase) {
    super::books(&database).await;
    let clerk = RoleSettings {
        resources: BTreeMap::from([(
            "book".to_owned(),
            RoleResource {
                allow: ["view", "bulk_update"].into(),
                rows: ["status=new"].into(),
                ..RoleResource::default()
            },
        )]),
        ..RoleSettings::default()
    };
    let roles = BTreeMap::from([("clerk".to_owned(), clerk)]);
    let settings = Settings { discover: true, roles, ..Settings::default() };
    let app =
        PowerCrud::builder(database.clone()).all_settings(settings).user(|_| None).build().await.expect("no mistakes");
    let request = || BulkRequest { user: user("clerk"), ..update("book", keys([1, 2, 3]), [("status", Some("old"))]) };
    let seen = bulk::plan(&app, request()).await.expect("a plan").preview().await.expect("a preview");
    assert_eq!((seen.changing_records, seen.failing_records), (0, 3), "{seen:?}");
    assert_eq!(seen.failures[0].code, "LEAVES_SCOPE");
    let task = carry_out(&app, request()).await;
    assert_eq!(counts(&task), (0, 3, 0));
}
