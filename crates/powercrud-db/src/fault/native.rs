//! What each database's own codes and messages mean, and what of a message is not for everybody's eyes.

#[cfg(feature = "mysql")]
pub(super) mod mysql;
#[cfg(feature = "postgres")]
pub(super) mod postgres;

use super::Fault;

/// What stands for a value that is left out.
pub(super) const LEFT_OUT: &str = "…";

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

#[cfg(all(test, feature = "mysql", feature = "postgres"))]
mod tests {
    use super::{mysql::mysql, postgres::without_values, *};

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
