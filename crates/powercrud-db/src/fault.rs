//! What a database's error means: a passing fault to retry, a record's own fault to report, or a fault of the whole database.
//!
//! Errors that are not listed here are a record's, until single records fail alike: triggers, policies and extensions may raise any.

#[cfg_attr(
    not(any(feature = "postgres", feature = "mysql")),
    expect(dead_code, reason = "what the errors of servers are read with")
)]
mod native;

use std::error::Error as _;

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};

#[cfg(feature = "mysql")]
use native::mysql::{ABOUT_NAMES, QUOTING, mysql};
#[cfg(feature = "postgres")]
use native::postgres::{is_raised, postgres};
use native::{LEFT_OUT, sqlite, without_literal};

/// A database error in this crate's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A stable UPPER_SNAKE word: `UNIQUE`, `FOREIGN_KEY`, `NOT_NULL`, `CHECK`, `TOO_LONG`, `OUT_OF_RANGE`, `INVALID_VALUE`,
    /// `TRIGGER`, `NOT_PERMITTED`, `KEY_NOT_UNIQUE`, `DEADLOCK`, `BUSY`, `CONNECTION_LOST`, `READ_ONLY_DATABASE`, `DISK_FULL`,
    /// `INTERRUPTED` or `DATABASE`.
    pub code: &'static str,
    /// The database's own code: a SQLSTATE on PostgreSQL, a number elsewhere; empty where it was not the database that refused.
    pub native: String,
    /// What it is attributed to.
    pub kind: FaultKind,
    /// The column, or the constraint's or key's name, where the database says.
    pub field: Option<String>,
    /// What the database said, in one line; where it quoted a value that it could not use, `…` stands for that.
    pub message: String,
    /// That value, which may be of a column that whoever asked is not to see: [`Fault::told_to`].
    pub literal: Option<String>,
}

/// What a database error is attributed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Nobody: the same transaction may succeed if tried again.
    Transient,
    /// A record's values: its neighbours may succeed.
    Record,
    /// Nobody knows: a record's, until single records fail alike.
    Unknown,
    /// The statement was ended from outside, because it took too long or somebody asked for it: a smaller one may succeed.
    Interrupted,
    /// The whole database or request: no record would fare better.
    Statement,
}

/// The pool waits as long for a connection of its own as for one that the server has no room for, and tells neither from the other.
const NONE_FREE: &str =
    "all connections to the database stayed in use, this program's own or as many as its server allows";

impl Fault {
    /// Reads a SeaORM error.
    pub fn classify(error: &DbErr) -> Self {
        match error {
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => {
                return Self::transient("BUSY", NONE_FREE.into());
            }
            DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed) => {
                return Self::transient("CONNECTION_LOST", "the connections to the database were closed".into());
            }
            DbErr::Conn(RuntimeErr::Internal(why)) => {
                return Self::transient("CONNECTION_LOST", format!("the database can't be reached: {why}"));
            }
            _ => {}
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
                sqlx::Error::PoolTimedOut => Self::transient("BUSY", NONE_FREE.into()),
                _ => Self::unknown(error.to_string()),
            };
        };
        let message = one_line(database.message());
        #[cfg(feature = "postgres")]
        if let Some(error) = database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
            let fault = postgres(error, message);
            let quotes = error.code().starts_with("22") || (fault.is_of_the_server() && !is_raised(error));
            return fault.without_literal(quotes, '"').said(error.code());
        }
        #[cfg(feature = "mysql")]
        if let Some(error) = database.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
            let fault = mysql(error.number(), message);
            let is_signal = error.code() == Some("45000");
            let quotes = QUOTING.contains(&error.number())
                || (fault.is_of_the_server() && !is_signal && !ABOUT_NAMES.contains(&error.number()));
            return fault.without_literal(quotes, '\'').said(&error.number().to_string());
        }
        let code = database.code().and_then(|code| code.parse().ok()).unwrap_or(1);
        let fault = sqlite(code, message);
        // A path within a document, a word that is searched for.
        let quote = fault.message.find(['\'', '"']).and_then(|place| fault.message[place..].chars().next());
        let quotes = fault.is_of_the_server();
        fault.without_literal(quotes, quote.unwrap_or('\'')).said(&code.to_string())
    }

    /// Whether the server says it of what it met, in words that may quote any value; what this crate knows quotes names.
    fn is_of_the_server(&self) -> bool {
        self.kind == FaultKind::Unknown && self.code == "DATABASE"
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

    /// Whether the error belongs to a record, as far as is known.
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
        // "cached plan must not change result type": a prepared statement knows other columns.
        let is_prepared = self.native == "0A000" && self.message.contains("cached plan");
        ["42703", "42P01", "42804", "42883", "1054", "1146"].contains(&self.native.as_str())
            || is_sqlites
            || is_prepared
    }

    /// Whether a trigger wanted to write to a table that the statement reads, which the database can't do.
    pub fn reads_what_a_trigger_writes(&self) -> bool {
        self.native == "1442"
    }

    /// Whether the role lacks a right.
    pub fn is_not_permitted(&self) -> bool {
        self.code == "NOT_PERMITTED"
    }

    /// Whether some index can't hold what the row has for it; a shorter value may be compressed or not, so only the database knows.
    pub fn is_row_too_long_for_an_index(&self) -> bool {
        self.native == "54000" && self.code == "TOO_LONG"
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
    #[cfg(any(feature = "postgres", feature = "mysql"))]
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
    #[cfg(feature = "mysql")]
    if let Some(error) = database.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return Some(error.number().to_string());
    }
    database.code().map(|code| code.into_owned())
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

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
