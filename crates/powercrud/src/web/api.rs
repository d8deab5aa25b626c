//! The JSON API: what the pages do, for programs, under `/api/v1`.
//!
//! Without the feature `api` there are problems alone, and who calls `/metrics`.
//!
//! A handler asks the core and shapes the answer into a plain JSON type, whose description goes into the OpenAPI document. What fails
//! is answered as a problem (RFC 9457) by the same layer that makes error pages.

#[cfg(feature = "api")]
mod body;
#[cfg(feature = "api")]
mod bulk;
#[cfg_attr(not(feature = "api"), expect(dead_code, reason = "most of it is for the JSON API alone"))]
mod caller;
#[cfg(feature = "api")]
mod document;
#[cfg(feature = "api")]
mod page;
mod problem;
#[cfg(feature = "api")]
mod query;
#[cfg(feature = "api")]
mod records;
#[cfg(feature = "api")]
mod resources;
#[cfg(feature = "api")]
mod task_events;
#[cfg(feature = "api")]
mod task_results;
#[cfg(feature = "api")]
mod tasks;
#[cfg(feature = "api")]
mod tokens;
#[cfg(feature = "api")]
mod value;

#[cfg(feature = "api")]
mod addresses;

#[cfg(feature = "api")]
pub(super) use addresses::{list, page, routes};
pub(super) use caller::Caller;
pub(super) use problem::problem;

use super::metrics;

/// Whether a request to this path is answered for a program, also where it fails.
pub(super) fn answers(path: &str) -> bool {
    path.starts_with("/api/") || path == metrics::PATH
}
