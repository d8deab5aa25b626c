//! Tables with a key of every type that can be one, and values that are hard to write down.

use std::fmt::Write as _;

use crate::support::Kind;

/// A table with a key `k`, a number `tag` that tells its rows apart, and a number `n` to change.
#[derive(Clone, Debug)]
pub(super) struct Keyed {
    pub(super) name: String,
    /// The key's type, with a collation or a NOT NULL where it has one.
    pub(super) column: String,
    /// As SQL.
    pub(super) values: Vec<String>,
    /// The tags of rows that no key can find.
    pub(super) lost: Vec<i64>,
    composite: bool,
    options: &'static str,
}

impl Keyed {
    fn new(name: &str, column: &str, values: &[&str]) -> Self {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Self {
            name: name.to_owned(),
            column: column.to_owned(),
            values,
            lost: Vec::new(),
            composite: false,
            options: "",
        }
    }

    fn losing(self, lost: &[i64]) -> Self {
        Self { lost: lost.to_vec(), ..self }
    }

    /// The same key as one part of two.
    fn in_a_pair(&self) -> Self {
        Self { name: format!("pair_{}", self.name), composite: true, ..self.clone() }
    }

    pub(super) fn script(&self, kind: Kind) -> String {
        let (insert, end) = match kind {
            Kind::Sqlite => ("INSERT OR IGNORE", ""),
            Kind::Postgres => ("INSERT", " ON CONFLICT DO NOTHING"),
            Kind::Mysql => ("INSERT IGNORE", ""),
        };
        let key = if self.composite { "PRIMARY KEY (k, part)" } else { "PRIMARY KEY (k)" };
        let Self { name, column, options, .. } = self;
        // STRICT tables know no varchar, MariaDB no key of TEXT.
        let part = if kind == Kind::Sqlite { "text" } else { "varchar(9)" };
        let mut script = format!(
            "CREATE TABLE {name} (k {column}, part {part} NOT NULL, tag integer NOT NULL, n integer NOT NULL, {key}){options};\n"
        );
        for (tag, value) in (1..).zip(&self.values) {
            writeln!(script, "{insert} INTO {name} VALUES ({value}, 'p', {tag}, 0){end};")
                .expect("a text can be written");
        }
        script
    }
}

const TEXTS: [&str; 18] = [
    "'abc'",
    "'ABC'",
    "'abc '",
    "' abc'",
    "''",
    "'1'",
    "'01'",
    "'1.0'",
    "'~i5'",
    "'~x'",
    "'Grüße'",
    "'GRÜSSE'",
    "'日本'",
    "'[\"a\"]'",
    "'it''s'",
    "'NULL'",
    "'a/b?c#d%20e'",
    "'0x1A'",
];

