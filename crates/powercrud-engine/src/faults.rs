//! Faults of records in words for people.

mod hidden;

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, Query},
};

use crate::{
    cascades::{emptied, is_readable, referred_to},
    engine::Engine,
    error::{FieldError, Result},
    form::Assignment,
    resource::Resource,
};
use powercrud_db::{ColumnType, Constraint, Fault, ForeignKey, QueryExt as _, ReferentialAction, Table, columns_in};

/// The code within this program of a fault by rows that refer to links that are to go.
pub(crate) const LINKS_IN_USE: &str = "LINKS_IN_USE";

/// A record's fault, at its field where that can be told: of several that are involved, one that was to be changed.
pub(crate) fn record_fault(resource: &Resource, fault: &Fault, changes: &[Assignment]) -> FieldError {
    let named = fault.field.as_deref();
    let constraint = named.and_then(|named| constraint(resource, named));
    let links = named.and_then(|named| resource.many_to_many(named)).map(|links| links.name.clone());
    let is_written = |name: &String| changes.iter().any(|change| change.field == *name);
    // A value that was not written repeats none; a table that a trigger writes to may have a key of the same name.
    let may_be = |name: &String| fault.code != "UNIQUE" || changes.is_empty() || is_written(name);
    let is_links = links.is_some();
    let field = links
        .or_else(|| named.and_then(|named| field_of(resource, named, constraint, changes)).filter(may_be))
        .or_else(|| by_type(resource, fault, changes))
        .or_else(|| by_index(resource, fault, changes));
    if !is_links && hidden::is_about_hidden(resource, fault) {
        return hidden::told(field.filter(is_written));
    }
    let message = match fault.code {
        // This program's own words.
        "LEAVES_SCOPE" => {
            return FieldError { field, code: fault.code.to_owned(), message: fault.message.clone() };
        }
        LINKS_IN_USE => return FieldError { field, code: "FOREIGN_KEY".into(), message: fault.message.clone() },
        "UNIQUE" if field.is_none() && !changes.is_empty() => {
            "there is a value already that must be unique, perhaps in another table that a trigger writes to"
        }
        "UNIQUE" => "another record already has this value",
        "FOREIGN_KEY" if fault.message.contains("delete") || field.is_none() => {
            "other records refer to it, or it refers to none"
        }
        "FOREIGN_KEY" => "refers to a record that does not exist",
        "NOT_NULL" => "must have a value",
        "CHECK" => match rule(named, constraint, field.as_deref()) {
            Some(rule) => {
                let message = format!("breaks a rule of the database; it must satisfy: {rule}");
                return FieldError { field, code: fault.code.to_owned(), message };
            }
            None => "breaks a rule of the database",
        },
        "TOO_LONG" => "is too long",
        "OUT_OF_RANGE" => "is out of range",
        "INVALID_VALUE" => "is not a value that the column takes",
        "TRIGGER" => "was refused by the database",
        "NOT_PERMITTED" => "the database does not permit it",
        "INTERRUPTED" => "took longer than the database allows",
        "KEY_NOT_UNIQUE" => "was left as it was",
        _ => "was refused",
    };
    let said = fault.told_to(changes.iter().map(|change| change.value.to_text()));
    FieldError { field, code: fault.code.to_owned(), message: format!("{message} ({said})") }
}

