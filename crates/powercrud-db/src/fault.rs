//! What a database's error means: a passing fault to retry, a record's own fault to report, or a fault of the whole database.
//!
//! Errors that are not listed here are a record's, until single records fail alike: triggers, policies and extensions may raise any.

use std::error::Error as _;

use sea_orm::{DbErr, RuntimeErr};

/// A database error in this crate's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A stable UPPER_SNAKE word: `UNIQUE`, `FOREIGN_KEY`, `NOT_NULL`, `CHECK`, `TOO_LONG`, `OUT_OF_RANGE`, `INVALID_VALUE`,
    /// `TRIGGER`, `NOT_PERMITTED`, `KEY_NOT_UNIQUE`, `DEADLOCK`, `BUSY`, `CONNECTION_LOST`, `READ_ONLY_DATABASE`, `DISK_FULL`,
    /// `INTERRUPTED` or `DATABASE`.
    pub code: &'static str,
    /// The database's own code: a SQLSTATE on PostgreSQL, a number elsewhere; empty where it was not the database that refused.
    pub native: String,
    /// Who is to blame.
    pub kind: FaultKind,
    /// The column, or the constraint's or key's name, where the database says.
    pub field: Option<String>,
    /// What the database said, in one line; where it quoted a value that it could not use, `…` stands for that.
    pub message: String,
    /// That value, which may be of a column that whoever asked is not to see: [`Fault::told_to`].
    pub literal: Option<String>,
}

/// Who is to blame for a database error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Nobody: the same transaction may succeed if tried again.
    Transient,
    /// A record's values: its neighbours may succeed.
    Record,
    /// Nobody knows: a record's, until single records fail alike.
    Unknown,
    /// The statement was ended from outside, because it took too long or somebody wished so: a smaller one may succeed.
    Interrupted,
    /// The whole database or request: no record would fare better.
    Statement,
}

