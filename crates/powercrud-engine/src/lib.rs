//! What PowerCRUD does to records, without HTTP: resources, forms, selections, bulk operations, tasks, workers, notices and audit.
//!
//! An application depends on the crate `powercrud` alone, which re-exports what it needs of this one.

pub mod action;
mod active_model;
pub mod audit;
pub mod backend;
pub mod bulk;
pub mod bulk_task;
mod cascades;
#[cfg(feature = "celery")]
pub mod celery;
pub mod change;
pub mod chunk_hook;
pub mod config;
pub mod control;
pub mod digest;
mod engine;
pub mod error;
mod extensions;
mod faults;
mod filter;
pub mod form;
pub mod heartbeat;
pub mod history;
pub mod lock;
pub mod metrics;
mod metrics_text;
mod names;
pub mod notify;
pub mod own;
pub mod policy;
pub mod query;
pub mod record;
mod record_values;
pub mod resource;
mod retry;
pub mod selection;
pub mod staff;
pub mod status;
pub mod task;
pub mod task_json;
#[cfg(feature = "testing")]
pub mod testing;
pub mod user;
pub mod validate;
pub mod words;
pub mod worker;

pub use engine::{Engine, EngineBuilder, Held, UserLookup, WhoIs};
pub use error::{Error, Result};
pub use names::{ByColumn, ByReference, ByText, FieldName, FieldNames, WholeNumber};
pub use record_values::RecordValues;
