//! One record: read, create, change, delete.

use sea_orm::{
    ConnectionTrait as _,
    sea_query::{Expr, Query},
};

use crate::{
    app::PowerCrud,
    db::{Fault, Run as _},
    error::{Error, FieldError, Result},
    form::{Change, Input, parse_changes},
    query::{self, Cell, Row},
    resource::{Field, Resource},
};

/// The record of that key, with a cell for each of the resource's fields.
///
/// # Errors
/// [`Error::RecordNotFound`], also where the key is not of the key columns' types.
pub async fn get(app: &PowerCrud, resource: &Resource, key: &str) -> Result<Row> {
    let dialect = app.database().dialect();
    let fields: Vec<&Field> = resource.fields.iter().collect();
    let mut select = query::row_select(resource, &fields, dialect);
    select.and_where(key_condition(app, resource, key)?);
    let row = app.database().connection().row(&select).await?.ok_or_else(|| not_found(resource, key))?;
    let mut rows = [query::read_row(&row, &fields)?];
    query::name_references(app, &fields, &mut rows).await?;
    let [row] = rows;
    Ok(row)
}

/// Creates a record and returns its key. Fields left out take the database's default.
///
/// # Errors
/// [`Error::Invalid`] names every field with a mistake, also those that only the database finds (unique, references, checks).
pub async fn create(app: &PowerCrud, resource: &Resource, inputs: &[Input]) -> Result<String> {
    resource.require_writable()?;
    let mut changes = parse_changes(resource, |field| field.editable, inputs)?;
    // An empty box of a field with a default means the default.
    changes.retain(|change| {
        !(change.value.is_null() && resource.field(&change.field).is_some_and(|field| field.column.default.is_some()))
    });
    let missing: Vec<_> = resource.fields.iter().filter(|field| is_missing(field, &changes)).map(required).collect();
    if !missing.is_empty() {
        return Err(Error::Invalid(missing));
    }
    let dialect = app.database().dialect();
    let mut insert = Query::insert();
    insert.into_table(resource.table.table_ref());
    if changes.is_empty() {
        insert.or_default_values();
    } else {
        insert.columns(changes.iter().map(|change| change.field.clone()));
        let values = changes.iter().filter_map(|change| {
            resource.field(&change.field).map(|field| dialect.write(&field.column, &change.value))
        });
        insert.values_panic(values);
    }
    let connection = app.database().connection();
    if dialect.returns_inserted_rows() {
        insert.returning(Query::returning().expr(resource.key_expr(dialect)));
        let row = connection.query_one(&insert).await.map_err(|error| blame(resource, &error))?;
        return row
            .map(|row| row.try_get_by_index(0))
            .transpose()?
            .ok_or_else(|| Error::Internal("the database returned no key for the new record".into()));
    }
    let result = connection.execute(&insert).await.map_err(|error| blame(resource, &error))?;
    Ok(inserted_key(resource, &changes, result.last_insert_id()))
}

/// Changes a record; fields left out stay as they are.
///
/// # Errors
/// As [`create`], and [`Error::RecordNotFound`].
pub async fn update(app: &PowerCrud, resource: &Resource, key: &str, inputs: &[Input]) -> Result<()> {
    resource.require_writable()?;
    let changes = parse_changes(resource, |field| field.editable && !field.key, inputs)?;
    if changes.is_empty() {
        return get(app, resource, key).await.map(|_| ());
    }
    let mut update = Query::update();
    update.table(resource.table.table_ref()).and_where(key_condition(app, resource, key)?);
    for change in &changes {
        if let Some(field) = resource.field(&change.field) {
            update.value(change.field.clone(), app.database().dialect().write(&field.column, &change.value));
        }
    }
    let changed = app.database().connection().execute(&update).await.map_err(|error| blame(resource, &error))?;
    if changed.rows_affected() == 0 { Err(not_found(resource, key)) } else { Ok(()) }
}

/// Deletes a record.
///
/// # Errors
/// [`Error::Invalid`] where others refer to it, [`Error::RecordNotFound`] where it is gone.
pub async fn delete(app: &PowerCrud, resource: &Resource, key: &str) -> Result<()> {
    resource.require_writable()?;
    let mut delete = Query::delete();
    delete.from_table(resource.table.table_ref()).and_where(key_condition(app, resource, key)?);
    let gone = app.database().connection().execute(&delete).await.map_err(|error| blame(resource, &error))?;
    if gone.rows_affected() == 0 { Err(not_found(resource, key)) } else { Ok(()) }
}

/// The names of the columns a cell belongs to stand in the resource's fields, in the same order.
pub(crate) fn cell<'a>(resource: &Resource, row: &'a Row, name: &str) -> Option<&'a Cell> {
    let index = resource.fields.iter().position(|field| field.name == name)?;
    row.cells.get(index)
}

fn key_condition(app: &PowerCrud, resource: &Resource, key: &str) -> Result<Expr> {
    if resource.table.primary_key.is_empty() {
        return Err(not_found(resource, key));
    }
    let parts = query::split_key(resource, key).map_err(|_| not_found(resource, key))?;
    Ok(query::keys_condition(resource, &[parts], app.database().dialect()))
}

fn not_found(resource: &Resource, key: &str) -> Error {
    Error::RecordNotFound { resource: resource.label.clone(), key: key.to_owned() }
}

/// Whether a field must be given for a new record, and is not.
fn is_missing(field: &Field, changes: &[Change]) -> bool {
    let column = &field.column;
    let filled = column.nullable || column.default.is_some() || column.generated || column.identity;
    !filled && field.editable && changes.iter().all(|change| change.field != field.name)
}

fn required(field: &Field) -> FieldError {
    FieldError::new(&field.name, "NOT_NULL", "must have a value")
}

/// The key of a record that was just inserted, where the database can't return it.
fn inserted_key(resource: &Resource, changes: &[Change], last_insert_id: u64) -> String {
    let parts: Vec<String> = resource
        .key_columns()
        .iter()
        .map(|column| match changes.iter().find(|change| change.field == column.name) {
            Some(change) => change.value.to_text(),
            None => last_insert_id.to_string(),
        })
        .collect();
    match &parts[..] {
        [single] => single.clone(),
        parts => serde_json::json!(parts).to_string(),
    }
}

/// A fault of the record's values at its field; anything else as it is.
fn blame(resource: &Resource, error: &sea_orm::DbErr) -> Error {
    let fault = Fault::classify(error);
    if !fault.is_record() {
        return Error::Database(Box::new(fault));
    }
    Error::Invalid(vec![crate::bulk::record_fault(resource, &fault)])
}
