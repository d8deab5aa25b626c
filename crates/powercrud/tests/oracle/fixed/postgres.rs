//! PostgreSQL: inheritance, partitions, row security, triggers with any SQLSTATE, types whose casts cut.

use super::{at_once, bulk, case, edit, filter, pages, rows, set, update, usual};
use crate::{
    step::{Action, Case, Selected, Step},
    support::Kind,
};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = relations();
    cases.extend(keys());
    cases.extend(refusals());
    cases.extend(links());
    cases
}

fn one(name: &str, script: impl Into<String>, steps: Vec<Step>) -> Case {
    case(Kind::Postgres, name, script, steps)
}

fn change() -> Action {
    update("note", "changed", "'changed'")
}

fn relations() -> Vec<Case> {
    let family = "CREATE TABLE par (id integer PRIMARY KEY, tag integer NOT NULL, cat text, note text);
        CREATE TABLE chi (extra text) INHERITS (par);
        INSERT INTO par VALUES (1, 1, 'a', 'n'), (2, 2, 'b', 'n'), (3, 3, 'a', 'n');
        INSERT INTO chi VALUES (1, 11, 'b', 'n', 'x'), (2, 12, 'a', 'n', 'y'), (9, 13, 'b', 'n', 'z');";
    vec![
        one("inheritance: update", family, vec![pages("par", 2), bulk("par", change(), filter("cat=a", "cat = 'a'"))]),
        one("inheritance: delete", family, vec![bulk("par", Action::Delete, filter("cat=a", "cat = 'a'"))]),
        one("inheritance: one record", family, vec![edit("par", 1, set("note", "edited", "'edited'"))]),
        one(
            "partitions",
            format!(
                "CREATE TABLE t (id integer, region text, tag integer NOT NULL, note text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
                CREATE TABLE t_n PARTITION OF t FOR VALUES IN ('n'); CREATE TABLE t_s PARTITION OF t FOR VALUES IN ('s', 'e');
                INSERT INTO t VALUES {};",
                rows(12, |n| format!("({}, '{}', {n}, 'n')", n % 6, ["n", "s", "e"][(n / 6) as usize % 3]))
            ),
            usual("t"),
        ),
        one(
            "two tables of one name",
            "CREATE SCHEMA other; CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, note text);
            CREATE TABLE other.t (id integer PRIMARY KEY, tag integer NOT NULL, note text);
            INSERT INTO t VALUES (1, 1, 'n'), (2, 2, 'n'), (3, 3, 'n'); INSERT INTO other.t VALUES (1, 1, 'n'), (2, 2, 'n'), (3, 3, 'n');",
            [usual("other.t"), usual("t")].concat(),
        ),
        one(
            "tables whose names collide",
            "CREATE SCHEMA other; CREATE TABLE \"other.t\" (id integer PRIMARY KEY, tag integer NOT NULL, note text);
            CREATE TABLE other.t (id integer PRIMARY KEY, tag integer NOT NULL, note text); CREATE TABLE z (id integer PRIMARY KEY, tag integer NOT NULL, note text);
            INSERT INTO z VALUES (1, 1, 'n'), (2, 2, 'n'), (3, 3, 'n');",
            usual("z"),
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
            "a rule instead of a delete",
            "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, note text); INSERT INTO t VALUES (1, 1, 'n'), (2, 2, 'n'), (3, 3, 'n');
            CREATE RULE keep AS ON DELETE TO t WHERE OLD.id = 2 DO INSTEAD NOTHING;",
            vec![bulk("t", Action::Delete, Selected::All)],
        ),
        one(
            "parents and their cascaded children",
            format!(
                "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, note text, parent_id integer REFERENCES t ON DELETE CASCADE);
                CREATE TABLE child (id integer PRIMARY KEY, t_id integer REFERENCES t ON DELETE CASCADE);
                CREATE TABLE keeper (id integer PRIMARY KEY, t_id integer REFERENCES t ON DELETE RESTRICT);
                CREATE TABLE loose (id integer PRIMARY KEY, t_id integer DEFAULT 1 REFERENCES t ON DELETE SET NULL);
                INSERT INTO t VALUES {}; INSERT INTO child VALUES (1, 1), (2, 2); INSERT INTO keeper VALUES (1, 5), (2, 11); INSERT INTO loose VALUES (1, 2), (2, 3);",
                rows(12, |n| format!("({n}, {n}, 'n', {})", if n > 6 { (n - 6).to_string() } else { "NULL".into() }))
            ),
            vec![bulk("t", Action::Delete, Selected::Tags(vec![1, 7, 2])), bulk("t", Action::Delete, Selected::All)],
        ),
    ]
}

fn keyed(name: &str, key: &str, keys: &[&str]) -> Case {
    let values: Vec<_> = keys.iter().enumerate().map(|(at, key)| format!("({key}, {}, 'n')", at + 1)).collect();
    let script = format!(
        "CREATE TABLE t (id {key} PRIMARY KEY, tag integer NOT NULL, note text); INSERT INTO t VALUES {};",
        values.join(", ")
    );
    one(name, script, usual("t"))
}

