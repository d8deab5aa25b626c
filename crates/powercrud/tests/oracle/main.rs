//! A judge that does not know PowerCRUD's code: plain SQL on a copy.
//!
//! A case is a schema with rows, and what happens to them one thing after the other. Its script runs in two databases. In one PowerCRUD
//! lists, filters, edits and bulk changes, in the request and in the background; in the other plain SQL does, record by record. After each
//! step both have to hold the same bytes, save for records that the task names as failed, and each of those must be one that plain SQL
//! refuses too, for the same kind of reason. What PowerCRUD calls read-only must have a reason, and stays as it was.
//!
//! Each table has a column `tag`, by which the judge knows a row whatever its key is: so it knows nothing of how keys are written, and
//! tells when a listed key is another record's. Beside the rows it compares what filters select with a WHERE of its own, what the task
//! counts, and why records failed.
//!
//! Fixed cases always run. Generated ones follow from a seed, which is printed: `POWERCRUD_ORACLE_SEED` repeats it, and
//! `POWERCRUD_ORACLE_SECONDS` says for how long each database is tried (30).

mod connection;
mod dump;
mod fixed;
mod generated;
mod judge;
mod step;
mod subject;
mod trial;

/// What the integration tests use as well, and more of it.
#[path = "../integration"]
#[expect(dead_code, unused_imports, unused_macros, reason = "shared with the integration tests, which use more of it")]
mod shared {
    pub(crate) mod support;
}

use shared::support;
use support::{Kind, TestDatabase};

/// Two databases of a case's own, one for PowerCRUD and one for the judge.
async fn with_two<F: Future<Output = ()> + Send + 'static>(
    kind: Kind,
    work: impl FnOnce(TestDatabase, TestDatabase) -> F + Send + 'static,
) {
    support::run(kind, move |subject| async move {
        support::run(kind, move |copy| work(subject, copy)).await;
    })
    .await;
}
