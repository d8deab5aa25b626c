//! Record keys: their parts, the conditions that find their records, and the database's own spelling of them.
//!
//! A key that a person or a program gives may be spelled otherwise than the database does: `ABC` under a collation without case, a
//! UUID in capitals, `1.5` for `1.50`. The database's spelling is the key, by which records are locked, selected, remembered and found
//! again; [`own_keys`] looks it up.

use std::collections::{HashMap, HashSet};

use sea_orm::{
    ConnectionTrait,
    sea_query::{Alias, Expr, ExprTrait as _, Query, SelectStatement, UnionType},
};

use crate::{
    engine::Engine,
    error::{Error, FieldError, Result},
    resource::Resource,
};
use powercrud_db::{Column, ColumnType, Dialect, QueryExt as _, Table, Value, lost_key};

/// Keys in one statement. MariaDB plans each arm of an OR, which keys of several parts are, against all others.
const KEYS_A_STATEMENT: usize = 5_000;
const COMPOSITE_KEYS_A_STATEMENT: usize = 200;

/// Keys that are looked up each for itself in one statement.
const SINGLE_KEYS_A_STATEMENT: usize = 50;

/// The parts of a record key as texts, as far as they can be checked against the key's columns without the database.
pub(crate) fn split_key(resource: &Resource, key: &str) -> Result<Vec<Value>, FieldError> {
    let columns = resource.key_columns();
    let refuse = |message: String| FieldError::new("key", "INVALID_KEY", message);
    if columns.is_empty() {
        return Err(refuse(format!("{} has no key", resource.name)));
    }
    let texts = if columns.len() == 1 {
        vec![key.to_owned()]
    } else {
        let names = resource.table.primary_key.join(", ");
        let parts: Vec<serde_json::Value> = serde_json::from_str(key)
            .ok()
            .filter(|parts: &Vec<_>| parts.len() == columns.len())
            .ok_or_else(|| refuse(format!("{key:?} is not a key of {}: a JSON array of {names}", resource.name)))?;
        parts.into_iter().map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned)).collect()
    };
    let part = |(column, text): (&Column, String)| match column.column_type {
        // Keys of bytes are written in hexadecimal.
        ColumnType::Bytes => {
            let hexadecimal = text.len() % 2 == 0 && text.bytes().all(|c| c.is_ascii_hexdigit());
            if hexadecimal || (column.any_value && text.starts_with('~')) {
                Ok(Value::Raw(text))
            } else {
                Err(refuse(format!("{text:?} is not bytes in hexadecimal")))
            }
        }
        _ if column.any_value => Ok(Value::Raw(text)),
        ColumnType::Integer { min, max } => {
            let number: Option<i128> = text.trim().parse().ok();
            let largest = if min == 0 && max == i64::MAX { u64::MAX.into() } else { i128::from(i64::MAX) };
            match number.filter(|number| (i128::from(i64::MIN)..=largest).contains(number)) {
                Some(number) => Ok(Value::Raw(number.to_string())),
                None => Err(refuse(format!("{}: {text:?} is not allowed: a whole number", column.name))),
            }
        }
        ColumnType::Decimal { scale: Some(scale), .. } if digits_after_point(&text) > scale as usize => {
            let message = format!("{}: {text:?} is not allowed: at most {scale} digits after the point", column.name);
            Err(refuse(message))
        }
        _ => Ok(Value::Raw(text)),
    };
    columns.into_iter().zip(texts).map(part).collect()
}

/// How many digits a decimal has after its point, without the zeros at its end.
fn digits_after_point(text: &str) -> usize {
    text.split_once('.').map_or(0, |(_, digits)| digits.trim_end_matches('0').len())
}

/// Refuses what the key's columns can't mean, as the database might read it as something else.
fn require_plain(resource: &Resource, parts: &[Value]) -> Result<(), FieldError> {
    for (column, part) in resource.key_columns().into_iter().zip(parts) {
        let text = part.to_text();
        let is_checked = match column.column_type {
            // Where any value may be, a column of numbers may have keys that are none; but who names one that is not there is told.
            ColumnType::Integer { .. } => !column.any_value || text.starts_with('~'),
            ColumnType::Bytes => true,
            _ => column.any_value,
        };
        if is_checked {
            continue;
        }
        // A key that exists may be one that a check list would refuse today.
        let column = Column { choices: Vec::new(), ..column.clone() };
        Value::parse(&column, &text)
            .map_err(|error| FieldError::new("key", "INVALID_KEY", format!("{}: {}", column.name, error.message)))?;
    }
    Ok(())
}

/// Whether a key that [`split_key`] accepts is spelled as the database does, whoever wrote it.
fn has_one_spelling(resource: &Resource, dialect: Dialect) -> bool {
    resource.key_columns().into_iter().all(|column| dialect.holds_only_integers(column))
}