fn keys() -> Vec<Case> {
    let long = format!("'{}'", "k".repeat(900));
    vec![
        keyed("real key", "real", &["0.1", "1e30", "'-Infinity'", "'NaN'", "16777217"]),
        keyed("double key", "double precision", &["0.1", "1e300", "'Infinity'", "0.30000000000000004"]),
        keyed("numeric key", "numeric", &["1.0", "1.50", "'NaN'", "1e40", "-0.000001"]),
        keyed("decimal key", "numeric(10,2)", &["1.0", "1.50", "-99999999.99"]),
        keyed("bytes key", "bytea", &["'\\x00ff'", "'\\x'", "'\\x27'", "'abc'"]),
        keyed("uuid key", "uuid", &["'00000000-0000-0000-0000-000000000001'", "gen_random_uuid()".replace("gen_random_uuid()", "'ffffffff-ffff-4fff-bfff-ffffffffffff'").as_str(), "'a0000000-0000-0000-0000-000000000000'"]),
        keyed("date key", "date", &["'2024-02-29'", "'infinity'", "'0044-03-15 BC'", "'10000-01-01'"]),
        keyed("timestamp key", "timestamp", &["'2024-02-29 12:00'", "'infinity'", "'2024-02-29 12:00:00.000001'", "'0044-03-15 BC'"]),
        keyed("timestamptz key", "timestamptz", &["'2024-02-29 12:00+02'", "'-infinity'", "'2024-02-29 12:00:00.000001Z'"]),
        keyed("time key", "time", &["'24:00'", "'00:00'", "'12:00:00.000001'"]),
        keyed("interval key", "interval", &["'1 mon'", "'-1 day'", "'1 year 2 days 03:04:05.6'"]),
        keyed("char key", "char(4)", &["'ab'", "'abcd'", "''"]),
        keyed("boolean key", "boolean", &["true", "false"]),
        keyed("bit key", "bit(4)", &["'0101'", "'1111'", "'0000'"]),
        keyed("inet key", "inet", &["'10.0.0.1'", "'10.0.0.1/8'", "'::1'"]),
        keyed("array key", "integer[]", &["'{}'", "'{1,NULL}'", "'{1,2}'"]),
        keyed("odd texts as keys", "text", &[
            "'%'", "'?'", "'$1'", "'it''s'", "'a/b'", "' '", "''", "'ä€😀'", "'null'", "E'a\\nb'", "'\\'", "'[\"a\"]'", &long,
        ]),
        one(
            "a nondeterministic collation",
            "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
            CREATE TABLE t (id text COLLATE ci PRIMARY KEY, tag integer NOT NULL, note text);
            INSERT INTO t VALUES ('abc', 1, 'n'), ('ABD', 2, 'n'), ('É', 3, 'n'), ('e', 4, 'n');",
            usual("t"),
        ),
        one(
            "composite key",
            "CREATE TABLE t (a text, b integer, tag integer NOT NULL, note text, PRIMARY KEY (b, a));
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
            "CREATE TABLE t (id text UNIQUE, tag integer NOT NULL, note text); INSERT INTO t VALUES ('a', 1, 'n'), (NULL, 2, 'n'), (NULL, 3, 'n');",
            usual("t"),
        ),
        one(
            "a deferrable key",
            "CREATE TABLE t (id integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, tag integer NOT NULL, note text); INSERT INTO t VALUES (1, 1, 'n'), (2, 2, 'n'), (3, 3, 'n');",
            usual("t"),
        ),
        one(
            "odd names",
            "CREATE TABLE \"sel'ect ? %\" (\"a\"\"b\" integer PRIMARY KEY, tag integer NOT NULL, note text, \"$1\" text DEFAULT '?', \"größe\" text, \"GROUP\" text);
            INSERT INTO \"sel'ect ? %\" (\"a\"\"b\", tag, note) VALUES (1, 1, 'n'), (2, 2, 'n'), (3, 3, 'n');",
            usual("sel'ect ? %"),
        ),
    ]
}

/// A trigger that does this to every fifth row of `t`.
fn triggered(name: &str, when: &str, body: &str, action: Action) -> Case {
    let script = format!(
        "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, note text, moved integer);
        INSERT INTO t VALUES {};
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF OLD.id % 5 = 2 THEN {body} END IF; IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$;
        CREATE TRIGGER refuse BEFORE {when} ON t FOR EACH ROW EXECUTE FUNCTION refuse();",
        rows(12, |n| format!("({n}, {n}, 'n', 0)"))
    );
    one(name, script, vec![at_once("t", action.clone(), Selected::Tags(vec![1, 2])), bulk("t", action, Selected::All)])
}

