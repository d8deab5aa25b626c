//! Discovery on MySQL and MariaDB, from `information_schema` of the connection's own database.
//!
//! Each query names one table of `information_schema` and one schema, so that the server opens no other database's files; what
//! belongs together is joined here.

use std::collections::{HashMap, HashSet};

use super::{Discovered, checks, rows, text};
use crate::{
    catalog::LeftOut,
    database::Database,
    dialect::Dialect,
    error::{Error, Result},
    table::{Column, ColumnType, Constraint, Equality, ForeignKey, ReferentialAction, Table, TableKind},
    tokens::{Token, tokenize},
};

pub(super) async fn discover(database: &Database) -> Result<Discovered> {
    let server = rows(database, "SELECT CAST(VERSION() AS CHAR), CAST(DATABASE() AS CHAR)").await?;
    let row = server.first().ok_or_else(|| Error::Unexpected("the server does not tell its version".into()))?;
    let is_mariadb = text(row, 0)?.to_ascii_lowercase().contains("mariadb");
    if row.try_get_by_index::<Option<String>>(1)?.is_none() {
        return Err(Error::Connection {
            url: database.url().to_owned(),
            reason: "the address names no database; allowed is mysql://USER:PASSWORD@HOST/DATABASE".into(),
        });
    }
    let mut found = Discovered::default();
    let mut columns = columns(database, is_mariadb).await?;
    let mut keys = unique_keys(database).await?;
    let mut references = references(database).await?;
    let mut checks = table_checks(database, is_mariadb).await?;
    let transactional = transactional_engines(database).await?;
    let filled = filled_by_triggers(database).await?;
    for row in rows(database, TABLES).await? {
        let name = text(&row, 0)?;
        let kind = if text(&row, 1)?.contains("VIEW") { TableKind::View } else { TableKind::Table };
        let (comment, rows_guess) = (text(&row, 2)?, row.try_get_by_index::<Option<i64>>(3)?);
        let mut table = Table::new(&name, kind);
        table.columns = columns.remove(&name).unwrap_or_default();
        if kind == TableKind::View {
            // A broken view tells what is wrong where others have their comment.
            if let Some(reason) = view_fault(database, &name).await {
                found.left_out.push(LeftOut { name, reason });
                continue;
            }
        } else {
            table.comment = comment;
            table.no_bulk = text(&row, 4).ok().filter(|engine| !transactional.contains(engine)).map(|engine| {
                format!("its storage engine {engine} has no transactions, so that nothing could be undone or resumed")
            });
            table.estimated_rows = rows_guess.map(i64::unsigned_abs);
        }
        for (check, condition) in checks.remove(&name).unwrap_or_default() {
            apply_check(&condition, &mut table.columns);
            table.constraints.push(Constraint::check(&check, &condition, &table.columns, Dialect::Mysql));
        }
        table.fills_new_rows = filled.contains(&name);
        for key in keys.remove(&name).unwrap_or_default() {
            table.constraints.push(Constraint { name: key.name.clone(), columns: key.columns.clone(), rule: None });
            match key {
                UniqueKey { name, whole: false, .. } if name == "PRIMARY" => {
                    let why =
                        "its primary key holds only the beginning of a column, by which its rows can't be told apart";
                    table.unusable_key = Some(why.to_owned());
                }
                UniqueKey { whole: false, .. } => {}
                UniqueKey { name, columns, .. } if name == "PRIMARY" => table.primary_key = columns,
                UniqueKey { columns, .. } => table.unique_keys.push(columns),
            }
        }
        table.foreign_keys = references.remove(&name).unwrap_or_default();
        found.tables.push(table);
    }
    Ok(found)
}

const TABLES: &str = "SELECT CAST(table_name AS CHAR), CAST(table_type AS CHAR), CAST(table_comment AS CHAR), \
        CAST(table_rows AS SIGNED), CAST(engine AS CHAR) \
    FROM information_schema.tables \
    WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED') \
    ORDER BY table_name";

async fn transactional_engines(database: &Database) -> Result<Vec<String>> {
    let sql = "SELECT CAST(engine AS CHAR) FROM information_schema.engines WHERE transactions = 'YES'";
    rows(database, sql).await?.iter().map(|row| text(row, 0)).collect()
}

/// What a view's planning fails with: a table that is gone, or a definer who may not read it.
async fn view_fault(database: &Database, view: &str) -> Option<String> {
    let sql = format!("EXPLAIN SELECT 1 FROM `{}`", view.replace('`', "``"));
    rows(database, &sql).await.err().map(|error| error.to_string())
}

