//! What a column takes where nothing is given, in words for people.

use crate::{
    table::Column,
    tokens::{Token, tokenize},
};

impl Column {
    /// The default as the value that it is, or that the database fills it; `None` where there is none.
    pub fn default_in_words(&self) -> Option<String> {
        let default = self.default.as_deref()?;
        let filled = || Some("filled by the database".to_owned());
        let tokens = tokenize(default, self.dialect);
        let mut rest = tokens.as_slice();
        while let [Token::Symbol('('), inner @ .., Token::Symbol(')')] = rest {
            rest = inner;
        }
        let (sign, rest) = match rest {
            [Token::Symbol('-'), rest @ ..] => ("-", rest),
            _ => ("", rest),
        };
        let Some((first, after)) = rest.split_first() else { return filled() };
        let text = match first {
            Token::Text(text) => text.clone(),
            Token::Number(number) => format!("{sign}{number}"),
            Token::Word(word) if ["true", "false"].iter().any(|one| word.eq_ignore_ascii_case(one)) => {
                word.to_ascii_lowercase()
            }
            Token::Word(word) if word.eq_ignore_ascii_case("null") => return None,
            _ => return filled(),
        };
        // Nothing but PostgreSQL's casts may follow.
        let is_cast = after.is_empty() || after.starts_with(&[Token::Symbol(':'), Token::Symbol(':')]);
        let is_plain = after.iter().all(|token| match token {
            Token::Symbol(symbol) => matches!(symbol, ':' | '.' | '[' | ']' | '(' | ')' | ','),
            Token::Word(_) | Token::Quoted { .. } | Token::Number(_) => true,
            Token::Text(_) => false,
        });
        match (is_cast && is_plain, text.is_empty()) {
            (false, _) => filled(),
            (true, true) => Some("empty text".to_owned()),
            (true, false) => Some(text),
        }
    }
}
