//! Bulk edits and deletes that never time out, for axum applications and any SQL database.

pub mod db;
mod error;

pub use error::{Error, FieldError, Result};
