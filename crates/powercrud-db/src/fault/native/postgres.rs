//! PostgreSQL's SQLSTATEs.

use super::between;
use crate::fault::{Fault, one_line};

/// SQLSTATEs: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
pub(in crate::fault) fn postgres(error: &sqlx::postgres::PgDatabaseError, message: String) -> Fault {
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
pub(super) fn without_values(detail: &str) -> Option<String> {
    let key = between(detail, "Key (", ")=(")?;
    if detail.contains(") conflicts with existing key (") {
        return Some(format!("Key ({key}) conflicts with another record's."));
    }
    // Values may themselves hold such words, so the last ones count.
    let ends = [") already exists.", ") is not present in table ", ") is still referenced from table "];
    let end = ends.iter().filter_map(|end| detail.rfind(end)).max()?;
    Some(format!("Key ({key}{}", &detail[end..]))
}

/// Whether a function's RAISE says so, in words of its own.
pub(in crate::fault) fn is_raised(error: &sqlx::postgres::PgDatabaseError) -> bool {
    error.routine() == Some("exec_stmt_raise")
}

/// Whether a SQLSTATE is of a class that the standard leaves to applications, and that PostgreSQL does not use itself.
fn is_of_an_application(code: &str) -> bool {
    let first = code.as_bytes().first().copied().unwrap_or_default();
    matches!(first, b'5'..=b'9' | b'I'..=b'Z')
        && !["53", "54", "55", "57", "58", "72", "XX"].iter().any(|class| code.starts_with(class))
}
