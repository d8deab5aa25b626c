//! On PostgreSQL.

use crate::case::Case;

/// A trigger on `t` that answers rows with `id % 3 = 0` by an error of this code.
fn raising(code: &str) -> Case {
    let function = format!(
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF OLD.id % 3 = 0 THEN RAISE EXCEPTION 'not this one' USING ERRCODE = '{code}'; END IF;
            IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$"
    );
    Case::new(
        &format!("a trigger raises {code}"),
        &[
            "CREATE TABLE t (id integer PRIMARY KEY, cat text, n integer)",
            "INSERT INTO t SELECT i, CASE WHEN i % 4 = 0 THEN 'b' ELSE 'a' END, i FROM generate_series(1, 30) i",
            &function,
            "CREATE TRIGGER no BEFORE UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION no()",
        ],
    )
    .set("n", "77")
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let inheritance = Case::new(
        "a child table repeats keys",
        &[
            "CREATE TABLE par (id integer PRIMARY KEY, cat text, n integer)",
            "CREATE TABLE chi () INHERITS (par)",
            "INSERT INTO par VALUES (1, 'a', 1), (2, 'b', 2), (3, 'a', 3)",
            "INSERT INTO chi VALUES (1, 'b', 10), (3, 'b', 30), (4, 'b', 40)",
        ],
    )
    .on("par")
    .set("n", "77")
    .may_refuse(&super::UNFINDABLE)
    .may_be_read_only();
    cases.extend(inheritance.every_way());
    let partitions = Case::new(
        "partitions",
        &[
            "CREATE TABLE t (id integer, part integer, cat text, n integer, PRIMARY KEY (id, part)) PARTITION BY LIST (part)",
            "CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1)",
            "CREATE TABLE t2 PARTITION OF t FOR VALUES IN (2)",
            "INSERT INTO t SELECT i, 1 + i % 2, CASE WHEN i % 3 = 0 THEN 'b' ELSE 'a' END, i FROM generate_series(1, 20) i",
        ],
    )
    .key(&["id", "part"])
    .set("n", "77");
    cases.extend(partitions.every_way());
    for code in ["42501", "23000", "P0002", "54000", "P0001", "XX001", "0A000"] {
        cases.extend(raising(code).every_way().into_iter().take(if code == "42501" { 4 } else { 3 }));
    }
    let swallowing = Case::new(
        "a trigger keeps rows without a word",
        &[
            "CREATE TABLE t (id integer PRIMARY KEY, cat text, n integer)",
            "INSERT INTO t SELECT i, 'a', i FROM generate_series(1, 20) i",
            "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF OLD.id % 3 = 0 THEN RETURN NULL; END IF;
                IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$",
            "CREATE TRIGGER no BEFORE UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION no()",
        ],
    )
    .set("n", "77");
    cases.extend(swallowing.every_way());
    for (word, column_type, values) in [
        (
            "real keys",
            "real",
            "(0.1, 'a', 1), (16777217, 'a', 2), (3.4e38, 'b', 3), ('NaN', 'a', 4), ('-infinity', 'a', 5)",
        ),
        (
            "double keys",
            "double precision",
            "(0.1, 'a', 1), (0.30000000000000004, 'a', 2), (1e300, 'b', 3), ('NaN', 'a', 4)",
        ),
        ("numeric keys", "numeric", "(0.10, 'a', 1), (1e30, 'a', 2), ('NaN', 'a', 4), (2.50, 'b', 3)"),
        (
            "moments with infinity and BC",
            "timestamp",
            "('infinity', 'a', 1), ('0044-03-15 12:00 BC', 'a', 2), ('2026-01-01', 'b', 3), ('12000-01-01', 'a', 4)",
        ),
        (
            "instants",
            "timestamptz",
            "('infinity', 'a', 1), ('0044-03-15 12:00 BC', 'a', 2), ('2026-01-01 00:00:00.000001+02', 'a', 3)",
        ),
        (
            "dates",
            "date",
            "('infinity', 'a', 1), ('0044-03-15 BC', 'a', 2), ('12000-01-01', 'a', 3), ('2026-01-01', 'b', 4)",
        ),
        ("intervals", "interval", "('1 mon', 'a', 1), ('31 days', 'a', 2), ('-1 day 2:00', 'b', 3)"),
        ("bits", "bit(8)", "(B'00000001', 'a', 1), (B'11111111', 'a', 2), (B'10000000', 'b', 3)"),
        ("blank-padded keys", "char(5)", "('a', 'a', 1), ('a b', 'a', 2), ('b', 'b', 3)"),
        ("ranges", "int4range", "('[1,5)', 'a', 1), ('empty', 'a', 2), ('[7,)', 'b', 3)"),
        ("arrays", "text[]", "('{a,NULL}', 'a', 1), ('{\"a,b\"}', 'a', 2), ('{}', 'b', 3)"),
        (
            "texts with odd letters",
            "text",
            "('', 'a', 1), (' a', 'a', 2), (E'a\\nb', 'a', 3), (E'a\\r', 'a', 4), ('a,b', 'a', 5), ('[\"x\"]', 'b', 6), (repeat('k', 900), 'a', 7)",
        ),
        ("bytes", "bytea", "('\\x00', 'a', 1), ('\\x', 'a', 2), ('\\x6162', 'b', 3), ('\\xff', 'a', 4)"),
    ] {
        let case = Case::new(
            word,
            &[
                &format!("CREATE TABLE t (id {column_type} PRIMARY KEY, cat text, n integer)"),
                &format!("INSERT INTO t VALUES {values}"),
            ],
        )
        .set("n", "77")
        .may_refuse(&super::UNFINDABLE)
        .may_be_read_only();
        cases.extend(case.every_way().into_iter().step_by(2));
    }
    let family = Case::new(
        "a parent and its children in one selection",
        &[
            "CREATE TABLE t (id integer PRIMARY KEY, cat text, n integer, up integer REFERENCES t ON DELETE CASCADE)",
            "INSERT INTO t VALUES (1, 'a', 1, NULL), (2, 'a', 2, 1), (3, 'a', 3, 2), (4, 'b', 4, 3), (5, 'a', 5, NULL)",
        ],
    );
    cases.extend(family.every_way());
    let chain = Case::new(
        "records that refer to each other",
        &[
            "CREATE TABLE t (id integer PRIMARY KEY, cat text, n integer, up integer REFERENCES t)",
            "INSERT INTO t SELECT i, CASE WHEN i = 7 THEN 'b' ELSE 'a' END, i, nullif(i - 1, 0) FROM generate_series(1, 15) i",
        ],
    );
    cases.extend(chain.every_way());
    let rule = Case::new(
        "a rule does something else instead",
        &[
            "CREATE TABLE t (id integer PRIMARY KEY, cat text, n integer)",
            "CREATE TABLE other (id integer PRIMARY KEY, n integer)",
            "INSERT INTO t SELECT i, 'a', i FROM generate_series(1, 6) i",
            "INSERT INTO other SELECT i, i FROM generate_series(1, 6) i",
            "CREATE RULE instead AS ON UPDATE TO t DO INSTEAD UPDATE other SET n = NEW.n WHERE id = OLD.id",
            "CREATE RULE gone AS ON DELETE TO t DO INSTEAD UPDATE other SET n = 0 WHERE id = OLD.id",
        ],
    )
    .set("n", "77")
    .may_refuse(&["NOT_CHANGED"])
    .may_be_read_only();
    cases.extend(rule.every_way().into_iter().step_by(2));
    let checks = Case::new(
        "checks, uniques and domains",
        &[
            "CREATE DOMAIN small AS integer CHECK (VALUE < 1000)",
            "CREATE TABLE \"select\" (\"Id\" integer PRIMARY KEY, cat text, n small, top integer, CONSTRAINT \"content_id\" CHECK (n <= top))",
            "INSERT INTO \"select\" SELECT i, 'a', 1, CASE WHEN i % 5 = 0 THEN 10 ELSE 500 END FROM generate_series(1, 25) i",
        ],
    )
    .on("select")
    .set("n", "77");
    cases.extend(checks.every_way().into_iter().map(|case| Case {
        table: "\"select\"".into(),
        key: vec!["\"Id\"".into()],
        ..case
    }));
    let large = Case::new(
        "a value of 70 kB",
        &[
            "CREATE TABLE t (id integer PRIMARY KEY, cat text, n text)",
            "INSERT INTO t SELECT i, 'a', 'x' FROM generate_series(1, 6) i",
        ],
    )
    .set("n", &"long ".repeat(14_000));
    cases.push(large);
    cases
}
