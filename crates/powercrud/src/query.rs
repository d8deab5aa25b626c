//! List pages: parameters from a query string, checked, to a SELECT, to rows.

mod condition;
mod params;
mod rows;

pub use condition::Operator;
pub(crate) use condition::{canonical_key, condition, join_key, keys_condition, split_key};
pub use params::{Filter, ListParams, Ordering};
pub use rows::{Cell, Choice, Count, Page, Row};
pub(crate) use rows::{name_references, read_row, row_select};

use crate::{app::PowerCrud, error::Result, resource::Resource};

/// One page of a resource's records.
///
/// # Errors
/// [`crate::Error::Invalid`] names unknown fields, operators that don't fit and values of the wrong type.
pub async fn list(app: &PowerCrud, resource: &Resource, params: &ListParams) -> Result<Page> {
    rows::list(app, resource, params).await
}

/// How many records match, exactly.
pub async fn count(app: &PowerCrud, resource: &Resource, params: &ListParams) -> Result<u64> {
    rows::count(app, resource, params).await
}

/// Records of the table that `field` refers to whose name contains `search`, at most `limit`; for searchable choices.
pub async fn choices(
    app: &PowerCrud,
    resource: &Resource,
    field: &str,
    search: &str,
    limit: u64,
) -> Result<Vec<Choice>> {
    rows::choices(app, resource, field, search, limit).await
}
