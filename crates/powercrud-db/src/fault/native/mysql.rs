//! MySQL's and MariaDB's error numbers.

use super::between;
use crate::fault::Fault;

/// MySQL's errors that quote a value which a type or a function could not use.
pub(in crate::fault) const QUOTING: [u16; 9] = [1292, 1366, 1367, 1411, 1525, 1526, 1690, 3140, 3141];

/// MySQL's errors about a column or table that is not there: in its triggers no value becomes a name.
pub(in crate::fault) const ABOUT_NAMES: [u16; 2] = [1054, 1146];

const TOO_DEEP: &str = "records that refer to it would follow over more than 15 levels, and the database follows no more; take the last ones first";

/// Error numbers: <https://mariadb.com/kb/en/mariadb-error-code-reference/>.
pub(in crate::fault) fn mysql(number: u16, message: String) -> Fault {
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

/// "Duplicate entry 'VALUE' for key 'NAME'" without the value.
fn without_entry(message: String) -> String {
    match (message.find("Duplicate entry '"), message.rfind("' for key ")) {
        (Some(start), Some(end)) if start < end => {
            format!("{}Duplicate entry{}", &message[..start], &message[end + 1..])
        }
        _ => message,
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