async fn columns(database: &Database, is_mariadb: bool) -> Result<HashMap<String, Vec<Column>>> {
    let sql = "SELECT CAST(table_name AS CHAR), CAST(column_name AS CHAR), CAST(column_type AS CHAR), \
            CAST(is_nullable AS CHAR), CAST(column_default AS CHAR), CAST(extra AS CHAR), CAST(column_comment AS CHAR), \
            CAST(character_maximum_length AS SIGNED) \
        FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position";
    let mut columns: HashMap<String, Vec<Column>> = HashMap::new();
    for row in rows(database, sql).await? {
        let database_type = text(&row, 2)?;
        let extra = text(&row, 5)?.to_ascii_lowercase();
        // "DEFAULT_GENERATED" is MySQL's word for a default that is an expression.
        let generated = extra.contains("virtual generated") || extra.contains("stored generated");
        let max_length = row.try_get_by_index::<Option<i64>>(7)?.and_then(|length| u32::try_from(length).ok());
        let column_type = column_type(&database_type, max_length);
        let default =
            default(row.try_get_by_index(4)?, is_mariadb || extra.contains("default_generated"), &column_type);
        let column = Column {
            name: text(&row, 1)?,
            choices: if column_type == ColumnType::Enum { enum_values(&database_type) } else { Vec::new() },
            column_type,
            nullable: text(&row, 3)? == "YES",
            default: default.filter(|_| !generated),
            generated,
            identity: extra.contains("auto_increment"),
            any_value: false,
            comment: text(&row, 6)?,
            equality: Equality::default(),
            loose_collation: false,
            computed: None,
            parameter_type: database_type.clone(),
            database_type,
            dialect: Dialect::Mysql,
        };
        columns.entry(text(&row, 0)?).or_default().push(column);
    }
    Ok(columns)
}

/// A default as SQL. MariaDB tells it so; MySQL tells a literal's bare value.
fn default(told: Option<String>, is_sql: bool, column_type: &ColumnType) -> Option<String> {
    let told = told?;
    let is_number = matches!(
        column_type,
        ColumnType::Boolean | ColumnType::Integer { .. } | ColumnType::Decimal { .. } | ColumnType::Float
    );
    if is_sql {
        (!told.eq_ignore_ascii_case("NULL")).then_some(told)
    } else if is_number || told.to_ascii_uppercase().starts_with("CURRENT_TIMESTAMP") {
        Some(told)
    } else {
        Some(format!("'{}'", told.replace('\\', "\\\\").replace('\'', "''")))
    }
}

/// A unique index.
struct UniqueKey {
    name: String,
    /// Whether it is over whole columns: not over a prefix or an expression.
    whole: bool,
    columns: Vec<String>,
}

async fn unique_keys(database: &Database) -> Result<HashMap<String, Vec<UniqueKey>>> {
    let sql = "SELECT CAST(table_name AS CHAR), CAST(index_name AS CHAR), CAST(column_name AS CHAR), CAST(sub_part AS SIGNED) \
        FROM information_schema.statistics WHERE table_schema = DATABASE() AND non_unique = 0 \
        ORDER BY table_name, index_name, seq_in_index";
    let mut keys: HashMap<String, Vec<UniqueKey>> = HashMap::new();
    for row in rows(database, sql).await? {
        let name = text(&row, 1)?;
        let keys = keys.entry(text(&row, 0)?).or_default();
        if keys.last().is_none_or(|key| key.name != name) {
            keys.push(UniqueKey { name, whole: true, columns: Vec::new() });
        }
        if let Some(key) = keys.last_mut() {
            let is_prefix = row.try_get_by_index::<Option<i64>>(3)?.is_some();
            match row.try_get_by_index::<Option<String>>(2)? {
                Some(column) if !is_prefix => key.columns.push(column),
                _ => key.whole = false,
            }
        }
    }
    Ok(keys)
}

