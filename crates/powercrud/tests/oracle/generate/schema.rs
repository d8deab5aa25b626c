//! A table `t`-like with rows, what it refers to, and what refers to it.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Random;
use crate::{dump::quoted, support::Kind};

/// What was made.
pub(super) struct Table {
    pub(super) script: Vec<String>,
    /// As PowerCRUD names it.
    pub(super) name: String,
    /// As SQL names it.
    pub(super) sql_name: String,
    /// The key's columns as SQL names them.
    pub(super) key: Vec<String>,
    /// Whether PowerCRUD may refuse records by such keys, or the whole table.
    pub(super) key_is_odd: bool,
    pub(super) has_odd_triggers: bool,
}

/// A seed that is another one each time.
pub(crate) fn new_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    now ^ u64::from(std::process::id()) << 32
}

/// A type of keys: its SQL, whether it may be refused, and the literal of the key of row `i`.
type KeyType = (&'static str, bool, fn(usize) -> String);

fn key_types(kind: Kind) -> Vec<KeyType> {
    let words = |i: usize| {
        format!(
            "'{}'",
            ["k", "K k", "ä", "日本", "it''s", "a,b", "[x]", "%", "?", "$1"][i % 10].to_owned() + &i.to_string()
        )
    };
    let mut types: Vec<KeyType> = vec![
        ("integer", false, |i| i.to_string()),
        ("bigint", false, |i| (i as i64 * 1_000_000_007 - 5).to_string()),
        ("varchar(40)", false, words),
        ("numeric(12, 4)", false, |i| format!("{i}.25")),
        ("date", false, |i| format!("'20{:02}-0{}-11'", 10 + i % 80, 1 + i % 9)),
    ];
    match kind {
        Kind::Sqlite => types.extend([
            ("TEXT COLLATE NOCASE", false, (|i| format!("'Key {i}'")) as fn(usize) -> String),
            ("REAL", true, |i| format!("{i}.1")),
            ("BLOB", true, |i| format!("x'{i:04x}'")),
            ("", true, |i| if i.is_multiple_of(2) { i.to_string() } else { format!("'{i}'") }),
        ]),
        Kind::Postgres => types.extend([
            ("uuid", false, (|i| format!("'018f3f9e-7b1a-7c00-8000-{i:012x}'")) as fn(usize) -> String),
            ("bytea", false, |i| format!("'\\x{i:04x}'")),
            ("timestamptz", true, |i| format!("'2026-01-01 00:00:00.{i:06}+02'")),
            ("double precision", true, |i| format!("{i}.1")),
            ("text COLLATE \"C\"", false, |i| format!("E'line\\n{i}'")),
            ("char(9)", true, |i| format!("'c{i}'")),
        ]),
        Kind::Mysql => types.extend([
            ("BIGINT UNSIGNED", false, (|i| (u64::MAX - i as u64).to_string()) as fn(usize) -> String),
            ("VARCHAR(40) COLLATE utf8mb4_general_ci", false, |i| format!("'Key {i}'")),
            ("VARBINARY(20)", false, |i| format!("0x{i:04x}")),
            ("DATETIME(3)", true, |i| format!("'2026-01-01 00:00:00.{i:03}'")),
            ("CHAR(9)", true, |i| format!("'c{i}'")),
        ]),
    }
    types
}

pub(super) fn table(random: &mut Random, kind: Kind) -> Table {
    let name = *random.pick(&["t", "item", "select", "Order", "odd name", "änderung", "per%cent", "quo\"te", "a.b"]);
    let sql_name = quoted(kind, name);
    let types = key_types(kind);
    let (mut key_type, mut key_is_odd, mut key_of) = *random.pick(&types);
    let composite = random.one_in(4);
    let self_reference = !composite && random.one_in(3) && {
        (key_type, key_is_odd, key_of) = types[0];
        true
    };
    let key: Vec<String> = if composite { vec!["k1".into(), "k2".into()] } else { vec!["id".into()] };
    let mut columns = if composite {
        vec![format!("k1 {key_type} NOT NULL"), "k2 integer NOT NULL".to_owned()]
    } else {
        vec![format!("id {key_type} NOT NULL")]
    };
    columns.extend(
        [
            "cat varchar(10)",
            "n integer",
            "top integer NOT NULL",
            "price decimal(10, 2)",
            "day date",
            "note text",
            "up integer",
        ]
        .map(str::to_owned),
    );
    let rule = *random.pick(&["NO ACTION", "RESTRICT", "CASCADE", "SET NULL"]);
    let mut constraints = vec![format!("PRIMARY KEY ({})", key.join(", "))];
    if random.one_in(2) {
        constraints.push("CONSTRAINT sane CHECK (n IS NULL OR n <= top)".into());
    }
    if random.one_in(3) {
        constraints.push("CHECK (price >= 0)".into());
    }
    if random.one_in(4) {
        columns.push("twice integer GENERATED ALWAYS AS (top * 2) STORED".into());
    }
    if self_reference {
        constraints.push(format!("FOREIGN KEY (up) REFERENCES {sql_name} (id) ON DELETE {rule}"));
    } else {
        constraints.push("FOREIGN KEY (up) REFERENCES upper_one (id)".into());
    }
    let rows = 1 + random.below(25);
    let values: Vec<_> = (1..=rows).map(|i| row(random, i, composite, self_reference, key_of)).collect();
    let names = if composite { "k1, k2" } else { "id" };
    columns.extend(constraints);
    let mut script = vec![
        "CREATE TABLE upper_one (id integer PRIMARY KEY, name varchar(20))".to_owned(),
        "INSERT INTO upper_one VALUES (1, 'one'), (2, 'two')".to_owned(),
        format!("CREATE TABLE {sql_name} ({})", columns.join(", ")),
        format!("INSERT INTO {sql_name} ({names}, cat, n, top, price, day, note, up) VALUES {}", values.join(", ")),
    ];
    if !composite && !key_type.is_empty() && random.one_in(2) {
        let rule = *random.pick(&["NO ACTION", "RESTRICT", "CASCADE", "SET NULL"]);
        script.push(format!(
            "CREATE TABLE lower_one (no integer PRIMARY KEY, ref {key_type}, FOREIGN KEY (ref) REFERENCES {sql_name} (id) ON DELETE {rule})"
        ));
        let children: Vec<_> = (1..=rows).filter(|i| i % 4 == 1).map(|i| format!("({i}, {})", key_of(i))).collect();
        script.push(format!("INSERT INTO lower_one VALUES {}", children.join(", ")));
    }
    let has_odd_triggers = random.one_in(3);
    if has_odd_triggers {
        script.extend(trigger(random, kind, &sql_name));
    }
    Table { script, name: name.to_owned(), sql_name, key, key_is_odd, has_odd_triggers }
}

fn row(random: &mut Random, i: usize, composite: bool, self_reference: bool, key_of: fn(usize) -> String) -> String {
    let key = if composite { format!("{}, {}", key_of(i / 3), i) } else { key_of(i) };
    let cat = *random.pick(&["'a'", "'a'", "'b'", "'it''s'", "NULL"]);
    let n = *random.pick(&["1", "2", "7", "11", "NULL"]);
    let top = *random.pick(&["20", "50", "100", "500"]);
    let price = *random.pick(&["1.00", "2.50", "9.99", "NULL"]);
    let day = *random.pick(&["'2026-01-31'", "'2026-02-28'", "NULL"]);
    let note = *random.pick(&["'two words'", "''", "'line\nline'", "NULL"]);
    let up = match self_reference {
        true if i > 1 && random.one_in(2) => (1 + random.below(i - 1)).to_string(),
        true => "NULL".into(),
        false => (*random.pick(&["1", "2", "NULL"])).to_owned(),
    };
    format!("({key}, {cat}, {n}, {top}, {price}, {day}, {note}, {up})")
}

/// Triggers that answer some rows oddly.
fn trigger(random: &mut Random, kind: Kind, table: &str) -> Vec<String> {
    match kind {
        Kind::Sqlite => {
            let how =
                *random.pick(&["RAISE(ROLLBACK, 'no')", "RAISE(ABORT, 'no')", "RAISE(FAIL, 'no')", "RAISE(IGNORE)"]);
            ["UPDATE", "DELETE"]
                .map(|on| {
                    format!("CREATE TRIGGER on_{on} BEFORE {on} ON {table} WHEN OLD.top = 50 BEGIN SELECT {how}; END")
                })
                .into()
        }
        Kind::Postgres => {
            let code = *random.pick(&["42501", "23000", "P0002", "54000", "40003", "ZZ999", "22000"]);
            let body = if random.one_in(4) {
                "RETURN NULL".to_owned()
            } else {
                format!("RAISE EXCEPTION 'no' USING ERRCODE = '{code}'")
            };
            vec![
                format!(
                    "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF OLD.top = 50 THEN {body}; END IF;
                    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$"
                ),
                format!("CREATE TRIGGER no BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION no()"),
            ]
        }
        Kind::Mysql => {
            let code = *random.pick(&["45000", "23000", "42501", "HY000", "22012"]);
            ["UPDATE", "DELETE"]
                .map(|on| {
                    format!(
                        "CREATE TRIGGER on_{on} BEFORE {on} ON {table} FOR EACH ROW BEGIN IF OLD.top = 50 THEN
                        SIGNAL SQLSTATE '{code}' SET MESSAGE_TEXT = 'no'; END IF; END"
                    )
                })
                .into()
        }
    }
}
