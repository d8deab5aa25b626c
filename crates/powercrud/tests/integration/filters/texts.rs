//! Texts whose types and collations have rules of their own, and blanks that belong to a text.

use super::{compare, found, open};
use crate::support::{TestDatabase, each_database};

each_database! { blanks_belong_to_a_text }
each_database! { [postgres] types_of_texts_have_their_own_rules, loose_collations_are_searched }
each_database! { [sqlite] the_bytes_of_a_text_are_no_text }

async fn types_of_texts_have_their_own_rules(database: TestDatabase) {
    if super::texts(&database, "SELECT name::text FROM pg_available_extensions WHERE name = 'citext'").await.is_empty()
    {
        return;
    }
    database
        .execute(
            "CREATE EXTENSION citext;
             CREATE DOMAIN label AS citext;
             CREATE TABLE owner (name citext PRIMARY KEY);
             INSERT INTO owner VALUES ('Prod');
             CREATE TABLE thing (id integer PRIMARY KEY, n citext, l label, c char(5), owner citext REFERENCES owner);
             INSERT INTO thing VALUES (1, 'ABC', 'ABC', 'y', 'Prod'), (2, 'abc', 'abc', 'Y', NULL), (3, 'Zed', 'Zed', 'z', NULL),
               (4, NULL, NULL, NULL, NULL);",
        )
        .await;
    let (_, api) = open(&database).await;
    let mut cases = Vec::new();
    for name in ["n", "l"] {
        for (operator, condition) in [
            ("=ABC", "= 'ABC'"),
            ("__ne=abc", "<> 'abc' OR n IS NULL"),
            ("__in=abc,zed", "IN ('abc', 'zed')"),
            ("__gt=AAA", "> 'AAA'"),
            ("__gt=ABC", "> 'ABC'"),
            ("__gte=ABC", ">= 'ABC'"),
            ("__lt=ZED", "< 'ZED'"),
            ("__lte=ZED", "<= 'ZED'"),
            ("__contains=ab", "ILIKE '%ab%'"),
        ] {
            cases.push((format!("{name}{operator}"), format!("n {condition}")));
        }
    }
    for (filter, condition) in [
        ("c=y", "c = 'y'"),
        ("c=y ", "c = 'y '"),
        ("c__ne=y ", "c <> 'y ' OR c IS NULL"),
        ("c__in=y ,z", "c IN ('y ', 'z')"),
        ("c__gte=y ", "c >= 'y '"),
        ("c__gt=y ", "c > 'y '"),
    ] {
        cases.push((filter.to_owned(), condition.to_owned()));
    }
    let cases: Vec<_> = cases.iter().map(|(filter, condition)| (filter.as_str(), condition.as_str())).collect();
    compare(&database, &api, &cases).await;
    assert!(found(&api, "n__ne=abc").await.contains("4"));
    // A reference to such a key may be spelled otherwise, too.
    let bulk = serde_json::json!({"ids": [2], "changes": {"owner": "PROD"}, "validate_only": true});
    api.post("/api/v1/resources/thing/bulk-update", bulk).await.expect(200);
}

/// Patterns can't be asked for in a collation that takes different texts for equal.
async fn loose_collations_are_searched(database: TestDatabase) {
    database
        .execute(
            "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
             CREATE TABLE thing (id integer PRIMARY KEY, v text COLLATE loose, w varchar(20) COLLATE loose);
             INSERT INTO thing VALUES (1, 'Hello', 'Hello'), (2, 'HELLO', 'x'), (3, 'other', 'hell');
             CREATE TABLE part (id integer PRIMARY KEY, thing_id integer REFERENCES thing);
             INSERT INTO part VALUES (1, 1);",
        )
        .await;
    let (app, api) = open(&database).await;
    compare(
        &database,
        &api,
        &[
            ("q=hello", "id IN (1, 2)"),
            ("v__contains=ELL", "id IN (1, 2)"),
            ("v__startswith=hE", "id IN (1, 2)"),
            ("w__contains=ell", "id IN (1, 3)"),
            ("v=hello", "v = 'hello'"),
            ("v__in=hello,OTHER", "v IN ('hello', 'OTHER')"),
        ],
    )
    .await;
    let page = crate::web::browser::Browser::new(app.router()).get("/resources/thing?q=hello").await.expect(200);
    page.holds(&["HELLO"]).lacks(&["records/3"]);
    let part = app.resource("part").expect("a resource");
    let choices = powercrud::query::choices(&app, part, "thing_id", "hello", 10).await.expect("choices");
    assert_eq!(choices.len(), 2, "{choices:?}");
}

async fn blanks_belong_to_a_text(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE thing (id integer PRIMARY KEY, t varchar(20), n integer, kind varchar(5), CHECK (kind IN ('a', 'b')));
             INSERT INTO thing VALUES (1, 'a', 1, 'a'), (2, ' a', 2, 'b'), (3, 'b', 3, NULL);",
        )
        .await;
    let (_, api) = open(&database).await;
    for (filter, keys) in [
        ("t__in= a", vec!["2"]),
        ("t__in= a,b", vec!["2", "3"]),
        ("t__in=a, b", vec!["1"]),
        ("n__in=1, 3", vec!["1", "3"]),
        ("kind__in=a, b", vec!["1", "2"]),
    ] {
        let found = found(&api, filter).await;
        assert!(found.iter().eq(&keys), "{filter} finds {found:?} on {:?}", database.kind);
    }
}

async fn the_bytes_of_a_text_are_no_text(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE thing (id INTEGER PRIMARY KEY, u);
             INSERT INTO thing VALUES (1, 'a'), (2, x'61'), (3, 1), (4, 1.0), (5, '1'), (6, x'31'), (7, NULL);",
        )
        .await;
    let (_, api) = open(&database).await;
    compare(
        &database,
        &api,
        &[("u=a", "u = 'a'"), ("u__ne=a", "id <> 1"), ("u=1", "id IN (3, 4, 5)"), ("u__contains=a", "id IN (1, 2)")],
    )
    .await;
}
