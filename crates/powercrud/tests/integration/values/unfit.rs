//! Values that the database does not take.

use super::{one, open, page::Form};
use crate::{
    support::{Kind, TestDatabase, each_database},
    web::browser::encode,
};

each_database! { nothing_is_cut, the_field_is_named }
each_database! { [postgres] odd_types_refuse_at_their_field, what_no_index_holds_is_told_at_its_field, no_number_stays_none, types_of_any_kind_are_edited_in_bulk }

async fn nothing_is_cut(database: TestDatabase) {
    let (columns, cases): (_, &[(&str, &str)]) = match database.kind {
        Kind::Sqlite => ("tags varchar(3), amount decimal(5,2)", &[("tags", "abcdef"), ("amount", "12.345")]),
        Kind::Postgres => (
            "tags varchar(3)[], flags bit(8), few varbit(4), code char(3)[], short short, bits bits, all_short shorts, named name",
            &[
                ("tags", "{abcdef}"),
                ("flags", "101"),
                ("flags", "1010101010"),
                ("few", "10101"),
                ("code", "{abcdef}"),
                ("short", "abcdef"),
                ("bits", "101"),
                ("all_short", "{abcdef}"),
                ("named", "a123456789b123456789c123456789d123456789e123456789f123456789ééé"),
            ],
        ),
        Kind::Mysql => (
            "tags varchar(3), amount decimal(5,2), flags bit(8), born year",
            &[("tags", "abcdef"), ("amount", "12.345"), ("flags", "256"), ("born", "5")],
        ),
    };
    if database.kind == Kind::Postgres {
        database
            .execute("CREATE DOMAIN short AS varchar(3); CREATE DOMAIN bits AS bit(8); CREATE DOMAIN shorts AS varchar(3)[];")
            .await;
    }
    database.execute(&format!("CREATE TABLE thing (id integer PRIMARY KEY, note varchar(10), {columns}); INSERT INTO thing (id) VALUES (1);")).await;
    let mut shown = open(&database).await;
    let action = "/resources/thing/records/1/edit";
    let form = Form::read(&shown.browser.get(action).await.expect(200).text, action);
    for (field, value) in cases {
        let refused = shown.browser.post(action, &form.with(field, value).with("note", "new").body()).await.expect(422);
        assert_eq!(Form::read(&refused.text, action).get(field), *value);
        refused.holds(&[&format!("id=\"field-{}-error\"", field.replace('_', "-5f-"))]);
        let path = "/api/v1/resources/thing/records/1";
        let answer = shown.api.patch(path, serde_json::json!({*field: value, "note": "new"})).await.expect(422);
        assert_eq!(answer.json["errors"][0]["field"], *field, "{:#}", answer.json);
    }
    assert_eq!(one(&database, "SELECT note FROM thing").await, "NULL");
}

/// A broken rule is told at a field that it is about, in the rule's own words.
async fn the_field_is_named(database: TestDatabase) {
    database
        .execute(
            "CREATE TABLE thing (id integer PRIMARY KEY, content varchar(20), price decimal(8,2), sale_price decimal(8,2), width integer,
               CONSTRAINT valid_id_of_width CHECK (content <> 'bad'), CONSTRAINT fair CHECK (sale_price < price));
             CREATE UNIQUE INDEX only_one_id ON thing (width);
             INSERT INTO thing VALUES (1, 'good', 10, 5, 1), (2, 'good', 10, 5, 2);",
        )
        .await;
    let shown = open(&database).await;
    let path = "/api/v1/resources/thing/records/1";
    for (body, field, code, rule) in [
        (serde_json::json!({"content": "bad"}), "content", "CHECK", "content"),
        (serde_json::json!({"sale_price": "11", "content": "x"}), "sale_price", "CHECK", "sale_price"),
        (serde_json::json!({"price": "1", "content": "x"}), "price", "CHECK", "price"),
        (serde_json::json!({"width": 2, "content": "x"}), "width", "UNIQUE", "already has"),
    ] {
        let answer = shown.api.patch(path, body.clone()).await.expect_problem(422, "INVALID", &[rule]);
        let error = &answer.json["errors"][0];
        assert_eq!((&error["field"], &error["code"]), (&field.into(), &code.into()), "{body}: {error:#}");
        if code == "CHECK" {
            assert!(error["message"].as_str().is_some_and(|message| message.contains("must satisfy: ")), "{error:#}");
        }
    }
}

