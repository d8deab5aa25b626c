//! Bulk tasks against the plain SQL statement, on each database, as ratios of one run: `cargo bench -p powercrud-bench`.
//!
//! `-- --quick` takes a tenth of the rows and fewer rounds, `-- sqlite` (or postgres, mysql) one database, `-- revert` (or another of
//! `PARTS`) one part. Servers are found at
//! `POWERCRUD_TEST_POSTGRES_URL` and `POWERCRUD_TEST_MYSQL_URL`. It fails only where something fails, not where a bound is missed:
//! machines differ.

mod conflict;
mod database;
mod latency;
mod list;
mod memory;
mod ratio;
mod report;
mod revert;

use anyhow::{Result, bail};

use crate::{database::Bench, report::Report};

/// How much is measured.
#[derive(Clone, Copy)]
struct Size {
    /// Rows of a bulk task.
    rows: u64,
    /// Rows of the large table.
    large: u64,
    /// Pairs of raw statement and bulk task.
    rounds: usize,
}

/// What can be measured by itself.
const PARTS: [&str; 7] = ["update", "delete", "refused", "revert", "scopes", "latency", "large"];

#[tokio::main]
async fn main() -> Result<()> {
    if let Ok(task) = std::env::var(memory::CHILD) {
        return memory::child(&task).await;
    }
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let (mut kinds, mut parts) = (Vec::new(), Vec::new());
    for name in arguments.iter().filter(|argument| !argument.starts_with('-')) {
        match database::Kind::ALL.into_iter().find(|kind| kind.name() == name) {
            Some(kind) => kinds.push(kind),
            None if PARTS.contains(&name.as_str()) => parts.push(name.as_str()),
            None => bail!("{name:?} is neither a database nor a part: {}", PARTS.join(", ")),
        }
    }
    let size = match quick {
        true => Size { rows: 10_000, large: 100_000, rounds: 3 },
        false => Size { rows: 100_000, large: 1_000_000, rounds: 5 },
    };
    let mut report = Report::default();
    for kind in database::Kind::ALL {
        if !kinds.is_empty() && !kinds.contains(&kind) {
            continue;
        }
        match Bench::create(kind).await {
            Ok(bench) => {
                let measured = measure(&bench, size, &parts, &mut report).await;
                bench.drop().await?;
                measured?;
            }
            Err(error) => report.left_out(kind.name(), &format!("{error:#}")),
        }
    }
    report.print();
    Ok(())
}

async fn measure(bench: &Bench, size: Size, parts: &[&str], report: &mut Report) -> Result<()> {
    let wanted = |part: &str| parts.is_empty() || parts.contains(&part);
    eprintln!("{}: {} rows …", bench.kind.name(), size.rows);
    bench.fill("item", size.rows).await?;
    if wanted("update") {
        ratio::update(bench, size, report).await?;
    }
    if wanted("delete") {
        ratio::delete(bench, size, report).await?;
    }
    if wanted("refused") {
        conflict::refused(bench, size, report).await?;
    }
    if wanted("revert") {
        revert::kept(bench, size, "update", report).await?;
        revert::kept(bench, size, "delete", report).await?;
    }
    if wanted("scopes") || wanted("latency") {
        bench.fill("item", size.rows).await?;
    }
    if wanted("scopes") {
        conflict::scopes(bench, size, report).await?;
    }
    if wanted("latency") {
        latency::backends(bench, report).await?;
    }
    if wanted("large") {
        eprintln!("{}: {} rows …", bench.kind.name(), size.large);
        bench.fill("item", size.large).await?;
        list::first_page(bench, size, report).await?;
        memory::peak(bench, size, report).await?;
    }
    Ok(())
}