fn refusals() -> Vec<Case> {
    let raised = |code: &str| format!("RAISE EXCEPTION 'not this one' USING ERRCODE = '{code}';");
    let mut cases: Vec<_> =
        ["23000", "P0002", "54000", "42501", "P0001", "22000", "XX000", "40002", "0A000", "57014", "ZZ999"]
            .iter()
            .map(|code| triggered(&format!("a trigger raises {code}"), "UPDATE", &raised(code), change()))
            .collect();
    cases.push(triggered("a trigger refuses a delete with P0002", "DELETE", &raised("P0002"), Action::Delete));
    cases.push(triggered("a trigger swallows", "UPDATE", "RETURN NULL;", change()));
    cases.push(triggered("a trigger swallows a delete", "DELETE", "RETURN NULL;", Action::Delete));
    cases.push(triggered(
        "a trigger changes the value",
        "UPDATE",
        "NEW.note := 'mine'; NEW.moved := OLD.moved + 1;",
        change(),
    ));
    cases.push(triggered("a trigger divides by zero", "UPDATE", "NEW.moved := 1 / 0;", change()));
    cases.push(triggered("a trigger's function is missing", "UPDATE", "PERFORM no_such_function();", change()));
    let protected = format!(
        "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, note text, owner text);
        INSERT INTO t VALUES {};
        GRANT ALL ON SCHEMA public TO pg_monitor; GRANT ALL ON t TO pg_monitor; ALTER TABLE t ENABLE ROW LEVEL SECURITY;
        CREATE POLICY seen ON t FOR SELECT USING (true);
        CREATE POLICY changed ON t FOR UPDATE USING (id < 11) WITH CHECK (id % 4 <> 1 OR note <> 'changed');
        CREATE POLICY deleted ON t FOR DELETE USING (id % 3 = 0);",
        rows(12, |n| format!("({n}, {n}, 'n', 'o')"))
    );
    let secured = vec![
        pages("t", 5),
        bulk("t", change(), Selected::All),
        edit("t", 5, set("note", "changed", "'changed'")),
        bulk("t", Action::Delete, Selected::All),
    ];
    cases.push(Case { role: Some("pg_monitor"), ..one("row security", protected, secured) });
    // 1 goes only once 5 has gone, whose reference it would empty.
    cases.push(one(
        "a trigger refuses what a delete changes with it",
        format!(
            "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL UNIQUE, note text, parent integer REFERENCES t (id) ON DELETE SET NULL);
            INSERT INTO t VALUES {};
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one' USING ERRCODE = '23000'; END $$;
            CREATE TRIGGER refuse BEFORE UPDATE ON t FOR EACH ROW WHEN (OLD.id > 4) EXECUTE FUNCTION refuse();",
            rows(12, |n| match n {
                1..=4 => format!("({n}, {n}, 'n', NULL)"),
                n => format!("({n}, {n}, 'n', {})", n - 4),
            })
        ),
        vec![bulk("t", Action::Delete, Selected::All)],
    ));
    cases.push(one(
        "constraints of every kind",
        format!(
            "CREATE DOMAIN small AS integer CHECK (VALUE < 100); CREATE TABLE o (id integer PRIMARY KEY);  INSERT INTO o VALUES (1);
            CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, note text, n integer CHECK (n <> id), d small, o_id integer REFERENCES o DEFERRABLE INITIALLY DEFERRED,
                u integer UNIQUE, doubled integer GENERATED ALWAYS AS (n * 2) STORED, EXCLUDE (u WITH =), short varchar(3));
            INSERT INTO t VALUES {};",
            rows(12, |n| format!("({n}, {n}, 'n', -1, 1, 1, {n}, DEFAULT, 'abc')"))
        ),
        vec![
            bulk("t", update("n", "5", "5"), Selected::All),
            at_once("t", update("n", "3", "3"), Selected::Tags(vec![2, 3])),
            bulk("t", update("d", "100", "100"), Selected::All),
            bulk("t", update("u", "5", "5"), Selected::Tags(vec![6])),
            edit("t", 4, set("n", "4", "4")),
        ],
    ));
    cases
}

fn links() -> Vec<Case> {
    vec![
        one(
            "a value of 70 kB",
            "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, note text); INSERT INTO t VALUES (1, 1, 'n'), (2, 2, 'n'), (3, 3, 'n');",
            vec![bulk("t", update("note", &"k".repeat(70_000), &format!("'{}'", "k".repeat(70_000))), Selected::All)],
        ),
        one(
            "casts that cut",
            "CREATE TABLE t (id integer PRIMARY KEY, tag integer NOT NULL, note text, a varchar(3)[], b bit(8), v varbit(4));
            INSERT INTO t VALUES (1, 1, 'n', '{abc}', '00000000', '1'), (2, 2, 'n', '{abc}', '00000000', '1');",
            vec![
                bulk("t", update("a", "{abcdef}", "'{abcdef}'"), Selected::All),
                bulk("t", update("b", "1", "'1'"), Selected::All),
                bulk("t", update("b", "010101010", "'010101010'"), Selected::All),
                bulk("t", update("v", "10101", "'10101'"), Selected::All),
                edit("t", 1, set("a", "{abcdef}", "'{abcdef}'")),
                edit("t", 2, set("b", "11", "'11'")),
                edit("t", 2, set("b", "11111111", "'11111111'")),
            ],
        ),
    ]
}
