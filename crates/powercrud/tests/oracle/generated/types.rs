//! The column types of each database, with values as people write them and as SQL has them.

use crate::support::Kind;

/// How a type's values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    /// By `<` and `>`, as well as by `=`.
    Ordered,
    /// As `Ordered`, and by what they contain.
    Text,
    /// By `=` alone.
    Equal,
    /// Not by plain SQL.
    Never,
}

/// A type with values: each as PowerCRUD is told and, where that is not the same in quotes, as a literal.
#[derive(Debug)]
pub(super) struct Type {
    pub(super) sql: &'static str,
    pub(super) compare: Compare,
    /// Whether it may be a key.
    pub(super) key: bool,
    pub(super) values: &'static [&'static str],
}

const fn of(sql: &'static str, compare: Compare, key: bool, values: &'static [&'static str]) -> Type {
    Type { sql, compare, key, values }
}

use Compare::{Equal, Never, Ordered, Text};

const TEXTS: &[&str] = &[
    "",
    "a",
    "A",
    "abc",
    "ABC",
    "abd",
    "it's",
    "50%",
    "a_b",
    "\\",
    "\"q\"",
    "?",
    "$1",
    "null",
    "ä",
    "é",
    "ß",
    "😀",
    "two words",
    "a,b",
    "[\"x\"]",
    "{x}",
    "--",
    "/*",
    "0",
    "1",
    "<b>",
    "a\nb",
    "a\r\nb",
    "tab\tbed",
    " lead",
    "'; DROP TABLE t0; --",
];
const SMALL: &[&str] = &["-32768", "-1", "0", "1", "7", "42", "32767"];
const INTEGERS: &[&str] = &["-2147483648", "-1", "0", "1", "2", "10", "100", "2147483647"];
const BIG: &[&str] = &["-9223372036854775808", "-1", "0", "1", "9007199254740993", "9223372036854775807"];
const DECIMALS: &[&str] = &["-99999999.99", "-0.01", "0.00", "0.10", "1.50", "2.00", "99999999.99"];
const DOUBLES: &[&str] = &["-1.5", "0", "0.1", "1", "2.5", "1e100", "0.30000000000000004"];
const DATES: &[&str] = &["1900-01-01", "1970-01-01", "2024-02-29", "2024-12-31", "9999-12-31"];
// MariaDB alone has a day that is none, which `IS NULL` finds where the column is NOT NULL.
const MARIADB_DATES: &[&str] = &["0000-00-00", "1970-01-01", "2024-02-29", "2024-12-31", "9999-12-31"];
const TIMES: &[&str] = &["00:00:00", "12:30:00", "23:59:59"];
const MOMENTS: &[&str] = &["1970-01-01 00:00:00", "2024-02-29 12:30:15", "2024-12-31 23:59:59", "9999-12-31 00:00:00"];
const MARIADB_MOMENTS: &[&str] =
    &["0000-00-00 00:00:00", "2024-02-29 12:30:15", "2024-12-31 23:59:59", "9999-12-31 00:00:00"];
const UUIDS: &[&str] = &[
    "00000000-0000-0000-0000-000000000000",
    "550e8400-e29b-41d4-a716-446655440000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "00000000-0000-0000-0000-000000000001",
];

pub(super) fn types(kind: Kind) -> &'static [Type] {
    match kind {
        Kind::Sqlite => SQLITE,
        Kind::Postgres => POSTGRES,
        Kind::Mysql => MYSQL,
    }
}

const SQLITE: &[Type] = &[
    of("integer", Ordered, true, BIG),
    of("text", Text, true, TEXTS),
    of("text COLLATE NOCASE", Never, true, TEXTS),
    of("varchar(40)", Text, true, TEXTS),
    of("real", Ordered, false, DOUBLES),
    of("decimal(10,2)", Never, false, DECIMALS),
    of("boolean", Never, false, &["true", "false"]),
    of("date", Never, true, DATES),
    of("datetime", Never, false, MOMENTS),
    of("json", Never, false, &["{\"a\": 1}", "[1, 2]", "null"]),
];

