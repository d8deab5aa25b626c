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
    /// What the database said, in one line.
    pub message: String,
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
            return postgres(error, message).said(error.code());
        }
        if let Some(error) = database.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
            return mysql(error.number(), message).said(&error.number().to_string());
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

    /// Whether the statement was ended from outside.
    pub fn is_interrupted(&self) -> bool {
        self.kind == FaultKind::Interrupted
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
        Self { code, native: String::new(), kind, field: None, message }
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
