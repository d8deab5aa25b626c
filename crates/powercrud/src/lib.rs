//! Bulk edits and deletes that never time out, for axum applications and any SQL database.

mod app;
mod config;
pub mod db;
mod error;
pub mod query;
mod resource;

pub use app::{Builder, PowerCrud, User};
pub use config::{
    Atomicity, BackendKind, ConflictScope, Names, Notification, OnConflict, ResourceSettings, Settings, Texts,
};
pub use error::{Error, FieldError, Result};
pub use resource::{Field, Reference, Resource, ResourceBuilder};
