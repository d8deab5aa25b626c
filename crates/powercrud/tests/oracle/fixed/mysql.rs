//! On MariaDB and MySQL.

use crate::case::Case;

/// A table of six rows, and a trigger that answers some of them so.
fn with_trigger(name: &str, body: &str) -> Case {
    Case::new(
        name,
        &[
            "CREATE TABLE t (id INT PRIMARY KEY, cat VARCHAR(9), n INT)",
            "INSERT INTO t VALUES (1, 'a', 1), (2, 'a', 2), (3, 'a', 3), (4, 'b', 4), (5, 'a', 5), (6, 'a', 6), (7, 'a', 0)",
            &format!("CREATE TRIGGER on_update BEFORE UPDATE ON t FOR EACH ROW BEGIN {body} END"),
            &format!("CREATE TRIGGER on_delete BEFORE DELETE ON t FOR EACH ROW BEGIN {body} END"),
        ],
    )
    .set("n", "77")
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (word, column_type, values) in [
        ("float keys", "FLOAT", "(0.1, 'a', 1), (16777217, 'a', 2), (3.4e38, 'b', 3), (1.23456789, 'a', 4)"),
        ("double keys", "DOUBLE", "(0.1, 'a', 1), (0.30000000000000004, 'a', 2), (1e300, 'b', 3)"),
        ("keys with NUL", "VARCHAR(20)", "('a\\0b', 'a', 1), ('a', 'a', 2), ('b', 'b', 3)"),
        ("zero dates", "DATE", "('0000-00-00', 'a', 1), ('2026-01-01', 'a', 2), ('2026-00-00', 'b', 3)"),
        ("zero moments", "DATETIME", "('0000-00-00 00:00:00', 'a', 1), ('2026-01-01', 'a', 2), ('9999-12-31', 'b', 3)"),
        (
            "times beyond a day",
            "TIME",
            "('838:59:59', 'a', 1), ('-838:59:59', 'a', 2), ('13:00', 'b', 3), ('00:00', 'a', 4)",
        ),
        (
            "unsigned 64 bits",
            "BIGINT UNSIGNED",
            "(18446744073709551615, 'a', 1), (9223372036854775808, 'a', 2), (9223372036854775807, 'b', 3), (0, 'a', 4)",
        ),
        ("bits", "BIT(8)", "(b'00000001', 'a', 1), (b'11111111', 'a', 2), (b'00000010', 'b', 3)"),
        ("enums", "ENUM('x', 'y', '')", "('x', 'a', 1), ('y', 'b', 2), ('', 'a', 3)"),
        ("sets", "SET('x', 'y')", "('x', 'a', 1), ('x,y', 'a', 2), ('', 'b', 3)"),
        ("decimals", "DECIMAL(30, 10)", "(0.1, 'a', 1), (12345678901234567890.0123456789, 'a', 2), (2.5, 'b', 3)"),
        (
            "keys of any capitals",
            "VARCHAR(20) COLLATE utf8mb4_general_ci",
            "('abc', 'a', 1), ('ÄB', 'a', 2), ('Other', 'b', 3)",
        ),
        ("blank-padded keys", "CHAR(5)", "('a', 'a', 1), ('a b', 'a', 2), ('b', 'b', 3)"),
        (
            "bytes",
            "VARBINARY(20)",
            "(0x00, 'a', 1), ('', 'a', 2), (0x6162, 'b', 3), (0xff, 'a', 4), (0x616200, 'a', 5)",
        ),
        (
            "texts with odd letters",
            "VARCHAR(20) COLLATE utf8mb4_bin",
            "('', 'a', 1), (' a', 'a', 2), ('a\\nb', 'a', 3), ('a\\\\', 'a', 4), ('a,b', 'a', 5)",
        ),
        ("years", "YEAR", "(2026, 'a', 1), (0, 'a', 2), (1901, 'b', 3)"),
    ] {
        let case = Case::new(
            word,
            &[
                "SET SESSION sql_mode = ''",
                &format!("CREATE TABLE t (id {column_type} NOT NULL PRIMARY KEY, cat VARCHAR(9), n INT)"),
                &format!("INSERT INTO t VALUES {values}"),
            ],
        )
        .set("n", "77")
        .may_refuse(&super::UNFINDABLE)
        .may_be_read_only();
        cases.extend(case.every_way().into_iter().step_by(2));
    }
    cases.extend(with_trigger("division by zero", "DECLARE x INT; SET x = 1 / (OLD.n MOD 3);").every_way());
    for code in ["45000", "23000", "42501", "HY000"] {
        let body =
            format!("IF OLD.id MOD 3 = 0 THEN SIGNAL SQLSTATE '{code}' SET MESSAGE_TEXT = 'not this one'; END IF;");
        cases.extend(with_trigger(&format!("a trigger signals {code}"), &body).every_way().into_iter().step_by(2));
    }
    let body = "IF OLD.id = 3 THEN SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1999, MESSAGE_TEXT = 'odd'; END IF;";
    cases.extend(with_trigger("a trigger signals an odd number", body).every_way().into_iter().step_by(2));
    let myisam = Case::new(
        "a table without transactions",
        &[
            "CREATE TABLE t (id INT PRIMARY KEY, cat VARCHAR(9), n INT CHECK (n <> 77 OR id <> 3)) ENGINE = MyISAM",
            "INSERT INTO t VALUES (1, 'a', 1), (2, 'a', 2), (3, 'a', 3), (4, 'b', 4)",
        ],
    )
    .set("n", "77")
    .may_be_read_only();
    cases.extend(myisam.every_way().into_iter().step_by(2));
    let family = Case::new(
        "a parent and its children in one selection",
        &[
            "CREATE TABLE t (id INT PRIMARY KEY, cat VARCHAR(9), n INT, up INT, FOREIGN KEY (up) REFERENCES t (id) ON DELETE CASCADE)",
            "INSERT INTO t VALUES (1, 'a', 1, NULL), (2, 'a', 2, 1), (3, 'a', 3, 2), (4, 'b', 4, 3), (5, 'a', 5, NULL)",
        ],
    );
    cases.extend(family.every_way());
    let large = Case::new(
        "a value of 70 kB, and a key of 700 letters",
        &[
            "CREATE TABLE t (id VARCHAR(700) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY, cat VARCHAR(9), n MEDIUMTEXT)",
            "INSERT INTO t VALUES (REPEAT('k', 700), 'a', 'x'), ('short', 'a', 'x'), ('other', 'b', 'x')",
        ],
    )
    .set("n", &"long ".repeat(14_000));
    cases.push(large);
    let checks = Case::new(
        "checks",
        &[
            "CREATE TABLE `select` (`Id` INT PRIMARY KEY, cat VARCHAR(9), n INT, top INT, CONSTRAINT content_id CHECK (n <= top))",
            "INSERT INTO `select` VALUES (1, 'a', 1, 500), (2, 'a', 1, 10), (3, 'b', 1, 10), (4, 'a', 1, 500), (5, 'a', 1, 10), (6, 'a', 1, NULL)",
        ],
    )
    .on("select")
    .set("n", "77");
    cases.extend(checks.every_way().into_iter().map(|case| Case {
        table: "`select`".into(),
        key: vec!["`Id`".into()],
        ..case
    }));
    cases
}
