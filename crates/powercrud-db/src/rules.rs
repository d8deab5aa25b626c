//! What a database holds the rows of one table to, beyond what the catalog tells of columns and keys: the conditions of its CHECKs, and
//! what else may refuse a row but can't be asked beforehand (triggers, row security, unique indexes over expressions).
//!
//! Asked when it is needed, not kept: it costs a few milliseconds, and is true at that moment.

mod key;
mod mysql;
mod postgres;
mod sqlite;

pub use key::is_key_unique;
use sea_orm::{ConnectionTrait as _, QueryResult, Statement, Value as Parameter};

use crate::{
    database::Database,
    dialect::Dialect,
    error::Result,
    table::Table,
    tokens::{Token, tokenize},
};

/// What is unknown where a trigger is.
const TRIGGERS: &str = "triggers";
const POLICIES: &str = "row security";
const REWRITES: &str = "rewrite rules";
const OF_PARTS: &str = "rules of partitions or child tables";
const ON_CONFLICT: &str = "ON CONFLICT clauses";

/// The rules of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// In the order in which the database looks at them, as far as it has one.
    pub checks: Vec<Check>,
    /// What may refuse a row, and can't be asked beforehand.
    pub unknown: Vec<Unknown>,
    /// The collations of columns, where the database forgets them outside of the table.
    pub collations: Vec<(String, String)>,
    /// Computed columns, each with the columns that it is computed from.
    pub computed: Vec<(String, Vec<String>)>,
}

/// A CHECK constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name, empty where it has none.
    pub name: String,
    /// The condition as SQL, as the database's own catalog has it. It names the table's columns without their table.
    pub condition: String,
    /// The columns that it reads, as the catalog spells them.
    pub columns: Vec<String>,
}

/// Something that may refuse a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// In a few words, such as "triggers".
    pub what: String,
    /// It only looks where one of these columns changes; `None`: it always does.
    pub columns: Option<Vec<String>>,
}

/// What is to be done to the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteKind {
    /// Some columns get other values.
    Update,
    /// The rows go.
    Delete,
    /// Rows come.
    Insert,
}

impl WriteKind {
    fn word(self) -> &'static str {
        match self {
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Insert => "INSERT",
        }
    }
}

impl Rules {
    /// Asks `database` for the rules that a write on the rows of `table` meets.
    ///
    /// # Errors
    /// The database's, where it does not let its own tables be read.
    pub async fn read(database: &Database, table: &Table, write_kind: WriteKind) -> Result<Self> {
        let mut rules = match database.dialect() {
            Dialect::Sqlite => sqlite::read(database, table, write_kind).await?,
            Dialect::Postgres => postgres::read(database, table, write_kind).await?,
            Dialect::Mysql => mysql::read(database, table, write_kind).await?,
        };
        if write_kind == WriteKind::Delete {
            rules.checks.clear();
        }
        Ok(rules)
    }

    /// Whether triggers may do something else, or more.
    pub fn has_triggers(&self) -> bool {
        self.unknown.iter().any(|unknown| unknown.what == TRIGGERS)
    }

    /// What may leave rows as they are, or make others of them, and raise no error.
    pub fn silent(&self) -> impl Iterator<Item = &str> {
        let is_silent = |what: &&str| [TRIGGERS, POLICIES, REWRITES, OF_PARTS, ON_CONFLICT].contains(what);
        self.unknown.iter().map(|unknown| unknown.what.as_str()).filter(is_silent)
    }

    /// Whether a computed column's value follows from one of `columns`, be it through others.
    pub fn follows(&self, column: &str, columns: &[String]) -> bool {
        let mut reached = vec![column];
        let mut next = 0;
        while let Some(&column) = reached.get(next) {
            next += 1;
            for name in self.computed.iter().filter(|(name, _)| name == column).flat_map(|(_, from)| from) {
                if columns.contains(name) {
                    return true;
                }
                if !reached.contains(&name.as_str()) {
                    reached.push(name);
                }
            }
        }
        false
    }

    fn add_unknown(&mut self, what: impl Into<String>) {
        self.unknown.push(Unknown { what: what.into(), columns: None });
    }
}