async fn odd_types_refuse_at_their_field(database: TestDatabase) {
    let types = [
        ("tsvector", "'a"),
        ("tsquery", "a b"),
        ("regclass", "no_such_table"),
        ("regconfig", "klingon"),
        ("jsonpath", "$.["),
        ("xml", "<a>"),
        ("int4range", "[5,1)"),
        ("pg_lsn", "x"),
        ("inet", "1.2.3"),
        ("money", "much"),
        ("interval", "soon"),
        ("integer[]", "{a}"),
        ("point", "here"),
        ("macaddr", "zz"),
        ("bit(3)", "012"),
        ("timestamp", "infinity BC"),
        ("date", "99999-99-99"),
        ("regprocedure", "abs()"),
    ];
    let columns: Vec<_> = types.iter().enumerate().map(|(index, (of, _))| format!("c{index} {of}")).collect();
    database
        .execute(&format!(
            "CREATE TABLE thing (id integer PRIMARY KEY, note text, {}); CREATE INDEX thing_note_index ON thing (note); INSERT INTO thing (id) VALUES (1);",
            columns.join(", ")
        ))
        .await;
    let mut shown = open(&database).await;
    let action = "/resources/thing/records/1/edit";
    let form = Form::read(&shown.browser.get(action).await.expect(200).text, action);
    for (index, (of, value)) in types.iter().enumerate() {
        let field = format!("c{index}");
        let refused = shown.browser.post(action, &form.with(&field, value).with("note", "new").body()).await;
        let refused = refused.expect(422);
        assert_eq!(Form::read(&refused.text, action).get(&field), *value, "{of}");
        refused.holds(&[&format!("id=\"field-{field}-error\"")]);
        let created =
            shown.api.post("/api/v1/resources/thing/records", serde_json::json!({"id": 2, "note": "x", &field: value}));
        let created = created.await.expect(422);
        assert_eq!(created.json["errors"][0]["field"], field.as_str(), "{of}: {:#}", created.json);
        // All bulk edits learn of it before a record is touched.
        let bulk = serde_json::json!({"all": true, "changes": {&field: value}});
        let bulk = shown.api.post("/api/v1/resources/thing/bulk-update", bulk).await.expect(422);
        assert_eq!(bulk.json["errors"][0]["field"], field.as_str(), "{of}: {:#}", bulk.json);
        for operator in ["", "__contains", "__gte"] {
            let path = format!("/api/v1/resources/thing/records?{field}{operator}={}", encode(value));
            let answer = shown.api.get(&path).await;
            assert!(matches!(answer.status, 200 | 400 | 422), "{of}{operator}: {:#}", answer.json);
        }
        let listed = shown.browser.get(&format!("/resources/thing?{field}={}", encode(value))).await;
        assert!(matches!(listed.status.as_u16(), 200 | 400 | 422), "{of}: {}", listed.text);
    }
    // Too long for an index, which the random digits can't be packed to fit into.
    let mut seed = 1u64;
    let long: String = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{:08x}", seed >> 32)
    })
    .take(2_000)
    .collect();
    let refused = shown.browser.post(action, &form.with("note", &long).with("c6", "[1,5)").body()).await.expect(422);
    refused.holds(&["id=\"field-note-error\"", "too long"]);
    assert_eq!(one(&database, "SELECT note FROM thing").await, "NULL");
}