/// Each of `keys` in the database's own spelling, once, in the same order. A key that no record has stays as it was given.
///
/// # Errors
/// [`Error::Invalid`] names each that is no key of the resource.
pub(crate) async fn own_keys<C: ConnectionTrait>(
    connection: &C,
    dialect: Dialect,
    resource: &Resource,
    keys: &[String],
) -> Result<Vec<String>> {
    let mut errors = Vec::new();
    let mut given: Vec<(String, Vec<Value>)> = Vec::with_capacity(keys.len());
    for key in keys {
        match split_key(resource, key) {
            Ok(parts) => given.push((join_key(&parts), parts)),
            Err(error) => errors.push(error),
        }
    }
    let mut seen = HashSet::with_capacity(given.len());
    given.retain(|(key, _)| seen.insert(key.clone()));
    if errors.is_empty() && !has_one_spelling(resource, dialect) {
        let (found, refused) = look_up(connection, dialect, resource, &given).await?;
        errors = refused;
        seen.clear();
        for (key, parts) in &mut given {
            if let Some(own) = found.get(key) {
                key.clone_from(own);
            } else if let Err(error) = require_plain(resource, parts) {
                errors.push(error);
            }
        }
        given.retain(|(key, _)| seen.insert(key.clone()));
    }
    if errors.is_empty() { Ok(given.into_iter().map(|(key, _)| key).collect()) } else { Err(Error::Invalid(errors)) }
}

/// The database's own spelling of a key; as it was given where there is no such record.
///
/// # Errors
/// As [`own_keys`].
pub(crate) async fn own_key<C: ConnectionTrait>(
    connection: &C,
    dialect: Dialect,
    resource: &Resource,
    key: &str,
) -> Result<String> {
    let mut own = own_keys(connection, dialect, resource, &[key.to_owned()]).await?;
    Ok(own.pop().unwrap_or_else(|| key.to_owned()))
}

/// The database's spelling by the given one, for those that are there; and those that the database refuses to read.
async fn look_up<C: ConnectionTrait>(
    connection: &C,
    dialect: Dialect,
    resource: &Resource,
    given: &[(String, Vec<Value>)],
) -> Result<(HashMap<String, String>, Vec<FieldError>)> {
    let mut own = HashMap::with_capacity(given.len());
    let mut refused = Vec::new();
    let mut single: Vec<&(String, Vec<Value>)> = Vec::new();
    // What its column may not be able to read would stop the others.
    let (plain, odd): (Vec<_>, Vec<_>) = given.iter().partition(|(_, parts)| require_plain(resource, parts).is_ok());
    let size = if resource.key_columns().len() > 1 { COMPOSITE_KEYS_A_STATEMENT } else { KEYS_A_STATEMENT };
    for some in plain.chunks(size) {
        let parts: Vec<_> = some.iter().map(|(_, parts)| parts.clone()).collect();
        match keys_of(connection, &select_keys(resource, &parts, dialect)).await {
            Ok(found) => {
                let found: HashSet<String> = found.into_iter().collect();
                let (exact, others): (Vec<_>, Vec<_>) = some.iter().copied().partition(|(key, _)| found.contains(key));
                // A record that was found by its own spelling may have been named by another one too.
                let others_parts: Vec<_> = others.iter().map(|(_, parts)| parts.clone()).collect();
                let select = select_keys(resource, &others_parts, dialect);
                let is_there = !found.is_empty() && !others.is_empty();
                if is_there && (found.len() > exact.len() || !keys_of(connection, &select).await?.is_empty()) {
                    single.extend(others);
                }
                own.extend(exact.into_iter().map(|(key, _)| (key.clone(), key.clone())));
            }
            Err(Error::Database(fault)) if fault.is_record() && some.len() > 1 => single.extend(some),
            Err(Error::Database(fault)) if fault.is_record() => refused.extend(some.iter().map(|(key, _)| unread(key))),
            Err(error) => return Err(error),
        }
    }
    for some in single.chunks(SINGLE_KEYS_A_STATEMENT) {
        match spellings(connection, dialect, resource, some).await {
            Ok(found) => own.extend(found),
            Err(Error::Database(fault)) if fault.is_record() => {
                for one in some {
                    match spellings(connection, dialect, resource, std::slice::from_ref(one)).await {
                        Ok(found) => own.extend(found),
                        Err(Error::Database(fault)) if fault.is_record() => refused.push(unread(&one.0)),
                        Err(error) => return Err(error),
                    }
                }
            }
            Err(error) => return Err(error),
        }
    }
    for (key, parts) in odd {
        match keys_of(connection, &select_keys(resource, std::slice::from_ref(parts), dialect)).await {
            // Only the record that is spelled so: what else was found was read as something that was not said.
            Ok(found) if found.contains(key) => _ = own.insert(key.clone(), key.clone()),
            Ok(_) => {}
            Err(Error::Database(fault)) if fault.is_record() => {}
            Err(error) => return Err(error),
        }
    }
    Ok((own, refused))
}

