//! List pages: parameters from a query string, checked, to a SELECT, to rows.

mod condition;
mod in_task;
mod links;
mod params;
mod rows;
mod versions;

pub use condition::Operator;
pub(crate) use condition::{
    canonical_key, comparable_key, condition, join_key, key_value, keys_condition, single_keys_condition, split_key,
};
pub use in_task::InTask;
pub use links::linked;
pub use params::{Filter, ListParams, Ordering, Refused};
pub use rows::{Cell, Choice, Count, Page, Row, choices, count, list};
pub(crate) use rows::{list_fields, name_references, names_of, names_of_changes, read_row, row_select};
pub use versions::version;
pub(crate) use versions::versions;
