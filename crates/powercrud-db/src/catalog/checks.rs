//! The choices that CHECK constraints allow, read from their SQL text: `status IN ('new', 'used')` and what PostgreSQL, MySQL and
//! MariaDB make of it when they write it back.
//!
//! What is not understood gives no choices. It never gives wrong ones: a list counts only where every value outside it is refused.

use crate::{
    table::{Column, ColumnType},
    tokens::Token,
};

/// The values that a check allows in one column.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choices {
    /// The column, as the check spells it.
    pub(super) column: String,
    /// The literals, in the check's order.
    pub(super) values: Vec<String>,
}

/// The bodies of all `CHECK (…)` in `tokens`: one for a constraint's definition, any number for a CREATE TABLE.
pub(super) fn bodies(tokens: &[Token]) -> Vec<&[Token]> {
    let mut found = Vec::new();
    for (index, pair) in tokens.windows(2).enumerate() {
        if pair[0].is_word("CHECK")
            && pair[1] == Token::Symbol('(')
            && let Some(end) = closing(tokens, index + 1)
        {
            found.push(&tokens[index + 2..end]);
        }
    }
    found
}

/// The tokens as SQL again.
pub(super) fn in_words(tokens: &[Token]) -> String {
    let mut text = String::new();
    for token in tokens {
        let piece = match token {
            Token::Word(word) | Token::Number(word) => word.clone(),
            Token::Quoted { name, .. } => format!("\"{}\"", name.replace('"', "\"\"")),
            Token::Text(value) => format!("'{}'", value.replace('\'', "''")),
            Token::Symbol(symbol) => symbol.to_string(),
        };
        // Operators of two characters stay together, and parentheses close to what is in them.
        let joins = matches!(token, Token::Symbol(')' | ',' | '.' | ']'))
            || text.ends_with(['(', '.', '['])
            || (matches!(token, Token::Symbol('=' | '>' | '|')) && text.ends_with(['<', '>', '=', '!', '|']));
        if !text.is_empty() && !joins {
            text.push(' ');
        }
        text.push_str(&piece);
    }
    text
}

/// The choices that the condition `tokens` leaves. `is_column` tells a column's name from a text that SQLite lets stand in double
/// quotes.
pub(super) fn choices(tokens: &[Token], is_column: &dyn Fn(&str) -> bool) -> Vec<Choices> {
    let tokens = unwrap(tokens);
    if tokens.iter().any(|token| token.is_word("BETWEEN") || token.is_word("CASE")) {
        return Vec::new();
    }
    let alternatives = split(tokens, "OR");
    if alternatives.len() > 1 {
        return either(&alternatives, is_column).into_iter().collect();
    }
    // Of several conditions each narrows on its own, so those that are not understood can be passed over.
    let conditions = split(tokens, "AND");
    if conditions.len() > 1 {
        return conditions.iter().flat_map(|part| choices(part, is_column)).collect();
    }
    match (Reader { tokens, is_column }).comparison() {
        Some((column, Some(values))) => vec![Choices { column, values }],
        _ => Vec::new(),
    }
}

/// `a = 'x' OR a = 'y' OR a IS NULL`: one column throughout, or nothing.
fn either(alternatives: &[&[Token]], is_column: &dyn Fn(&str) -> bool) -> Option<Choices> {
    let mut all: Option<Choices> = None;
    let mut null_checked = Vec::new();
    for part in alternatives {
        let part = unwrap(part);
        match (Reader { tokens: part, is_column }).comparison() {
            Some((column, None)) => null_checked.push(column),
            _ => {
                let [one] = <[Choices; 1]>::try_from(choices(part, is_column)).ok()?;
                match &mut all {
                    None => all = Some(one),
                    Some(all) if all.column == one.column => all.values.extend(one.values),
                    Some(_) => return None,
                }
            }
        }
    }
    all.filter(|all| null_checked.iter().all(|column| *column == all.column))
}

/// Puts `found` into the columns it speaks of. Names are compared exactly first, then without case, as SQLite does.
pub(super) fn apply(found: Vec<Choices>, columns: &mut [Column]) {
    for Choices { column: name, mut values } in found {
        let index = columns
            .iter()
            .position(|column| column.name == name)
            .or_else(|| columns.iter().position(|column| column.name.eq_ignore_ascii_case(&name)));
        let Some(column) = index.map(|index| &mut columns[index]) else { continue };
        match column.column_type {
            ColumnType::Text { .. } | ColumnType::Enum | ColumnType::Other => {}
            // A number may be written in many ways, but a choice must be written as the column's values are.
            ColumnType::Integer { .. } if values.iter().all(|value| is_canonical_integer(value)) => {}
            _ => continue,
        }
        let mut seen = std::collections::HashSet::new();
        values.retain(|value| seen.insert(value.clone()));
        if column.choices.is_empty() {
            column.choices = values;
        } else {
            column.choices.retain(|choice| values.contains(choice));
        }
    }
}

fn is_canonical_integer(text: &str) -> bool {
    text.parse::<i64>().is_ok_and(|number| number.to_string() == text)
}

