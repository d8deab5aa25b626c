//! A table with a column of every type of a database, and rows of what each of them takes.

use sea_orm::{ConnectionTrait as _, Statement};

use super::one;
use crate::support::TestDatabase;

/// Texts that get lost on the way through a page.
const HOSTILE: [&str; 16] = [
    "plain",
    "",
    " ",
    "a\nb",
    "\na",
    "a\n",
    "a\rb",
    "a\r\nb",
    "a\tb",
    "<b>&amp;\"'</b>",
    "';--$1?\\",
    "ü😀\u{202e}rtl",
    "\u{1}\u{1b}\u{7f}\u{85}\u{2028}\u{feff}",
    "null",
    "NULL",
    "0",
];

/// A column of every type that there is, besides those that no row can hold, and rows of what each of them takes.
pub(super) async fn postgres(database: &TestDatabase) -> Vec<String> {
    database
        .execute(
            "CREATE TYPE mood AS ENUM ('sad', 'ok', 'a''b, \"c\"');
             CREATE TYPE pair AS (a text, b varchar(3));
             CREATE DOMAIN short AS varchar(3);
             CREATE DOMAIN bits AS bit(8) CHECK (VALUE IS NOT NULL OR VALUE IS NULL);
             CREATE DOMAIN shorts AS varchar(3)[];
             CREATE FUNCTION takes(type text, value text) RETURNS boolean LANGUAGE plpgsql AS $$
             BEGIN EXECUTE format('SELECT CAST(%L AS %s)', value, type); RETURN true;
             EXCEPTION WHEN OTHERS THEN RETURN false; END $$;",
        )
        .await;
    let mut extensions = Vec::new();
    for (extension, name) in [("hstore", "hstore"), ("ltree", "ltree"), ("citext", "citext")] {
        let sql = format!("SELECT CAST(count(*) AS text) FROM pg_available_extensions WHERE name = '{extension}'");
        if one(database, &sql).await == "1" {
            database.execute(&format!("CREATE EXTENSION {extension}")).await;
            extensions.push(name.to_owned());
        }
    }
    let connection = database.connection();
    let all = |sql: String| async move {
        let rows = connection.query_all_raw(Statement::from_string(connection.get_database_backend(), sql)).await;
        let rows = rows.expect("plain SQL");
        rows.iter().map(|row| row.try_get_by_index::<String>(0).expect("a text")).collect::<Vec<_>>()
    };
    let types = "SELECT format_type(oid, -1) FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace
        AND typtype IN ('b', 'r', 'm') AND typcategory NOT IN ('A', 'Z') ORDER BY oid";
    let mut types = all(types.to_owned()).await;
    types.extend(extensions);
    let own = [
        "varchar(5)",
        "char(5)",
        "bit(8)",
        "varbit(4)",
        "numeric(10,2)",
        "numeric(3,-2)",
        "timestamp(0)",
        "time(3)",
        "interval(0)",
        "varchar(3)[]",
        "char(3)[]",
        "bit(3)[]",
        "text[]",
        "text[][]",
        "integer[]",
        "jsonb[]",
        "mood[]",
        "name[]",
        "numeric(5,1)[]",
        "mood",
        "pair",
        "short",
        "bits",
        "shorts",
        "timestamptz(2)",
        "oid[]",
        "pair[]",
    ];
    types.extend(own.map(str::to_owned));
    let samples = [
        "1",
        "0",
        "-1",
        "t",
        "f",
        "NaN",
        "Infinity",
        "-Infinity",
        "infinity",
        "-infinity",
        "9223372036854775807",
        "1e300",
        "0.1",
        "1.005",
        "4294967295",
        "18446744073709551615",
        "123456789012345678901234567890.5",
        "{}",
        "{1}",
        "{a,\"b,c\",NULL,\"x\ny\"}",
        "{{a,b},{c,d}}",
        "{abc}",
        "{101}",
        "{ok}",
        "{1.5}",
        "{\"{\\\"a\\\": 1}\"}",
        "(1,2)",
        "((1,2),(3,4))",
        "<(1,2),3>",
        "{1,2,3}",
        "[(1,2),(3,4)]",
        "(a,b)",
        "(\"a\nb\",c)",
        "{\"(a,b)\"}",
        "{[1,5),[7,9)}",
        "[1,5)",
        "empty",
        "[2026-01-01,infinity)",
        "[0.1,)",
        "2026-01-31",
        "0044-03-15 BC",
        "10000-01-01",
        "5874897-12-31",
        "2026-01-31 13:05:00.123456",
        "0044-03-15 13:05:00 BC",
        "2026-01-31 13:05:00+02",
        "24:00:00",
        "13:05:00",
        "24:00:00-1559",
        "13:05:00.5+02",
        "1 year 2 mons -3 days 04:05:06.7",
        "{\"a\": 1.0, \"a\": 123456789012345678901234567890, \"b\":\"\\u00e9\"}",
        "null",
        "[1,  2]",
        "\"x\"",
        "10101010",
        "1010",
        "\\x00ff",
        "018f3f9e-7b1a-7c00-8000-000000000000",
        "192.168.0.1/24",
        "10.0.0.0/8",
        "08:00:2b:01:02:03",
        "08:00:2b:01:02:03:04:05",
        "16/B374D848",
        "10:20:10,14,15",
        "(0,1)",
        "postgres=r/postgres",
        "pg_class",
        "english",
        "public",
        "postgres",
        "C",
        "now",
        "'a' & 'b'",
        "'a\nb':1A 'c':2",
        "a.b.c",
        "a=>1, \"b\n\"=>NULL, c=>\"x\r\"",
        "$.a[*] ? (@ > 1)",
        "<a>b\n<c/></a>",
        "$1,234.56",
        "abs(integer)",
        "+(integer,integer)",
        "ok",
        "a'b, \"c\"",
        "abc",
        "\\377",
        "\u{e9}",
    ];
    let literal = |text: &str| {
        format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n").replace('\r', "\\r"))
    };
    let values: Vec<String> = HOSTILE.iter().chain(&samples).map(|text| literal(text)).collect();
    let mut columns = Vec::new();
    let mut cells = Vec::new();
    for (index, of) in types.iter().enumerate() {
        let column = format!("c{index:02} {}", of.replace('"', ""));
        let sql = format!(
            "SELECT value FROM unnest(ARRAY[{}]) WITH ORDINALITY AS v (value, place) WHERE takes($${of}$$, value) ORDER BY place LIMIT 30",
            values.join(", ")
        );
        cells.push(all(sql).await);
        columns.push(column);
    }
    // A kind of value that no sample fits is a hole in this test, save for what only the server makes.
    let empty: Vec<_> =
        types.iter().zip(&cells).filter(|(_, cells)| cells.is_empty()).map(|(of, _)| of.as_str()).collect();
    let made_by_server = |of: &&str| of.starts_with("pg_") || *of == "gtsvector";
    assert!(empty.iter().all(made_by_server), "no values for {empty:?}");
    let columns_sql: Vec<_> = columns.iter().zip(&types).map(|(column, of)| format!("\"{column}\" {of}")).collect();
    let mut script = format!("CREATE TABLE thing (id integer PRIMARY KEY, note text, {});\n", columns_sql.join(", "));
    let rows = cells.iter().map(Vec::len).max().unwrap_or_default();
    for row in 0..=rows {
        let value = |(cells, of): (&Vec<String>, &String)| {
            cells.get(row).map_or("NULL".to_owned(), |text| format!("CAST({} AS {of})", literal(text)))
        };
        let values: Vec<_> = cells.iter().zip(&types).map(value).collect();
        script += &format!("INSERT INTO thing VALUES ({row}, 'note', {});\n", values.join(", "));
    }
    database.execute(&script).await;
    columns
}

