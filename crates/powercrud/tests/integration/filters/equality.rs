//! Values that a type can spell in several ways.

use super::{compare, found, open};
use crate::{
    support::{TestDatabase, each_database},
    web::browser::encode,
};

each_database! { [postgres] types_say_what_is_equal, what_no_type_reads_is_refused }
each_database! { [mysql] documents_are_found_as_programs_write_them }

/// The values of a type that a table holds, and the other spellings that find the first of them and nothing else.
const SPELLINGS: [(&str, &[&str], &[&str]); 26] = [
    ("inet", &["10.0.0.1", "10.0.0.0/8", "::1"], &["10.0.0.1", "10.0.0.1/32"]),
    ("cidr", &["10.0.0.0/8", "10.1.0.0/16"], &["10/8", "10.0.0.0/8"]),
    ("macaddr", &["08:00:2b:01:02:03", "08:00:2b:01:02:04"], &["08-00-2b-01-02-03", "08002B010203"]),
    ("interval", &["1 year 2 mons", "2 days"], &["14 months", "1 year 2 mons"]),
    ("money", &["1234.50", "1"], &["1234.50", "$1,234.50"]),
    ("jsonb", &["{\"a\": 1, \"b\": 2}", "{}"], &["{\"b\":2,\"a\":1.0}", "{\"a\":1,\"b\":2}"]),
    ("json", &["{\"a\":1}", "{}"], &["{\"a\":1}"]),
    ("int4range", &["[1,5)", "[1,6)"], &["[1,4]", "(0,5)"]),
    ("int4multirange", &["{[1,5)}", "{}"], &["{[1,2], [3,4]}"]),
    ("integer[]", &["{1,2}", "{1,3}"], &["{1, 2}", "[1:2]={1,2}"]),
    ("text[]", &["{a,\"b c\"}", "{}"], &["{\"a\", b c}"]),
    ("varchar(5)[]", &["{a}", "{}"], &["{\"a\"}"]),
    ("mood[]", &["{ok}", "{sad}"], &["{ \"ok\" }"]),
    ("elsewhere.mood[]", &["{ok}", "{sad}"], &["{ \"ok\" }"]),
    ("few[]", &["{1}", "{2}"], &["{ 1 }"]),
    ("json[]", &["{\"{}\"}", "{}"], &["{ \"{}\" }", "{\"{}\"}"]),
    ("pair", &["(a,1)", "(b,1)"], &["(\"a\",1)", "(a,\"1\")"]),
    ("nets", &["10.0.0.1", "10.0.0.2"], &["10.0.0.1/32"]),
    ("timetz", &["13:05:00+02", "13:05:00+03"], &["13:05+02:00", "13:05:00.0+02"]),
    ("tsvector", &["'a' 'b'", "'c'"], &["b a", "'b' 'a'"]),
    ("bit(4)", &["0101", "1111"], &["0101", "x5"]),
    ("point", &["(1,2)", "(3,4)"], &["1,2", "( 1.0, 2 )"]),
    ("box", &["(1,1),(0,0)", "(3,3),(2,2)"], &["(0,0),(1,1)"]),
    ("circle", &["<(0,0),1>", "<(5,5),1>"], &["((0,0),1)"]),
    ("xml", &["<a/>", "<b/>"], &["<a/>"]),
    ("regclass", &["thing", "pg_class"], &["thing"]),
];

