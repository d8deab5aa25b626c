//! On SQLite, where any value may stand in any column.

use crate::case::Case;

/// A table whose key is declared so, with these rows of key, category and number.
fn keyed(name: &str, key: &str, values: &str) -> Case {
    Case::new(
        name,
        &[
            &format!("CREATE TABLE t (id {key} PRIMARY KEY, cat TEXT, n INTEGER)"),
            &format!("INSERT INTO t VALUES {values}"),
        ],
    )
    .set("n", "77")
    .may_refuse(&super::UNFINDABLE)
    .may_be_read_only()
}

/// A trigger that answers rows with `id % 3 = 0` so.
fn raising(how: &str) -> Case {
    Case::new(
        &format!("a trigger says {how}"),
        &[
            "CREATE TABLE t (id INTEGER PRIMARY KEY, cat TEXT, n INTEGER)",
            "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 30)
                INSERT INTO t SELECT i, CASE WHEN i % 4 = 0 THEN 'b' ELSE 'a' END, i FROM s",
            &format!("CREATE TRIGGER u BEFORE UPDATE ON t WHEN OLD.id % 3 = 0 BEGIN SELECT {how}; END"),
            &format!("CREATE TRIGGER d BEFORE DELETE ON t WHEN OLD.id % 3 = 0 BEGIN SELECT {how}; END"),
        ],
    )
    .set("n", "77")
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, key, values) in [
        ("untyped keys", "", "(1, 'a', 1), ('1', 'a', 2), (2, 'b', 3), ('x', 'a', 4), (1.5, 'a', 5), (x'01', 'a', 6)"),
        ("blob keys", "BLOB", "(x'00', 'a', 1), (x'', 'a', 2), ('00', 'a', 3), (0, 'a', 4), (x'ff', 'b', 5)"),
        (
            "real keys",
            "REAL",
            "(0.1, 'a', 1), (0.30000000000000004, 'a', 2), (1e300, 'b', 3), (5, 'a', 4), ('x', 'a', 5)",
        ),
        (
            "numeric keys",
            "NUMERIC",
            "(1, 'a', 1), (1.5, 'a', 2), ('x', 'a', 3), (9007199254740993, 'a', 4), (x'31', 'b', 5)",
        ),
        ("text keys of other kinds", "TEXT", "('1', 'a', 1), (x'31', 'a', 2), ('', 'a', 3), ('b', 'b', 4)"),
        (
            "moments",
            "DATETIME",
            "('2026-01-01 00:00:00', 'a', 1), ('2026-01-01T00:00:00Z', 'a', 2), (1767225600, 'a', 3), ('x', 'b', 4)",
        ),
        ("NULL keys", "TEXT", "(NULL, 'a', 1), ('x', 'a', 2), (NULL, 'b', 3), ('y', 'a', 4)"),
        ("keys of any capitals", "TEXT COLLATE NOCASE", "('abc', 'a', 1), ('DEF', 'a', 2), ('Other', 'b', 3)"),
        ("keys with NUL", "TEXT", "('a' || char(0) || 'b', 'a', 1), ('a', 'a', 2), ('b', 'b', 3)"),
        (
            "keys of broken text",
            "TEXT",
            "(CAST(x'ff61' AS TEXT), 'a', 1), ('a', 'a', 2), ('b', 'b', 3), (CAST(x'fe61' AS TEXT), 'a', 4)",
        ),
        ("integers that are not", "INT", "(1, 'a', 1), ('x', 'a', 2), (2.5, 'a', 3), (x'02', 'b', 4)"),
    ] {
        cases.extend(keyed(name, key, values).every_way().into_iter().step_by(2));
    }
    let composite = Case::new(
        "composite keys of several kinds",
        &[
            "CREATE TABLE t (a, b TEXT, cat TEXT, n INTEGER, PRIMARY KEY (a, b))",
            "INSERT INTO t VALUES (1, 'x', 'a', 1), ('1', 'x', 'a', 2), (2, 'x', 'b', 3), ('1', 'y', 'a', 4)",
        ],
    )
    .key(&["a", "b"])
    .set("n", "77")
    .may_refuse(&super::UNFINDABLE)
    .may_be_read_only();
    cases.extend(composite.every_way().into_iter().step_by(2));
    let without_rowid = Case::new(
        "a table without rowid",
        &[
            "CREATE TABLE t (a TEXT, b INTEGER, cat TEXT, n INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID",
            "INSERT INTO t VALUES ('x', 1, 'a', 1), ('x', 2, 'a', 2), ('y', 1, 'b', 3), ('', 0, 'a', 4)",
        ],
    )
    .key(&["a", "b"])
    .by_key()
    .set("n", "77");
    cases.extend(without_rowid.every_way());
    for how in ["RAISE(ROLLBACK, 'no')", "RAISE(ABORT, 'no')", "RAISE(FAIL, 'no')"] {
        cases.extend(raising(how).every_way());
    }
    cases.extend(raising("RAISE(IGNORE)").every_way().into_iter().step_by(2));
    for clause in ["ROLLBACK", "ABORT", "FAIL"] {
        let case = Case::new(
            &format!("a check under ON CONFLICT {clause}"),
            &[
                &format!("CREATE TABLE t (id INTEGER PRIMARY KEY, cat TEXT, n INTEGER NOT NULL ON CONFLICT {clause}, top INTEGER,
                    u INTEGER UNIQUE ON CONFLICT {clause}, CHECK (n <= top))"),
                "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 20)
                    INSERT INTO t SELECT i, 'a', 1, CASE WHEN i % 5 = 0 THEN 10 ELSE 500 END, i FROM s",
                &format!("CREATE TRIGGER u AFTER UPDATE OF n ON t WHEN NEW.id % 4 = 0
                    BEGIN INSERT OR {clause} INTO t (id, cat, n, top) VALUES (NEW.id, 'x', 1, 1); END"),
            ],
        )
        .set("n", "77");
        cases.extend(case.every_way());
    }
    let family = Case::new(
        "a parent and its children in one selection",
        &[
            "CREATE TABLE t (id INTEGER PRIMARY KEY, cat TEXT, n INTEGER, up INTEGER REFERENCES t ON DELETE CASCADE)",
            "INSERT INTO t VALUES (1, 'a', 1, NULL), (2, 'a', 2, 1), (3, 'a', 3, 2), (4, 'b', 4, 3), (5, 'a', 5, NULL)",
        ],
    );
    cases.extend(family.every_way());
    let broken = Case::new(
        "cells of broken text beside others",
        &[
            "CREATE TABLE t (id INTEGER PRIMARY KEY, cat TEXT, n INTEGER, note TEXT)",
            "INSERT INTO t VALUES (1, 'a', 1, CAST(x'ff61' AS TEXT)), (2, 'a', 2, 'fine'), (3, 'b', 3, x'ff'), (4, 'a', 'x', 5)",
        ],
    )
    .set("n", "77");
    cases.extend(broken.every_way());
    cases
}
