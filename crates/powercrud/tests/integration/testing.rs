//! `powercrud::testing`: the application in memory, and the suites, which find in broken implementations what they are there to find, and
//! nothing in our own.

mod app;
mod backend;
mod chunk_hook;
mod notifier;
mod policy;
mod validate;

use powercrud::testing::BrokenPromises;

/// The suite has found just this: one part of each broken promise, in any order.
#[track_caller]
fn assert_broken(checked: Result<(), BrokenPromises>, parts: &[&str]) {
    let broken = checked.expect_err("something is broken");
    for part in parts {
        assert!(broken.iter().any(|broken| broken.promise.contains(part)), "{part:?} is not among {broken}");
    }
    assert_eq!(broken.iter().count(), parts.len(), "{broken}");
}
