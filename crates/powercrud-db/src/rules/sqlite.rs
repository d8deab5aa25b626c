//! The rules of a SQLite table, from the text of its CREATE TABLE: SQLite keeps no other.

use super::{Check, ON_CONFLICT, Rules, TRIGGERS, Unknown, WriteKind, rows, spelt};
use crate::{
    create_table::{collation, definition},
    database::Database,
    dialect::Dialect,
    error::Result,
    table::Table,
    tokens::{Token, spans},
};

pub(super) async fn read(database: &Database, table: &Table, write_kind: WriteKind) -> Result<Rules> {
    let mut rules = Rules::default();
    let sql = "SELECT type, name, COALESCE(sql, '') FROM sqlite_schema WHERE tbl_name = ? COLLATE NOCASE";
    for row in rows(database, sql, vec![table.name.as_str().into()]).await? {
        let (kind, name, sql): (String, String, String) =
            (row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        let tokens = spans(&sql, Dialect::Sqlite);
        match kind.as_str() {
            "table" => {
                rules.checks = checks(&sql, table);
                let of = |name: &String| Some((name.clone(), collation(&sql, name)?));
                let computed = table.columns.iter().filter(|column| column.generated);
                rules.computed =
                    computed.map(|column| (column.name.clone(), computed_from(&sql, &column.name, table))).collect();
                rules.collations = table.columns.iter().filter_map(|column| of(&column.name)).collect();
                if tokens.iter().any(|(token, _)| token.is_word("CONFLICT")) {
                    rules.add_unknown(ON_CONFLICT);
                }
            }
            "trigger" if is_for(&tokens, write_kind) => rules.add_unknown(TRIGGERS),
            "index" if write_kind == WriteKind::Update && is_over_parts(&tokens) => {
                let columns = columns_in(&tokens, table);
                let columns = (!columns.is_empty()).then_some(columns);
                rules.unknown.push(Unknown { what: format!("the unique index {name}"), columns });
            }
            _ => {}
        }
    }
    Ok(rules)
}

type Spans = [(Token, std::ops::Range<usize>)];

/// The CHECK constraints in a CREATE TABLE.
fn checks(sql: &str, table: &Table) -> Vec<Check> {
    let tokens = spans(sql, Dialect::Sqlite);
    let mut found = Vec::new();
    for (index, pair) in tokens.windows(2).enumerate() {
        if !(pair[0].0.is_word("CHECK") && pair[1].0 == Token::Symbol('(')) {
            continue;
        }
        let mut depth = 0usize;
        let end = (index + 1..tokens.len()).find(|place| {
            match tokens[*place].0 {
                Token::Symbol('(') => depth += 1,
                Token::Symbol(')') => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        let Some(end) = end else { break };
        let named = index.checked_sub(2).filter(|place| tokens[*place].0.is_word("CONSTRAINT"));
        let name = named.and_then(|_| tokens[index - 1].0.name()).unwrap_or_default();
        let body = &tokens[index + 2..end];
        found.push(Check {
            name,
            condition: sql[tokens[index + 1].1.end..tokens[end].1.start].to_owned(),
            columns: columns_in(body, table),
        });
    }
    found
}

fn columns_in(tokens: &Spans, table: &Table) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for (token, _) in tokens {
        if let Token::Word(name) | Token::Quoted { name, .. } = token
            && let Some(column) = spelt(table, name)
            && !columns.contains(&column)
        {
            columns.push(column);
        }
    }
    columns
}

/// Whether a CREATE TRIGGER is for this kind of write: its event stands before ON.
fn is_for(tokens: &Spans, write_kind: WriteKind) -> bool {
    let before_on = tokens.iter().take_while(|(token, _)| !token.is_word("ON"));
    before_on.filter(|(token, _)| token.is_word(write_kind.word())).count() > 0
}

/// Whether a CREATE INDEX is unique, and over expressions, another collation than the columns', or part of the rows.
fn is_over_parts(tokens: &Spans) -> bool {
    let is_unique = tokens.iter().take(3).any(|(token, _)| token.is_word("UNIQUE"));
    let first = tokens.iter().position(|(token, _)| *token == Token::Symbol('('));
    let is_plain = first.is_some_and(|first| {
        let columns = &tokens[first + 1..];
        let plain = columns.iter().all(|(token, _)| match token {
            Token::Quoted { .. } | Token::Symbol(',' | ')') => true,
            Token::Word(word) => !["COLLATE", "WHERE"].iter().any(|other| word.eq_ignore_ascii_case(other)),
            _ => false,
        });
        plain && columns.iter().filter(|(token, _)| *token == Token::Symbol(')')).count() == 1
    });
    is_unique && !is_plain
}

/// The columns that a column's definition names beside itself.
fn computed_from(sql: &str, column: &str, table: &Table) -> Vec<String> {
    let mut columns = columns_in(&definition(sql, column), table);
    columns.retain(|name| name != column);
    columns
}
