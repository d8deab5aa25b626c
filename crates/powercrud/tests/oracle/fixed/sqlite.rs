//! SQLite: any value in any column, NULL in keys, triggers and clauses that end the transaction.

use super::{at_once, bulk, case, edit, filter, pages, rows, set, update, usual};
use crate::{
    step::{Action, Assignment, Case, Selected, Step},
    support::Kind,
};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = keys();
    cases.extend(refusals());
    cases.extend(values());
    cases
}

fn one(name: &str, script: impl Into<String>, steps: Vec<Step>) -> Case {
    case(Kind::Sqlite, name, script, steps)
}

/// A table `t` with the key columns `key` and these keys, as SQL.
fn keyed(name: &str, columns: &str, key: &str, keys: &[&str]) -> Case {
    let values: Vec<_> = keys.iter().enumerate().map(|(at, key)| format!("({key}, {}, 'n')", at + 1)).collect();
    let script = format!(
        "CREATE TABLE t ({columns}, tag integer NOT NULL UNIQUE, note text, PRIMARY KEY ({key}));
        INSERT INTO t VALUES {};",
        values.join(", ")
    );
    one(name, script, usual("t"))
}

fn keys() -> Vec<Case> {
    vec![
        keyed("untyped key", "id", "id", &["1", "'1'", "1.5", "x'31'", "'x'", "''"]),
        keyed("blob key", "id blob", "id", &["x'00ff'", "x'c3'", "'text'", "7", "x''"]),
        keyed("real key", "id real", "id", &["1.0", "0.1", "1e300", "0.30000000000000004", "-0.5", "1e-310"]),
        keyed("a number and its text in a composite key", "a, b text", "a, b", &["1, 'x'", "'1', 'x'", "2, 'x'"]),
        keyed("null in a key", "id text", "id", &["NULL", "'a'", "NULL", "'b'"]),
        keyed("null in a composite key", "a text, b text", "a, b", &["NULL, 'x'", "'a', NULL", "'a', 'x'", "'', 'x'"]),
        keyed("nocase key", "id text COLLATE NOCASE", "id", &["'abc'", "'ABD'", "'É'", "'é'", "'abc '"]),
        keyed("rtrim key", "id text COLLATE RTRIM", "id", &["'abc'", "'ABC  '", "' abc'"]),
        keyed("invalid UTF-8 in a key", "id text", "id", &["CAST(x'61ff' AS TEXT)", "'a'", "CAST(x'ff' AS TEXT)"]),
        keyed("nul in a key", "id text", "id", &["'a' || char(0) || 'b'", "'a'", "'b'", "char(0)"]),
        keyed("a key that looks like JSON", "a text, b text", "a, b", &["'[\"a\"', '\"b\"]'", "'a,b', 'c'", "'a', 'b,c'"]),
        keyed("text in an integer key", "id integer, x integer", "id, x", &["1, 1", "'one', 1", "1.5, 1", "9223372036854775807, 1"]),
        keyed("numeric key", "id numeric", "id", &["1", "1.5", "'x'", "9007199254740993", "1e20"]),
        keyed("a key of 900 characters", "id text", "id", &[
            "replace(hex(zeroblob(450)), '0', 'k')", "'a'", "replace(hex(zeroblob(450)), '0', 'l')",
        ]),
        keyed("odd texts as keys", "id text", "id", &[
            "'%'", "'_'", "'?'", "'$1'", "'it''s'", "'a/b'", "' '", "'ä€😀'", "'null'", "'a' || char(10) || 'b'", "'\\'",
        ]),
        one(
            "without rowid",
            format!(
                "CREATE TABLE t (a text COLLATE NOCASE, b integer, tag integer NOT NULL, note text, PRIMARY KEY (a, b)) WITHOUT ROWID;
                INSERT INTO t VALUES {};",
                rows(9, |n| format!("('k{}', {n}, {n}, 'n')", n % 3))
            ),
            usual("t"),
        ),
        one(
            "strict",
            format!(
                "CREATE TABLE t (id any PRIMARY KEY NOT NULL, tag integer NOT NULL, note text) STRICT;
                INSERT INTO t VALUES {}, ('1', 8, 'n'), (x'31', 9, 'n');",
                rows(7, |n| format!("({n}, {n}, 'n')"))
            ),
            usual("t"),
        ),
        one(
            "a unique column that may be null",
            "CREATE TABLE t (id text UNIQUE, tag integer NOT NULL, note text);
            INSERT INTO t VALUES ('a', 1, 'n'), (NULL, 2, 'n'), (NULL, 3, 'n'), ('b', 4, 'n');",
            usual("t"),
        ),
        one(
            "no key",
            "CREATE TABLE t (tag integer, note text);
            INSERT INTO t VALUES (1, 'n'), (2, 'n'), (3, 'n'), (4, 'n');",
            usual("t"),
        ),
        one(
            "odd names",
            "CREATE TABLE \"sel'ect ?1 %\" (\"a\"\"b\" integer PRIMARY KEY, tag integer NOT NULL, note text, \"$1\" text DEFAULT '?', \"größe\" text);
            INSERT INTO \"sel'ect ?1 %\" (\"a\"\"b\", tag, note) VALUES (1, 1, 'n'), (2, 2, 'n'), (3, 3, 'n');",
            usual("sel'ect ?1 %"),
        ),
        one(
            "a view's pages",
            format!(
                "CREATE TABLE t (x text, tag integer); CREATE VIEW v AS SELECT 'same' AS same, tag FROM t;
                INSERT INTO t VALUES {};",
                rows(3000, |n| format!("('x', {})", (n * 7919) % 3001))
            ),
            vec![pages("v", 25), pages("t", 100)],
        ),
    ]
}