/// Where the parenthesis or bracket that opens at `start` closes.
fn closing(tokens: &[Token], start: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (index, token) in tokens.iter().enumerate().skip(start) {
        match token {
            Token::Symbol('(' | '[') => depth += 1,
            Token::Symbol(')' | ']') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(index);
                }
            }
            _ => {}
        }
    }
    None
}

/// Without the parentheses around the whole.
fn unwrap(mut tokens: &[Token]) -> &[Token] {
    while tokens.first() == Some(&Token::Symbol('(')) && closing(tokens, 0) == Some(tokens.len() - 1) {
        tokens = &tokens[1..tokens.len() - 1];
    }
    tokens
}

/// The parts between `word` where it stands outside all parentheses.
fn split<'a>(tokens: &'a [Token], word: &str) -> Vec<&'a [Token]> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0i32);
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Token::Symbol('(' | '[') => depth += 1,
            Token::Symbol(')' | ']') => depth -= 1,
            token if depth == 0 && token.is_word(word) => {
                parts.push(&tokens[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&tokens[start..]);
    parts
}

/// Reads one comparison from the front of `tokens`.
struct Reader<'a> {
    tokens: &'a [Token],
    is_column: &'a dyn Fn(&str) -> bool,
}

impl Reader<'_> {
    /// A column and its literals, or a column and `None` for `IS NULL`; nothing may follow.
    fn comparison(mut self) -> Option<(String, Option<Vec<String>>)> {
        let column = self.column()?;
        let values = if self.word("IS") {
            self.word("NULL").then_some(None)?
        } else if self.word("IN") {
            self.symbol('(').then_some(())?;
            Some(self.literals(')')?)
        } else {
            self.symbol('=').then_some(())?;
            // SQLite also writes `==`.
            self.symbol('=');
            Some(if self.word("ANY") { self.array()? } else { vec![self.literal()?] })
        };
        self.tokens.is_empty().then_some((column, values))
    }

    fn column(&mut self) -> Option<String> {
        if self.symbol('(') {
            let column = self.column()?;
            self.symbol(')').then_some(())?;
            return self.text_cast().then_some(column);
        }
        let (first, rest) = self.tokens.split_first()?;
        let name = match first {
            Token::Word(name) | Token::Quoted { name, .. } => name.clone(),
            _ => return None,
        };
        self.tokens = rest;
        self.text_cast().then_some(name)
    }

    /// `(ARRAY['a'::text, 'b'::text])::text[]` in parentheses.
    fn array(&mut self) -> Option<Vec<String>> {
        self.symbol('(').then_some(())?;
        let values = if self.word("ARRAY") {
            self.symbol('[').then_some(())?;
            self.literals(']')?
        } else {
            self.array()?
        };
        self.cast();
        self.symbol(')').then_some(values)
    }

    fn literals(&mut self, end: char) -> Option<Vec<String>> {
        let mut values = vec![self.literal()?];
        while self.symbol(',') {
            values.push(self.literal()?);
        }
        self.symbol(end).then_some(values)
    }

    fn literal(&mut self) -> Option<String> {
        if self.symbol('(') {
            let value = self.literal()?;
            self.symbol(')').then_some(())?;
            self.cast();
            return Some(value);
        }
        let sign = if self.symbol('-') { "-" } else { "" };
        let (first, rest) = self.tokens.split_first()?;
        let value = match first {
            Token::Text(text) if sign.is_empty() => text.clone(),
            Token::Number(number) => format!("{sign}{number}"),
            Token::Quoted { name, quote: '"' } if sign.is_empty() && !(self.is_column)(name) => name.clone(),
            _ => return None,
        };
        self.tokens = rest;
        self.cast();
        Some(value)
    }

    /// Passes over `::type`; false where it is there and makes another value of a text.
    fn text_cast(&mut self) -> bool {
        self.cast().is_none_or(|name| ["text", "character", "varchar", "bpchar", "citext"].contains(&name.as_str()))
    }

    /// Passes over any number of `::type`, and gives the last type's first word.
    fn cast(&mut self) -> Option<String> {
        let mut name = None;
        while self.tokens.starts_with(&[Token::Symbol(':'), Token::Symbol(':')]) {
            self.tokens = &self.tokens[2..];
            let mut first = None;
            while let Some((Token::Word(word) | Token::Quoted { name: word, .. }, rest)) = self.tokens.split_first() {
                if ["IN", "IS", "AND", "OR", "NOT", "COLLATE"].iter().any(|end| word.eq_ignore_ascii_case(end)) {
                    break;
                }
                first.get_or_insert_with(|| word.to_ascii_lowercase());
                self.tokens = rest;
                self.symbol('.');
            }
            if self.tokens.first() == Some(&Token::Symbol('('))
                && let Some(end) = closing(self.tokens, 0)
            {
                self.tokens = &self.tokens[end + 1..];
            }
            while self.tokens.starts_with(&[Token::Symbol('['), Token::Symbol(']')]) {
                self.tokens = &self.tokens[2..];
            }
            name = first;
        }
        name
    }

    fn symbol(&mut self, symbol: char) -> bool {
        self.eat(|token| *token == Token::Symbol(symbol))
    }

    fn word(&mut self, word: &str) -> bool {
        self.eat(|token| token.is_word(word))
    }

    fn eat(&mut self, wanted: impl Fn(&Token) -> bool) -> bool {
        match self.tokens.split_first() {
            Some((first, rest)) if wanted(first) => {
                self.tokens = rest;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;
    use crate::tokens::tokenize;

    /// The choices of each column, as `column: a, b`.
    fn check(dialect: Dialect, sql: &str, expected: &[&str]) {
        let tokens = tokenize(sql, dialect);
        let is_column = |name: &str| ["status", "kind", "a b"].contains(&name);
        let found: Vec<String> = choices(&tokens, &is_column)
            .iter()
            .map(|found| format!("{}: {}", found.column, found.values.join(", ")))
            .collect();
        assert_eq!(found, expected, "{sql}");
    }

    #[test]
    fn lists_as_people_write_them() {
        for (sql, expected) in [
            ("status IN ('new', 'it''s', '')", vec!["status: new, it's, "]),
            ("status in (1, -2)", vec!["status: 1, -2"]),
            (r"status IN ('a\', 'b')", vec![r"status: a\, b"]),
            ("\"a b\" IN (\"x\", \"y\")", vec!["a b: x, y"]),
            ("[a b] = 'x' or [a b] == 'y' or [a b] is null", vec!["a b: x, y"]),
            ("status IS NULL OR status IN ('x')", vec!["status: x"]),
            (
                "status IN ('x') /* or ' */ AND kind IN ('y') -- 'z'\n AND length(kind) > 3",
                vec!["status: x", "kind: y"],
            ),
        ] {
            check(Dialect::Sqlite, sql, &expected);
        }
    }

    #[test]
    fn what_is_not_a_list_gives_no_choices() {
        for sql in [
            "status NOT IN ('x')",
            "NOT status IN ('x')",
            "status <> 'x'",
            "status >= 'x'",
            "status IN ('x', \"kind\")",
            "status IN (1, +2)",
            "status IN ('x') OR kind = 'y'",
            "status IN ('x') OR kind IS NULL",
            "status IN ('x') OR length(status) > 3",
            "lower(status) IN ('x')",
            "status IN ('x') COLLATE nocase",
            "status COLLATE nocase IN ('x')",
            "status IN (SELECT 'x')",
            "status IN ('x' || 'y')",
            "status = kind",
            "status BETWEEN 'a' AND kind = 'b'",
            "(status)::integer = 1",
            "status IN ('x'",
            "status IN 'x')",
            "",
            "'unclosed",
        ] {
            check(Dialect::Sqlite, sql, &[]);
        }
    }

    #[test]
    fn lists_as_databases_write_them_back() {
        for (sql, expected) in [
            (
                "((status)::text = ANY ((ARRAY['a'::character varying, 'b''c'::character varying])::text[]))",
                vec!["status: a, b'c"],
            ),
            ("(status = ANY (ARRAY['a'::text, NULL::text]))", vec![]),
            (r"(status = ANY (ARRAY[E'a\\b'::text, 'b'::text]))", vec![r"status: a\b, b"]),
            ("(VALUE = ANY (ARRAY['a'::text, 'b'::text]))", vec!["VALUE: a, b"]),
            ("(status = ANY (ARRAY[1, '-2'::integer]))", vec!["status: 1, -2"]),
            ("((kind)::text = 'only'::text)", vec!["kind: only"]),
            ("((status = ANY (ARRAY['a'::bpchar, 'b'::bpchar])) OR (status IS NULL))", vec!["status: a, b"]),
            ("(status = ANY (ARRAY['a'::\"Sch\".\"T y\"]))", vec!["status: a"]),
            ("(status <> ALL (ARRAY['a'::text]))", vec![]),
        ] {
            check(Dialect::Postgres, sql, &expected);
        }
        for (sql, expected) in [
            (r"`status` in ('a','b\'c','d\\')", vec![r"status: a, b'c, d\"]),
            ("(`status` in (_utf8mb4'a',_utf8mb4'b'))", vec!["status: a, b"]),
        ] {
            check(Dialect::Mysql, sql, &expected);
        }
    }

    #[test]
    fn checks_are_found_in_a_create_table() {
        let sql = "CREATE TABLE \"CHECK (\" (a TEXT CHECK (a IN ('x', ')')), b DEFAULT 'CHECK (b IN (1))', \
                   CONSTRAINT c CHECK(b IN (2) AND (a <> '')))";
        let tokens = tokenize(sql, Dialect::Sqlite);
        let found: Vec<Choices> = bodies(&tokens).into_iter().flat_map(|body| choices(body, &|_| false)).collect();
        let expected = [("a", vec!["x", ")"]), ("b", vec!["2"])];
        assert_eq!(
            found,
            expected.map(|(column, values)| Choices {
                column: column.into(),
                values: values.into_iter().map(Into::into).collect()
            })
        );
    }
}
