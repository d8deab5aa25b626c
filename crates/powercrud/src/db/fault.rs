//! What a database's error means: a passing fault to retry, a record's own fault to report, or a fault of the statement.

use std::error::Error as _;

use sea_orm::{DbErr, RuntimeErr};

/// A database error in this crate's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A stable UPPER_SNAKE word: `UNIQUE`, `FOREIGN_KEY`, `NOT_NULL`, `CHECK`, `TOO_LONG`, `OUT_OF_RANGE`, `INVALID_VALUE`,
    /// `TRIGGER`, `DEADLOCK`, `BUSY`, `CONNECTION_LOST`, `READ_ONLY_DATABASE`, `DISK_FULL`,
    /// `INTERRUPTED` or `DATABASE`.
    pub code: &'static str,
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
    /// The statement or the database: no record would fare better.
    Statement,
}

impl Fault {
    /// Reads a SeaORM error.
    pub(crate) fn classify(error: &DbErr) -> Self {
        if let DbErr::ConnectionAcquire(error) = error {
            return Self::transient("BUSY", format!("no database connection became free: {error}"));
        }
        let Some(error) = sqlx_error(error) else {
            return Self::statement("DATABASE", error.to_string());
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
                _ => Self::statement("DATABASE", error.to_string()),
            };
        };
        let message = one_line(database.message());
        if let Some(error) = database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
            return postgres(error, message);
        }
        if let Some(error) = database.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
            return mysql(error.number(), message);
        }
        sqlite(database.code().and_then(|code| code.parse().ok()).unwrap_or(1), message)
    }

    /// Whether the transaction is worth another try.
    pub fn is_transient(&self) -> bool {
        self.kind == FaultKind::Transient
    }

    /// Whether a record's values are to blame.
    pub fn is_record(&self) -> bool {
        self.kind == FaultKind::Record
    }

    /// A connection on which nobody answers any more.
    pub(crate) fn silent_connection() -> Self {
        Self::transient("CONNECTION_LOST", "the connection to the database fell silent".into())
    }

    /// Others wrote for too long.
    pub(crate) fn busy() -> Self {
        Self::transient("BUSY", "the database was busy with others' changes for too long".into())
    }

    fn transient(code: &'static str, message: String) -> Self {
        Self { code, kind: FaultKind::Transient, field: None, message }
    }

    fn statement(code: &'static str, message: String) -> Self {
        Self { code, kind: FaultKind::Statement, field: None, message }
    }

    fn record(code: &'static str, field: Option<String>, message: String) -> Self {
        Self { code, kind: FaultKind::Record, field, message }
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

/// SQLSTATEs: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn postgres(error: &sqlx::postgres::PgDatabaseError, message: String) -> Fault {
    let code = error.code();
    let detail = error.detail().map(one_line);
    let message = match &detail {
        Some(detail) if code.starts_with("23") => format!("{message} ({detail})"),
        _ => message,
    };
    // "Key (isbn)=(978…) already exists."
    let from_detail = detail.as_deref().and_then(|detail| between(detail, "Key (", ")=")).map(str::to_owned);
    let field = error.column().map(str::to_owned).or(from_detail).or(error.constraint().map(str::to_owned));
    match code {
        "40001" | "40P01" => Fault::transient("DEADLOCK", message),
        "55P03" | "53300" => Fault::transient("BUSY", message),
        "57014" => Fault::statement("INTERRUPTED", message),
        // 25P03: nobody said anything in the transaction for too long.
        "57P01" | "57P02" | "57P03" | "25P03" => Fault::transient("CONNECTION_LOST", message),
        "23505" => Fault::record("UNIQUE", field, message),
        "23503" | "23001" => Fault::record("FOREIGN_KEY", field, message),
        "23502" => Fault::record("NOT_NULL", field, message),
        "23514" | "23P01" => Fault::record("CHECK", field, message),
        "22001" => Fault::record("TOO_LONG", field, message),
        "22003" => Fault::record("OUT_OF_RANGE", field, message),
        "P0001" | "P0004" => Fault::record("TRIGGER", field, message),
        "25006" => Fault::statement("READ_ONLY_DATABASE", message),
        "53100" => Fault::statement("DISK_FULL", message),
        // A value too long for an index, which is named.
        "54000" => {
            let index = between(&message, "index \"", "\"").map(str::to_owned);
            Fault::record("TOO_LONG", index.or(field), message)
        }
        code if code.starts_with("08") => Fault::transient("CONNECTION_LOST", message),
        code if code.starts_with("22") => Fault::record("INVALID_VALUE", field, message),
        code if is_of_an_application(code) => Fault::record("TRIGGER", field, message),
        _ => Fault::statement("DATABASE", message),
    }
}

/// Whether a SQLSTATE is of a class that the standard leaves to applications, and that PostgreSQL does not use itself.
fn is_of_an_application(code: &str) -> bool {
    let first = code.as_bytes().first().copied().unwrap_or_default();
    matches!(first, b'5'..=b'9' | b'I'..=b'Z')
        && !["53", "54", "55", "57", "58", "72", "P0", "XX"].iter().any(|class| code.starts_with(class))
}

/// Error numbers: <https://mariadb.com/kb/en/mariadb-error-code-reference/>.
fn mysql(number: u16, message: String) -> Fault {
    let column = between(&message, "Column '", "'").or_else(|| between(&message, "column '", "'"));
    // MariaDB: "for column `shop`.`item`.`small` at row 1".
    let column = column.or_else(|| between(&message, "for column `", "` at"));
    // "Field 'kind' doesn't have a default value".
    let column = column.or_else(|| between(&message, "Field '", "'"));
    let key = between(&message, "for key '", "'").or_else(|| between(&message, "FOREIGN KEY (`", "`)"));
    let check = || between(&message, "CONSTRAINT `", "`").or_else(|| between(&message, "constraint '", "'"));
    let field = column.or(key).or_else(check).map(str::to_owned);
    match number {
        1213 => Fault::transient("DEADLOCK", message),
        1205 | 1040 => Fault::transient("BUSY", message),
        1317 | 1969 => Fault::statement("INTERRUPTED", message),
        1053 | 1927 | 2006 | 2013 | 4031 => Fault::transient("CONNECTION_LOST", message),
        1062 | 1586 => Fault::record("UNIQUE", field, message),
        1216 | 1217 | 1451 | 1452 => Fault::record("FOREIGN_KEY", field, message),
        1048 | 1364 => Fault::record("NOT_NULL", field, message),
        3819 | 4025 => Fault::record("CHECK", field, message),
        1406 => Fault::record("TOO_LONG", field, message),
        1264 | 1690 => Fault::record("OUT_OF_RANGE", field, message),
        1265 | 1292 | 1366 | 1411 | 3140 => Fault::record("INVALID_VALUE", field, message),
        // SIGNAL, and the numbers that a SIGNAL may choose, beyond those of the servers.
        1644 | 10_000.. => Fault::record("TRIGGER", field, message),
        1290 | 1792 | 1836 => Fault::statement("READ_ONLY_DATABASE", message),
        1021 | 1114 => Fault::statement("DISK_FULL", message),
        _ => Fault::statement("DATABASE", message),
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
            13 => Fault::statement("DISK_FULL", message),
            19 => Fault::record("CHECK", field, message),
            _ => Fault::statement("DATABASE", message),
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
