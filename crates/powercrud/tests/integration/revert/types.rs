//! Values of every type, and keys of every kind.

use powercrud::{
    PowerCrud, Selection,
    bulk::{BulkRequest, Requested},
    task::Status,
};

use super::{exact, in_chunks, revert, revertible};
use crate::{
    shop::{carry_out, counts, delete, in_background, update},
    support::{Kind, TestDatabase, each_database},
};

each_database! { values_of_every_type, text_keys, composite_and_quoted_keys, keys_of_bytes }

const POSTGRES: &str = r#"
    CREATE TYPE mood AS ENUM ('sad', 'it''s ok');
    CREATE DOMAIN pos AS numeric(12, 4) CHECK (VALUE > 0);
    CREATE TYPE pair AS (a integer, b text);
    CREATE TABLE odd (id integer PRIMARY KEY, a_small smallint, a_big bigint, a_num numeric, a_dec numeric(30, 10), a_real real,
        a_double double precision, a_money money, a_char char(5), a_bpchar bpchar, a_varchar varchar(20), a_text text, a_bytea bytea,
        a_bool boolean, a_date date, a_time time(3), a_timetz timetz, a_ts timestamp, a_tstz timestamptz, a_interval interval,
        a_uuid uuid, a_json json, a_jsonb jsonb, a_mood mood, a_moods mood[], a_ints integer[][], a_texts text[], a_inet inet,
        a_mac macaddr, a_bits bit(5), a_varbit varbit, a_range int4range, a_point point, a_tsv tsvector, a_xml xml, a_dom pos, a_pair pair);
    INSERT INTO odd VALUES
    (1, -32768, 9223372036854775807, 1234567890123456789012345678901234567890.000000000000000000000001, 1.0000000001, 0.1,
        0.1 + 0.2::float8, 12.34, 'ab', 'cd  ', 'ä''"\', E'line\nbreak\ttab ?1 $1 \\ 🎉', '\x00ff27', true, '-infinity', '23:59:59.999',
        '12:00:00+05:30', '2026-01-31 12:00:00.123456', '0044-03-15 00:00:00+00 BC', '1 year -2 mons 3 days 04:05:06.789',
        '018f3f9e-7b1a-7c00-8000-000000000000', '{"b" : 1,  "a":[null]}', '{"b": 1}', 'it''s ok', '{sad,NULL,"it''s ok"}',
        '{{1,2},{3,NULL}}', '{"a,b",NULL,"","{}","q\""}', '10.0.0.1/8', '08:00:2b:01:02:03', '10101', '101', '[1,10)', '(1.5,-2)',
        'a:1 b:2', '<a>x</a>', 0.0001, '(1,"x,""y""")'),
    (2, 0, 0, 'NaN', 0, 'NaN', '-Infinity', 0, '', '', '', '', '', false, '2026-01-31', '00:00', '00:00+00', 'infinity', 'infinity',
        '00:00', '00000000-0000-0000-0000-000000000000', 'null', 'null', 'sad', '{}', '{}', '{}', '::1', '00:00:00:00:00:00', '00000', '',
        'empty', '(0,0)', '', '', 5, '(,)'),
    (3, NULL, NULL, NULL, NULL, 3.4028235e38, 5e-324, NULL, NULL, NULL, NULL, 'NULL', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);"#;

const MYSQL: &str = r#"
    CREATE TABLE odd (id int PRIMARY KEY, a_tiny tinyint, a_bool tinyint(1), a_big bigint unsigned, a_dec decimal(65, 30), a_float float,
        a_double double, a_char char(5), a_latin varchar(20) CHARACTER SET latin1, a_text longtext CHARACTER SET utf8mb4, a_ci varchar(20) COLLATE utf8mb4_general_ci,
        a_bin binary(4), a_varbin varbinary(10), a_blob longblob, a_date date, a_time time(3), a_dt datetime(6), a_ts timestamp(3) NULL,
        a_year year, a_bit bit(7), a_flag bit(1), a_json json, a_enum enum('sad', 'it''s, ok'), a_set set('a', 'b', 'c'), a_zero int(5) zerofill,
        a_point geometry);
    INSERT INTO odd VALUES
    (1, -128, 1, 18446744073709551615, 1.000000000000000000000000000001, 0.1, 0.1e0 + 0.2e0, 'ab ', 'äöü', 'it''s \\ "q" \n ?1 🎉', 'Ä ',
        x'01000000', x'00ff27', x'0027005c', '2026-01-31', '-838:59:58.123', '2026-01-31 12:00:00.123456', '2026-01-31 12:00:00.123', 2026,
        b'1010101', b'1', '{"b" : 1,  "a":[null]}', 'it''s, ok', 'a,c', 42, ST_GeomFromText('POINT(1.5 -2)', 4326)),
    (2, 0, 0, 0, 0, 16777216, 1.7976931348623157e308, '', '', '', '', x'00000000', x'', x'', '1000-01-01', '00:00:00', '1000-01-01', '1970-01-01 00:00:01',
        1901, b'0', b'0', 'null', 'sad', '', 0, ST_GeomFromText('LINESTRING(0 0, 1 1)')),
    (3, NULL, NULL, NULL, NULL, 3.4028234e38, 5e-324, NULL, NULL, 'NULL', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL, NULL);"#;

