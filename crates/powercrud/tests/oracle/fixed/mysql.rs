//! MySQL and MariaDB: collations, zero dates, unsigned 64 bits, engines without transactions.

use super::{at_once, bulk, case, edit, filter, pages, rows, set, update, usual};
use crate::{
    step::{Action, Case, Selected, Step},
    support::Kind,
};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = keys();
    cases.extend(refusals());
    cases.extend(others());
    cases
}

fn one(name: &str, script: impl Into<String>, steps: Vec<Step>) -> Case {
    case(Kind::Mysql, name, script, steps)
}

fn change() -> Action {
    update("note", "changed", "'changed'")
}

fn keyed(name: &str, key: &str, keys: &[&str]) -> Case {
    let values: Vec<_> = keys.iter().enumerate().map(|(at, key)| format!("({key}, {}, 'n')", at + 1)).collect();
    let script = format!(
        "SET sql_mode = 'ALLOW_INVALID_DATES'; CREATE TABLE t (id {key} NOT NULL PRIMARY KEY, tag integer NOT NULL, note text); INSERT INTO t VALUES {};",
        values.join(", ")
    );
    one(name, script, usual("t"))
}

fn keys() -> Vec<Case> {
    let long = format!("'{}'", "k".repeat(700));
    vec![
        keyed("float key", "float", &["0.1", "1.5", "16777216", "3.4e38", "-0.3"]),
        keyed("double key", "double", &["0.1", "1e300", "0.30000000000000004"]),
        keyed("decimal key", "decimal(20,5)", &["1.0", "1.50", "-99999999.99999"]),
        keyed("unsigned 64", "bigint unsigned", &["18446744073709551615", "1", "9223372036854775808"]),
        keyed("date key", "date", &["'0000-00-00'", "'2024-02-29'", "'2024-02-31'", "'2024-00-00'", "'9999-12-31'"]),
        keyed("datetime key", "datetime(6)", &["'0000-00-00'", "'2024-02-29 12:00:00.000001'", "'2024-02-29 12:00'"]),
        keyed("timestamp key", "timestamp", &["'0000-00-00'", "'2024-02-29 12:00:01'", "'2024-02-29 12:00'"]),
        keyed("time key", "time", &["'838:59:59'", "'-838:59:59'", "'00:00:00'", "'24:00:00'"]),
        keyed("year key", "year", &["0", "1901", "2155"]),
        keyed("bit key", "bit(16)", &["0", "65535", "b'101'"]),
        keyed("varbinary key", "varbinary(20)", &["x'00ff'", "'a'", "'A'", "''", "'a '"]),
        keyed("binary key", "binary(4)", &["x'00ff'", "'a'", "'A'", "''"]),
        keyed("nul in a key", "varchar(20)", &["'a\\0b'", "'a'", "'b'", "'\\0'"]),
        keyed("a key that ignores case", "varchar(20) COLLATE utf8mb4_general_ci", &["'abc'", "'ABD'", "'é'", "'x '"]),
        keyed("a binary collation", "varchar(20) COLLATE utf8mb4_bin", &["'abc'", "'ABC'", "'é'", "'e'"]),
        keyed("a collation without padding", "varchar(20) COLLATE utf8mb4_nopad_bin", &["'a'", "'a '", "'A'", "''"]),
        keyed("latin1 key", "varchar(20) CHARACTER SET latin1", &["'é'", "'€'", "'a'"]),
        keyed("enum key", "enum('b','a','','1')", &["'a'", "'b'", "'1'"]),
        keyed("set key", "set('b','a')", &["'a,b'", "'b'", "''"]),
        keyed("boolean key", "tinyint(1)", &["0", "1", "2", "-128"]),
        keyed("a key of 700 characters", "varchar(750)", &[&long, "'a'", "'b'"]),
        keyed("odd texts as keys", "varchar(40)", &[
            "'%'", "'_'", "'?'", "'$1'", "'it''s'", "'a/b'", "''", "'ä€😀'", "'null'", "'a\\nb'", "'\\\\'", "'[\"a\"]'",
        ]),
        one(
            "composite key",
            "CREATE TABLE t (a varchar(10), b integer, tag integer NOT NULL, note text, PRIMARY KEY (b, a));
            INSERT INTO t VALUES ('a,b', 1, 1, 'n'), ('\"', 1, 2, 'n'), ('', 1, 3, 'n'), ('a', -2147483648, 4, 'n');",
            usual("t"),
        ),
        one(
            "no key",
            "CREATE TABLE t (tag integer, note text); INSERT INTO t VALUES (1, 'n'), (2, 'n'), (3, 'n');",
            usual("t"),
        ),
        one(
            "a unique column that may be null",
            "CREATE TABLE t (id varchar(10) UNIQUE, tag integer NOT NULL, note text); INSERT INTO t VALUES ('a', 1, 'n'), (NULL, 2, 'n'), (NULL, 3, 'n');",
            usual("t"),
        ),
        one(
            "a key's prefix",
            "CREATE TABLE t (id varchar(10) NOT NULL, tag integer NOT NULL, note text, UNIQUE (id(2))); INSERT INTO t VALUES ('ab', 1, 'n'), ('cd', 2, 'n'), ('ef', 3, 'n');",
            usual("t"),
        ),
        one(
            "odd names",
            "CREATE TABLE `sel'ect ? %` (`a\"b` integer PRIMARY KEY, tag integer NOT NULL, note text, `$1` varchar(10) DEFAULT '?', `größe` text, `group` text);
            INSERT INTO `sel'ect ? %` (`a\"b`, tag, note) VALUES (1, 1, 'n'), (2, 2, 'n'), (3, 3, 'n');",
            usual("sel'ect ? %"),
        ),
    ]
}

