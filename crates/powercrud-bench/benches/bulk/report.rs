//! The table at the end.

use std::time::Duration;

/// What was measured, with the bound beside it.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<[String; 5]>,
    notes: Vec<String>,
}

impl Report {
    /// A measure with its bound, both in `unit`; a bound of `None` is for information.
    pub(crate) fn add(&mut self, database: &str, what: &str, value: f64, bound: Option<f64>, unit: &str, how: String) {
        let bound = match bound {
            Some(bound) if value <= bound => format!("≤ {bound}{unit}"),
            Some(bound) => format!("≤ {bound}{unit}  MISSED"),
            None => String::new(),
        };
        let digits = if value < 10.0 { 2 } else { 0 };
        let line = [database.to_owned(), what.to_owned(), format!("{value:.digits$}{unit}"), bound, how];
        eprintln!("  {}", line.join("  "));
        self.lines.push(line);
    }

    /// A database that was not measured.
    pub(crate) fn left_out(&mut self, database: &str, why: &str) {
        self.notes.push(format!("left out: {database}: {why}"));
    }

    pub(crate) fn print(&self) {
        let head = ["database", "measure", "result", "bound", "how"].map(str::to_owned);
        let lines = || std::iter::once(&head).chain(&self.lines);
        let width = |column: usize| lines().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 5] = std::array::from_fn(width);
        for line in lines() {
            let cells: Vec<_> = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            println!("{}", cells.join("  ").trim_end());
        }
        for note in &self.notes {
            println!("{note}");
        }
    }
}

/// The middle one.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// That below which so many of a hundred are.
pub(crate) fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let place = (values.len() * percent).div_ceil(100).saturating_sub(1);
    values.get(place).copied().unwrap_or(f64::NAN)
}

/// In milliseconds.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