/// The fault of a record's delete. A column that it names is one of the records that refer to this one, or to what goes along.
pub(crate) fn delete_fault(engine: &Engine, resource: &Resource, fault: &Fault) -> FieldError {
    let named = fault.field.as_deref().unwrap_or_default();
    let loses = |(_, key): &(&Table, &ForeignKey)| {
        let is_emptied = matches!(key.on_delete, ReferentialAction::SetNull | ReferentialAction::SetDefault);
        is_emptied && key.columns.iter().any(|column| column == named)
    };
    let mut referrers =
        emptied(engine, &resource.table).into_iter().flat_map(|table| engine.catalog().referrers(table));
    match referrers.find(loses).filter(|_| fault.code == "NOT_NULL") {
        Some((from, key)) => in_use(format!("{}, and must refer to something", referred_by(engine, from, key))),
        None if fault.code == "CASCADE_TOO_DEEP" => {
            FieldError { field: None, code: fault.code.to_owned(), message: fault.message.clone() }
        }
        None if engine.viewer().is_some() || hidden::is_about_any_hidden(engine, fault) => match fault.code {
            "FOREIGN_KEY" => in_use("other records refer to it, or to what would go with it".to_owned()),
            _ => hidden::told(None),
        },
        None if fault.code == "FOREIGN_KEY" => {
            in_use(format!("other records refer to it, or to what would go with it ({})", fault.message))
        }
        None if matches!(fault.code, "NOT_NULL" | "CHECK" | "UNIQUE") => {
            let message = format!("what the database changes with it is refused ({})", fault.message);
            FieldError { field: None, code: fault.code.to_owned(), message }
        }
        None => record_fault(resource, fault, &[]),
    }
}

/// A record stays, because others need it.
pub(crate) fn in_use(message: String) -> FieldError {
    FieldError { field: None, code: "FOREIGN_KEY".into(), message }
}

/// A record's reference leads nowhere.
pub(crate) fn refers_to_nothing(resource: &Resource, key: &ForeignKey) -> FieldError {
    let field = key.columns.iter().find(|column| resource.field(column).is_some()).cloned();
    FieldError { field, code: "FOREIGN_KEY".into(), message: "refers to a record that does not exist".into() }
}

/// Who needs it: "Books refer to it (book.author_id)".
pub(crate) fn referred_by(engine: &Engine, from: &Table, key: &ForeignKey) -> String {
    let name = from.qualified_name();
    if !engine.shows_whole(from) {
        return "other records refer to it".to_owned();
    }
    let resource = engine.resources().iter().find(|resource| resource.model_name == name);
    let label = resource.map_or_else(|| name.clone(), |resource| resource.label_plural.clone());
    format!("{label} refer to it ({name}.{})", key.columns.join(", "))
}

/// Why others keep a record from being deleted: those that refer to it by a key that takes none of them along.
pub(crate) async fn who_refers<C: ConnectionTrait>(
    connection: &C,
    engine: &Engine,
    resource: &Resource,
    record: &Expr,
) -> Result<Option<FieldError>> {
    let restricts =
        |(from, key): &(&Table, &ForeignKey)| key.on_delete == ReferentialAction::Restrict && is_readable(from, key);
    for (from, key) in engine.catalog().referrers(&resource.table).filter(restricts) {
        let mut select = Query::select();
        select.expr(Expr::cust("1")).from(resource.table.table_ref()).limit(1);
        select.and_where(record.clone()).and_where(referred_to(resource, from, key));
        if connection.row(&select).await?.is_some() {
            return Ok(Some(in_use(referred_by(engine, from, key))));
        }
    }
    Ok(None)
}

/// The check, key or index of that name. MySQL writes `table.key`.
fn constraint<'a>(resource: &'a Resource, named: &str) -> Option<&'a Constraint> {
    let find = |name: &str| resource.table.constraints.iter().find(|constraint| constraint.name == name);
    find(named).or_else(|| find(named.rsplit('.').next()?))
}

/// What a broken check demands: as the catalog has it, or what SQLite calls a check by that has no name.
fn rule(named: Option<&str>, constraint: Option<&Constraint>, field: Option<&str>) -> Option<String> {
    match constraint {
        Some(constraint) => Some(match &constraint.rule {
            Some(rule) => format!("{rule} ({})", constraint.name),
            None => constraint.name.clone(),
        }),
        None => named.filter(|named| Some(*named) != field).map(str::to_owned),
    }
}

