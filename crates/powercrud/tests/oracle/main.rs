//! A judge that does not know PowerCRUD's code: the plain SQL statement, record by record, on a copy.
//!
//! Each case is a schema with rows, a selection and an operation. The case's script runs in two databases. In one PowerCRUD carries the
//! operation out as a bulk task; in the other plain SQL does, each record in a transaction of its own, so that what the database refuses
//! is that record's. Afterwards every table of both must hold the same bytes, save for records that the task names as failed, and each of
//! those must be one that plain SQL refuses too. What PowerCRUD calls read-only must have a reason, and stays as it was.
//!
//! Fixed cases always run. Generated ones follow from a seed, which is printed: `POWERCRUD_ORACLE_SEED` repeats it, and
//! `POWERCRUD_ORACLE_SECONDS` says for how long each database is tried (20).

mod case;
mod connection;
mod dump;
mod fixed;
mod generate;
mod judge;
mod scenario;
mod subject;
mod verdict;

/// What the integration tests use as well, and more of it.
#[path = "../integration"]
#[expect(dead_code, unused_imports, reason = "shared with the integration tests, which use more of it")]
mod shared {
    pub(crate) mod support;
}

use shared::support;
use support::{Kind, TestDatabase, each_database};

each_database! { fixed_cases, generated_cases }

async fn fixed_cases(database: TestDatabase) {
    verdict::of_fixed(database.kind, fixed::cases(database.kind)).await;
}

async fn generated_cases(database: TestDatabase) {
    let seed = number("POWERCRUD_ORACLE_SEED").unwrap_or_else(generate::new_seed);
    let seconds = number("POWERCRUD_ORACLE_SECONDS").unwrap_or(20);
    println!("seed: POWERCRUD_ORACLE_SEED={seed}, {seconds} seconds on {:?}", database.kind);
    verdict::of_generated(database.kind, seed, std::time::Duration::from_secs(seconds)).await;
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is not a whole number: {text}")))
}

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
