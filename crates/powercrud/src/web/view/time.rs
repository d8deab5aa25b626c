//! Timestamps and durations in words.

use chrono::{DateTime, Utc};
use serde::Serialize;

/// A timestamp, three ways.
#[derive(Clone, Debug, Serialize)]
pub(in crate::web) struct Timestamp {
    iso: String,
    exact: String,
    pub(super) relative: String,
}

impl Timestamp {
    /// The day alone.
    pub(super) fn day(&self) -> String {
        self.exact.split(' ').next().unwrap_or_default().to_owned()
    }
}

/// The first moment of a day written as `2026-01-31`, in UTC.
pub(in crate::web) fn day_start(text: &str) -> Option<i64> {
    let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis())
}

/// `at` in milliseconds since 1970 UTC, seen from `now`.
pub(super) fn timestamp(at: i64, now: i64) -> Option<Timestamp> {
    let timestamp: DateTime<Utc> = DateTime::from_timestamp_millis(at)?;
    Some(Timestamp {
        iso: timestamp.to_rfc3339(),
        exact: timestamp.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        relative: ago(now - at),
    })
}

/// The day of `at`, in milliseconds since 1970 UTC.
pub(super) fn date(at: i64) -> Option<String> {
    Some(DateTime::from_timestamp_millis(at)?.format("%Y-%m-%d").to_string())
}

pub(super) fn now() -> i64 {
    Utc::now().timestamp_millis()
}

/// "3 minutes ago", and for what is still to come "in 3 minutes".
fn ago(milliseconds: i64) -> String {
    let seconds = milliseconds / 1000;
    let distance = seconds.abs();
    let (number, unit) = match distance {
        ..5 => return "just now".to_owned(),
        5..60 => (distance, "second"),
        60..3600 => (distance / 60, "minute"),
        3600..86_400 => (distance / 3600, "hour"),
        _ => (distance / 86_400, "day"),
    };
    let plural = if number == 1 { "" } else { "s" };
    if seconds < 0 { format!("in {number} {unit}{plural}") } else { format!("{number} {unit}{plural} ago") }
}

/// "0.4 s", "12 s", "1 min 20 s", "2 h 5 min".
pub(in crate::web) fn duration(milliseconds: i64) -> String {
    let milliseconds = milliseconds.max(0);
    let seconds = (milliseconds + 500) / 1000;
    match seconds {
        _ if milliseconds < 50 => "less than 0.1 s".to_owned(),
        _ if milliseconds < 9_950 => format!("{:.1} s", milliseconds as f64 / 1000.0),
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_words() {
        for (milliseconds, expected) in
            [(3, "less than 0.1 s"), (400, "0.4 s"), (12_300, "12 s"), (80_000, "1 min 20 s"), (7_500_000, "2 h 5 min")]
        {
            assert_eq!(duration(milliseconds), expected);
        }
        for (milliseconds, expected) in [
            (-90_000, "in 1 minute"),
            (-7_200_000, "in 2 hours"),
            (-3_000, "just now"),
            (59_999, "59 seconds ago"),
            (60_000, "1 minute ago"),
            (172_800_000, "2 days ago"),
        ] {
            assert_eq!(ago(milliseconds), expected);
        }
    }
}