/// Cells that are what their columns say, and cells that are anything but.
const SQLITE: &str = r#"
    CREATE TABLE odd (id integer PRIMARY KEY, a_int integer, a_bool boolean, a_dec decimal(10, 2), a_real real, a_text text, a_nocase text COLLATE NOCASE,
        a_blob blob, a_date date, a_dt datetime, a_any, a_json json);
    INSERT INTO odd VALUES
    (1, 9223372036854775807, 1, 12.5, 0.1 + 0.2, 'it''s "q" \ ?1 🎉' || char(10) || 'x', 'Ab', x'00ff27', '2026-01-31', '2026-01-31T12:00:00Z', 1.0, '{"b" : 1}'),
    (2, 'no number', 'yes', 'n/a', 'nine', x'ff00fe', '', 'text', 5, 7.25, x'00', ''),
    (3, NULL, NULL, NULL, 9e999, 'NULL', NULL, NULL, NULL, NULL, 'text', NULL),
    (4, 1.5, 2, 99999999999999999.99, -9e999, 'a' || char(0) || 'b', 'aB', x'', '', 0, 1, CAST(x'ff' AS text));"#;

/// The table `odd`, its columns, and its rows.
async fn odd(database: &TestDatabase) -> (PowerCrud, Vec<String>) {
    database
        .execute(match database.kind {
            Kind::Sqlite => SQLITE,
            Kind::Postgres => POSTGRES,
            Kind::Mysql => MYSQL,
        })
        .await;
    let app = revertible(database, ["odd"]).await;
    let columns =
        app.resource("odd").expect("a resource").table.columns.iter().map(|column| column.name.clone()).collect();
    (app, columns)
}

async fn values_of_every_type(database: TestDatabase) {
    let (app, columns) = odd(&database).await;
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let before = exact(&database, "odd", &columns).await;
    let task = carry_out(&app, delete("odd", Selection::All)).await;
    assert_eq!(
        (task.status, exact(&database, "odd", &columns).await),
        (Status::Success, vec![]),
        "{}",
        task.error_message
    );
    let reverted = revert(&app, &task).await;
    assert_eq!(reverted.status, Status::Success, "{}", reverted.error_message);
    assert_eq!(exact(&database, "odd", &columns).await, before);
    // Each column alone, and all together, emptied and restored.
    let resource = app.resource("odd").expect("a resource");
    let inputs: Vec<_> = resource.bulk_fields().map(|field| (field.name.clone(), None)).collect();
    // Bytes can be deleted, but not edited.
    assert!(inputs.len() >= columns.len() - 4, "{inputs:?}");
    for inputs in inputs.iter().map(std::slice::from_ref).chain([&inputs[..]]) {
        let request = BulkRequest {
            operation: Requested::Update(inputs.iter().cloned().collect()),
            ..delete("odd", Selection::All)
        };
        let task = carry_out(&app, request).await;
        assert_eq!(task.status, Status::Success, "{inputs:?}: {}", task.error_message);
        let reverted = revert(&app, &task).await;
        assert_eq!(reverted.status, Status::Success, "{inputs:?}: {}", reverted.error_message);
        assert_eq!(exact(&database, "odd", &columns).await, before, "{inputs:?}");
    }
    // Stored otherwise than typed, it is unchanged since all the same.
    let typed: &[(&str, &str)] = match database.kind {
        Kind::Sqlite => &[
            ("a_int", "7"),
            ("a_dec", "1.10"),
            ("a_real", "5"),
            ("a_dt", "2026-01-31 12:00"),
            ("a_bool", "yes"),
            ("a_any", "x"),
        ],
        Kind::Postgres => &[
            ("a_dec", "1.10"),
            ("a_real", "0.1"),
            ("a_char", "x"),
            ("a_jsonb", "{\"z\":1, \"a\" :2}"),
            ("a_interval", "90 minutes"),
            ("a_time", "12:00:00.5"),
            ("a_tstz", "2026-01-31 12:00+02"),
            ("a_inet", "10.0.0.2/32"),
            ("a_range", "[1,2]"),
            ("a_mood", "sad"),
        ],
        Kind::Mysql => &[
            ("a_dec", "1.10"),
            ("a_float", "0.1"),
            ("a_char", "x "),
            ("a_json", "{\"z\":1, \"a\" :2}"),
            ("a_time", "12:00:00.5"),
            ("a_ts", "2026-01-31 12:00+02:00"),
            ("a_set", "c,a"),
            ("a_zero", "7"),
            ("a_year", "2030"),
            ("a_ci", "x"),
            ("a_enum", "sad"),
        ],
    };
    for (field, value) in typed {
        let task = carry_out(&app, update("odd", Selection::All, [(*field, Some(*value))])).await;
        assert_eq!(task.status, Status::Success, "{field}: {}", task.error_message);
        assert_ne!(exact(&database, "odd", &columns).await, before);
        let reverted = revert(&app, &task).await;
        assert_eq!((reverted.status, counts(&reverted).1), (Status::Success, 0), "{field}: {}", reverted.error_message);
        assert_eq!(exact(&database, "odd", &columns).await, before, "{field}");
    }
    // Capitals alone are a change, whatever the column's collation.
    let text = if database.kind == Kind::Sqlite { "a_nocase" } else { "a_text" };
    let text = if database.kind == Kind::Mysql { "a_ci" } else { text };
    let task = carry_out(&app, update("odd", Selection::All, [(text, Some("same"))])).await;
    database.execute(&format!("UPDATE odd SET {text} = 'SAME' WHERE id = 2;")).await;
    let reverted = revert(&app, &task).await;
    assert_eq!(counts(&reverted).1, 1);
}

