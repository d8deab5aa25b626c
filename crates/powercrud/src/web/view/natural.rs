//! Names in the order that people expect: `t2` before `t10`.

use std::cmp::Ordering;

/// Compares names without regard to case, and numbers within them by their value.
pub(in crate::web) fn natural(one: &str, other: &str) -> Ordering {
    let (mut a, mut b) = (one, other);
    loop {
        let (digits_a, digits_b) = (digits(a), digits(b));
        let order = if digits_a.is_empty() || digits_b.is_empty() {
            let (mut rest_a, mut rest_b) = (a.chars(), b.chars());
            match (rest_a.next(), rest_b.next()) {
                (Some(c), Some(d)) => {
                    (a, b) = (rest_a.as_str(), rest_b.as_str());
                    c.to_lowercase().cmp(d.to_lowercase())
                }
                (c, d) => return c.is_some().cmp(&d.is_some()).then_with(|| one.cmp(other)),
            }
        } else {
            (a, b) = (&a[digits_a.len()..], &b[digits_b.len()..]);
            let (number_a, number_b) = (digits_a.trim_start_matches('0'), digits_b.trim_start_matches('0'));
            number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b))
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// The digits that `text` begins with.
fn digits(text: &str) -> &str {
    &text[..text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::natural;

    #[test]
    fn numbers_go_by_their_value() {
        let mut names = ["t10", "T2", "t1", "t", "a", "t2b", "t02", "99999999999999999999999", "é"];
        names.sort_by(|one, other| natural(one, other));
        assert_eq!(names, ["99999999999999999999999", "a", "t", "t1", "T2", "t02", "t2b", "t10", "é"]);
    }
}
