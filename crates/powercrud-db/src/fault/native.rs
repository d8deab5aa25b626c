//! What each database's own codes and messages mean, and what of a message is not for everybody's eyes.

use super::{Fault, one_line};

/// SQLSTATEs: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
#[cfg(feature = "postgres")]
pub(super) fn postgres(error: &sqlx::postgres::PgDatabaseError, message: String) -> Fault {
    let code = error.code();
    let detail = error.detail().map(one_line);
    let message = match detail.as_deref().and_then(without_values) {
        Some(detail) if code.starts_with("23") => format!("{message} ({detail})"),
        _ => message,
    };
    // "Key (isbn)=(978…) already exists."
    let from_detail = detail.as_deref().and_then(|detail| between(detail, "Key (", ")=")).map(str::to_owned);
    let field = error.column().map(str::to_owned).or(from_detail).or(error.constraint().map(str::to_owned));
    if is_raised(error) && announces_more_than_a_record(code) {
        return Fault::record("TRIGGER", field, message);
    }
    match code {
        "40001" | "40P01" => Fault::transient("DEADLOCK", message),
        "55P03" | "53300" => Fault::transient("BUSY", message),
        "57014" => Fault::interrupted(message),
        // 25P03 and 57P05: nobody said anything for too long.
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => Fault::transient("CONNECTION_LOST", message),
        "23505" => Fault::record("UNIQUE", field, message),
        "23503" | "23001" => Fault::record("FOREIGN_KEY", field, message),
        "23502" => Fault::record("NOT_NULL", field, message),
        code if code.starts_with("23") => Fault::record("CHECK", field, message),
        "22001" => Fault::record("TOO_LONG", field, message),
        "22003" => Fault::record("OUT_OF_RANGE", field, message),
        "42501" => Fault::not_permitted(message),
        "25006" => Fault::statement("READ_ONLY_DATABASE", message),
        "53100" => Fault::statement("DISK_FULL", message),
        // A value too long for an index, which is named.
        "54000" => {
            let index = between(&message, "index \"", "\"").map(str::to_owned);
            Fault::record("TOO_LONG", index.or(field), message)
        }
        code if code.starts_with("08") => Fault::transient("CONNECTION_LOST", message),
        code if code.starts_with("22") => Fault::record("INVALID_VALUE", field, message),
        // P0: PL/pgSQL's own, as RAISE without a code.
        code if code.starts_with("P0") || is_of_an_application(code) => Fault::record("TRIGGER", field, message),
        _ => Fault::unknown(message),
    }
}

/// Whether a SQLSTATE tells of the connection, the server or its disk; what may pass by itself is left out.
fn announces_more_than_a_record(code: &str) -> bool {
    let classes = ["08", "25", "53", "57P"];
    code != "53300" && classes.iter().any(|class| code.starts_with(class))
}

/// A detail about a key without what the key holds: whoever reads it may not be meant to see these columns. Other details, such as
/// "Failing row contains (…)", show nothing but values.
fn without_values(detail: &str) -> Option<String> {
    let key = between(detail, "Key (", ")=(")?;
    if detail.contains(") conflicts with existing key (") {
        return Some(format!("Key ({key}) conflicts with another record's."));
    }
    // Values may themselves hold such words, so the last ones count.
    let ends = [") already exists.", ") is not present in table ", ") is still referenced from table "];
    let end = ends.iter().filter_map(|end| detail.rfind(end)).max()?;
    Some(format!("Key ({key}{}", &detail[end..]))
}

/// What stands for a value that is left out.
pub(super) const LEFT_OUT: &str = "…";

/// MySQL's errors that quote a value which a type or a function could not use.
#[cfg(feature = "mysql")]
pub(super) const QUOTING: [u16; 9] = [1292, 1366, 1367, 1411, 1525, 1526, 1690, 3140, 3141];

/// MySQL's errors about a column or table that is not there: in its triggers no value becomes a name.
#[cfg(feature = "mysql")]
pub(super) const ABOUT_NAMES: [u16; 2] = [1054, 1146];

/// Whether a function's RAISE says so, in words of its own.
#[cfg(feature = "postgres")]
pub(super) fn is_raised(error: &sqlx::postgres::PgDatabaseError) -> bool {
    error.routine() == Some("exec_stmt_raise")
}

/// A message without the value that it quotes, and that value. Quotes in the value are not escaped, so the last one ends it; what MySQL
/// says of the column stands behind.
pub(super) fn without_literal(message: &str, quote: char) -> (String, Option<String>) {
    // "Table has no partition for value 7".
    const UNQUOTED: &str = "no partition for value ";
    if let Some(start) = message.find(UNQUOTED).map(|start| start + UNQUOTED.len()) {
        return (format!("{}{LEFT_OUT}", &message[..start]), Some(message[start..].to_owned()));
    }
    let Some(start) = message.find(quote).map(|start| start + 1) else { return (message.to_owned(), None) };
    let end = message.rfind("' for column ").or_else(|| message.rfind(quote));
    match end {
        // Tables of PowerCRUD's own may be named.
        Some(end) if end >= start && !message[start..].starts_with("powercrud_") => {
            (format!("{}{LEFT_OUT}{}", &message[..start], &message[end..]), Some(message[start..end].to_owned()))
        }
        _ => (message.to_owned(), None),
    }
}