impl Fault {
    /// Reads a SeaORM error.
    pub fn classify(error: &DbErr) -> Self {
        if let DbErr::ConnectionAcquire(error) = error {
            return Self::transient("BUSY", format!("no database connection became free: {error}"));
        }
        let Some(error) = sqlx_error(error) else {
            return Self::unknown(error.to_string());
        };
        let sqlx::Error::Database(database) = error else {
            return match error {
                sqlx::Error::Io(_)
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::Protocol(_) => {
                    Self::transient("CONNECTION_LOST", format!("the connection to the database was lost: {error}"))
                }
                sqlx::Error::PoolTimedOut => {
                    Self::transient("BUSY", "no database connection became free in time".into())
                }
                _ => Self::unknown(error.to_string()),
            };
        };
        let message = one_line(database.message());
        if let Some(error) = database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
            let fault = postgres(error, message).without_literal(error.code().starts_with("22"), '"');
            return fault.said(error.code());
        }
        if let Some(error) = database.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
            let fault = mysql(error.number(), message).without_literal(QUOTING.contains(&error.number()), '\'');
            return fault.said(&error.number().to_string());
        }
        let code = database.code().and_then(|code| code.parse().ok()).unwrap_or(1);
        sqlite(code, message).said(&code.to_string())
    }

    /// With the database's own code, which the message names as well where this crate has no word for it.
    fn said(self, native: &str) -> Self {
        let message = match self.kind {
            FaultKind::Unknown => format!("{} (error {native})", self.message),
            _ => self.message,
        };
        Self { native: native.to_owned(), message, ..self }
    }

    /// Whether the transaction is worth another try.
    pub fn is_transient(&self) -> bool {
        self.kind == FaultKind::Transient
    }

    /// Whether a record is to blame, as far as anybody knows.
    pub fn is_record(&self) -> bool {
        matches!(self.kind, FaultKind::Record | FaultKind::Unknown)
    }

    /// Whether it is a record's only until single records fail alike.
    pub fn is_unknown(&self) -> bool {
        matches!(self.kind, FaultKind::Unknown | FaultKind::Interrupted)
    }

    /// Whether a table or column is not as the statement takes it to be: the tables may have changed since they were read.
    pub fn is_about_structure(&self) -> bool {
        let is_sqlites = self.native == "1"
            && ["no such column", "no such table", "has no column"].iter().any(|part| self.message.contains(part));
        ["42703", "42P01", "42804", "42883", "1054", "1146"].contains(&self.native.as_str()) || is_sqlites
    }

    /// Whether the statement was ended from outside.
    pub fn is_interrupted(&self) -> bool {
        self.kind == FaultKind::Interrupted
    }

    /// What the database said, to somebody who has sent these values: only what was sent is quoted.
    pub fn told_to<S: AsRef<str>>(&self, sent: impl IntoIterator<Item = S>) -> String {
        match &self.literal {
            Some(literal) if sent.into_iter().any(|sent| sent.as_ref() == literal) => {
                self.message.replacen(LEFT_OUT, literal, 1)
            }
            _ => self.message.clone(),
        }
    }

    /// Without the value that the database could not use.
    fn without_literal(self, is_about_a_value: bool, quote: char) -> Self {
        if !is_about_a_value {
            return self;
        }
        let (message, literal) = without_literal(&self.message, quote);
        Self { message, literal, ..self }
    }

    /// Whether the database itself said so, and did not fall silent.
    pub fn is_answer(&self) -> bool {
        !self.native.is_empty()
    }

    /// Whether it refuses for now, because of what others do; or because a trigger says so.
    pub fn is_refusal(&self) -> bool {
        self.is_answer() && matches!(self.code, "DEADLOCK" | "BUSY")
    }

    /// The same fault as that of a record, until single records fail alike: whatever its code announces, the transaction goes on. A trigger
    /// may raise any code.
    pub fn of_transaction_that_goes_on(self) -> Self {
        let native = self.native.clone();
        Self { kind: FaultKind::Unknown, ..self }.said(&native)
    }

    /// A record's fault that the database did not find.
    pub fn of_record(code: &'static str, message: impl Into<String>) -> Self {
        Self::record(code, None, message.into())
    }

    /// No record would fare better.
    pub fn of_all(code: &'static str, field: &str, message: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::statement(code, message.into()) }
    }

    /// A statement touched more rows than its keys name.
    pub fn key_not_unique(rows: u64) -> Self {
        let message = format!("its key is that of {rows} rows, so that it can't be told which one was meant");
        Self::of_record("KEY_NOT_UNIQUE", message)
    }

    /// A connection on which nobody answers any more.
    pub fn silent_connection() -> Self {
        Self::transient("CONNECTION_LOST", "the connection to the database fell silent".into())
    }

    /// Others wrote for too long.
    pub fn busy() -> Self {
        Self::transient("BUSY", "the database was busy with others' changes for too long".into())
    }

    fn new(code: &'static str, kind: FaultKind, message: String) -> Self {
        Self { code, native: String::new(), kind, field: None, message, literal: None }
    }

    fn transient(code: &'static str, message: String) -> Self {
        Self::new(code, FaultKind::Transient, message)
    }

    fn statement(code: &'static str, message: String) -> Self {
        Self::new(code, FaultKind::Statement, message)
    }

    fn interrupted(message: String) -> Self {
        Self::new("INTERRUPTED", FaultKind::Interrupted, message)
    }

    fn unknown(message: String) -> Self {
        Self::new("DATABASE", FaultKind::Unknown, message)
    }

    /// The database's rights: of one record where its policies say so, else of all.
    fn not_permitted(message: String) -> Self {
        Self::new("NOT_PERMITTED", FaultKind::Unknown, message)
    }

    fn record(code: &'static str, field: Option<String>, message: String) -> Self {
        Self { field, ..Self::new(code, FaultKind::Record, message) }
    }
}

/// Why a connection could not be made, in short.
pub(crate) fn connection_reason(error: &DbErr) -> String {
    match sqlx_error(error) {
        Some(sqlx::Error::Database(database)) => one_line(database.message()),
        // The pool tries again while the connection is refused, and only says at the end that it gave up.
        Some(sqlx::Error::PoolTimedOut) => {
            "nobody answered for ten seconds; is the server running, and is the address right?".to_owned()
        }
        Some(error) => error.source().map_or_else(|| error.to_string(), |source| source.to_string()),
        None => error.to_string(),
    }
}

/// Whether it was the server who said so.
pub(crate) fn is_of_server(error: &DbErr) -> bool {
    matches!(sqlx_error(error), Some(sqlx::Error::Database(_)))
}

fn sqlx_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

