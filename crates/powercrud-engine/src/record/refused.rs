//! Which value it is that the database refuses, where its error does not say so.

use sea_orm::{
    ConnectionTrait as _,
    sea_query::{Expr, Query},
};

use super::{attribute_error, key_condition};
use crate::{
    engine::Engine,
    error::{Error, FieldError, Result},
    faults::unfit,
    faults::who_refers,
    form::{self, Assignment},
    query,
    resource::Resource,
};
use powercrud_db::{ColumnType, Fault, QueryExt as _};

/// More fields at a time are not tried one by one.
const MOST_TRIED: usize = 20;

/// The changes whose value is none of its column's type, as the database itself says: each is made to that type, and nothing else.
pub(crate) async fn refused_values(
    engine: &Engine,
    resource: &Resource,
    changes: &[Assignment],
) -> Result<Vec<FieldError>> {
    let mut errors = Vec::new();
    for change in changes.iter().filter(|change| !change.value.is_null()) {
        let Some(field) = resource.field(&change.field) else { continue };
        // The others are known here; but not every database has every character.
        let is_known = match field.column.column_type {
            ColumnType::Boolean | ColumnType::Integer { .. } | ColumnType::Bytes => true,
            ColumnType::Text { .. } => change.value.to_text().is_ascii(),
            _ => false,
        };
        if is_known {
            continue;
        }
        let (dialect, connection) = (engine.database().dialect(), engine.database().connection());
        if let Some(is_lost) = dialect.is_lost(&field.column, &change.value) {
            if connection.number(&Query::select().expr(is_lost).take()).await? == 1 {
                let message = format!("not a {} in the form that the database reads", field.column.database_type);
                errors.push(unfit(&change.field, &change.value.to_text(), &Fault::of_record("INVALID_VALUE", message)));
            }
            continue;
        }
        // As text: the driver does not know every type that PostgreSQL has.
        let read = dialect.read_value(&field.column, dialect.write(&field.column, &change.value));
        let select = Query::select().expr(read).take();
        if let Err(error) = connection.query_one(&select).await {
            let fault = Fault::classify(&error);
            if fault.is_transient() {
                return Err(Error::Database(Box::new(fault)));
            }
            errors.push(unfit(&change.field, &change.value.to_text(), &fault));
        }
    }
    Ok(errors)
}

/// `error`, which a write has ended with, at the field that it is about where that can be found: the value is of no use to its type, or
/// it is the only one that can't be written alone. `record` finds the record that was to be changed.
pub(super) async fn named(
    engine: &Engine,
    resource: &Resource,
    record: Option<Expr>,
    changes: &[Assignment],
    error: Error,
) -> Error {
    let is_unclear = match &error {
        Error::Invalid(errors) => errors.iter().all(|error| error.field.is_none()),
        Error::Database(fault) => !fault.is_transient() && fault.code == "DATABASE",
        _ => false,
    };
    if !is_unclear || changes.is_empty() {
        return error;
    }
    match refused_values(engine, resource, changes).await {
        Ok(errors) if !errors.is_empty() => return Error::Invalid(errors),
        _ => {}
    }
    match missing_references(engine, resource, changes, &error).await {
        Ok(errors) if !errors.is_empty() => return Error::Invalid(errors),
        _ => {}
    }
    let Some(record) = record.filter(|_| (2..=MOST_TRIED).contains(&changes.len())) else { return error };
    let mut found = Vec::new();
    for change in changes {
        if let Ok(Some(errors)) = alone(engine, resource, record.clone(), change).await {
            found.push((change, errors));
        }
    }
    match (&error, &mut found[..]) {
        (Error::Invalid(_), [(change, errors)]) => {
            for error in errors.iter_mut().filter(|error| error.field.is_none()) {
                error.field = Some(change.field.clone());
            }
            Error::Invalid(std::mem::take(errors))
        }
        _ => error,
    }
}

/// `error`, which the delete of a record has ended with, with who refers to it where that is why.
pub(super) async fn referred_to(engine: &Engine, resource: &Resource, key: &str, error: Error) -> Error {
    let is_in_use = |error: &FieldError| error.code == "FOREIGN_KEY" && error.field.is_none();
    if !matches!(&error, Error::Invalid(errors) if errors.iter().any(is_in_use)) {
        return error;
    }
    let Ok(record) = key_condition(engine, resource, key) else { return error };
    match who_refers(engine.database().connection(), engine, resource, &record).await {
        Ok(Some(in_use)) => Error::Invalid(vec![in_use]),
        _ => error,
    }
}

/// The changes that refer to records that are not there, where that may be what `error` says.
async fn missing_references(
    engine: &Engine,
    resource: &Resource,
    changes: &[Assignment],
    error: &Error,
) -> Result<Vec<FieldError>> {
    let is_about_references = |errors: &[FieldError]| errors.iter().any(|error| error.code == "FOREIGN_KEY");
    if !matches!(error, Error::Invalid(errors) if is_about_references(errors)) {
        return Ok(Vec::new());
    }
    let mut missing = Vec::new();
    for change in changes.iter().filter(|change| !change.value.is_null()) {
        let reference = resource.field(&change.field).and_then(|field| field.reference.as_ref());
        let Some(reference) = reference else { continue };
        if query::names_of(engine, reference, std::slice::from_ref(&change.value)).await?.is_empty() {
            let message = "refers to a record that does not exist";
            missing.push(FieldError::new(&change.field, "FOREIGN_KEY", message));
        }
    }
    Ok(missing)
}

/// What the database says where one of the changes is made alone; it is not kept.
async fn alone(
    engine: &Engine,
    resource: &Resource,
    record: Expr,
    change: &Assignment,
) -> Result<Option<Vec<FieldError>>> {
    let mut update = Query::update();
    update.table(resource.table.table_ref()).and_where(record);
    let change = std::slice::from_ref(change);
    form::set(&mut update, resource, change, engine.database().dialect());
    let transaction = engine.database().begin().await?;
    let mut result = transaction.write(&resource.table, &update).await;
    if let (Ok(_), Some(check)) = (&result, engine.database().dialect().checking_now()) {
        result = transaction.execute_unprepared(check).await;
    }
    let _ = transaction.rollback().await;
    Ok(match result.map_err(|error| attribute_error(resource, change, &error)) {
        Err(Error::Invalid(errors)) => Some(errors),
        _ => None,
    })
}
