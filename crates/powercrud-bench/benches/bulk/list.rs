//! The first page of a filtered, sorted list over the large table, where an index serves.

use std::time::Instant;

use anyhow::{Result, ensure};
use powercrud::query::{self, ListParams};

use crate::{
    Size,
    database::Bench,
    report::{Report, median, milliseconds},
};

const ROUNDS: usize = 21;
const BOUND: f64 = 20.0;

pub(crate) async fn first_page(bench: &Bench, size: Size, report: &mut Report) -> Result<()> {
    let powercrud = bench.powercrud().await?;
    let resource = powercrud.resource("item")?;
    let params = ListParams::parse(resource, &[("category", "7"), ("ordering", "title")])?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let page = query::list(&powercrud, resource, &params).await?;
        times.push(milliseconds(start.elapsed()));
        ensure!(page.rows.len() == 25, "a page of {} rows", page.rows.len());
    }
    let how = format!("category = 7 by title, 25 of {} rows, with their count", size.large / 100);
    let what = format!("first page over {} rows", size.large);
    report.add(bench.kind.name(), &what, median(&times), Some(BOUND), " ms", how);
    Ok(())
}