/// What the database calls an error: a SQLSTATE, MySQL's number, or SQLite's result code.
fn native_code(error: &DbErr) -> Option<String> {
    let Some(sqlx::Error::Database(database)) = sqlx_error(error) else { return None };
    match database.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        Some(error) => Some(error.number().to_string()),
        None => database.code().map(|code| code.into_owned()),
    }
}

/// Whether the role lacks a right for the statement. PostgreSQL knows no schema to create in where the role may use none.
pub fn is_denied(error: &DbErr) -> bool {
    let denied = ["42501", "3F000", "1044", "1142", "1143", "1227", "1370"];
    native_code(error).is_some_and(|code| denied.contains(&code.as_str()))
}

/// Whether there is no such table.
pub fn is_missing_table(error: &DbErr) -> bool {
    let is_sqlites = |code: &str| code == "1" && error.to_string().contains("no such table");
    native_code(error).is_some_and(|code| matches!(code.as_str(), "42P01" | "1146") || is_sqlites(&code))
}

/// Whether a SQLite file can't be written.
pub fn is_read_only(error: &DbErr) -> bool {
    native_code(error).and_then(|code| code.parse::<i32>().ok()).is_some_and(|code| code & 0xff == 8)
}

/// SQLSTATEs: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn postgres(error: &sqlx::postgres::PgDatabaseError, message: String) -> Fault {
    let code = error.code();
    let detail = error.detail().map(one_line);
    let message = match detail.as_deref().and_then(without_values) {
        Some(detail) if code.starts_with("23") => format!("{message} ({detail})"),
        _ => message,
    };
    // "Key (isbn)=(978…) already exists."
    let from_detail = detail.as_deref().and_then(|detail| between(detail, "Key (", ")=")).map(str::to_owned);
    let field = error.column().map(str::to_owned).or(from_detail).or(error.constraint().map(str::to_owned));
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
const LEFT_OUT: &str = "…";

/// MySQL's errors that quote a value which a type or a function could not use.
const QUOTING: [u16; 10] = [1292, 1366, 1367, 1411, 1365, 1525, 1526, 1690, 3140, 3141];

/// A message without the value that it quotes, and that value. Quotes in the value are not escaped, so the last one ends it; what MySQL
/// says of the column stands behind.
fn without_literal(message: &str, quote: char) -> (String, Option<String>) {
    // "Table has no partition for value 7".
    const UNQUOTED: &str = "no partition for value ";
    if let Some(start) = message.find(UNQUOTED).map(|start| start + UNQUOTED.len()) {
        return (format!("{}{LEFT_OUT}", &message[..start]), Some(message[start..].to_owned()));
    }
    let Some(start) = message.find(quote).map(|start| start + 1) else { return (message.to_owned(), None) };
    let end = message.rfind("' for column ").or_else(|| message.rfind(quote));
    match end {
        Some(end) if end >= start => {
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

/// Error numbers: <https://mariadb.com/kb/en/mariadb-error-code-reference/>.
fn mysql(number: u16, message: String) -> Fault {
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
        1053 | 1927 | 2006 | 2013 | 4031 => Fault::transient("CONNECTION_LOST", message),
        1062 | 1586 => Fault::record("UNIQUE", field, message),
        1216 | 1217 | 1451 | 1452 => Fault::record("FOREIGN_KEY", field, message),
        1048 | 1364 => Fault::record("NOT_NULL", field, message),
        3819 | 4025 => Fault::record("CHECK", field, message),
        1406 => Fault::record("TOO_LONG", field, message),
        1142 | 1143 | 1227 => Fault::not_permitted(message),
        1264 | 1690 => Fault::record("OUT_OF_RANGE", field, message),
        // 1365: a division by zero.
        // 1416: no geometry.
        1265 | 1292 | 1365 | 1366 | 1411 | 1416 | 3140 => Fault::record("INVALID_VALUE", field, message),
        // SIGNAL, and the numbers that a SIGNAL may choose, beyond those of the servers.
        1643 | 1644 | 10_000.. => Fault::record("TRIGGER", field, message),
        1290 | 1792 | 1836 => Fault::statement("READ_ONLY_DATABASE", message),
        1021 | 1114 => Fault::statement("DISK_FULL", message),
        _ => Fault::unknown(message),
    }
}

/// Extended result codes: <https://www.sqlite.org/rescode.html>.
fn sqlite(code: i32, message: String) -> Fault {
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

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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
