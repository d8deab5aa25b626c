//! Rules that rows must keep, by the names that a database calls them by.

use std::collections::HashMap;

use crate::{
    dialect::Dialect,
    table::{Column, Constraint},
    tokens::{Token, tokenize},
};

/// The CHECKs and keys of each table, by what a catalog names the table by.
pub(super) type Constraints<K> = HashMap<K, Vec<Constraint>>;

impl Constraint {
    /// The check `name` with the condition `rule`, on the columns that the condition names.
    pub(super) fn check(name: &str, rule: &str, columns: &[Column], dialect: Dialect) -> Self {
        Self { name: name.to_owned(), columns: columns_in(rule, columns, dialect), rule: Some(plain(rule)) }
    }
}

/// The columns that the SQL text `sql` names.
pub fn columns_in(sql: &str, columns: &[Column], dialect: Dialect) -> Vec<String> {
    let tokens = tokenize(sql, dialect);
    let names: Vec<&str> = tokens
        .iter()
        .filter_map(|token| match token {
            Token::Word(name) | Token::Quoted { name, .. } => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let is_named = |column: &&Column| {
        names.iter().any(|name| match dialect {
            Dialect::Postgres => **name == column.name,
            Dialect::Sqlite | Dialect::Mysql => name.eq_ignore_ascii_case(&column.name),
        })
    };
    columns.iter().filter(is_named).map(|column| column.name.clone()).collect()
}

/// A condition as people write it: on one line, without the parentheses around the whole, and without PostgreSQL's casts of literals.
pub(super) fn plain(rule: &str) -> String {
    let mut text = rule.split_whitespace().collect::<Vec<_>>().join(" ");
    loop {
        let inner = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        match inner.filter(|inner| is_balanced(inner)) {
            Some(inner) => text = inner.trim().to_owned(),
            None => break,
        }
    }
    for cast in ["::text", "::character varying", "::bpchar", "::numeric", "::integer"] {
        for (end, next) in [(")", ")"), ("]", "]"), (",", ","), (" ", " ")] {
            text = text.replace(&format!("{cast}{end}"), next);
        }
        if let Some(before) = text.strip_suffix(cast) {
            text = before.to_owned();
        }
    }
    text.replace('`', "")
}

/// Whether no parenthesis closes that was not opened before.
fn is_balanced(text: &str) -> bool {
    let mut depth = 0;
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn rules_read_as_people_write_them() {
        for (rule, expected) in [
            ("((sale_price < price))", "sale_price < price"),
            ("(a > 0) AND (b > 0)", "(a > 0) AND (b > 0)"),
            ("((price > 0::numeric) AND (status = 'x)'::text))", "(price > 0) AND (status = 'x)')"),
            ("`a` > 0", "a > 0"),
        ] {
            assert_eq!(plain(rule), expected, "{rule}");
        }
    }
}