fn unread(key: &str) -> FieldError {
    FieldError::new("key", "INVALID_KEY", format!("{key:?} is not a key that the database can read"))
}

/// The database's spelling of each of a few keys, by the given one, where there is one record that it can mean.
async fn spellings<C: ConnectionTrait>(
    connection: &C,
    dialect: Dialect,
    resource: &Resource,
    keys: &[&(String, Vec<Value>)],
) -> Result<Vec<(String, String)>> {
    let mut all: Option<SelectStatement> = None;
    for (place, (_, parts)) in keys.iter().enumerate() {
        let mut select = select_keys(resource, std::slice::from_ref(parts), dialect);
        select.expr(Expr::cust(place.to_string()));
        match &mut all {
            Some(all) => _ = all.union(UnionType::All, select),
            None => all = Some(select),
        }
    }
    let Some(all) = all else { return Ok(Vec::new()) };
    let mut found: Vec<Vec<String>> = vec![Vec::new(); keys.len()];
    for row in connection.rows(&all).await? {
        let place: i64 = row.try_get_by_index::<i64>(1).or_else(|_| row.try_get_by_index::<i32>(1).map(i64::from))?;
        if let Some(found) = usize::try_from(place).ok().and_then(|place| found.get_mut(place)) {
            found.push(row.try_get_by_index(0)?);
        }
    }
    let own = keys.iter().zip(found).filter_map(|((given, parts), mut found)| {
        // Of several records nobody can tell which one was meant.
        let own = found.pop().filter(|own| found.is_empty() && is_spelling(resource, dialect, parts, own))?;
        Some((given.clone(), own))
    });
    Ok(own.collect())
}

/// Whether there is a record of that key, for whoever the resource is narrowed for.
pub(crate) async fn is_there(engine: &Engine, resource: &Resource, key: &str) -> Result<bool> {
    let Ok(parts) = split_key(resource, key) else { return Ok(false) };
    let select = select_keys(resource, &[parts], engine.database().dialect());
    Ok(engine.database().connection().row(&select).await?.is_some())
}

/// Those of `keys`, in the database's own spelling, that no record has for whoever the resource is narrowed for.
pub(crate) async fn not_there(engine: &Engine, resource: &Resource, keys: &[String]) -> Result<Vec<String>> {
    let dialect = engine.database().dialect();
    let size = if resource.key_columns().len() > 1 { COMPOSITE_KEYS_A_STATEMENT } else { KEYS_A_STATEMENT };
    let mut missing = Vec::new();
    for some in keys.chunks(size) {
        let parts = some.iter().map(|key| split_key(resource, key)).collect::<Result<Vec<_>, _>>();
        let parts = parts.map_err(|error| Error::Invalid(vec![error]))?;
        let found = keys_of(engine.database().connection(), &select_keys(resource, &parts, dialect)).await?;
        let found: HashSet<Vec<String>> = found.iter().map(|key| comparable_key(resource, key)).collect();
        missing.extend(some.iter().filter(|key| !found.contains(&comparable_key(resource, key))).cloned());
    }
    Ok(missing)
}

/// Whether the key of a record that was found by `given` may be the same key.
fn is_spelling(resource: &Resource, dialect: Dialect, given: &[Value], own: &str) -> bool {
    let Ok(own) = split_key(resource, own) else { return true };
    let mut parts = resource.key_columns().into_iter().zip(given.iter().zip(&own));
    parts.all(|(column, (given, own))| dialect.is_spelling(column, &given.to_text(), &own.to_text()))
}

fn select_keys(resource: &Resource, parts: &[Vec<Value>], dialect: Dialect) -> SelectStatement {
    let mut select = Query::select();
    select.expr(resource.key_expr(dialect)).from(resource.table.table_ref());
    select.and_where(keys_condition(resource, parts, dialect)).take()
}

async fn keys_of<C: ConnectionTrait>(connection: &C, select: &SelectStatement) -> Result<Vec<String>> {
    let rows = connection.rows(select).await?;
    rows.iter().map(|row| Ok(row.try_get_by_index::<Option<String>>(0)?.unwrap_or_default())).collect()
}

/// What the text of a key that finds no record is like; [`why_lost`] tells for certain.
pub(crate) const LOST_MARKS: [&str; 3] = ["%~n%", "%~!%", "%~0%"];

