//! Orders: pages without a key neither repeat nor skip a row, and columns of any name can be ordered by.

use std::collections::BTreeMap;

use powercrud::query::{self, ListParams};

use super::{open, texts};
use crate::{
    support::{Kind, TestDatabase, each_database},
    web::browser::encode,
};

each_database! { pages_without_a_key_show_each_row_once, columns_of_any_name_order }

/// Rows that differ, though the database calls them equal.
async fn pages_without_a_key_show_each_row_once(database: TestDatabase) {
    let (script, tables): (_, &[(&str, &str)]) = match database.kind {
        Kind::Postgres => (
            "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
             CREATE TABLE number (v numeric);
             INSERT INTO number SELECT ('1.' || repeat('0', g % 200))::numeric FROM generate_series(1, 600) AS g;
             CREATE VIEW numbers AS SELECT v, row_number() OVER () % 7 AS m FROM number;
             CREATE TABLE document (v jsonb);
             INSERT INTO document SELECT ('{\"a\": 1.0' || repeat('0', g % 60) || '}')::jsonb FROM generate_series(1, 300) AS g;
             CREATE TABLE zero (v float8, w float4);
             INSERT INTO zero SELECT (CASE g % 2 WHEN 0 THEN '0' ELSE '-0' END)::float8, (CASE g % 3 WHEN 0 THEN '0' ELSE '-0' END)::float4
               FROM generate_series(1, 200) AS g;
             CREATE TABLE word (v text COLLATE loose, w char(5), i interval, r numrange);
             INSERT INTO word SELECT CASE g % 2 WHEN 0 THEN 'a' ELSE 'A' END, 'x',
               (CASE g % 3 WHEN 0 THEN '1 day' ELSE '24:00:00' END)::interval, ('[1.' || repeat('0', g % 5) || ',2]')::numrange
               FROM generate_series(1, 200) AS g;",
            &[
                ("numbers", "v::text || ' ' || m"),
                ("document", "v::text"),
                ("zero", "v::text || ' ' || w"),
                ("word", "concat_ws(' ', v, w, i, r)"),
            ],
        ),
        Kind::Mysql => (
            "CREATE TABLE word (v text, w varchar(20) COLLATE utf8mb4_general_ci);
             INSERT INTO word SELECT CONCAT(REPEAT('x', 1100), seq % 9, REPEAT(' ', seq % 3)), IF(seq % 2, 'a', 'A') FROM seq_1_to_300;
             CREATE TABLE zero (v double, w json);
             INSERT INTO zero SELECT IF(seq % 2, 0e0, -0e0), CONCAT('[1]', REPEAT(' ', seq % 5)) FROM seq_1_to_300;",
            &[("word", "CONCAT(v, ' ', w)"), ("zero", "CONCAT(v, ' ', w)")],
        ),
        Kind::Sqlite => (
            "CREATE TABLE word (v, w TEXT COLLATE NOCASE, x TEXT COLLATE RTRIM);
             WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < 300)
             INSERT INTO word SELECT CASE i % 2 WHEN 0 THEN 1 ELSE 1.0 END, CASE i % 3 WHEN 0 THEN 'a' ELSE 'A' END,
               'x' || substr('     ', 1, i % 5) FROM g;
             CREATE VIEW words AS SELECT v, w AS again, x FROM word;",
            &[("words", "typeof(v) || again || x")],
        ),
    };
    database.execute(script).await;
    let (app, _) = open(&database).await;
    for (table, expression) in tables {
        let mut left: BTreeMap<String, i64> = BTreeMap::new();
        for text in texts(&database, &format!("SELECT {expression} FROM {table}")).await {
            *left.entry(text).or_default() += 1;
        }
        let resource = app.resource(table).expect("a resource");
        for ordering in ["", "v", "-v"] {
            // Each page is asked for alone, and planned alone.
            let whole = shown(&app, resource, ordering, 1, 1000).await;
            let mut paged = Vec::new();
            for page in 1..=whole.len().div_ceil(7) as u64 {
                paged.extend(shown(&app, resource, ordering, page, 7).await);
            }
            let (mut whole, mut paged) = (whole, paged);
            whole.sort();
            paged.sort();
            assert_eq!(whole.len() as i64, left.values().sum::<i64>(), "{table}");
            let same = whole.iter().zip(&paged).filter(|(one, other)| one == other).count();
            assert!(whole == paged, "{table} by {ordering:?}: {same} of {} rows are the same", whole.len());
        }
    }
}

/// The rows of a page as texts.
async fn shown(
    app: &powercrud::PowerCrud,
    resource: &powercrud::Resource,
    ordering: &str,
    page: u64,
    size: u64,
) -> Vec<String> {
    let pairs = [("ordering", ordering.to_owned()), ("page", page.to_string()), ("page_size", size.to_string())];
    let params = ListParams::parse(resource, &pairs).expect("a list");
    let page = query::list(app, resource, &params).await.expect("a page");
    page.rows.iter().map(|row| format!("{:?}", row.cells)).collect()
}

async fn columns_of_any_name_order(database: TestDatabase) {
    let columns = match database.kind {
        Kind::Mysql => r#"`-m` integer, `a,b` integer, n integer, `-n` integer, `q"` integer"#,
        _ => r#""-m" integer, "a,b" integer, n integer, "-n" integer, "q""" integer"#,
    };
    let script = format!(
        "CREATE TABLE thing (id integer PRIMARY KEY, {columns});
         INSERT INTO thing VALUES (1, 1, 3, 1, 2, 1), (2, 2, 2, 2, 1, 3), (3, 3, 1, 3, 3, 2);"
    );
    database.execute(&script).await;
    let (app, api) = open(&database).await;
    let resource = app.resource("thing").expect("a resource");
    for (ordering, keys) in [
        ("-m", ["1", "2", "3"]),
        ("--m", ["3", "2", "1"]),
        ("a,b", ["3", "2", "1"]),
        ("-a,b", ["1", "2", "3"]),
        // What a column of the plain name means comes first; quotes say it without doubt.
        ("-n", ["3", "2", "1"]),
        ("\"-n\"", ["2", "1", "3"]),
        ("-\"-n\"", ["3", "1", "2"]),
        ("\"a,b\",id", ["3", "2", "1"]),
        ("id,\"a,b\"", ["1", "2", "3"]),
        ("\"-m\"", ["1", "2", "3"]),
        ("q\"", ["1", "3", "2"]),
        ("\"q\"\"\",id", ["1", "3", "2"]),
    ] {
        let path = format!("/api/v1/resources/thing/records?ordering={}", encode(ordering));
        assert_eq!(api.get(&path).await.expect(200).keys(), keys, "{ordering}");
        // An address says the same when it is written again.
        let params = ListParams::parse(resource, &[("ordering", ordering)]).expect("an order");
        assert_eq!(ListParams::parse(resource, &params.to_pairs()).expect("an order"), params, "{ordering}");
    }
    for ordering in ["nope", "-nope", "a,x", "\"a", "\"a,b\"x"] {
        let path = format!("/api/v1/resources/thing/records?ordering={}", encode(ordering));
        api.get(&path).await.expect_problem(422, "INVALID", &[]);
    }
}
