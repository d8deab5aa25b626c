//! What the addresses of filtered pages ask for, as far as they ask alike.

use super::{context::RequestContext, error::sentence, staff, view};
use powercrud_engine::resource::Resource;

const MILLISECONDS_A_DAY: i64 = 24 * 60 * 60 * 1000;

/// The number of a page, from 1 on; the first where there is no such.
pub(super) fn page_number(text: &str) -> u64 {
    text.parse().unwrap_or(1).clamp(1, 1_000_000)
}

/// The parameters that say something, and the page where it is not the first.
pub(super) fn pairs<const N: usize>(named: [(&str, &String); N], page: u64) -> Vec<(String, String)> {
    let named = named.into_iter().filter(|(_, value)| !value.is_empty());
    let page = (page > 1).then(|| ("page".to_owned(), page.to_string()));
    named.map(|(name, value)| (name.to_owned(), value.clone())).chain(page).collect()
}

/// Reads the parts of a filter, and collects what is wrong with them. A part that is empty or wrong filters nothing.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) problems: Vec<String>,
}

impl Parts {
    pub(super) fn resource<'a>(&mut self, context: &'a RequestContext, name: &str) -> Option<&'a Resource> {
        if name.is_empty() {
            return None;
        }
        let found = context.app().resource(name).map(AsRef::as_ref);
        found.map_err(|error| self.problems.push(sentence(&error.to_string()))).ok()
    }

    /// The id of a user; an empty one is the operator's.
    pub(super) fn user(&mut self, word: &str) -> Option<String> {
        staff::person_of(word).unwrap_or_else(|problem| {
            self.problems.push(problem);
            None
        })
    }

    /// Where the day begins, in milliseconds since 1970 UTC.
    pub(super) fn from(&mut self, text: &str) -> Option<i64> {
        self.day("From", text)
    }

    /// Where the day ends.
    pub(super) fn to(&mut self, text: &str) -> Option<i64> {
        self.day("To", text).map(|day| day + MILLISECONDS_A_DAY)
    }

    fn day(&mut self, label: &str, text: &str) -> Option<i64> {
        let timestamp = view::day_start(text);
        if timestamp.is_none() && !text.is_empty() {
            self.problems.push(format!("{label}: {text:?} is not a day; allowed is one such as 2026-01-31."));
        }
        timestamp
    }
}