fn triggered(name: &str, when: &str, body: &str, action: Action) -> Case {
    let script = format!(
        "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, note text, moved integer);
        INSERT INTO t VALUES {};
        CREATE TRIGGER refuse BEFORE {when} ON t FOR EACH ROW BEGIN IF OLD.id % 5 = 2 THEN {body} END IF; END;",
        rows(12, |n| format!("({n}, {n}, 'n', 0)"))
    );
    one(name, script, vec![at_once("t", action.clone(), Selected::Tags(vec![1, 2])), bulk("t", action, Selected::All)])
}

fn refusals() -> Vec<Case> {
    let raised = |code: &str| format!("SIGNAL SQLSTATE '{code}' SET MESSAGE_TEXT = 'not this one';");
    let mut cases: Vec<_> = ["45000", "23000", "02000", "42000", "HY000", "ZZ999"]
        .iter()
        .map(|code| triggered(&format!("a trigger raises {code}"), "UPDATE", &raised(code), change()))
        .collect();
    cases.push(triggered("a trigger refuses a delete", "DELETE", &raised("42000"), Action::Delete));
    cases.push(triggered("a trigger divides by zero", "UPDATE", "SET NEW.moved = 1 / 0;", change()));
    cases.push(triggered(
        "a trigger changes the value",
        "UPDATE",
        "SET NEW.note = 'mine', NEW.moved = OLD.moved + 1;",
        change(),
    ));
    cases.push(triggered("a trigger's table is missing", "UPDATE", "INSERT INTO no_such_table VALUES (1);", change()));
    // 1365 stops the statement where the mode says so.
    cases.push(one(
        "a check divides by zero",
        format!(
            "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, note text, n integer, m integer, CHECK (n <> id)); INSERT INTO t VALUES {};",
            rows(12, |n| format!("({n}, {n}, 'n', -1, {})", n % 4))
        ),
        vec![bulk("t", update("n", "5", "5"), Selected::All), edit("t", 4, set("n", "4", "4"))],
    ));
    // A cascade runs no trigger: the child can't be deleted by itself, and goes with its parent.
    for (name, run) in [("in the background", bulk as fn(_, _, _) -> _), ("in the request", at_once)] {
        cases.push(one(
            &format!("a child that a trigger keeps comes before its parent, {name}"),
            "CREATE TABLE t (id varchar(9) PRIMARY KEY, tag integer NOT NULL, up varchar(9), FOREIGN KEY (up) REFERENCES t (id) ON DELETE CASCADE);
            INSERT INTO t VALUES ('z', 1, NULL), ('a', 2, 'z'), ('b', 3, 'z'), ('y', 5, NULL), ('c', 6, 'y'), ('d', 7, NULL);
            CREATE TRIGGER tr BEFORE DELETE ON t FOR EACH ROW BEGIN IF OLD.tag % 2 = 0 THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF; END;",
            vec![run("t", Action::Delete, Selected::Tags(vec![1, 2, 3])), run("t", Action::Delete, Selected::All)],
        ));
    }
    cases
}

