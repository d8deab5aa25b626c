//! Every address that the router has, by every method, by users who may see but a part: no answer has anything of the rest, and nothing of
//! it changes.

use axum::http::Method;
use powercrud::{PowerCrud, Selection, bulk, task::BulkTask};

use super::{Answer, Asker, HIDDEN, OUTSIDE, UNSEEN, open, user};
use crate::{
    shop::{carry_out, rows, update},
    support::{Kind, TestDatabase, each_database},
};

each_database! { nobody_sees_or_changes_what_is_not_theirs }

/// What the columns of what is not a clerk's hold.
async fn beyond(database: &TestDatabase) -> Vec<String> {
    let mut all = Vec::new();
    for (table, columns, is_beyond) in [
        ("publisher", &["id", "name"][..], 1),
        ("tag", &["id", "name"], 1),
        ("review", &["id", "book_id", "body"], 1),
        ("book", &["id", "title", "status", "cost", "publisher_id", "isbn"], 2),
    ] {
        for (key, row) in rows(database, table, columns).await {
            // Of books only those of the other publisher.
            let is_own = is_beyond == 2 && row[3].as_deref() == Some("1");
            if !is_own {
                all.push(format!("{table} {key} {row:?}"));
            }
        }
    }
    let links = rows(database, "book_tag", &["book_id * 100 + tag_id", "tag_id"]).await;
    // The links of book 3 go with it, which a clerk may delete.
    let is_beyond = |link: &&String| link.ends_with("02") && *link != "302";
    all.extend(links.keys().filter(is_beyond).map(|link| format!("link {link}")));
    all.sort();
    all
}

/// A task of the user from before, when they might do everything: on all books, with a value of a field that they don't see now.
async fn own_task(app: &PowerCrud, background: bool) -> BulkTask {
    let mut request = update("book", Selection::All, [("cost", Some(&*format!("{HIDDEN}99")))]);
    request.user = user(":");
    if background {
        request = crate::shop::in_background(request);
    }
    carry_out(app, request).await
}

/// One that failed on records of which some are not the user's.
async fn failed_task(app: &PowerCrud) -> BulkTask {
    let keys = Selection::Keys(["4", "9", "777"].map(str::to_owned).into());
    let mut request = crate::shop::in_background(update("book", keys, [("isbn", Some("isbn-12"))]));
    request.user = user(":");
    match bulk::run(app, request).await {
        Ok(answer) => crate::shop::work(app, answer.task()).await,
        // One value for a unique field of several records.
        Err(_) => {
            let mut request = crate::shop::in_background(crate::shop::delete(
                "publisher",
                Selection::Keys(["1", "2"].map(str::to_owned).into()),
            ));
            request.user = user(":");
            carry_out(app, request).await
        }
    }
}

/// Fails where an answer has what it must not have.
#[track_caller]
fn check(asker: &Asker, what: &str, answer: &Answer) {
    assert!(answer.status < 500, "{} {what}: {} {}", asker.user, answer.status, answer.text);
    let headers = format!("{:?}", answer.headers);
    for canary in [HIDDEN, OUTSIDE, UNSEEN] {
        let at = answer.text.find(canary).map(|at| answer.text[at.saturating_sub(300)..].chars().take(500).collect());
        let at: Option<String> = at;
        assert!(at.is_none(), "{} {what}: {} told {canary}: {}", asker.user, answer.status, at.unwrap_or_default());
        assert!(!headers.contains(canary), "{} {what}: {headers}", asker.user);
    }
}

/// An address with each of its variables filled in.
fn fill(path: &str, tasks: &[String]) -> Vec<String> {
    let mut filled = vec![path.to_owned()];
    let all = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    for (variable, values) in [
        ("{resource}", all(&["book", "publisher", "review", "tag"])),
        ("{field}", all(&["publisher_id", "book_id", "tags", "cost"])),
        ("{key}", all(&["1", "3", "9"])),
        ("{file}", all(&["succeeded.csv", "failed.csv", "unprocessed.jsonl", "succeeded.jsonl"])),
        ("{action}", all(&["cancel", "release", "delete"])),
        ("{*file}", all(&["app.css"])),
        ("{id}", tasks.to_vec()),
    ] {
        filled = filled
            .into_iter()
            .flat_map(|path| match path.contains(variable) {
                true => values.iter().map(|value| path.replace(variable, value)).collect(),
                false => vec![path],
            })
            .collect();
    }
    filled
}