/// "Duplicate entry 'VALUE' for key 'NAME'" without the value.
fn without_entry(message: String) -> String {
    match (message.find("Duplicate entry '"), message.rfind("' for key ")) {
        (Some(start), Some(end)) if start < end => {
            format!("{}Duplicate entry{}", &message[..start], &message[end + 1..])
        }
        _ => message,
    }
}

/// Whether a SQLSTATE is of a class that the standard leaves to applications, and that PostgreSQL does not use itself.
fn is_of_an_application(code: &str) -> bool {
    let first = code.as_bytes().first().copied().unwrap_or_default();
    matches!(first, b'5'..=b'9' | b'I'..=b'Z')
        && !["53", "54", "55", "57", "58", "72", "XX"].iter().any(|class| code.starts_with(class))
}

const TOO_DEEP: &str = "records that refer to it would follow over more than 15 levels, and the database follows no more; take the last ones first";

/// Error numbers: <https://mariadb.com/kb/en/mariadb-error-code-reference/>.
pub(super) fn mysql(number: u16, message: String) -> Fault {
    // A value is not to be taken for a name.
    let message = without_entry(message);
    let column = between(&message, "Column '", "'").or_else(|| between(&message, "column '", "'"));
    // MariaDB: "for column `shop`.`item`.`small` at row 1".
    let column = column.or_else(|| between(&message, "for column `", "` at"));
    // "Field 'kind' doesn't have a default value".
    let column = column.or_else(|| between(&message, "Field '", "'"));
    let key = between(&message, "for key '", "'").or_else(|| between(&message, "FOREIGN KEY (`", "`)"));
    let check = || between(&message, "CONSTRAINT `", "`").or_else(|| between(&message, "constraint '", "'"));
    let field = column.or(key).or_else(check).map(str::to_owned);
    match number {
        // 1020: somebody else changed the row since this transaction looked (`innodb_snapshot_isolation`).
        1213 | 1020 => Fault::transient("DEADLOCK", message),
        1205 | 1040 | 3572 => Fault::transient("BUSY", message),
        1317 | 1969 | 3024 => Fault::interrupted(message),
        // Numbers of clients: a server says them by a SIGNAL only.
        2_000..=2_999 => Fault::record("TRIGGER", field, message),
        1053 | 1927 | 4031 if in_words_of_the_server(number, &message) => Fault::transient("CONNECTION_LOST", message),
        1062 | 1586 => Fault::record("UNIQUE", field, message),
        1216 | 1217 | 1451 | 1452 => Fault::record("FOREIGN_KEY", field, message),
        // MySQL says it in words, MariaDB by its number within InnoDB (HA_ERR_FK_DEPTH_EXCEEDED).
        3008 => Fault::of_record("CASCADE_TOO_DEEP", TOO_DEEP),
        1030 | 1296 if message.contains("error 193 ") => Fault::of_record("CASCADE_TOO_DEEP", TOO_DEEP),
        1048 | 1364 => Fault::record("NOT_NULL", field, message),
        3819 | 4025 => Fault::record("CHECK", field, message),
        1406 => Fault::record("TOO_LONG", field, message),
        1142 | 1143 | 1227 => Fault::not_permitted(message),
        1264 | 1690 => Fault::record("OUT_OF_RANGE", field, message),
        // Values are never divided on their way: a CHECK does so, a computed column or a trigger.
        1365 => Fault::record("CHECK", None, "a rule, a computed column or a trigger divides by zero".to_owned()),
        // 1416: no geometry.
        1265 | 1292 | 1366 | 1411 | 1416 | 3140 => Fault::record("INVALID_VALUE", field, message),
        // A trigger writes to a table that the statement reads.
        1442 => Fault::record("TRIGGER", None, message),
        // SIGNAL, and the numbers that a SIGNAL may choose, beyond those of the servers.
        1643 | 1644 | 10_000.. => Fault::record("TRIGGER", field, message),
        1290 | 1792 | 1836 if in_words_of_the_server(number, &message) => {
            Fault::statement("READ_ONLY_DATABASE", message)
        }
        1021 | 1114 if in_words_of_the_server(number, &message) => Fault::statement("DISK_FULL", message),
        _ => Fault::unknown(message),
    }
}

/// Whether a message is what servers say with this number. Other words are a SIGNAL's, or in another language: then they are taken for a
/// record's error until single records fail alike.
fn in_words_of_the_server(number: u16, message: &str) -> bool {
    let words = match number {
        1021 => "disk full",
        1053 => "shutdown",
        1114 => "is full",
        1290 => "server is running with",
        1792 => "read only transaction",
        1836 => "read-only mode",
        1927 => "was killed",
        _ => "disconnected by the server",
    };
    message.to_lowercase().contains(words)
}

