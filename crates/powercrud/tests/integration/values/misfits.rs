//! Cells that hold what their column does not announce: what a list shows of them is what filters find, and what bulk edits take.

use std::collections::BTreeSet;

use super::open;
use crate::{
    support::{TestDatabase, each_database},
    web::browser::encode,
};

each_database! { [sqlite]
    flags_that_are_texts,
    what_does_not_fit_is_found_as_it_is_shown,
    every_record_can_be_opened_from_its_list,
}

async fn flags_that_are_texts(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE thing (id integer PRIMARY KEY, note text, done boolean);
             INSERT INTO thing (id, done) VALUES (1, 1), (2, 't'), (3, 'true'), (4, 'yes'), (5, '1'), (6, 0), (7, 'f'), (8, 2), (9, NULL),
               (10, 'false'), (11, 'no'), (12, '0'), (13, x'31'), (14, 'T');",
        )
        .await;
    let mut shown = open(&database).await;
    let path = "/api/v1/resources/thing/records";
    let all = shown.api.get(&format!("{path}?page_size=100")).await.expect(200);
    let shown_as = |flag: &serde_json::Value| -> Vec<String> {
        let records = all.json["records"].as_array().expect("records").iter();
        let alike = records.filter(|record| record["fields"]["done"] == *flag);
        alike.map(|record| record["key"].as_str().expect("a key").to_owned()).collect()
    };
    assert_eq!(shown_as(&true.into()), ["1", "5"], "{:#}", all.json);
    for flag in [true, false] {
        let found = shown.api.get(&format!("{path}?done={flag}")).await.expect(200);
        assert_eq!(found.keys(), shown_as(&flag.into()), "{flag}");
        let others = shown.api.get(&format!("{path}?done__ne={flag}&page_size=100")).await.expect(200);
        assert_eq!(others.keys().len(), 14 - found.keys().len(), "{flag}");
        let list = shown.browser.get(&format!("/resources/thing?done={flag}")).await.expect(200);
        list.holds(&[&format!("/resources/thing/records/{}", found.keys()[0])]);
    }
    assert_eq!(shown_as(&"t".into()), ["2"]);
    let found = shown.api.get(&format!("{path}?done__contains={}", encode("yes"))).await.expect(200);
    assert_eq!(found.keys(), ["4"]);
    // What is shown as it is, is another value than true.
    shown.api.patch(&format!("{path}/2"), serde_json::json!({"done": true})).await.expect(200);
    let found = shown.api.get(&format!("{path}?done=true")).await.expect(200);
    assert_eq!(found.keys(), ["1", "2", "5"]);
}

/// By its text, where a filter asks for no value of the column's type; comparisons take none, and a text that no cell holds is a slip.
async fn what_does_not_fit_is_found_as_it_is_shown(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE thing (id integer PRIMARY KEY, note text, done boolean, day date, at datetime, clock time, n integer, price decimal(8,2),
               share real);
             INSERT INTO thing VALUES (1, '', 'maybe', 'soon', 'soon', 'soon', 'many', 'cheap', 'half'), (2, '', 1, '2026-01-31', '2026-01-31 10:00',
               '10:00', 7, 1.5, 0.5), (3, '', 'maybe', 12, '', '', '', '', '');",
        )
        .await;
    let shown = open(&database).await;
    let path = "/api/v1/resources/thing/records";
    for (filter, keys) in [
        ("done=maybe", &["1", "3"][..]),
        ("day=soon", &["1"]),
        ("day=12", &["3"]),
        ("at=soon", &["1"]),
        ("clock=soon", &["1"]),
        ("n=many", &["1"]),
        ("n=", &["3"]),
        ("price=cheap", &["1"]),
        ("share=half", &["1"]),
        ("n__in=many,7", &["1", "2"]),
        ("price__in=cheap", &["1"]),
        ("price__in=cheap,1.5", &["1", "2"]),
    ] {
        assert_eq!(shown.api.get(&format!("{path}?{filter}")).await.expect(200).keys(), keys, "{filter}");
    }
    for filter in [
        "day__gte=soon",
        "n__lt=many",
        "price__ne=cheap",
        "done__ne=maybe",
        "id=many",
        "done__isnull=maybe",
        "n=Many",
        "price__in=cheap,1.5,dear",
    ] {
        shown.api.get(&format!("{path}?{filter}")).await.expect_problem(422, "INVALID", &[]);
    }
}

/// Also where its key does not fit the column's type, or shows no text to follow.
async fn every_record_can_be_opened_from_its_list(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE thing (k PRIMARY KEY, v text);
             INSERT INTO thing VALUES (x'01', 'bytes'), (CAST(x'fffe' AS text), 'no UTF-8'), ('', 'empty'), ('  ', 'blank'), (1, 'one');",
        )
        .await;
    let mut shown = open(&database).await;
    let list = shown.browser.get("/resources/thing").await.expect(200);
    let links: BTreeSet<_> =
        list.links().into_iter().filter(|href| href.starts_with("/resources/thing/records/")).collect();
    assert_eq!(links.len(), 5, "{links:?}");
    for href in &links {
        shown.browser.get(href).await.expect(200);
    }
    list.holds(&[">(empty)</a>", ">(blank)</a>"]);
}