fn others() -> Vec<Case> {
    vec![
        one(
            "MyISAM",
            "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, note text) ENGINE = MyISAM; INSERT INTO t VALUES (1, 1, 'n'), (2, 2, 'n'), (3, 3, 'n');",
            vec![pages("t", 2), bulk("t", change(), Selected::All), bulk("t", Action::Delete, Selected::Tags(vec![1]))],
        ),
        one(
            "Aria",
            "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, note text) ENGINE = Aria; INSERT INTO t VALUES (1, 1, 'n'), (2, 2, 'n'), (3, 3, 'n');",
            vec![pages("t", 2), bulk("t", change(), Selected::All), bulk("t", Action::Delete, Selected::Tags(vec![1]))],
        ),
        // `IS NULL` finds the zero dates of a NOT NULL column as well.
        one(
            "zero dates are not empty",
            "SET sql_mode = ''; CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, note text, d date NOT NULL, at datetime NOT NULL, e date);
            INSERT INTO t VALUES (1, 1, 'n', '0000-00-00', '0000-00-00', '0000-00-00'), (2, 2, 'n', '2024-01-01', '2024-01-01', '2024-01-01'),
            (3, 3, 'n', '2024-00-00', '2024-01-02', NULL);",
            ["d__ne=0000-00-00", "at__ne=0000-00-00 00:00:00", "e__ne=0000-00-00"]
                .into_iter()
                .zip(["d <> '0000-00-00'", "at <> '0000-00-00'", "NOT (e <=> '0000-00-00')"])
                .chain([("d__isnull=true", "FALSE"), ("at__isnull=true", "FALSE"), ("e__isnull=true", "e <=> NULL")])
                .chain([("d__isnull=false", "TRUE"), ("at__isnull=false", "TRUE"), ("e__isnull=false", "NOT (e <=> NULL)")])
                .enumerate()
                .map(|(number, (told, sql))| {
                    let note = format!("changed {number}");
                    bulk("t", update("note", &note, &format!("'{note}'")), filter(told, sql))
                })
                .chain([bulk("t", Action::Delete, filter("d__ne=0000-00-00", "d <> '0000-00-00'"))])
                .collect(),
        ),
        one(
            "a value of 70 kB",
            "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, note longtext); INSERT INTO t VALUES (1, 1, 'n'), (2, 2, 'n'), (3, 3, 'n');",
            vec![bulk("t", update("note", &"k".repeat(70_000), &format!("'{}'", "k".repeat(70_000))), Selected::All)],
        ),
        one(
            "an enum without the value",
            "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, note text, e enum('a','b'), v varchar(3), n tinyint);
            INSERT INTO t VALUES (1, 1, 'n', 'a', 'abc', 1), (2, 2, 'n', 'b', 'abc', 2), (3, 3, 'n', NULL, 'abc', 3);",
            vec![
                bulk("t", update("e", "wrong", "'wrong'"), Selected::All),
                bulk("t", update("v", "abcd", "'abcd'"), Selected::All),
                bulk("t", update("n", "128", "128"), Selected::All),
                bulk("t", update("e", "b", "'b'"), filter("e=a", "e = 'a'")),
            ],
        ),
        one(
            "a view's pages",
            format!(
                "CREATE TABLE t (x text, tag integer); CREATE VIEW v AS SELECT 'same' AS same, tag FROM t; INSERT INTO t VALUES {};",
                rows(3000, |n| format!("('x', {})", (n * 7919) % 3001))
            ),
            vec![pages("v", 25), pages("t", 100)],
        ),
        one(
            "parents and their cascaded children",
            format!(
                "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, note text, parent_id integer, FOREIGN KEY (parent_id) REFERENCES t (id) ON DELETE CASCADE);
                CREATE TABLE keeper (id integer PRIMARY KEY, t_id integer, FOREIGN KEY (t_id) REFERENCES t (id));
                CREATE TABLE loose (id integer PRIMARY KEY, t_id integer, FOREIGN KEY (t_id) REFERENCES t (id) ON DELETE SET NULL);
                INSERT INTO t VALUES {}; INSERT INTO keeper VALUES (1, 5), (2, 11); INSERT INTO loose VALUES (1, 2), (2, 3);",
                rows(12, |n| format!("({n}, {n}, 'n', {})", if n > 6 { (n - 6).to_string() } else { "NULL".into() }))
            ),
            vec![bulk("t", Action::Delete, Selected::Tags(vec![1, 7, 2])), bulk("t", Action::Delete, Selected::All)],
        ),
    ]
}
