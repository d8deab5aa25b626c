//! Bulk tasks as the database keeps them: found, claimed, carried on and ended ([`store`]), their records by outcome ([`results`]), and
//! how long that is kept ([`keeping`]).

pub mod keeping;
pub mod results;
mod shown;
pub mod store;
mod timeline;
mod words;

pub use timeline::timeline;
pub(crate) use words::FIRST;
pub use words::HIDDEN;

pub(crate) use crate::bulk_task::{Stored, StoredWork};
pub use crate::{
    bulk_task::{BulkTask, RecordError, TaskEvent, TaskEventKind},
    status::{Event, Status},
};
