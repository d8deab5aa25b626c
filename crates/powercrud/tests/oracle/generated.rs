//! Schemas, rows and operations that nobody thought of, made from a seed.

mod rules;
mod schema;
mod steps;
mod types;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    step::Case,
    support::Kind,
    trial::{self, Tally},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    run(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    run(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysql() {
    run(Kind::Mysql).await;
}

/// What is told of a run at most.
const DIFFERENCES: usize = 5;

/// On a slow machine no fewer schemas than these, however long they take: from fewer one can't tell whether the generator is worth its time.
const LEAST: u64 = 40;

/// So many schemas share two databases, since making one takes as long as what is done to it.
const BATCH: u64 = 8;

async fn run(kind: Kind) {
    let repeated = number("POWERCRUD_ORACLE_SEED");
    let limit = Duration::from_secs(number("POWERCRUD_ORACLE_SECONDS").unwrap_or(30));
    let begun = Instant::now();
    let first = repeated.unwrap_or_else(fresh);
    let mut tally = Tally::default();
    let mut wrong = Vec::new();
    let mut cases = 0_u64;
    let goes_on = |cases: u64| cases < LEAST || begun.elapsed() < limit;
    while cases == 0 || (repeated.is_none() && goes_on(cases) && wrong.len() < DIFFERENCES) {
        let batch = if repeated.is_some() { 1 } else { BATCH };
        let seeds: Vec<_> = (0..batch).map(|index| first.wrapping_add(cases + index)).collect();
        let outcomes = trial::run_batch(kind, seeds.iter().map(|seed| generate(kind, *seed)).collect()).await;
        if outcomes.is_empty() {
            return;
        }
        for (seed, outcome) in seeds.into_iter().zip(outcomes) {
            cases += 1;
            match outcome {
                Ok(done) => tally.merge(&done),
                Err(difference) => {
                    println!("POWERCRUD_ORACLE_SEED={seed} differs:\n{difference}");
                    wrong.push(seed);
                }
            }
        }
    }
    println!("{cases} schemas on {kind:?}, seeds from {first}: {:?}", tally.0);
    assert!(wrong.is_empty(), "PowerCRUD and plain SQL differ; repeat each with POWERCRUD_ORACLE_SEED: {wrong:?}");
    // Of what is tried nearly two thirds are done, and the rest are tables that can't be written to, or changes that no row takes. One
    // run has too few schemas for that share to be met each time: under a third, something is wrong with the generator.
    let compared = tally.get("bulk updates") + tally.get("bulk deletes") + tally.get("edits");
    let refused = tally.get("read-only") + tally.get("requests refused") + tally.get("edits refused");
    assert!(repeated.is_some() || 2 * compared > refused, "too little was compared: {:?}", tally.0);
}

/// The case of that seed.
fn generate(kind: Kind, seed: u64) -> Case {
    let mut random = StdRng::seed_from_u64(seed);
    let schema = schema::Schema::generate(kind, &mut random);
    let steps = steps::generate(&schema, &mut random);
    Case { name: format!("seed {seed}"), kind, script: schema.script, role: None, steps }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is {text:?}, and should be a whole number")))
}

fn fresh() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is right");
    since.as_micros() as u64 % 1_000_000_000_000
}

/// One of them.
fn pick<'a, T>(random: &mut StdRng, from: &'a [T]) -> &'a T {
    &from[random.random_range(0..from.len())]
}

/// Once in so many times.
fn one_in(random: &mut StdRng, times: u32) -> bool {
    random.random_range(0..times) == 0
}
