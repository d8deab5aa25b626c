//! The command line as a program: exit statuses, JSON, and what it does to real databases.

mod bulk;
mod celery;
mod configuration;
mod discovery;
mod doors;
mod faults;
mod notices;
#[cfg(feature = "otel")]
mod otel;
mod own_schema;
mod program;
#[cfg(unix)]
mod read_only_files;
mod readme;
mod refusals;
mod reverts;
mod serve;
mod staff;
mod streams;
mod tasks;
mod tokens;
mod told;
mod users;

/// The library's tests know how to make a database for each test.
#[path = "../../../powercrud/tests/integration"]
mod shared {
    // Not `expect`: the compiler calls that unfulfilled on a module, although it silences the warnings there.
    #[allow(dead_code, unused_imports, reason = "the library's tests use the rest")]
    pub(crate) mod support;
}
pub(crate) use shared::support;