/// What is asked of an address, by those who know what there is to be found.
fn queries(path: &str, tasks: &[String]) -> Vec<String> {
    let all = |queries: &[&str]| queries.iter().map(|query| (*query).to_owned()).collect::<Vec<_>>();
    let mut queries = match path {
        _ if path.contains("{key}") => all(&[""]),
        _ if path.contains("{field}") => all(&["", "q=OUTSIDECAN", "q=UNSEENCAN", "q=2"]),
        _ if path.contains("/resources/") => all(&[
            "",
            "q=OUTSIDECAN",
            "q=HIDDENCAN",
            "cost__contains=HIDDEN",
            "cost=x",
            "ordering=cost",
            "ordering=-cost",
            "publisher_id=2",
            "publisher_id__ne=1",
            "id__in=1,9,10",
            "title__startswith=OUTSIDE",
            "page=2&page_size=3",
            "field=cost&op=contains&value=HIDDEN",
            "add=cost",
        ]),
        _ if path.contains("/results") => all(&["", "outcome=succeeded&format=csv", "outcome=failed"]),
        _ if path.contains("/tasks/{id}") => all(&["", "outcome=succeeded", "outcome=failed&q=OUTSIDECAN"]),
        _ if path.contains("/audit") => all(&["", "resource=book&key=9"]),
        _ => all(&[""]),
    };
    if path.contains("/resources/") && !path.contains("{key}") && !path.contains("{field}") {
        let words = ["succeeded", "failed", "selected"];
        queries.extend(tasks.iter().take(2).flat_map(|task| words.map(|word| format!("in_task={task}.{word}"))));
    }
    if path.ends_with("/events") {
        queries.extend(tasks.iter().map(|task| format!("place=page&watch={task}.PENDING.0")));
    }
    queries
}

/// Bodies that try to write what is not theirs.
fn bodies(path: &str) -> &'static [&'static str] {
    match path {
        _ if path.ends_with("/bulk-update") => &[
            r#"{"all": true, "changes": {"cost": "changed"}}"#,
            r#"{"all": true, "changes": {"publisher_id": 2}}"#,
            r#"{"all": true, "changes": {"status": "changed"}}"#,
            r#"{"ids": [1, 9], "changes": {"status": "changed"}}"#,
            r#"{"ids": [3, 9], "changes": {"tags": {"add": [2]}}}"#,
            r#"{"all": true, "changes": {"tags": {"clear": true}}}"#,
            r#"{"all": true, "background": true, "changes": {"status": "later", "name": "changed", "body": "changed"}}"#,
            r#"{"all": true, "changes": {"name": "changed"}}"#,
            r#"{"all": true, "changes": {"body": "changed"}}"#,
            r#"{"filter": {"cost__contains": "HIDDEN"}, "changes": {"status": "changed"}, "validate_only": true}"#,
            r#"{"all": true, "validate_only": true, "changes": {"isbn": "isbn-9"}}"#,
            r#"{"ids": [1], "changes": {"isbn": "isbn-9"}}"#,
        ],
        _ if path.ends_with("/bulk-delete") => &[
            r#"{"filter": {"publisher_id": 2}, "validate_only": true}"#,
            r#"{"all": true, "validate_only": true}"#,
            r#"{"ids": [1, 4, 9, 10]}"#,
            r#"{"ids": [9]}"#,
            r#"{"all": true}"#,
        ],
        _ if path.starts_with("/api/") && path.contains("/records") => &[
            r#"{"title": "changed", "publisher_id": 2}"#,
            r#"{"title": "changed", "cost": "changed", "publisher_id": 1}"#,
            r#"{"title": "changed", "publisher_id": 1, "isbn": "isbn-9"}"#,
            r#"{"title": "changed", "publisher_id": 1}"#,
            r#"{"name": "changed", "body": "changed"}"#,
        ],
        _ if path.starts_with("/api/") => &["{}"],
        _ if path.ends_with("/selection") => {
            &["action=all&list=", "action=add&key=1&key=9&key=10", "action=all&list=publisher_id%3D2"]
        }
        _ if path.contains("/bulk-edit") => &[
            "change=status&set.status=changed&change=publisher_id&set.publisher_id=2",
            "change=cost&set.cost=changed",
            "change=tags&links.tags=clear",
            "change=status&set.status=changed",
        ],
        _ if path.contains("/resources/") => &[
            "title=changed&publisher_id=2&isbn=x&set.title=changed&set.publisher_id=2",
            "title=changed&cost=changed&publisher_id=1&set.title=changed&set.cost=changed",
            "name=changed&body=changed&book_id=9",
            "confirm=yes",
        ],
        _ => &["days=0&reason=because&newest=1&name=token&expires=1"],
    }
}