/// Why the record of a key can't be found by it, though it is there.
pub(crate) fn why_lost(resource: &Resource, key: &str) -> Option<&'static str> {
    if resource.key_columns().iter().all(|column| !column.may_lose_keys()) {
        return None;
    }
    let parts = split_key(resource, key).ok()?;
    parts.iter().find_map(|part| lost_key(&part.to_text()))
}

/// A key in a form that compares: databases write bytes in capitals or not, and UUIDs with hyphens or not.
pub(crate) fn comparable_key(resource: &Resource, key: &str) -> Vec<String> {
    let Ok(parts) = split_key(resource, key) else { return vec![key.to_owned()] };
    let columns = resource.key_columns();
    let texts = columns.iter().zip(&parts).map(|(column, part)| match column.column_type {
        ColumnType::Bytes => part.to_text().to_lowercase(),
        ColumnType::Uuid if !column.any_value => part.to_text().to_lowercase().replace('-', ""),
        _ => part.to_text(),
    });
    texts.collect()
}

/// The parts of a key as one text: a single part as it is, several as a JSON array of texts without blanks.
pub(crate) fn join_key(parts: &[Value]) -> String {
    match parts {
        [single] => single.to_text(),
        parts => serde_json::json!(parts.iter().map(Value::to_text).collect::<Vec<_>>()).to_string(),
    }
}

/// Whether a record is one of `keys`, each already split; as bound parameters, so for no more than a chunk of them.
pub(crate) fn keys_condition(resource: &Resource, keys: &[Vec<Value>], dialect: Dialect) -> Expr {
    let columns = resource.key_columns();
    if keys.is_empty() {
        return Expr::cust("1 = 0");
    }
    let among = if let [column] = columns[..] {
        single_keys_condition(column, Expr::col(resource.table.column_ref(&column.name)), keys, dialect)
    } else {
        let left = columns.iter().map(|column| Expr::col(resource.table.column_ref(&column.name))).collect();
        let part = |(column, text): (&&Column, &Value)| text_value(column, text, dialect);
        let rows = keys.iter().map(|key| columns.iter().zip(key).map(part).collect()).collect();
        dialect.tuple_in(left, rows)
    };
    match resource.table.own_rows() {
        Some(own) => own.and(among),
        None => among,
    }
}

/// Whether `left`, which holds keys of `column`, is one of `keys`.
pub(crate) fn single_keys_condition(column: &Column, left: Expr, keys: &[Vec<Value>], dialect: Dialect) -> Expr {
    left.is_in(keys.iter().filter_map(|key| key.first()).map(|text| text_value(column, text, dialect)))
}

/// Whether a row of `table`, which goes by the name `alias`, has one of these keys, in the database's own spelling.
pub(crate) fn text_keys_condition(table: &Table, alias: &str, keys: &[String], dialect: Dialect) -> Expr {
    let columns: Vec<&Column> = table.primary_key.iter().filter_map(|name| table.column(name)).collect();
    let own = |column: &Column| Expr::col((Alias::new(alias), Alias::new(&column.name)));
    if let [column] = columns[..] {
        return own(column).is_in(keys.iter().map(|key| dialect.key_value(column, key)));
    }
    let rows = keys.iter().filter_map(|key| {
        let parts: Vec<String> = serde_json::from_str(key).ok()?;
        Some(columns.iter().zip(&parts).map(|(column, part)| dialect.key_value(column, part)).collect())
    });
    dialect.tuple_in(columns.iter().map(|column| own(column)).collect(), rows.collect())
}

/// A part of a key, which is a text, as a bound value that compares with its column.
fn text_value(column: &Column, text: &Value, dialect: Dialect) -> Expr {
    dialect.key_value(column, &text.to_text())
}

/// A value that another record refers to a key by, as a bound value that compares with the key's column.
pub(crate) fn key_value(column: &Column, value: &Value, dialect: Dialect) -> Expr {
    match column.column_type {
        ColumnType::Bytes | ColumnType::Uuid => text_value(column, value, dialect),
        _ => dialect.comparable(column, value),
    }
}

/// `key IN (SELECT … FROM (keys))`, each part cast to its column's type so that the table's index serves.
pub(crate) fn keys_subquery(resource: &Resource, mut keys: SelectStatement, dialect: Dialect) -> Expr {
    let columns = resource.key_columns();
    keys.clear_selects();
    for (index, column) in columns.iter().enumerate() {
        keys.expr(dialect.key_part(Expr::col("record_key"), index, columns.len(), column));
    }
    let mut left: Vec<Expr> = columns.iter().map(|column| Expr::col(resource.table.column_ref(&column.name))).collect();
    let left = if left.len() == 1 { left.remove(0) } else { Expr::tuple(left) };
    let among = left.in_subquery(keys);
    match resource.table.own_rows() {
        Some(own) => own.and(among),
        None => among,
    }
}
