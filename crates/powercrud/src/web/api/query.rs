//! Parameters of the API's own, read name by name, so that every mistake is told at once.

use std::str::FromStr;

use super::caller::Caller;
use crate::web::view::day_start;
use powercrud_engine::{
    error::{Error, FieldError},
    task::Status,
    words::listed,
};

/// A query string that is read name by name.
pub(super) struct Query {
    pairs: Vec<(String, String)>,
    pub(super) errors: Vec<FieldError>,
}

impl Query {
    pub(super) fn of(caller: &Caller) -> Self {
        Self { pairs: caller.query.clone(), errors: Vec::new() }
    }

    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let place = self.pairs.iter().position(|(other, _)| other == name)?;
        Some(self.pairs.remove(place).1)
    }

    fn number(&mut self, name: &str, default: u64, max: u64) -> u64 {
        let Some(text) = self.take(name) else { return default };
        text.parse().ok().filter(|number| (1..=max).contains(number)).unwrap_or_else(|| {
            let message = format!("{text:?} is not a whole number from 1 to {max}");
            self.errors.push(FieldError::new(name, "OUT_OF_RANGE", message));
            default
        })
    }

    pub(super) fn page(&mut self) -> u64 {
        self.number("page", 1, 1_000_000_000)
    }

    pub(super) fn page_size(&mut self) -> u64 {
        self.number("page_size", 50, 1000)
    }

    pub(super) fn statuses(&mut self, words: &str) -> Vec<Status> {
        let mut statuses = Vec::new();
        for word in words.split(',') {
            match Status::from_word(word) {
                Some(status) => statuses.push(status),
                None => {
                    let message = format!("{word:?} is no state; allowed are: {}", listed(Status::ALL));
                    self.errors.push(FieldError::new("status", "INVALID_CHOICE", message));
                }
            }
        }
        statuses
    }

    /// One of the words of `all`, in the words' own type; `None` where it is not given.
    pub(super) fn word<T: FromStr + Copy + Into<&'static str>>(&mut self, name: &str, all: &[T]) -> Option<T> {
        let word = self.take(name)?;
        let read = word.parse().ok();
        if read.is_none() {
            let message = format!("{word:?} is not allowed; allowed are: {}", listed(all));
            self.errors.push(FieldError::new(name, "INVALID_CHOICE", message));
        }
        read
    }

    /// A timestamp in milliseconds since 1970 UTC, from RFC 3339 or a day.
    pub(super) fn timestamp(&mut self, name: &str) -> Option<i64> {
        let text = self.take(name)?;
        let timestamp = chrono::DateTime::parse_from_rfc3339(&text).map(|timestamp| timestamp.timestamp_millis()).ok();
        let timestamp = timestamp.or_else(|| day_start(&text));
        if timestamp.is_none() {
            let message = format!(
                "{text:?} is not a timestamp; allowed is one with its zone, such as 2026-01-31T12:00:00Z, or a day in UTC, such as 2026-01-31"
            );
            self.errors.push(FieldError::new(name, "INVALID_VALUE", message));
        }
        timestamp
    }

    /// Nothing that is not `allowed` may be left, and nothing twice.
    pub(super) fn end(mut self, allowed: &[&str]) -> Result<(), Error> {
        for (name, _) in &self.pairs {
            let (code, message) = match allowed.contains(&name.as_str()) {
                true => ("DUPLICATE_FIELD", "is given more than once".to_owned()),
                false => {
                    ("UNKNOWN_PARAMETER", format!("there is no such parameter; allowed are: {}", allowed.join(", ")))
                }
            };
            self.errors.push(FieldError::new(name, code, message));
        }
        if self.errors.is_empty() { Ok(()) } else { Err(Error::Invalid(self.errors)) }
    }
}
