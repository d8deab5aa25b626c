//! SQLite, PostgreSQL and MySQL/MariaDB in one voice: the lowest layer of PowerCRUD.
//!
//! - [`Database`]: a connection pool that knows which database it talks to; [`Transaction`]: one that may write.
//! - [`Catalog`]: what the database says of its tables, columns, keys and references, in words that all three share;
//!   [`rules`]: what it holds the rows of a table to.
//! - [`Dialect`]: everything in which the databases differ, as pieces of SQL or a yes or no. No other crate names a variant of it.
//! - [`Value`]: a cell, read, parsed, bound and shown; [`Fault`]: what an error of the database means.
//!
//! It knows no resource, no task and no page. Applications depend on `powercrud`, which re-exports what they need.

mod catalog;
mod connection;
mod create_table;
mod database;
mod denied;
pub mod dependents;
mod dialect;
mod error;
mod fault;
pub mod grants;
mod home;
mod query;
mod reach;
pub mod rules;
mod session_lock;
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;
mod table;
mod tokens;
mod transaction;
mod trial;
mod url;
mod value;
mod writers;

pub use catalog::{Catalog, LeftOut, columns_in};
pub use connection::{Connection, OWN_PREFIX};
pub use database::{Database, with_timeout};
pub use denied::Denied;
pub use dialect::Dialect;
pub use error::{Error, FieldError, Result};
pub use fault::{Fault, FaultKind, is_denied, is_missing_table, is_read_only};
pub use query::QueryExt;
pub use reach::promptly;
pub use session_lock::SessionLock;
pub use sql::lost_key;
pub use table::{Column, ColumnType, Constraint, Equality, ForeignKey, ReferentialAction, Scope, Table, TableKind};
pub use transaction::{Transaction, close, roll_back_to};
pub use trial::Held;
pub use url::mask_password;
pub use value::{Value, fingerprint, legible};
