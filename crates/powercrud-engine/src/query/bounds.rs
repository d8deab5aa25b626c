//! How much one request may ask for. Looked at before anything is built from it: conditions nest as they are joined, and a statement
//! of many thousands would overflow the stack of the thread that writes it.

use super::params::ListParams;
use crate::{
    error::{Error, FieldError, Result},
    filter::{Filter, Operator},
};

/// Filters of one list or selection.
pub(crate) const MOST_FILTERS: usize = 100;

/// Values of all filters by `in` together.
pub(crate) const MOST_VALUES: usize = 5_000;

/// Words of a search.
pub(crate) const MOST_WORDS: usize = 32;

/// Fields of an order.
pub(crate) const MOST_ORDERINGS: usize = 32;

/// Characters of a text that is searched for. SQLite refuses patterns of 50,000 bytes.
pub(crate) const LONGEST_PATTERN: usize = 10_000;

/// The words of a search that the parameter `name` holds.
pub(crate) fn words<'a>(name: &str, search: &'a str) -> Result<Vec<&'a str>, FieldError> {
    let words: Vec<_> = search.split_whitespace().take(MOST_WORDS + 1).collect();
    if words.len() > MOST_WORDS {
        let given = search.split_whitespace().count();
        return Err(too_many(name, format!("a search has {MOST_WORDS} words at most; this one has {given}")));
    }
    words.iter().try_for_each(|word| pattern(name, word))?;
    Ok(words)
}

/// Refuses more filters than `most`, before any of them is read.
pub(crate) fn filters(given: usize) -> Result<(), FieldError> {
    match given {
        0..=MOST_FILTERS => Ok(()),
        _ => Err(too_many("filter", format!("{MOST_FILTERS} filters at most can be joined; these are {given}"))),
    }
}

/// Refuses more fields to order by than make sense.
pub(crate) fn orderings(given: usize) -> Result<(), FieldError> {
    match given {
        0..=MOST_ORDERINGS => Ok(()),
        _ => Err(too_many("ordering", format!("an order has {MOST_ORDERINGS} fields at most; this one has {given}"))),
    }
}

/// Checks all of it, also where a program made it without parsing.
pub(crate) fn check(params: &ListParams) -> Result<()> {
    let mut errors: Vec<FieldError> = Vec::new();
    errors.extend(filters(params.filters.len()).err());
    errors.extend(orderings(params.ordering.len()).err());
    errors.extend(words("q", &params.search).err());
    if errors.is_empty() {
        let long = params.filters.iter().filter(|filter| is_pattern(filter));
        errors.extend(long.filter_map(|filter| pattern(&filter.field, &filter.value).err()));
        errors.extend(values(&params.filters).err());
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
}

fn is_pattern(filter: &Filter) -> bool {
    matches!(filter.operator, Operator::Contains | Operator::StartsWith)
}

fn values(filters: &[Filter]) -> Result<(), FieldError> {
    let mut lists = filters.iter().filter(|filter| filter.operator == Operator::In);
    let count = |filter: &Filter| filter.value.bytes().filter(|byte| *byte == b',').count() + 1;
    let given: usize = lists.clone().map(count).sum();
    match lists.next_back() {
        Some(last) if given > MOST_VALUES => {
            let message =
                format!("the operator in takes {MOST_VALUES} values at most in all filters; these are {given}");
            Err(too_many(&last.field, message))
        }
        _ => Ok(()),
    }
}

fn pattern(name: &str, text: &str) -> Result<(), FieldError> {
    // Bytes are no fewer than characters.
    if text.len() <= LONGEST_PATTERN || text.chars().count() <= LONGEST_PATTERN {
        return Ok(());
    }
    let given = text.chars().count();
    let message = format!("a text of {LONGEST_PATTERN} characters at most can be searched for; this one has {given}");
    Err(FieldError::new(name, "TOO_LONG", message))
}

fn too_many(name: &str, message: String) -> FieldError {
    FieldError::new(name, "TOO_MANY", message)
}