/// The field that the database means by column names, by the name of a constraint or key, or by a condition.
fn field_of(
    resource: &Resource,
    named: &str,
    constraint: Option<&Constraint>,
    changes: &[Assignment],
) -> Option<String> {
    let table = &resource.table;
    let is_changed = |name: &&String| changes.iter().any(|change| change.field == **name);
    let is_field = |name: &&String| resource.field(name).is_some();
    let pick = |columns: &[String]| {
        let fields = || columns.iter().filter(is_field);
        fields().find(is_changed).or(fields().next()).cloned()
    };
    if let Some(constraint) = constraint {
        return pick(&constraint.columns);
    }
    if let Some(key) = table.foreign_keys.iter().find(|key| key.name == named && !named.is_empty()) {
        return pick(&key.columns);
    }
    // MySQL writes `table.column`, and quotes each of several columns.
    let words: Vec<&str> =
        named.split(',').map(|word| word.rsplit('.').next().unwrap_or(word).trim_matches([' ', '`', '"'])).collect();
    let is_named = |name: &String| words.iter().any(|word| word.eq_ignore_ascii_case(name));
    let own = resource.fields.iter().map(|field| &field.name).filter(|name| is_named(name));
    let keys =
        table.unique_keys.iter().chain([&table.primary_key]).chain(table.foreign_keys.iter().map(|key| &key.columns));
    // A key that is named by one of its columns is about all of them.
    let of_keys = keys.filter(|key| key.iter().any(is_named)).flatten();
    let columns: Vec<String> = own.chain(of_keys).cloned().collect();
    pick(&columns).or_else(|| {
        let dialect = table.columns.first()?.dialect;
        pick(&columns_in(named, &table.columns, dialect))
    })
}

/// The longest of the new values that an index holds, where a row is too long for one that the database does not name.
fn by_index(resource: &Resource, fault: &Fault, changes: &[Assignment]) -> Option<String> {
    if fault.field.is_some() || !fault.is_row_too_long_for_an_index() {
        return None;
    }
    let table = &resource.table;
    let indexes = table.constraints.iter().filter(|constraint| constraint.rule.is_none()).map(|index| &index.columns);
    let indexed: Vec<_> = indexes.chain(&table.unique_keys).chain([&table.primary_key]).flatten().collect();
    let held = changes.iter().filter(|change| indexed.contains(&&change.field));
    held.max_by_key(|change| change.value.to_text().len()).map(|change| change.field.clone())
}

/// The only change whose value can be meant by an error that names no column, but at most its type. Numbers and texts are checked before
/// they get here, so it is others that are too long then, such as what a trigger writes.
fn by_type(resource: &Resource, fault: &Fault, changes: &[Assignment]) -> Option<String> {
    if !matches!(fault.code, "INVALID_VALUE" | "TOO_LONG" | "OUT_OF_RANGE") || fault.field.is_some() {
        return None;
    }
    let column = |change: &Assignment| {
        let column = resource.field(&change.field).map(|field| &field.column)?;
        let is_checked = matches!(
            column.column_type,
            ColumnType::Boolean | ColumnType::Integer { .. } | ColumnType::Decimal { .. } | ColumnType::Text { .. }
        );
        (!is_checked).then_some(column)
    };
    let is_of_type = |change: &&Assignment| {
        let named = |name: &str| !name.is_empty() && fault.message.ends_with(&format!("type {name}"));
        column(change).is_some_and(|column| {
            named(&column.database_type)
                || named(column.database_type.trim_end_matches("[]"))
                || named(&column.parameter_type)
        })
    };
    let mut alike = changes.iter().filter(is_of_type);
    match (alike.next(), alike.next(), changes) {
        (Some(one), None, _) => Some(one.field.clone()),
        (None, _, [one]) if column(one).is_some() => Some(one.field.clone()),
        _ => None,
    }
}

/// `value`, as it was sent, which the database does not take for its column's type.
pub(crate) fn unfit(field: &str, value: &str, fault: &Fault) -> FieldError {
    let code = if fault.code == "DATABASE" { "INVALID_VALUE" } else { fault.code };
    FieldError::new(field, code, format!("is not a value that the column takes ({})", fault.told_to([value])))
}
