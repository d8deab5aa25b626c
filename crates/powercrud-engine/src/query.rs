//! List pages: parameters from a query string, checked, to a SELECT, to rows.

mod bounds;
mod condition;
mod in_task;
mod keys;
mod links;
mod params;
pub mod read;
mod references;
mod refused;
mod rows;
mod versions;

pub use crate::filter::{Filter, Operator};
pub(crate) use bounds::words;
pub(crate) use condition::condition;
pub use in_task::InTask;
pub(crate) use keys::{
    LOST_MARKS, comparable_key, is_there, key_value, keys_condition, keys_subquery, not_there, own_key, own_keys,
    single_keys_condition, split_key, text_keys_condition, why_lost,
};
pub use links::linked;
pub(crate) use params::RESERVED;
pub use params::{ListParams, Ordering, Refused};
pub(crate) use read::{read_row, row_select};
pub(crate) use references::lost_references;
pub use refused::set_aside;
pub(crate) use refused::{attribute_filter_error, check_filters};
pub(crate) use rows::names_of_changes;
pub use rows::{Cell, Choice, Count, Page, Row, choices, count, list};
pub use rows::{list_fields, name_references, names_of};
pub use versions::version;
pub(crate) use versions::versions;