async fn types_say_what_is_equal(database: TestDatabase) {
    let columns: Vec<_> = SPELLINGS.iter().enumerate().map(|(at, (of, ..))| format!("c{at} {of}")).collect();
    let mut script = format!(
        "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN nets AS inet; CREATE DOMAIN few AS integer;
         CREATE SCHEMA elsewhere; CREATE TYPE elsewhere.mood AS ENUM ('sad', 'ok'); CREATE TYPE pair AS (a text, b json);
         CREATE TABLE thing (id integer PRIMARY KEY, {});\n",
        columns.join(", ")
    );
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    for row in 0..3 {
        let values: Vec<_> =
            SPELLINGS.iter().map(|(_, values, _)| values.get(row).map_or("NULL".into(), |text| quoted(text))).collect();
        script += &format!("INSERT INTO thing VALUES ({}, {});\n", row + 1, values.join(", "));
    }
    database.execute(&script).await;
    let (_, api) = open(&database).await;
    let mut faults = Vec::new();
    for (at, (of, _, spellings)) in SPELLINGS.iter().enumerate() {
        let shown = super::texts(&database, &format!("SELECT CAST(c{at} AS text) FROM thing WHERE id = 1")).await;
        for spelling in spellings.iter().copied().chain([shown[0].as_str()]) {
            let (same, other) =
                (found(&api, &format!("c{at}={spelling}")).await, found(&api, &format!("c{at}__ne={spelling}")).await);
            if !same.iter().eq(["1"]) || !other.iter().eq(["2", "3"]) {
                faults.push(format!("{of} {spelling:?}: is {same:?}, is not {other:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // The same length in other words.
    database
        .execute("UPDATE thing SET c3 = '1 day' WHERE id = 1; UPDATE thing SET c3 = '24:00:00' WHERE id = 2;")
        .await;
    compare(&database, &api, &[("c3=24:00:00", "c3 = '24:00:00'"), ("c3=1 day", "id IN (1, 2)")]).await;
}

/// A value that its type can't read is that filter's error, on pages and in all that goes by filters.
async fn what_no_type_reads_is_refused(database: TestDatabase) {
    let types =
        [("inet", "1.2.3"), ("point", "here"), ("integer[]", "{a}"), ("pair", "(a"), ("mood[]", "{x}"), ("xml", "<a>")];
    let columns: Vec<_> = types.iter().enumerate().map(|(at, (of, _))| format!("c{at} {of}")).collect();
    database
        .execute(&format!(
            "CREATE TYPE mood AS ENUM ('ok'); CREATE TYPE pair AS (a text, b text);
             CREATE TABLE thing (id integer PRIMARY KEY, note text, {}); INSERT INTO thing (id) VALUES (1);",
            columns.join(", ")
        ))
        .await;
    let (app, api) = open(&database).await;
    let mut browser = crate::web::browser::Browser::new(app.router());
    for (at, (of, value)) in types.iter().enumerate() {
        for operator in ["", "__ne"] {
            let name = format!("c{at}{operator}");
            let query = format!("{name}={}", encode(value));
            let path = format!("/api/v1/resources/thing/records?{query}");
            api.get(&path).await.expect_problem(422, "INVALID", &[&format!("c{at}")]);
            let page = browser.get(&format!("/resources/thing?{query}")).await;
            assert_eq!(page.status.as_u16(), 422, "{of}: {}", page.text);
            for validate_only in [true, false] {
                let body = serde_json::json!({
                    "filter": {&name: value}, "changes": {"note": "x"}, "validate_only": validate_only
                });
                let answer = api.post("/api/v1/resources/thing/bulk-update", body).await;
                answer.expect_problem(422, "INVALID", &[&format!("c{at}")]);
            }
        }
    }
}

async fn documents_are_found_as_programs_write_them(database: TestDatabase) {
    database
        .execute(
            r#"CREATE TABLE thing (id integer PRIMARY KEY, j json);
               INSERT INTO thing VALUES (1, '{"b": 1,  "a": [1, 2]}'), (2, '{"a": [2, 1], "b": 1}'), (3, '[1, 1]'), (4, '[1]'),
                 (5, '{"id": 9007199254740993}'), (6, '{"id": 9007199254740992}'), (7, NULL);"#,
        )
        .await;
    let (_, api) = open(&database).await;
    let all = ["1", "2", "3", "4", "5", "6", "7"];
    let page = api.get("/api/v1/resources/thing/records").await.expect(200);
    for record in page.json["records"].as_array().expect("records").iter().take(4) {
        let (key, shown) = (record["key"].as_str().expect("a key"), record["fields"]["j"].to_string());
        let others: Vec<_> = all.into_iter().filter(|other| *other != key).collect();
        assert!(found(&api, &format!("j={shown}")).await.iter().eq([key]), "{shown}");
        assert!(found(&api, &format!("j__ne={shown}")).await.iter().eq(&others), "not {shown}");
    }
    assert!(found(&api, r#"j={"b": 1,  "a": [1, 2]}"#).await.iter().eq(["1"]));
    assert!(found(&api, r#"j={"id": 9007199254740993}"#).await.iter().eq(["5"]));
}
