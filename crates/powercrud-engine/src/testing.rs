//! Suites that say whether an application's own policies, backends, notifiers, rules and hooks keep what their traits promise.
//!
//! Each takes what a test has made, asks it as PowerCRUD does, and returns all that it found broken, promise by promise. They are for
//! tests: they read whole tables, and put things to what they are given that nobody asked for.
//!
//! A suite waits for an answer as long as [`PATIENCE`], or as its `within` says, and no longer. An implementation that blocks its thread is not
//! interrupted by that: a test has an end where its runner sets one.

mod backend;
mod chunk_hook;
mod contents;
mod notifier;
mod policy;
mod records_suite;
mod validate;

use std::{fmt, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt as _;

use crate::error::{FieldError, Result};

pub use {
    backend::{BackendSuite, backend},
    chunk_hook::{ChunkHookSuite, chunk_hook},
    notifier::{NotifierSuite, notifier, notifiers},
    policy::{PolicySuite, policy},
    records_suite::RecordsSuite,
    validate::{ValidateSuite, validate},
};

/// How long a suite waits for what should be soon, unless told otherwise.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// One promise that is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokenPromise {
    /// What the trait's documentation promises, in a sentence.
    pub promise: &'static str,
    /// What was found instead.
    pub found: String,
}

/// What an implementation does not keep of what its trait promises.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokenPromises(Vec<BrokenPromise>);

impl BrokenPromises {
    /// Each of them, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &BrokenPromise> {
        self.0.iter()
    }
}

impl fmt::Display for BrokenPromises {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not all that was promised is kept:")?;
        self.0.iter().try_for_each(|broken| write!(f, "\n- {}: {}", broken.promise, broken.found))
    }
}

/// As people read it, since `unwrap` and `expect` show this one.
impl fmt::Debug for BrokenPromises {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for BrokenPromises {}

/// What a suite has found so far.
struct Findings {
    broken: Vec<BrokenPromise>,
    patience: Duration,
}

impl Findings {
    fn new(patience: Duration) -> Self {
        Self { broken: Vec::new(), patience }
    }

    /// Each promise is told of once, by what was found first.
    fn broken(&mut self, promise: &'static str, found: impl fmt::Display) {
        if self.broken.iter().all(|broken| broken.promise != promise) {
            self.broken.push(BrokenPromise { promise, found: found.to_string() });
        }
    }

    fn require(&mut self, holds: bool, promise: &'static str, found: impl fmt::Display) {
        if !holds {
            self.broken(promise, found);
        }
    }

    /// What comes of `work`; `None` where it panics or takes too long, by which `promise` is broken.
    async fn within<T>(&mut self, promise: &'static str, what: &str, work: impl Future<Output = T>) -> Option<T> {
        let patience = self.patience;
        self.before(patience, promise, what, work).await
    }

    /// As [`Findings::within`], with a time of its own.
    async fn before<T>(
        &mut self,
        most: Duration,
        promise: &'static str,
        what: &str,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        match AssertUnwindSafe(tokio::time::timeout(most, work)).catch_unwind().await {
            Ok(Ok(done)) => return Some(done),
            Ok(Err(_)) => self.broken(promise, format_args!("{what} had not ended after {most:?}")),
            Err(_) => self.broken(promise, format_args!("{what} panicked")),
        }
        None
    }

    fn end(self) -> std::result::Result<(), BrokenPromises> {
        if self.broken.is_empty() { Ok(()) } else { Err(BrokenPromises(self.broken)) }
    }
}

/// What the database says where it fails under a suite itself, which is nobody's broken promise but has to be told.
const DATABASE: &str = "the suite can read the database";

/// What is wrong with an error that programs and people are given.
fn why_no_error(error: &FieldError, is_field: impl Fn(&str) -> bool) -> Option<String> {
    let is_word = |code: &str| {
        code.starts_with(|c: char| c.is_ascii_uppercase())
            && code.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    match &error.field {
        Some(field) if !is_field(field) => Some(format!("there is no field {field:?}")),
        _ if !is_word(&error.code) => Some(format!("{:?} is no UPPER_SNAKE word", error.code)),
        _ if error.message.trim().is_empty() => Some(format!("{} has no message", error.code)),
        _ => None,
    }
}

/// Reads what the suite needs; `None` where that fails.
fn read<T>(findings: &mut Findings, read: Result<T>) -> Option<T> {
    read.map_err(|error| findings.broken(DATABASE, error)).ok()
}