pub(super) async fn mysql(database: &TestDatabase) -> Vec<String> {
    let texts = || {
        HOSTILE.iter().map(|text| {
            let text = text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n").replace('\r', "\\r");
            format!("'{text}'")
        })
    };
    let list = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    let timestamps = [
        "'2026-01-31 13:05:00'",
        "'0000-00-00 00:00:00'",
        "'9999-12-31 23:59:59'",
        "'2026-00-00 10:00:00'",
        "'1000-01-01 00:00:00.123'",
    ];
    let with_nul = || texts().chain(["'a\\0b'".to_owned()]).collect::<Vec<_>>();
    let integers = |bits: u32| {
        let (min, max) = (i64::MIN >> (64 - bits), i64::MAX >> (64 - bits));
        vec![min.to_string(), max.to_string(), "0".to_owned(), "2".to_owned(), "-1".to_owned()]
    };
    let unsigned = |bits: u32| vec![(u64::MAX >> (64 - bits)).to_string(), "0".to_owned(), "2".to_owned()];
    let mut types: Vec<(&str, Vec<String>)> = vec![
        ("tinyint", integers(8)),
        ("tinyint(1)", integers(8)),
        ("tinyint unsigned", unsigned(8)),
        ("smallint", integers(16)),
        ("smallint(5) unsigned zerofill", unsigned(16)),
        ("mediumint", integers(24)),
        ("mediumint unsigned", unsigned(24)),
        ("int", integers(32)),
        ("int unsigned", unsigned(32)),
        ("bigint", integers(64)),
        ("bigint unsigned", unsigned(64)),
        ("bit(1)", list(&["0", "1"])),
        ("bit(8)", list(&["b'10101010'", "0"])),
        ("bit(64)", list(&["b'1111111111111111111111111111111111111111111111111111111111111111'", "5"])),
        ("year", list(&["0", "1901", "2155", "2026"])),
        ("decimal(65)", list(&["99999999999999999999999999999999999999999999999999999999999999999", "-1"])),
        ("decimal(65,30)", list(&["12345678901234567890123456789012345.123456789012345678901234567890", "0"])),
        ("decimal(10,2) unsigned", list(&["12345678.90", "0"])),
        ("float", list(&["0.1", "3.4028234e38", "16777216", "-1e-30", "0"])),
        ("double", list(&["0.1", "1.7976931348623157e308", "123456789.12345678", "5e-324", "-0e0"])),
        ("date", list(&["'2026-01-31'", "'0000-00-00'", "'2026-00-00'", "'9999-12-31'", "'0001-01-01'"])),
        ("time", list(&["'13:05:00'", "'838:59:59'", "'-838:59:59'", "'-00:00:01'", "'100:00:00'"])),
        ("time(6)", list(&["'13:05:00.123456'", "'-838:59:59.000001'"])),
        ("datetime", list(&timestamps)),
        ("datetime(6)", list(&timestamps)),
        (
            "timestamp(6) NULL",
            list(&["'2026-01-31 13:05:00.123456'", "'0000-00-00 00:00:00'", "'1970-01-01 00:00:01'"]),
        ),
        ("char(40)", with_nul()),
        ("varchar(60)", with_nul()),
        ("tinytext", with_nul()),
        ("text", with_nul()),
        ("longtext", with_nul()),
        ("varchar(60) CHARACTER SET latin1", list(&["'ä€'", "'a\\nb'"])),
        ("binary(4)", list(&["x'00ff00ff'"])),
        ("varbinary(10)", list(&["x'00ff'", "'ab'", "''"])),
        ("blob", list(&["x'0a0d'", "'ab'"])),
        ("enum('a','it''s','b,c')", list(&["'a'", "'it''s'", "'b,c'", "''"])),
        ("set('a','b','c')", list(&["'a,b'", "''", "'c'"])),
        ("json", list(&["'{\"a\": 1.0, \"a\": 123456789012345678901234567890}'", "'null'", "'[1,  2]'", "'\"x\"'"])),
        ("point", list(&["ST_GeomFromText('POINT(1 2)')"])),
        ("geometry", list(&["ST_GeomFromText('LINESTRING(0 0,1 1)')"])),
    ];
    if one(database, "SELECT CAST(VERSION() AS CHAR)").await.contains("MariaDB") {
        types.push(("uuid", list(&["'018f3f9e-7b1a-7c00-8000-000000000000'"])));
        types.push(("inet6", list(&["'::1'", "'2001:db8::ff00:42:8329'"])));
    }
    let name = |index: usize, of: &str| {
        let kind = if matches!(of, "point" | "geometry") { "g" } else { "c" };
        format!("{kind}_{}_{index}", of.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default())
    };
    let columns: Vec<String> = types.iter().enumerate().map(|(index, (of, _))| name(index, of)).collect();
    let columns_sql: Vec<_> = columns.iter().zip(&types).map(|(column, (of, _))| format!("`{column}` {of}")).collect();
    // Zero dates, wrong enums and the year 0 are what older applications have left behind.
    let mut script = format!(
        "SET sql_mode = '';
         CREATE TABLE thing (id integer PRIMARY KEY, note text, {}) CHARACTER SET utf8mb4 ROW_FORMAT=DYNAMIC;\n",
        columns_sql.join(", ")
    );
    let rows = types.iter().map(|(_, values)| values.len()).max().unwrap_or_default();
    for row in 0..=rows {
        let values: Vec<_> = types.iter().map(|(_, values)| values.get(row).map_or("NULL", String::as_str)).collect();
        script += &format!("INSERT INTO thing VALUES ({row}, 'note', {});\n", values.join(", "));
    }
    database.execute(&script).await;
    columns
}