/// However long the value is: of longer ones the database does not name the index.
async fn what_no_index_holds_is_told_at_its_field(database: TestDatabase) {
    database
        .execute("CREATE TABLE thing (id integer PRIMARY KEY, note text, t text); CREATE INDEX ON thing (t); INSERT INTO thing VALUES (1);")
        .await;
    let shown = open(&database).await;
    let mut state = 1_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + u8::try_from((state >> 33) % 26).expect("a letter"))
    };
    for length in [5_000, 20_000] {
        let long: String = (0..length).map(|_| random()).collect();
        for body in [serde_json::json!({"t": long}), serde_json::json!({"t": long, "note": "new"})] {
            let answer = shown.api.patch("/api/v1/resources/thing/records/1", body).await.expect(422);
            assert_eq!(answer.json["errors"][0]["field"], "t", "{length}: {:#}", answer.json);
            assert_eq!(answer.json["errors"][0]["code"], "TOO_LONG", "{length}");
        }
    }
}

async fn no_number_stays_none(database: TestDatabase) {
    database
        .execute("CREATE TABLE thing (id integer PRIMARY KEY, note text, amount numeric(6,2)); INSERT INTO thing VALUES (1, '', 'NaN');")
        .await;
    let mut shown = open(&database).await;
    let answer = shown.api.get("/api/v1/resources/thing/records/1").await.expect(200);
    assert!(answer.json.to_string().contains(r#""amount":"NaN""#), "{:#}", answer.json);
    shown.browser.get("/resources/thing").await.expect(200).holds(&["NaN"]).lacks(&["NaN.00"]);
    let action = "/resources/thing/records/1/edit";
    let form = Form::read(&shown.browser.get(action).await.expect(200).text, action);
    shown.browser.post(action, &form.with("note", "new").body()).await.location();
    assert_eq!(one(&database, "SELECT note || amount FROM thing").await, "newNaN");
}

/// Also types of which the driver does not know what they are.
async fn types_of_any_kind_are_edited_in_bulk(database: TestDatabase) {
    let types = [
        ("int4multirange", "{[1,3),[5,7)}"),
        ("datemultirange", "{[2026-01-01,2026-02-01)}"),
        ("int4multirange[]", "{\"{[1,3)}\"}"),
        ("int8range", "[1,3)"),
        ("pair", "(a,1)"),
        ("several", "{[1,3)}"),
        ("money", "$1.00"),
    ];
    let columns: Vec<_> = types.iter().enumerate().map(|(index, (of, _))| format!("c{index} {of}")).collect();
    database
        .execute(&format!(
            "CREATE TYPE pair AS (a text, b integer); CREATE DOMAIN several AS int4multirange;
             CREATE TABLE thing (id integer PRIMARY KEY, {}); INSERT INTO thing (id) VALUES (1), (2);",
            columns.join(", ")
        ))
        .await;
    let shown = open(&database).await;
    for (index, (of, value)) in types.iter().enumerate() {
        let field = format!("c{index}");
        let bulk = serde_json::json!({"all": true, "changes": {&field: value}});
        let mut preview = bulk.clone();
        preview["validate_only"] = true.into();
        let preview = shown.api.post("/api/v1/resources/thing/bulk-update", preview).await;
        assert_eq!(preview.status, 200, "{of}: {:#}", preview.json);
        let answer = shown.api.post("/api/v1/resources/thing/bulk-update", bulk).await;
        assert!(matches!(answer.status, 200..=202), "{of}: {:#}", answer.json);
        let sql = format!("SELECT CAST(count(*) AS text) FROM thing WHERE CAST({field} AS text) = '{value}'");
        assert_eq!(one(&database, &sql).await, "2", "{of}");
        let filter = format!("/api/v1/resources/thing/records?{field}={}", encode(value));
        assert_eq!(shown.api.get(&filter).await.expect(200).keys(), ["1", "2"], "{of}");
    }
}