const POSTGRES: &[Type] = &[
    of("smallint", Ordered, true, SMALL),
    of("integer", Ordered, true, INTEGERS),
    of("bigint", Ordered, true, BIG),
    of("numeric(10,2)", Ordered, true, DECIMALS),
    of("numeric", Ordered, true, &["-1e30", "0", "0.00", "0.1", "1.50", "123456789012345678901234567890.5"]),
    of("real", Equal, true, &["0", "1.5", "-2", "1e30"]),
    of("double precision", Ordered, true, DOUBLES),
    of("text", Text, true, TEXTS),
    of("varchar(40)", Text, true, TEXTS),
    of("text COLLATE \"und-x-icu\"", Text, true, TEXTS),
    of("char(24)", Never, true, &["a", "ab", "x  y", "ä", ""]),
    of("boolean", Equal, true, &["true", "false"]),
    of("date", Ordered, true, DATES),
    of("time", Ordered, true, TIMES),
    of("timestamp", Ordered, true, MOMENTS),
    of("timestamptz", Never, true, &["2024-02-29 12:30:15+00", "1970-01-01 00:00:00+00"]),
    of("interval", Never, true, &["1 day", "-01:00:00", "1 year 2 mons"]),
    of("uuid", Equal, true, UUIDS),
    of("jsonb", Never, false, &["{\"a\": 1}", "[1, 2]", "null", "\"x\""]),
    of("json", Never, false, &["{\"a\":   1}", "[1, 2]", "{}"]),
    of("inet", Never, true, &["10.0.0.1", "10.0.0.0/8", "::1"]),
    of("integer[]", Never, true, &["{}", "{1,2}", "{NULL}"]),
    of("text[]", Never, true, &["{}", "{a,\"b c\"}", "{NULL,\"\"}"]),
    of("int4range", Never, true, &["[1,5)", "empty", "(,3)"]),
    of("mood", Equal, true, &["sad", "it's ok", "Happy"]),
    of("bit(4)", Never, true, &["0101", "1111"]),
    of("money", Never, true, &["$1.50", "-$2.00"]),
    of("xml", Never, false, &["<a/>", "<a>b</a>"]),
    of("tsvector", Never, false, &["'a' 'b'", "'fat':2 'rat':3"]),
    of("point", Never, false, &["(1,2)", "(0,-1.5)"]),
    of("oid", Never, true, &["1", "4294967295"]),
];

const MYSQL: &[Type] = &[
    of("smallint", Ordered, true, SMALL),
    of("tinyint unsigned", Ordered, true, &["0", "1", "2", "255"]),
    of("int", Ordered, true, INTEGERS),
    of("int unsigned", Ordered, true, &["0", "1", "4294967295"]),
    of("bigint", Ordered, true, BIG),
    of("bigint unsigned", Never, false, &["0", "1", "9223372036854775807", "18446744073709551615"]),
    of("decimal(10,2)", Ordered, true, DECIMALS),
    of("double", Ordered, true, DOUBLES),
    of("float", Never, false, &["0", "1.5", "0.1", "-2"]),
    of("varchar(60)", Text, true, TEXTS),
    of("varchar(60) COLLATE utf8mb4_bin", Text, true, TEXTS),
    of("varchar(60) COLLATE utf8mb4_nopad_bin", Text, true, TEXTS),
    of("varchar(60) COLLATE utf8mb4_unicode_ci", Text, true, TEXTS),
    of("char(40)", Never, true, &["a", "ab", "ä", ""]),
    of("text", Text, false, TEXTS),
    of("date", Ordered, true, MARIADB_DATES),
    of("time", Ordered, true, TIMES),
    of("datetime", Ordered, true, MARIADB_MOMENTS),
    of("datetime(6)", Ordered, true, &["2024-02-29 12:30:15.000001", "2024-02-29 12:30:15.000000"]),
    of("timestamp NULL", Never, true, &["2024-02-29 12:30:15", "1970-01-02 00:00:00"]),
    of("year", Never, true, &["1901", "2024", "2155"]),
    of("json", Never, false, &["{\"a\": 1}", "[1, 2]"]),
    of("enum('x','y','it''s')", Equal, true, &["x", "y", "it's"]),
    of("set('x','y')", Never, false, &["x", "x,y", ""]),
    of("uuid", Never, true, UUIDS),
    of("inet6", Never, true, &["::1", "ff::"]),
];