fn refusals() -> Vec<Case> {
    let table =
        "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, note text, u text UNIQUE ON CONFLICT ROLLBACK);";
    let filled = format!("INSERT INTO t VALUES {};", rows(12, |n| format!("({n}, {n}, 'n', 'u{n}')")));
    let refusing = |action: &str, condition: &str, effect: &str| {
        format!(
            "{table}{filled} CREATE TRIGGER refuse BEFORE {action} ON t WHEN {condition} BEGIN SELECT {effect}; END;"
        )
    };
    let change = || update("note", "changed", "'changed'");
    vec![
        one(
            "a trigger raises ROLLBACK",
            refusing("UPDATE", "OLD.id % 5 = 2", "RAISE(ROLLBACK, 'not this one')"),
            vec![bulk("t", change(), Selected::All), edit("t", 3, set("note", "after", "'after'"))],
        ),
        one(
            "a trigger raises ROLLBACK at a delete",
            refusing("DELETE", "OLD.id = 7", "RAISE(ROLLBACK, 'not this one')"),
            vec![bulk("t", Action::Delete, Selected::All)],
        ),
        one(
            "a trigger keeps a reference that a delete would empty, until its record goes too",
            format!(
                "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, parent integer REFERENCES t (id) ON DELETE SET NULL);
                INSERT INTO t VALUES (0, 0, NULL), {};
                CREATE TRIGGER keep BEFORE UPDATE ON t WHEN OLD.id % 4 = 0 BEGIN SELECT RAISE(IGNORE); END;",
                rows(12, |n| format!("({n}, {n}, {})", n - 1))
            ),
            vec![bulk("t", Action::Delete, Selected::All)],
        ),
        one(
            "a trigger aborts",
            refusing("UPDATE", "OLD.id % 5 = 2", "RAISE(ABORT, 'not this one')"),
            vec![bulk("t", change(), Selected::All), at_once("t", change(), Selected::Tags(vec![1, 2]))],
        ),
        one(
            "a trigger fails",
            refusing("UPDATE", "OLD.id % 5 = 2", "RAISE(FAIL, 'not this one')"),
            vec![bulk("t", change(), Selected::All)],
        ),
        one(
            "a trigger ignores",
            refusing("UPDATE", "OLD.id % 5 = 2", "RAISE(IGNORE)"),
            vec![bulk("t", change(), Selected::All)],
        ),
        one(
            "a unique column on conflict rollback",
            format!("{table}{filled}"),
            vec![
                bulk("t", update("u", "u5", "'u5'"), Selected::Tags(vec![3])),
                bulk("t", update("note", "after", "'after'"), Selected::All),
            ],
        ),
        one(
            "a check on conflict rollback",
            format!(
                "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, limited integer NOT NULL, n integer,
                    CHECK (n <= limited) ON CONFLICT ROLLBACK);
                INSERT INTO t VALUES {};",
                rows(12, |n| format!("({n}, {n}, {}, 0)", if n % 4 == 0 { 1 } else { 10 }))
            ),
            vec![bulk("t", update("n", "5", "5"), Selected::All)],
        ),
        one(
            "a unique column on conflict replace",
            format!(
                "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, note text, a integer, b text, UNIQUE (a, b) ON CONFLICT IGNORE);
                INSERT INTO t VALUES {};",
                rows(6, |n| format!("({n}, {n}, 'n', {}, 'b{n}')", n % 2))
            ),
            vec![bulk("t", update("b", "b1", "'b1'"), Selected::All)],
        ),
        one(
            "cascades and a restriction",
            format!(
                "CREATE TABLE parent (id integer PRIMARY KEY, tag integer NOT NULL, note text,
                    parent_id integer REFERENCES parent ON DELETE CASCADE);
                CREATE TABLE keeper (id integer PRIMARY KEY, parent_id integer REFERENCES parent ON DELETE RESTRICT);
                CREATE TABLE loose (id integer PRIMARY KEY, parent_id integer REFERENCES parent ON DELETE SET NULL);
                INSERT INTO parent VALUES {}; INSERT INTO keeper VALUES (1, 5), (2, 11); INSERT INTO loose VALUES (1, 2), (2, 3);",
                rows(12, |n| format!("({n}, {n}, 'n', {})", if n > 6 { (n - 6).to_string() } else { "NULL".into() }))
            ),
            vec![
                bulk("parent", Action::Delete, Selected::Tags(vec![1, 7, 2])),
                bulk("parent", Action::Delete, Selected::All),
            ],
        ),
    ]
}