fn with(more: &[&'static str]) -> Vec<&'static str> {
    TEXTS.iter().chain(more).copied().collect()
}

/// The tables for a database. Values that it refuses, or that are equal to one before them, are left out by it.
pub(super) fn keyed(kind: Kind) -> Vec<Keyed> {
    let single = match kind {
        Kind::Sqlite => sqlite(),
        Kind::Postgres => postgres(),
        Kind::Mysql => mysql(),
    };
    // Some of them as one part of two, which is written and read the same way for all.
    let pairs = single.iter().filter(|table| !table.column.contains("INTEGER")).step_by(3).map(Keyed::in_a_pair);
    let pairs: Vec<_> = pairs.collect();
    single.into_iter().chain(pairs).collect()
}

const ANYTHING: [&str; 30] = [
    "1",
    "'1'",
    "1.5",
    "'1.5'",
    "x'31'",
    "x'ff'",
    "x'00'",
    "x''",
    "'x'",
    "''",
    "NULL",
    "NULL",
    "'~n'",
    "'~i1'",
    "0.1",
    "'0.1'",
    "1e300",
    "-7",
    "'-7'",
    "9223372036854775807",
    "'9223372036854775807'",
    "'9223372036854775808'",
    "CAST(x'61ff62' AS TEXT)",
    "CAST(x'c3a9a9' AS TEXT)",
    "CAST(x'610062' AS TEXT)",
    "'a' || char(10) || 'b'",
    "'é'",
    "0.30000000000000004",
    "'2026-01-31 13:10'",
    "'2026-01-31T13:10Z'",
];

fn sqlite() -> Vec<Keyed> {
    let text = with(&["1", "x'616263'", "CAST(x'61ff62' AS TEXT)", "CAST(x'610062' AS TEXT)", "'a' || char(13)"]);
    let declared = [
        ("untyped", ""),
        ("blob_", "BLOB"),
        ("real_", "REAL"),
        ("int_", "INT"),
        ("numeric_", "NUMERIC(10, 2)"),
        ("datetime_", "DATETIME"),
        ("text_", "TEXT"),
        ("bool_", "BOOLEAN"),
        ("uuid_", "UUID"),
        ("json_", "JSON"),
        ("date_", "DATE"),
        ("odd", "WHATEVER"),
    ];
    let mut tables: Vec<_> =
        declared.iter().map(|(name, column)| Keyed::new(name, column, &ANYTHING).losing(&[11, 12])).collect();
    tables.push(Keyed::new(
        "uuid_bytes",
        "uuid_text",
        &[
            "x'018f3f9e7b1a7c008000000000000001'",
            "x'018f3f9e7b1a7c008000000000000002'",
            "'018f3f9e-7b1a-7c00-8000-000000000001'",
            "'x'",
            "1",
        ],
    ));
    tables.push(Keyed::new("nocase", "TEXT COLLATE NOCASE NOT NULL", &text));
    tables.push(Keyed::new("rtrim", "TEXT COLLATE RTRIM NOT NULL", &text));
    tables.push(Keyed::new("varchar_", "varchar(9) NOT NULL", &text));
    tables.push(Keyed {
        options: " WITHOUT ROWID",
        ..Keyed::new("no_rowid", "", &["1", "'1'", "1.5", "x'31'", "'x'", "'~'"])
    });
    tables.push(Keyed {
        options: " STRICT",
        ..Keyed::new("strict_any", "ANY", &["1", "'1'", "1.5", "'1.5'", "x'31'", "'x'"])
    });
    tables.push(Keyed::new("row_id", "INTEGER", &["1", "-5", "9223372036854775807", "-9223372036854775808"]));
    tables
}

fn postgres() -> Vec<Keyed> {
    let text = with(&["E'a\\nb'", "E'a\\tb'"]);
    let key = |name: &str, column: &str, values: &[&str]| Keyed::new(name, column, values);
    let timestamps = [
        "'infinity'",
        "'-infinity'",
        "'0044-03-15 12:00 BC'",
        "'2026-01-31 13:10:00.000001'",
        "'290000-01-01'",
        "'2026-01-31'",
    ];
    vec![
        key("text_", "text", &text),
        key("text_c", "text COLLATE \"C\"", &text),
        key("text_icu", "text COLLATE \"en-x-icu\"", &text),
        key("char_", "char(20)", &text),
        key("varchar_", "varchar(20)", &text),
        key("name_", "name", &text),
        key("byte_char", "\"char\"", &["'a'", "'A'", "''", "'~'", "' '"]),
        key(
            "real_",
            "real",
            &["0.1", "'NaN'", "'Infinity'", "'-Infinity'", "-0.0", "16777216", "1e-20", "3.4e38", "1.1"],
        ),
        key(
            "double_",
            "double precision",
            &["0.1", "0.1::float8 + 0.2::float8", "'NaN'", "'Infinity'", "1e308", "5e-324", "-7"],
        ),
        key("numeric_", "numeric", &["'NaN'", "0.10", "1", "-1e40", "1e-40", "123456789012345678901234567890.5"]),
        key("money_", "numeric(10, 2)", &["0.10", "1", "12345678.91", "'NaN'"]),
        key("cash", "money", &["1.5", "-3", "1234567.89"]),
        key("timestamp_", "timestamp", &timestamps),
        key("timestamptz_", "timestamptz(3)", &timestamps),
        key("date_", "date", &["'infinity'", "'-infinity'", "'0044-03-15 BC'", "'2026-01-31'", "'12026-01-31'"]),
        key("time_", "time", &["'24:00'", "'00:00'", "'13:10:00.5'"]),
        key("timetz_", "timetz", &["'24:00+02'", "'13:10+02'", "'13:10-02:30'"]),
        key("interval_", "interval", &["'1 day'", "'1 month -3 days 04:05:06.7'", "'-1 year'", "'0'"]),
        key("bit_", "bit(4)", &["B'1010'", "B'0000'", "B'1111'"]),
        key("varbit_", "varbit(9)", &["B'1010'", "B''", "B'10100'"]),
        key("bytea_", "bytea", &["'\\x00ff'", "'\\x'", "'\\x616263'"]),
        key("bool_", "boolean", &["true", "false"]),
        key("uuid_", "uuid", &["'018f3f9e-7b1a-7c00-8000-000000000001'", "'018F3F9E-7B1A-7C00-8000-000000000002'"]),
        key("array_", "text[]", &["'{}'", "'{a,b}'", "'{NULL}'", "'{\"NULL\"}'", "'{\"a b\",\"{x}\"}'", "'{{a},{b}}'"]),
        key("varchars", "varchar(3)[]", &["'{abc,d}'", "'{}'"]),
        key("range_", "int4range", &["'empty'", "'[1,5)'", "'(,5)'", "'[5,)'"]),
        key("ranges", "tstzrange", &["'empty'", "'[2026-01-31,infinity)'", "'(,2026-01-31]'"]),
        key("jsonb_", "jsonb", &["'1'", "'\"1\"'", "'{\"b\": 1, \"a\": [1.50]}'", "'null'"]),
        key("inet_", "inet", &["'10.0.0.1'", "'10.0.0.0/8'", "'::1'"]),
        key("tsvector_", "tsvector", &["'a b'", "'''it''''s'':1A'", "''"]),
        key("oid_", "oid", &["0", "4294967295"]),
        key("smallint_", "smallint", &["-32768", "0", "32767"]),
        key("bigint_", "bigint", &["-9223372036854775808", "0", "9223372036854775807", "-1", "1"]),
    ]
}

fn mysql() -> Vec<Keyed> {
    let text = with(&["'a\\0b'", "'a\\nb'", "'back\\\\slash'"]);
    let key = |name: &str, column: &str, values: &[&str]| Keyed::new(name, column, values);
    vec![
        key("text_ci", "varchar(40) COLLATE utf8mb4_general_ci", &text),
        key("text_bin", "varchar(40) COLLATE utf8mb4_bin", &text),
        key("text_nopad", "varchar(40) COLLATE utf8mb4_nopad_bin", &text),
        key("latin", "varchar(40) CHARACTER SET latin1", &["'abc'", "'é'", "'ü'", "'a '", "'A'"]),
        key("char_", "char(40) COLLATE utf8mb4_unicode_ci", &text),
        key("float_", "float", &["0.1", "1.1", "16777216", "3.4e38", "-0.0", "1e-20", "123456.789"]),
        key("float_scale", "float(7,3)", &["0.1", "1.1", "123.456"]),
        key("double_", "double", &["0.1", "0.1e0 + 0.2e0", "1.7976931348623157e308", "5e-324", "123456789012345678"]),
        key("decimal_", "decimal(40, 5)", &["0.1", "1", "-12345678901234567890123456789012345.12345"]),
        key(
            "wide",
            "decimal(65, 0)",
            &["0", "99999999999999999999999999999999999999999999999999999999999999999", "-1"],
        ),
        key("bigint_", "bigint", &["-9223372036854775808", "0", "9223372036854775807"]),
        key(
            "unsigned_",
            "bigint unsigned",
            &["0", "9223372036854775807", "9223372036854775808", "18446744073709551614", "18446744073709551615"],
        ),
        key("zerofill_", "int(8) zerofill", &["0", "7", "12345678"]),
        key("tinyint_", "tinyint(1)", &["0", "1", "2", "-1"]),
        key("bit_one", "bit(1)", &["b'0'", "b'1'"]),
        key("bit_", "bit(64)", &["0", "5", "18446744073709551615"]),
        key("year_", "year", &["0", "1901", "2155"]),
        key("date_", "date", &["'0000-00-00'", "'2026-02-00'", "'2026-01-31'", "'9999-12-31'"]),
        key("time_", "time(3)", &["'838:59:59'", "'-838:59:59'", "'13:10:00.5'", "'00:00:00'", "'-00:00:01'"]),
        key("datetime_", "datetime(6)", &["'0000-00-00'", "'2026-02-00'", "'2026-01-31 13:10:00.000001'"]),
        key("timestamp_", "timestamp", &["'0000-00-00'", "'2026-01-31 13:10:00'", "'2037-01-31 13:10:00'"]),
        key("enum_", "enum('a','B','1','0','it''s')", &["'a'", "'B'", "'1'", "'0'", "'it''s'", "'none'"]),
        key("set_", "set('a','B','1','0')", &["'a'", "'B,a'", "'1'", "''", "'a,B,1,0'"]),
        key("binary_", "binary(4)", &["'ab'", "x'00ff'", "x'20202020'", "''"]),
        key("varbinary_", "varbinary(9)", &["'ab'", "x'00ff'", "'ab '", "''", "'AB'"]),
        key("uuid_", "uuid", &["'018f3f9e-7b1a-7c00-8000-000000000001'", "'018F3F9E-7B1A-7C00-8000-000000000002'"]),
        key("inet_", "inet6", &["'::1'", "'2001:db8::'"]),
    ]
}
