//! What the text of a CREATE TABLE of SQLite says of a column: SQLite tells collations and computed columns in no other way.

use std::ops::Range;

use crate::{
    dialect::Dialect,
    tokens::{Token, spans},
};

/// The collation that a CREATE TABLE gives a column.
pub(crate) fn collation(sql: &str, column: &str) -> Option<String> {
    let own = definition(sql, column);
    let mut depth = 0i32;
    let place = own.iter().position(|(token, _)| {
        match token {
            Token::Symbol('(') => depth += 1,
            Token::Symbol(')') => depth -= 1,
            _ => {}
        }
        depth == 0 && token.is_word("COLLATE")
    });
    place.and_then(|place| own.get(place + 1)).and_then(|(name, _)| name.name())
}

/// What a CREATE TABLE says of a column, behind its name.
pub(crate) fn definition(sql: &str, column: &str) -> Vec<(Token, Range<usize>)> {
    let (mut depth, mut is_own, mut is_first) = (0i32, false, true);
    let mut own = Vec::new();
    for (token, span) in spans(sql, Dialect::Sqlite) {
        match token {
            Token::Symbol('(') => depth += 1,
            Token::Symbol(')') => depth -= 1,
            _ => {}
        }
        let begins = match token {
            Token::Symbol('(') => depth == 1,
            Token::Symbol(',') => depth == 1,
            _ => false,
        };
        if begins {
            (is_first, is_own) = (true, false);
            continue;
        }
        if is_first && depth == 1 {
            is_own = token.name().is_some_and(|name| name.eq_ignore_ascii_case(column));
        } else if is_own && depth > 0 {
            own.push((token, span));
        }
        is_first = false;
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_columns_collation_is_its_own() {
        let sql =
            "CREATE TABLE t (a TEXT CHECK (a COLLATE nocase <> b), \"b c\" varchar(3) NOT NULL COLLATE NOCASE, b TEXT)";
        assert_eq!(collation(sql, "a"), None);
        assert_eq!(collation(sql, "b c").as_deref(), Some("NOCASE"));
        assert_eq!(collation(sql, "b"), None);
    }
}