async fn nobody_sees_or_changes_what_is_not_theirs(database: TestDatabase) {
    let app = open(&database).await;
    let editor = Asker::new(&app, ":");
    let of_before = [own_task(&app, true).await, own_task(&app, false).await, failed_task(&app).await];
    // Somebody else's, and a record's history.
    let others = carry_out(&app, update("book", Selection::All, [("status", Some("old"))])).await;
    let path = "/api/v1/resources/book/records/1";
    editor.json(Method::PATCH, path, &format!(r#"{{"cost": "{HIDDEN}77"}}"#)).await.expect(200);
    let tasks: Vec<String> =
        of_before.iter().chain([&others]).map(|task| task.id.to_string()).chain(["nothing".to_owned()]).collect();
    let seen = editor.get(&format!("/tasks/{}/results/succeeded.csv", tasks[0])).await.expect(200).text;
    assert!(seen.contains(HIDDEN) && seen.contains(OUTSIDE), "the canaries sing: {seen}");
    let before = beyond(&database).await;
    let own = rows(&database, "book", &["id", "title", "status", "cost", "isbn", "publisher_id"]).await;
    let mut requests = 0;
    let words = ["stranger", "clerk:1 or 1=1", "reader:1", "clerk:1"];
    // What differs between databases is the SQL of those who see a part.
    for word in if database.kind == Kind::Sqlite { &words[..] } else { &words[2..] } {
        let asker = Asker::new(&app, word);
        for (route, methods) in app.routes() {
            let (queries, bodies) = (queries(&route, &tasks), bodies(&route));
            for path in fill(&route, &tasks) {
                for method in &methods {
                    if method == "GET" {
                        for query in &queries {
                            let address = if query.is_empty() { path.clone() } else { format!("{path}?{query}") };
                            check(&asker, &format!("GET {address}"), &asker.get(&address).await);
                            requests += 1;
                        }
                        continue;
                    }
                    let method = Method::from_bytes(method.as_bytes()).expect("a method");
                    let kind = match path.starts_with("/api/") {
                        true => "application/json",
                        false => "application/x-www-form-urlencoded",
                    };
                    for body in bodies {
                        let answer = asker.send(method.clone(), &path, Some(kind), body).await;
                        check(&asker, &format!("{method} {path} {body}"), &answer);
                        requests += 1;
                    }
                }
            }
        }
        // Tasks of theirs that are left to a worker.
        let filter = powercrud::task::store::TaskFilter { limit: 1_000, ..Default::default() };
        let all = powercrud::task::store::list(&app, &powercrud::User::operator(), &filter).await.expect("tasks");
        for task in all.iter().filter(|task| !task.status.is_final()) {
            crate::shop::work(&app, task).await;
        }
        assert_eq!(beyond(&database).await, before, "{word}");
        if *word != "clerk:1" {
            let now = rows(&database, "book", &["id", "title", "status", "cost", "isbn", "publisher_id"]).await;
            assert_eq!(now, own, "{word}");
        }
    }
    let own_now = rows(&database, "book", &["id", "title", "status", "cost", "isbn", "publisher_id"]).await;
    assert_ne!(own_now, own, "a clerk changes books of their own");
    // The cost is nobody's but an editor's.
    for (key, row) in &own_now {
        let was = own.get(key).map(|row| &row[2]);
        assert!(was.is_none_or(|was| *was == row[2]), "{key}: {row:?}");
    }
    eprintln!("{requests} requests, and no leak");
}
