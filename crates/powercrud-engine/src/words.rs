//! Names into words: labels, plurals, numbers, timestamps.

use serde::{Serialize as _, Serializer};

/// "UnitPrice", "unit_price" and "unit price" all become "Unit price".
pub fn label(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    let mut previous_lower = false;
    for c in name.chars() {
        if c == '_' || c == '-' || c.is_whitespace() {
            if !words.ends_with(' ') && !words.is_empty() {
                words.push(' ');
            }
            previous_lower = false;
            continue;
        }
        if c.is_uppercase() && previous_lower {
            words.push(' ');
        }
        previous_lower = c.is_lowercase() || c.is_numeric();
        words.push(c);
    }
    let mut result = String::with_capacity(words.len());
    for (index, word) in words.split_whitespace().enumerate() {
        // "ISBN" stays; "Price" inside becomes "price".
        let acronym = word.chars().count() > 1 && word.chars().all(|c| !c.is_lowercase());
        if index > 0 {
            result.push(' ');
        }
        let mut chars = word.chars();
        match chars.next() {
            Some(first) if index == 0 => result.extend(first.to_uppercase().chain(chars)),
            _ if acronym => result.push_str(word),
            _ => result.push_str(&word.to_lowercase()),
        }
    }
    if result.is_empty() { name.to_owned() } else { result }
}

/// The English plural of the last word of `label`, good enough for a default; a setting overrides it.
pub(crate) fn plural(label: &str) -> String {
    let lower = label.to_lowercase();
    let vowel_before_y = lower.chars().rev().nth(1).is_some_and(|c| "aeiou".contains(c));
    if lower.ends_with('y') && !vowel_before_y {
        format!("{}ies", &label[..label.len() - 1])
    } else if ["s", "x", "z", "ch", "sh"].iter().any(|end| lower.ends_with(end)) {
        format!("{label}es")
    } else {
        format!("{label}s")
    }
}

/// The singular of a table name that is a plural already; "books" gives "book", "addresses" gives "address".
pub(crate) fn singular(label: &str) -> String {
    let lower = label.to_lowercase();
    let cut = |n: usize| label[..label.len() - n].to_owned();
    if lower.ends_with("ies") && lower.len() > 4 {
        format!("{}y", cut(3))
    } else if ["sses", "shes", "ches", "xes", "zes"].iter().any(|end| lower.ends_with(end)) {
        cut(2)
    } else if lower.ends_with('s') && !["ss", "us", "is"].iter().any(|end| lower.ends_with(end)) {
        cut(1)
    } else {
        label.to_owned()
    }
}

/// 1234567 as "1,234,567".
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The words of some values of an enum: "chunk, all".
pub fn listed<T: Copy + Into<&'static str>>(values: &[T]) -> String {
    values.iter().map(|&value| value.into()).collect::<Vec<&str>>().join(", ")
}

/// Serialises a timestamp, or none, in milliseconds since 1970 UTC: 2026-01-31T12:00:00.250+00:00.
///
/// # Errors
/// The serialiser's.
pub fn rfc3339<T: Copy + Into<Option<i64>>, S: Serializer>(at: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let at = (*at).into().and_then(chrono::DateTime::from_timestamp_millis);
    at.map(|at| at.to_rfc3339()).serialize(serializer)
}

/// Why something of an application's own may not be called so: names stand in settings, in addresses and in rows.
pub(crate) fn why_no_name(what: &str, name: &str, longest: usize) -> Option<String> {
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= longest
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'));
    let allowed = format!("allowed are up to {longest} letters (a-z), digits, - and _, beginning with a letter");
    (!is_name).then(|| format!("{name:?} is no name of {what}; {allowed}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_words() {
        for (name, expected) in [
            ("UnitPrice", "Unit price"),
            ("unit_price", "Unit price"),
            ("isbn", "Isbn"),
            ("ISBN", "ISBN"),
            ("MediaTypeId", "Media type id"),
            ("Order \"Lines\"", "Order \"lines\""),
            ("_", "_"),
        ] {
            assert_eq!(label(name), expected);
        }
        assert_eq!(plural("Category"), "Categories");
        assert_eq!(plural("Order line"), "Order lines");
        assert_eq!(singular("Addresses"), "Address");
        assert_eq!(singular("Status"), "Status");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(999), "999");
    }
}