async fn references(database: &Database) -> Result<HashMap<String, Vec<ForeignKey>>> {
    let rules = "SELECT CAST(table_name AS CHAR), CAST(constraint_name AS CHAR), CAST(delete_rule AS CHAR), \
            CAST(update_rule AS CHAR) \
        FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()";
    let mut actions = HashMap::new();
    for row in rows(database, rules).await? {
        let named = |index| Ok::<_, Error>(ReferentialAction::named(&text(&row, index)?));
        actions.insert((text(&row, 0)?, text(&row, 1)?), (named(2)?, named(3)?));
    }
    let sql = "SELECT CAST(table_name AS CHAR), CAST(constraint_name AS CHAR), CAST(column_name AS CHAR), \
            CAST(NULLIF(referenced_table_schema, DATABASE()) AS CHAR), CAST(referenced_table_name AS CHAR), \
            CAST(referenced_column_name AS CHAR) \
        FROM information_schema.key_column_usage \
        WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL \
        ORDER BY table_name, constraint_name, ordinal_position";
    let mut references: HashMap<String, Vec<ForeignKey>> = HashMap::new();
    for row in rows(database, sql).await? {
        let (table, name) = (text(&row, 0)?, text(&row, 1)?);
        let keys = references.entry(table.clone()).or_default();
        if keys.last().is_none_or(|key| key.name != name) {
            let restricts = (ReferentialAction::Restrict, ReferentialAction::Restrict);
            let (on_delete, on_update) = actions.get(&(table, name.clone())).copied().unwrap_or(restricts);
            keys.push(ForeignKey {
                columns: Vec::new(),
                referenced_schema: row.try_get_by_index(3)?,
                referenced_table: text(&row, 4)?,
                referenced_columns: Vec::new(),
                on_delete,
                on_update,
                checks_each_row: true,
                name,
                // InnoDB reads MATCH clauses and does not heed them.
                matches_fully: false,
            });
        }
        if let Some(key) = keys.last_mut() {
            key.columns.push(text(&row, 2)?);
            key.referenced_columns.push(text(&row, 5)?);
        }
    }
    Ok(references)
}

/// The conditions of each table's checks. MySQL tells the table of a check in another place than its condition.
async fn table_checks(database: &Database, is_mariadb: bool) -> Result<HashMap<String, Vec<(String, String)>>> {
    let sql = if is_mariadb {
        "SELECT CAST(table_name AS CHAR), CAST(constraint_name AS CHAR), CAST(check_clause AS CHAR) FROM information_schema.check_constraints \
         WHERE constraint_schema = DATABASE()"
    } else {
        "SELECT CAST(t.table_name AS CHAR), CAST(c.constraint_name AS CHAR), CAST(c.check_clause AS CHAR) \
         FROM information_schema.check_constraints AS c \
         JOIN information_schema.table_constraints AS t \
           ON t.constraint_schema = c.constraint_schema AND t.constraint_name = c.constraint_name \
         WHERE c.constraint_schema = DATABASE() AND t.constraint_type = 'CHECK' AND t.enforced = 'YES'"
    };
    let mut checks: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows(database, sql).await? {
        let condition = text(&row, 2)?;
        let condition = if is_mariadb { condition } else { unescape(&condition) };
        checks.entry(text(&row, 0)?).or_default().push((text(&row, 1)?, condition));
    }
    Ok(checks)
}

/// The tables with a trigger that runs before a row is inserted.
async fn filled_by_triggers(database: &Database) -> Result<HashSet<String>> {
    let sql = "SELECT CAST(event_object_table AS CHAR) FROM information_schema.triggers \
        WHERE event_object_schema = DATABASE() AND event_manipulation = 'INSERT' AND action_timing = 'BEFORE'";
    rows(database, sql).await?.iter().map(|row| text(row, 0)).collect()
}