/// The rows of a catalog query about one table.
async fn rows(database: &Database, sql: &str, parameters: Vec<Parameter>) -> Result<Vec<QueryResult>> {
    let connection = database.connection();
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, parameters);
    Ok(connection.query_all_raw(statement).await?)
}

/// A column's name as the catalog spells it.
fn spelt(table: &Table, name: &str) -> Option<String> {
    let exact = table.columns.iter().find(|column| column.name == name);
    let column = exact.or_else(|| table.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)));
    column.map(|column| column.name.clone())
}

impl Check {
    /// Whether it may divide by zero, which MySQL refuses in what is written and takes for NULL in what is only asked.
    pub fn may_divide_by_zero(&self, dialect: Dialect) -> bool {
        let tokens = tokenize(&self.condition, dialect);
        let divides =
            |token: &Token| matches!(token, Token::Symbol('/' | '%')) || token.is_word("DIV") || token.is_word("MOD");
        let is_fixed = |token: &Token| matches!(token, Token::Number(number) if number.parse::<f64>().is_ok_and(|number| number != 0.0));
        dialect == Dialect::Mysql && tokens.windows(2).any(|pair| divides(&pair[0]) && !is_fixed(&pair[1]))
    }

    /// Left side, operator and right side, where the condition is one comparison of a column with a column or a literal, save that NULL
    /// may also be asked for.
    pub fn comparison(&self, dialect: Dialect) -> Option<(String, String, String)> {
        let mut parts: Vec<Vec<Token>> = vec![Vec::new()];
        let mut tokens = tokenize(&self.condition, dialect).into_iter().peekable();
        while let Some(token) = tokens.next() {
            match &token {
                Token::Symbol('(' | ')') => {}
                Token::Symbol(':') => {
                    // A cast to a type of one word, which is what the catalog adds by itself.
                    tokens.next_if_eq(&Token::Symbol(':'))?;
                    tokens.next()?;
                }
                token if token.is_word("OR") => parts.push(Vec::new()),
                _ => parts.last_mut()?.push(token),
            }
        }
        let is_null = |part: &Vec<Token>| part.len() == 3 && part[1].is_word("IS") && part[2].is_word("NULL");
        parts.retain(|part| !is_null(part));
        let [part] = &parts[..] else { return None };
        let operand = |token: &Token| match token {
            Token::Word(name) | Token::Quoted { name, .. } => Some(name.clone()),
            Token::Number(number) => Some(number.clone()),
            Token::Text(text) => Some(format!("'{text}'")),
            Token::Symbol(_) => None,
        };
        let (left, rest) = part.split_first()?;
        let (right, operator) = rest.split_last()?;
        let operator: Option<String> = operator
            .iter()
            .map(|token| match token {
                Token::Symbol(symbol) => Some(*symbol),
                _ => None,
            })
            .collect();
        let operator =
            operator.filter(|operator| ["<", "<=", ">", ">=", "=", "==", "<>", "!="].contains(&operator.as_str()))?;
        let is_column = |token: &Token| matches!(token, Token::Word(_) | Token::Quoted { .. });
        is_column(left).then_some((operand(left)?, operator, operand(right)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_comparison_is_understood() {
        let comparison = |condition: &str, dialect| {
            let check = Check { name: String::new(), condition: condition.to_owned(), columns: Vec::new() };
            check.comparison(dialect).map(|(left, operator, right)| format!("{left} {operator} {right}"))
        };
        for (condition, dialect, expected) in [
            ("((sale_price IS NULL) OR (sale_price < price))", Dialect::Postgres, Some("sale_price < price")),
            ("(price > (0)::numeric)", Dialect::Postgres, Some("price > 0")),
            ("`a b` <= `c`", Dialect::Mysql, Some("a b <= c")),
            ("a < b AND b < c", Dialect::Sqlite, None),
            ("length(a) < 3", Dialect::Sqlite, None),
            ("a IN ('x')", Dialect::Sqlite, None),
        ] {
            assert_eq!(comparison(condition, dialect).as_deref(), expected, "{condition}");
        }
    }
}