/// Any kind of value in a column of any type.
pub(super) async fn sqlite(database: &TestDatabase) -> Vec<String> {
    let types = [
        "INTEGER",
        "INT",
        "BIGINT",
        "REAL",
        "DOUBLE",
        "NUMERIC",
        "DECIMAL(10,2)",
        "TEXT",
        "VARCHAR(10)",
        "CHAR(3)",
        "CLOB",
        "BLOB",
        "BOOLEAN",
        "DATE",
        "TIME",
        "DATETIME",
        "TIMESTAMP",
        "timestamp_with_timezone_text",
        "UUID",
        "JSON",
        "STRING",
        "MONEY",
        "YEAR",
        "",
        "ANYTHING",
    ];
    let mut values: Vec<String> = [
        "1",
        "0",
        "-1",
        "2",
        "9223372036854775807",
        "-9223372036854775808",
        "1.5",
        "1.0",
        "1e300",
        "9e999",
        "-0.0",
        "0.1",
        "x'00ff'",
        "x'6162'",
        "x''",
        "'1'",
        "'1.0'",
        "'yes'",
        "char(97, 0, 98)",
        "CAST(x'ff61' AS TEXT)",
        "'2026-01-31 12:00:00+02:00'",
        "'2026-01-31T12:00'",
        "'2026-01-31'",
        "'2026-01-31 12:00:00.123456'",
        "'13:05'",
        "'13:05:00'",
        "'018F3F9E-7B1A-7C00-8000-000000000000'",
        "x'018f3f9e7b1a7c008000000000000000'",
        "'{\"a\": 1.0, \"a\": 123456789012345678901234567890}'",
        "1756600000",
    ]
    .map(str::to_owned)
    .to_vec();
    values.extend(HOSTILE.iter().map(|text| format!("'{}'", text.replace('\'', "''"))));
    let columns: Vec<String> = types.iter().enumerate().map(|(index, of)| format!("c{index:02} {of}")).collect();
    let columns_sql: Vec<_> = columns.iter().zip(types).map(|(column, of)| format!("\"{column}\" {of}")).collect();
    let mut script = format!("CREATE TABLE thing (id INTEGER PRIMARY KEY, note TEXT, {});\n", columns_sql.join(", "));
    for (row, value) in values.iter().enumerate() {
        let values = vec![value.as_str(); columns.len()].join(", ");
        script += &format!("INSERT INTO thing VALUES ({row}, 'note', {values});\n");
    }
    database.execute(&script).await;
    columns
}
