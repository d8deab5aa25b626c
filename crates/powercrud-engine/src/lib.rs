//! What PowerCRUD does to records, without HTTP: resources, forms, selections, bulk operations, tasks, workers, notices and audit.
//!
//! An application depends on the crate `powercrud` alone, which re-exports what it needs of this one.

pub mod audit;
pub mod backend;
pub mod bulk;
pub mod config;
pub mod digest;
mod engine;
pub mod error;
pub mod form;
pub mod history;
pub mod lock;
pub mod metrics;
pub mod notify;
pub mod own;
pub mod query;
pub mod record;
pub mod resource;
pub mod selection;
pub mod staff;
pub mod task;
pub mod user;
pub mod worker;

pub use engine::{Engine, EngineBuilder, Held};
pub use error::{Error, Result};
