//! The command line as a program: exit statuses, JSON, and what it does to real databases.

mod bulk;
mod configuration;
mod discovery;
mod program;
mod refusals;
mod serve;
mod tasks;

/// The library's tests know how to make a database for each test.
#[path = "../../../powercrud/tests/integration"]
mod shared {
    pub(crate) mod support;
}
pub(crate) use shared::support;
