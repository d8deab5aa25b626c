//! What goes to standard output: text tables for people, JSON for programs.

/// A text table: left-aligned columns under `head`, two spaces between them.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &[&str]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let rows = rows.iter().map(|row| line(&row.iter().map(String::as_str).collect::<Vec<_>>()));
    [line(head)].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

/// Prints a line, and ends quietly where nobody reads any more (`powercrud resources | head`).
pub(crate) fn print(text: &str) {
    write(format!("{text}\n").as_bytes());
}

/// As [`print()`], without a line's end.
pub(crate) fn write(bytes: &[u8]) {
    use std::io::Write as _;
    let mut stdout = std::io::stdout().lock();
    if let Err(error) = stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => std::process::exit(0),
            _ => tracing::error!("can't write to standard output: {error}"),
        }
    }
}

/// Prints JSON, indented.
pub(crate) fn print_json(value: &serde_json::Value) {
    print(&format!("{value:#}"));
}

/// A timestamp in milliseconds since 1970 UTC, to the minute: 2026-01-31 12:00 UTC.
pub(crate) fn timestamp(at: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(at);
    at.map(|at| at.format("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default()
}

/// A whole number with commas: 12,304.
pub(crate) fn grouped(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_line_up() {
        let rows = vec![vec!["Track".into(), "3,503".into()], vec!["Ärger".into(), String::new()]];
        assert_eq!(table(&["resource", "rows"], &rows), "resource  rows\nTrack     3,503\nÄrger");
    }
}