/// MySQL 8 tells a condition with its quotes and backslashes escaped once more: `` `a` in (_utf8mb4\'x\') ``.
pub(crate) fn unescape(condition: &str) -> String {
    let mut plain = String::with_capacity(condition.len());
    let mut chars = condition.chars();
    while let Some(c) = chars.next() {
        plain.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    plain
}

fn apply_check(condition: &str, columns: &mut [Column]) {
    let tokens = tokenize(condition, Dialect::Mysql);
    // MariaDB's JSON is text that must be valid JSON.
    if let [Token::Word(function), _, Token::Quoted { name, .. }, _] = tokens.as_slice()
        && function.eq_ignore_ascii_case("json_valid")
        && let Some(column) = columns.iter_mut().find(|column| column.name == *name)
    {
        column.column_type = ColumnType::Json;
        return;
    }
    checks::apply(checks::choices(&tokens, &|_| true), columns);
}

/// The values of `enum('a','it''s')`, as `column_type` writes it.
fn enum_values(database_type: &str) -> Vec<String> {
    let tokens = tokenize(database_type, Dialect::Sqlite);
    tokens
        .into_iter()
        .filter_map(|token| match token {
            Token::Text(value) => Some(value),
            _ => None,
        })
        .collect()
}

/// The kind of values of a type as `column_type` writes it; `max_length` in characters, or in bytes for the text types, where it is
/// the most characters that can fit.
fn column_type(database_type: &str, max_length: Option<u32>) -> ColumnType {
    let lower = database_type.to_ascii_lowercase();
    let end = lower.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(lower.len());
    let (name, rest) = lower.split_at(end);
    let arguments = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or("", |(arguments, _)| arguments);
    let limits: Vec<u32> = arguments.split(',').filter_map(|limit| limit.trim().parse().ok()).collect();
    let integer = |bits: u32| {
        if rest.contains("unsigned") || rest.contains("zerofill") {
            ColumnType::Integer { min: 0, max: i64::try_from(u64::MAX >> (64 - bits)).unwrap_or(i64::MAX) }
        } else {
            ColumnType::Integer { min: i64::MIN >> (64 - bits), max: i64::MAX >> (64 - bits) }
        }
    };
    match name {
        "tinyint" if lower == "tinyint(1)" => ColumnType::Boolean,
        "tinyint" => integer(8),
        "smallint" => integer(16),
        "mediumint" => integer(24),
        "int" | "integer" => integer(32),
        "bigint" => integer(64),
        "bit" if limits == [1] => ColumnType::Boolean,
        "bit" => {
            let bits = limits.first().copied().unwrap_or(64).clamp(1, 63);
            ColumnType::Integer { min: 0, max: i64::MAX >> (63 - bits) }
        }
        "year" => ColumnType::Integer { min: 1901, max: 2155 },
        "decimal" | "numeric" => {
            ColumnType::Decimal { precision: limits.first().copied(), scale: limits.get(1).copied() }
        }
        "float" | "double" => ColumnType::Float,
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => {
            ColumnType::Text { max_length: max_length.filter(|length| *length < u32::MAX) }
        }
        "date" => ColumnType::Date,
        "time" => ColumnType::Time,
        "datetime" => ColumnType::DateTime,
        "timestamp" => ColumnType::DateTimeTz,
        "uuid" => ColumnType::Uuid,
        "json" => ColumnType::Json,
        "enum" => ColumnType::Enum,
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => ColumnType::Bytes,
        _ => ColumnType::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_with_their_ranges() {
        let integer = |min, max| ColumnType::Integer { min, max };
        for (database_type, expected) in [
            ("tinyint(1)", ColumnType::Boolean),
            ("tinyint(4)", integer(-128, 127)),
            ("tinyint unsigned", integer(0, 255)),
            ("smallint(5) unsigned zerofill", integer(0, 65_535)),
            ("mediumint(9)", integer(-8_388_608, 8_388_607)),
            ("int", integer(i32::MIN.into(), i32::MAX.into())),
            ("bigint(20) unsigned", integer(0, i64::MAX)),
            ("bigint(20)", integer(i64::MIN, i64::MAX)),
            ("bit(1)", ColumnType::Boolean),
            ("bit(8)", integer(0, 255)),
            ("bit(64)", integer(0, i64::MAX)),
            ("year(4)", integer(1901, 2155)),
            ("decimal(5,2) unsigned", ColumnType::Decimal { precision: Some(5), scale: Some(2) }),
            ("double", ColumnType::Float),
            ("timestamp(6)", ColumnType::DateTimeTz),
            ("varbinary(16)", ColumnType::Bytes),
            ("set('a','b')", ColumnType::Other),
            ("multipolygon", ColumnType::Other),
        ] {
            assert_eq!(column_type(database_type, None), expected, "{database_type}");
        }
        assert_eq!(enum_values("enum('a','it''s','b,c')"), ["a", "it's", "b,c"]);
    }

    #[test]
    fn conditions_of_mysql_8_are_read() {
        let condition = unescape(r"(`status` in (_utf8mb4\'new\',_utf8mb4\'it\\\'s\'))");
        let tokens = tokenize(&condition, Dialect::Mysql);
        let values = checks::choices(&tokens, &|_| true).remove(0).values;
        assert_eq!(values, ["new", "it's"]);
    }

    #[test]
    fn defaults_are_sql() {
        let text = ColumnType::Text { max_length: None };
        let told = |value: &str| Some(value.to_owned());
        assert_eq!(default(told("NULL"), true, &text), None);
        assert_eq!(default(told("'x'"), true, &text), told("'x'"));
        assert_eq!(default(told("it's"), false, &text), told("'it''s'"));
        assert_eq!(default(told("7"), false, &ColumnType::Float), told("7"));
        assert_eq!(default(told("CURRENT_TIMESTAMP(6)"), false, &ColumnType::DateTime), told("CURRENT_TIMESTAMP(6)"));
    }
}
