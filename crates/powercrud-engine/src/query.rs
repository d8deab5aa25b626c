//! List pages: parameters from a query string, checked, to a SELECT, to rows.

mod bounds;
mod condition;
mod in_task;
mod keys;
mod links;
mod params;
pub mod read;
mod refused;
mod rows;
mod versions;

pub(crate) use bounds::words;
pub use condition::Operator;
pub(crate) use condition::condition;
pub use in_task::InTask;
pub(crate) use keys::{
    comparable_key, key_value, keys_condition, own_key, own_keys, single_keys_condition, split_key, why_lost,
};
pub use links::linked;
pub(crate) use params::RESERVED;
pub use params::{Filter, ListParams, Ordering, Refused};
pub(crate) use read::{read_row, row_select};
pub(crate) use refused::blame_filters;
pub use rows::{Cell, Choice, Count, Page, Row, choices, count, list};
pub use rows::{list_fields, name_references, names_of, names_of_changes};
pub use versions::version;
pub(crate) use versions::versions;
