//! SQL text as tokens: enough to find conditions and literals, whatever stands in strings, quoted names and comments.

use std::ops::Range;

use crate::dialect::Dialect;

/// A piece of SQL.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A keyword or an unquoted name, as written.
    Word(String),
    /// A quoted name, without its quotes.
    Quoted {
        /// The name.
        name: String,
        /// `"`, `` ` `` or `[`.
        quote: char,
    },
    /// A text literal's value.
    Text(String),
    /// An unsigned number, as written.
    Number(String),
    /// Any other character.
    Symbol(char),
}

impl Token {
    /// The name, or what else stands as a text; nothing of symbols.
    pub(crate) fn name(&self) -> Option<String> {
        match self {
            Token::Word(name) | Token::Quoted { name, .. } | Token::Text(name) => Some(name.clone()),
            _ => None,
        }
    }

    /// Whether this is the unquoted `word`, in any case.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own.eq_ignore_ascii_case(word))
    }
}

/// Cuts `sql` into tokens; comments and white space go. An unclosed quote ends the list, as nothing after it can be told apart.
pub(crate) fn tokenize(sql: &str, dialect: Dialect) -> Vec<Token> {
    spans(sql, dialect).into_iter().map(|(token, _)| token).collect()
}

/// As [`tokenize`], each token with its place in `sql`, in bytes.
pub(crate) fn spans(sql: &str, dialect: Dialect) -> Vec<(Token, Range<usize>)> {
    let mut tokens: Vec<(Token, Range<usize>)> = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        let mut start = sql.len() - rest.len();
        let (token, next) = match first {
            _ if first.is_whitespace() => (None, after),
            '-' if after.starts_with('-') => (None, after.find('\n').map_or("", |end| &after[end..])),
            '/' if after.starts_with('*') => (None, after.find("*/").map_or("", |end| &after[end + 2..])),
            '\'' => {
                // E'…', N'…' and _utf8mb4'…' say how to read the text.
                let introducer = tokens.pop_if(|(token, _)| is_introducer(token));
                start = introducer.as_ref().map_or(start, |(_, span)| span.start);
                let escapes = introducer.is_some_and(|(token, _)| token.is_word("E")) || dialect == Dialect::Mysql;
                let Some((text, after)) = quoted(after, '\'', escapes) else { break };
                (Some(Token::Text(text)), after)
            }
            '"' | '`' | '[' if first != '[' || dialect == Dialect::Sqlite => {
                let Some((name, after)) = quoted(after, if first == '[' { ']' } else { first }, false) else { break };
                (Some(Token::Quoted { name, quote: first }), after)
            }
            _ if first.is_ascii_digit() => {
                let (number, after) = take_while(rest, |c| c.is_ascii_alphanumeric() || c == '.');
                (Some(Token::Number(number.to_owned())), after)
            }
            _ if first.is_alphabetic() || first == '_' => {
                let (word, after) = take_while(rest, |c| c.is_alphanumeric() || c == '_' || c == '$');
                (Some(Token::Word(word.to_owned())), after)
            }
            _ => (Some(Token::Symbol(first)), after),
        };
        tokens.extend(token.map(|token| (token, start..sql.len() - next.len())));
        rest = next;
    }
    tokens
}

fn is_introducer(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word.starts_with('_') || ["E", "N"].iter().any(|one| word.eq_ignore_ascii_case(one)))
}

/// What stands before `end` (which stands for itself where doubled), and the rest after it.
fn quoted(text: &str, end: char, backslash_escapes: bool) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((index, c)) = chars.next() {
        if c == end {
            if chars.next_if(|(_, next)| *next == end).is_none() {
                return Some((value, &text[index + c.len_utf8()..]));
            }
            value.push(c);
        } else if c == '\\' && backslash_escapes {
            value.push(match chars.next()?.1 {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                'Z' => '\u{1a}',
                other => other,
            });
        } else {
            value.push(c);
        }
    }
    None
}

fn take_while(text: &str, wanted: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !wanted(c)).unwrap_or(text.len()))
}
