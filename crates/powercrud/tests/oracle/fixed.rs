//! Schemas that PowerCRUD once got wrong, each met in the wild, and their relatives.

mod mysql;
mod postgres;
mod sqlite;

use crate::{case::Case, support::Kind};

/// Codes that say that a record can't be told from others or found by its key.
pub(crate) const UNFINDABLE: [&str; 3] = ["KEY_NOT_UNIQUE", "UNKNOWN_RECORD", "NOT_CHANGED"];

pub(crate) fn cases(kind: Kind) -> Vec<Case> {
    match kind {
        Kind::Sqlite => sqlite::cases(),
        Kind::Postgres => postgres::cases(),
        Kind::Mysql => mysql::cases(),
    }
}
