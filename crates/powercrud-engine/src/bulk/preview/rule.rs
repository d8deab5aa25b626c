//! A database's rule in words.

use crate::resource::Resource;
use powercrud_db::{Dialect, rules::Check};

/// What a record does that breaks the rule ("the sale price is not below the price"), and the rule's own text where all of its columns
/// may be seen.
pub(super) fn in_words(resource: &Resource, check: &Check, dialect: Dialect) -> (String, String) {
    if check.columns.iter().any(|column| resource.field(column).is_none()) {
        return ("they break a rule of the database".to_owned(), String::new());
    }
    let label = |column: &str| format!("the {}", resource.label_of(column).to_lowercase());
    let columns: Vec<&str> = check.columns.iter().map(String::as_str).collect();
    let message = match check.comparison(dialect) {
        Some((left, operator, right)) => {
            let broken = match operator.as_str() {
                "<" => "is not below",
                "<=" => "is above",
                ">" => "is not above",
                ">=" => "is below",
                "=" | "==" => "is not",
                _ => "is",
            };
            let named = |name: &str| columns.iter().find(|column| column.eq_ignore_ascii_case(name)).copied();
            let side = |name: &str| named(name).map_or_else(|| name.to_owned(), label);
            format!("{} {broken} {}", side(&left), side(&right))
        }
        None => "they break a rule of the database".to_owned(),
    };
    (message, plain(&check.condition))
}

/// The labels of fields, for a sentence.
pub(super) fn labels(resource: &Resource, columns: &[String]) -> String {
    columns.iter().map(|column| resource.label_of(column).to_lowercase()).collect::<Vec<_>>().join(" and ")
}

/// A condition in one line, without the parentheses and casts that a catalog adds.
pub(super) fn plain(condition: &str) -> String {
    const CASTS: [&str; 8] = [
        "::character varying",
        "::double precision",
        "::numeric",
        "::integer",
        "::bigint",
        "::text[]",
        "::text",
        "::bpchar",
    ];
    let mut text = condition.split_whitespace().collect::<Vec<_>>().join(" ").replace('`', "");
    for cast in CASTS {
        text = text.replace(cast, "");
    }
    loop {
        let inner = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        let mut depth = 0i32;
        match inner {
            // Not `(a) OR (b)`.
            Some(inner)
                if inner.chars().all(|c| {
                    depth += i32::from(c == '(') - i32::from(c == ')');
                    depth >= 0
                }) =>
            {
                text = inner.trim().to_owned();
            }
            _ => return text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_loses_what_the_catalog_added() {
        for (condition, expected) in [
            ("((sale_price < price))", "sale_price < price"),
            ("(`a` > 0)", "a > 0"),
            ("((a IS NULL) OR (a > (0)::numeric))", "(a IS NULL) OR (a > (0))"),
            ("(a = 1) OR (b = 2)", "(a = 1) OR (b = 2)"),
        ] {
            assert_eq!(plain(condition), expected);
        }
    }
}