fn values() -> Vec<Case> {
    let cleared = |column: &str| Assignment { column: column.to_owned(), text: None, sql: "NULL".to_owned() };
    vec![
        one(
            "a JSON null becomes NULL",
            "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, doc json);
            INSERT INTO t VALUES (1, 1, 'null'), (2, 2, NULL), (3, 3, 'null');",
            vec![
                edit("t", 1, cleared("doc")),
                bulk("t", Action::Update(vec![cleared("doc")]), Selected::All),
            ],
        ),
        one(
            "invalid UTF-8 in a cell",
            "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, note text, other text);
            INSERT INTO t VALUES (1, 1, 'n', 'o'), (2, 2, CAST(x'61ff62' AS TEXT), CAST(x'ff' AS TEXT)), (3, 3, x'ff', 1.5);",
            vec![
                pages("t", 2),
                edit("t", 2, set("note", "edited", "'edited'")),
                bulk("t", update("note", "changed", "'changed'"), filter("other=o", "other = 'o'")),
                bulk("t", update("note", "all", "'all'"), Selected::All),
            ],
        ),
        one(
            "any value in any column",
            "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, note text, b boolean, i integer, d date, dt datetime, n decimal(10,2), x, bl blob);
            INSERT INTO t VALUES (1, 1, 'n', 'yes', 'no', 'never', 12, '1.50', 1, x'00'), (2, 2, 5, 2, 1.5, 0.5, '2024-01-01T00:00:00+02:00', 1e300, 'x', 'b'),
                (3, 3, x'31', x'01', x'02', x'03', x'04', x'05', x'06', 1), (4, 4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);",
            vec![
                pages("t", 2),
                edit("t", 1, set("note", "edited", "'edited'")),
                edit("t", 2, set("note", "edited", "'edited'")),
                edit("t", 3, set("note", "edited", "'edited'")),
                bulk("t", update("note", "changed", "'changed'"), Selected::All),
            ],
        ),
        one(
            "a value of 70 kB",
            "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, note text);
            INSERT INTO t VALUES (1, 1, 'n'), (2, 2, 'n'), (3, 3, 'n');",
            vec![bulk("t", update("note", &"k".repeat(70_000), &format!("'{}'", "k".repeat(70_000))), Selected::All)],
        ),
    ]
}