/// Changes and deletes all of a table and takes both back.
async fn there_and_back(database: &TestDatabase, app: &PowerCrud, table: &str, columns: &[&str], change: (&str, &str)) {
    let name = &app.resources().iter().find(|resource| resource.can_revert()).expect("a resource").name;
    let before = exact(database, table, columns).await;
    let records = before.len() as u64;
    for request in [update(name, Selection::All, [(change.0, Some(change.1))]), delete(name, Selection::All)] {
        let task = carry_out(app, in_background(request)).await;
        assert_eq!((task.status, counts(&task)), (Status::Success, (records, 0, 0)), "{}", task.error_message);
        assert_ne!(exact(database, table, columns).await, before);
        let reverted = revert(app, &task).await;
        assert_eq!(
            (reverted.status, counts(&reverted)),
            (Status::Success, (records, 0, 0)),
            "{}",
            reverted.error_message
        );
        assert_eq!(exact(database, table, columns).await, before);
    }
}

async fn text_keys(database: TestDatabase) {
    let binary = if database.kind == Kind::Mysql { "COLLATE utf8mb4_bin" } else { "" };
    database.execute(&format!("CREATE TABLE code (code varchar(40) {binary} PRIMARY KEY, n integer);")).await;
    let odd =
        ["plain", "it''s", "\"q\"", "50%", "Grüße", "日本 🎉", "[\"a\"]", "?1 $1", "NULL", " spaced ", "a,b", "A", "a"];
    let rows: Vec<_> = odd.iter().map(|text| format!("('{text}', {})", text.len())).collect();
    database.execute(&format!("INSERT INTO code VALUES {};", rows.join(", "))).await;
    let more: Vec<_> = (0..300).map(|n| format!("('key {}', {n})", n * 7919 % 1000)).collect();
    database.execute(&format!("INSERT INTO code VALUES {};", more.join(", "))).await;
    let app = in_chunks(&database, "code", 90).await;
    there_and_back(&database, &app, "code", &["code", "n"], ("n", "1000")).await;
}

async fn composite_and_quoted_keys(database: TestDatabase) {
    let (q, n) = if database.kind == Kind::Mysql { ("`", "Odd \"Name\"") } else { ("\"", "Odd \"\"Name\"\"") };
    let (table, a, b, v) = (format!("{q}{n}{q}"), format!("{q}select{q}"), format!("{q}b c{q}"), format!("{q}v?$1{q}"));
    database
        .execute(&format!("CREATE TABLE {table} ({a} integer NOT NULL, {b} varchar(20) NOT NULL, {v} varchar(20), PRIMARY KEY ({a}, {b}));"))
        .await;
    let rows: Vec<_> = (0..60).map(|n| format!("({}, 'b{}', 'v{n}')", n % 7, n / 7)).collect();
    database.execute(&format!("INSERT INTO {table} VALUES {};", rows.join(", "))).await;
    let app = in_chunks(&database, "Odd \"Name\"", 25).await;
    there_and_back(&database, &app, &table, &[&a, &b, &v], ("v?$1", "new")).await;
}

async fn keys_of_bytes(database: TestDatabase) {
    let (bytes, literal): (&str, fn(u8) -> String) = match database.kind {
        Kind::Sqlite => ("blob", |n| format!("x'{n:02x}00ff'")),
        Kind::Postgres => ("bytea", |n| format!("'\\x{n:02x}00ff'")),
        Kind::Mysql => ("varbinary(16)", |n| format!("x'{n:02x}00ff'")),
    };
    database.execute(&format!("CREATE TABLE hash (hash {bytes} PRIMARY KEY, n integer);")).await;
    let rows: Vec<_> = (0..=50).map(|n| format!("({}, {n})", literal(n))).collect();
    database.execute(&format!("INSERT INTO hash VALUES {};", rows.join(", "))).await;
    let app = in_chunks(&database, "hash", 20).await;
    there_and_back(&database, &app, "hash", &["hash", "n"], ("n", "-1")).await;
}