/// Extended result codes: <https://www.sqlite.org/rescode.html>.
pub(super) fn sqlite(code: i32, message: String) -> Fault {
    // "UNIQUE constraint failed: book.isbn", several columns separated by commas.
    // A check is called by its name or its condition.
    let field = message.split_once("constraint failed: ").map(|(_, what)| {
        if code == 275 {
            return what.to_owned();
        }
        what.split(", ").map(|column| column.rsplit('.').next().unwrap_or(column)).collect::<Vec<_>>().join(", ")
    });
    match code {
        2067 | 1555 | 2579 => Fault::record("UNIQUE", field, message),
        787 => Fault::record("FOREIGN_KEY", None, message),
        1299 => Fault::record("NOT_NULL", field, message),
        275 => Fault::record("CHECK", field, message),
        // What SQLite says of RESTRICT, as if it were a trigger.
        1811 if message == "FOREIGN KEY constraint failed" => Fault::record("FOREIGN_KEY", None, message),
        1811 => Fault::record("TRIGGER", None, message),
        3091 | 20 => Fault::record("INVALID_VALUE", None, message),
        _ => match code & 0xff {
            5 | 6 => Fault::transient("BUSY", message),
            8 => Fault::statement("READ_ONLY_DATABASE", message),
            9 => Fault::interrupted(message),
            13 => Fault::statement("DISK_FULL", message),
            18 => Fault::record("TOO_LONG", None, message),
            19 => Fault::record("CHECK", field, message),
            _ => Fault::unknown(message),
        },
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let rest = &text[text.find(start)? + start.len()..];
    Some(&rest[..rest.find(end)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_row_holds_is_left_out() {
        for (detail, shown) in [
            ("Failing row contains (1, s3cret, null).", None),
            ("Partition key of the failing row contains (secret) = (s3cret).", None),
            ("Key (secret)=(s3cret) already exists.", Some("Key (secret) already exists.")),
            ("Key (a, b)=(s3cret, ) already exists.) already exists.", Some("Key (a, b) already exists.")),
            (
                "Key (id)=(s3cret) is still referenced from table \"line\".",
                Some("Key (id) is still referenced from table \"line\"."),
            ),
            ("Key (id)=(s3cret) is not present in table \"book\".", Some("Key (id) is not present in table \"book\".")),
            (
                "Key (room, during)=(1, s3cret) conflicts with existing key (room, during)=(1, s3cret).",
                Some("Key (room, during) conflicts with another record's."),
            ),
        ] {
            assert_eq!(without_values(detail).as_deref(), shown, "{detail}");
        }
        let fault = mysql(1062, "Duplicate entry 's3cret' for key 'x' for key 'isbn'".into());
        assert_eq!((&*fault.message, fault.field.as_deref()), ("Duplicate entry for key 'isbn'", Some("isbn")));
    }

    #[test]
    fn a_value_that_could_not_be_used_is_left_out() {
        for (message, quote, shown, literal) in [
            (
                "invalid input syntax for type integer: \"s3\"cret\"",
                '"',
                "invalid input syntax for type integer: \"…\"",
                Some("s3\"cret"),
            ),
            (
                "value \"s3cret\" is out of range for type integer",
                '"',
                "value \"…\" is out of range for type integer",
                Some("s3cret"),
            ),
            ("integer out of range", '"', "integer out of range", None),
            (
                "Truncated incorrect INTEGER value: 's3'cret'",
                '\'',
                "Truncated incorrect INTEGER value: '…'",
                Some("s3'cret"),
            ),
            (
                "Incorrect integer value: 's3cret' for column 'age' at row 1",
                '\'',
                "Incorrect integer value: '…' for column 'age' at row 1",
                Some("s3cret"),
            ),
            ("Table has no partition for value 77", '\'', "Table has no partition for value …", Some("77")),
            ("Division by 0", '\'', "Division by 0", None),
        ] {
            assert_eq!(without_literal(message, quote), (shown.to_owned(), literal.map(str::to_owned)));
        }
        let fault = Fault::unknown("Incorrect integer value: 'x'".into()).without_literal(true, '\'');
        assert_eq!(fault.told_to(["y"]), "Incorrect integer value: '…'");
        assert_eq!(fault.told_to(["y", "x"]), "Incorrect integer value: 'x'");
    }

    #[test]
    fn the_field_is_read_from_the_message() {
        let unique = sqlite(2067, "UNIQUE constraint failed: book.isbn".into());
        assert_eq!((unique.code, unique.field.as_deref()), ("UNIQUE", Some("isbn")));
        let reference = mysql(
            1451,
            "Cannot delete or update a parent row: a foreign key constraint fails (`shop`.`track`, CONSTRAINT `fk` FOREIGN KEY (`GenreId`) REFERENCES `genre` (`GenreId`))".into(),
        );
        assert_eq!((reference.code, reference.field.as_deref()), ("FOREIGN_KEY", Some("GenreId")));
    }
}
