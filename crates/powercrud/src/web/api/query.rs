//! Parameters of the API's own, read name by name, so that every mistake is told at once.

use super::caller::Caller;
use crate::web::view::day_start;
use powercrud_engine::{
    error::{Error, FieldError},
    task::Status,
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
                    let known: Vec<_> = Status::ALL.iter().map(|status| status.as_str()).collect();
                    let message = format!("{word:?} is no state; allowed are: {}", known.join(", "));
                    self.errors.push(FieldError::new("status", "INVALID_CHOICE", message));
                }
            }
        }
        statuses
    }

    /// One of some words, in the words' own type; `None` where it is not given.
    pub(super) fn word<T>(&mut self, name: &str, allowed: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let word = self.take(name)?;
        let read = read(&word);
        if read.is_none() {
            let message = format!("{word:?} is not allowed; allowed are: {allowed}");
            self.errors.push(FieldError::new(name, "INVALID_CHOICE", message));
        }
        read
    }

    /// A moment in milliseconds since 1970 UTC, from RFC 3339 or a day.
    pub(super) fn moment(&mut self, name: &str) -> Option<i64> {
        let text = self.take(name)?;
        let moment = chrono::DateTime::parse_from_rfc3339(&text).map(|moment| moment.timestamp_millis()).ok();
        let moment = moment.or_else(|| day_start(&text));
        if moment.is_none() {
            let message = format!(
                "{text:?} is no moment; allowed is one with its zone, such as 2026-01-31T12:00:00Z, or a day in UTC, such as 2026-01-31"
            );
            self.errors.push(FieldError::new(name, "INVALID_VALUE", message));
        }
        moment
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
