//! One record: read, create, change, delete. Whoever does so is named in the audit trail, by the same transaction.

mod create;
mod expected;
mod held;
mod kept;
mod patience;
mod refused;
mod traced;
mod unlike;

pub use create::create;
pub use expected::{Expected, etag};
pub use held::held_by;
use held::refuse_held;
pub(crate) use kept::{BY_POLICY, CHANGED_INSTEAD, KEPT};
use kept::{is_kept, kept, kept_by_trigger, not_changed};
use patience::Patience;
pub(crate) use refused::{refused_values, unfit};
use sea_orm::{
    ConnectionTrait, StatementBuilder,
    sea_query::{Expr, ExprTrait as _, Query},
};
pub(crate) use unlike::says_the_same;

use crate::{
    audit::{Action, Deed},
    engine::Engine,
    error::{Error, Result},
    form::{self, Change, Input, parse_changes},
    query::{self, Cell, Row, read},
    resource::{Field, Resource},
    user::User,
};
use powercrud_db::{Fault, QueryExt as _, Transaction};

/// The record of that key, with a cell for each of the resource's fields; of a value of more than 16 MB, or of less where there are several
/// such fields, its beginning.
///
/// # Errors
/// [`Error::RecordNotFound`], also where the key is not of the key columns' types.
pub async fn get(engine: &Engine, resource: &Resource, key: &str) -> Result<Row> {
    get_at_most(engine, resource, key, read::WHOLE).await
}

/// As [`get`], with no more than `most` bytes of each value.
pub async fn get_at_most(engine: &Engine, resource: &Resource, key: &str, most: u64) -> Result<Row> {
    let dialect = engine.database().dialect();
    let fields: Vec<&Field> = resource.fields.iter().collect();
    let key = &own_key(engine, resource, key).await?;
    let most = read::most_of_page(&fields, 1, most);
    let mut select = query::row_select(resource, &fields, dialect, most);
    select.and_where(key_condition(engine, resource, key)?);
    traced::room(engine, resource, key).await?;
    let row = engine.database().connection().row(&select).await?.ok_or_else(|| not_found(resource, key))?;
    let mut rows = [query::read_row(&row, &fields, most)?];
    query::name_references(engine, &fields, &mut rows).await?;
    let [row] = rows;
    Ok(row)
}

/// Changes a record; fields left out stay as they are, and so does what has the given value already.
///
/// # Errors
/// As [`create`], and [`Error::RecordNotFound`].
pub async fn update(engine: &Engine, by: &User, resource: &Resource, key: &str, inputs: &[Input]) -> Result<()> {
    update_expecting(engine, by, resource, key, inputs, &Expected::default()).await
}

/// Changes a record that nobody else has changed since its version, as [`crate::query::version`] tells it, was `version`.
///
/// # Errors
/// As [`update`], and [`Error::VersionConflict`].
pub async fn update_unchanged(
    engine: &Engine,
    by: &User,
    resource: &Resource,
    key: &str,
    inputs: &[Input],
    version: &str,
) -> Result<()> {
    update_expecting(engine, by, resource, key, inputs, &Expected::default().version(version)).await
}

/// Changes a record that holds what is `expected` of it.
///
/// # Errors
/// As [`update`]; [`Error::FieldsChanged`] where a field that is to be changed holds another value than expected,
/// [`Error::VersionConflict`] or [`Error::StaleRecord`] where the record has another version or another ETag.
pub async fn update_expecting(
    engine: &Engine,
    by: &User,
    resource: &Resource,
    key: &str,
    inputs: &[Input],
    expected: &Expected,
) -> Result<()> {
    resource.require_update()?;
    let key = &own_key(engine, resource, key).await?;
    let condition = key_condition(engine, resource, key)?;
    traced::room(engine, resource, key).await?;
    let mut patience = Patience::new();
    loop {
        let result = try_update(engine, by, resource, key, inputs, expected, &condition).await;
        if let Some(result) = patience.end(engine, resource, result).await {
            return result;
        }
    }
}

async fn try_update(
    engine: &Engine,
    by: &User,
    resource: &Resource,
    key: &str,
    inputs: &[Input],
    expected: &Expected,
    condition: &Expr,
) -> Result<()> {
    let transaction = engine.database().begin().await?;
    let planned = plan_update(&transaction, engine, resource, key, inputs, expected).await;
    let (before, changes) = match planned {
        Ok((before, changes)) if !changes.is_empty() => (before, changes),
        planned => return end(transaction, resource, &[], planned.map(|_| ())).await,
    };
    let mut update = Query::update();
    update.table(resource.table.table_ref()).and_where(condition.clone());
    let dialect = engine.database().dialect();
    form::set(&mut update, resource, &changes, dialect);
    form::set_version(&mut update, resource, dialect);
    if let (Some(version), Some(expected)) = (&resource.version, &expected.version) {
        let now = Expr::col(resource.table.column_ref(&version.name));
        update.and_where(dialect.version(version, now).eq(expected.as_str()));
    }
    let write = Write { engine, by, resource, key, changes: &changes, version: expected.version.as_deref() };
    let result = write.unless_held(&transaction, Action::RecordUpdated, &before, &update).await;
    match end(transaction, resource, &changes, result).await {
        Ok(_) => Ok(()),
        Err(error) if is_kept(&error) => kept_by_trigger(engine, resource, error).await,
        Err(error) => Err(refused::named(engine, resource, Some(condition.clone()), &changes, error).await),
    }
}

/// The record as it is, kept from others' changes until the transaction ends, and what is `asked` for and is another value than it has.
async fn plan_update<C: ConnectionTrait>(
    transaction: &C,
    engine: &Engine,
    resource: &Resource,
    key: &str,
    asked: &[Input],
    expected: &Expected,
) -> Result<(Row, Vec<Change>)> {
    let before = held_row(transaction, engine, resource, key).await?;
    expected.check_record(resource, &before)?;
    let inputs = unlike::unlike(resource, &before, asked, expected);
    let mut changes = parse_changes(resource, |field| resource.may_change(field), &inputs)?;
    changes.retain(|change| cell(resource, &before, &change.field).is_none_or(|cell| cell.value != change.value));
    expected.check_values(resource, &before, &changes)?;
    if changes.is_empty() {
        if let Some(was) = &expected.version {
            is_version(transaction, engine, resource, key, was).await?;
        }
        // Who wants a value to stay is told that a task may change it.
        if !asked.is_empty() {
            refuse_held(transaction, engine, resource, key).await?;
        }
    }
    Ok((before, changes))
}

/// Fails where the record has another version, although nothing of it is to be written.
async fn is_version<C: ConnectionTrait>(
    connection: &C,
    engine: &Engine,
    resource: &Resource,
    key: &str,
    was: &str,
) -> Result<()> {
    let Some(version) = &resource.version else { return Ok(()) };
    let condition = key_condition(engine, resource, key)?;
    let now = query::versions(connection, engine, resource, version, condition, false).await?;
    match now.into_values().next() {
        Some(is) if is != was => Err(version_conflict(connection, engine, resource, key, was).await?),
        _ => Ok(()),
    }
}

/// The record with all of its fields, kept from others' changes until the transaction ends.
async fn held_row<C: ConnectionTrait>(transaction: &C, engine: &Engine, resource: &Resource, key: &str) -> Result<Row> {
    let fields: Vec<&Field> = resource.fields.iter().collect();
    let condition = key_condition(engine, resource, key)?;
    match traced::read(transaction, engine, resource, &fields, condition, true).await? {
        Some(row) => Ok(row),
        None => Err(kept(transaction, engine, resource, key, true).await?),
    }
}

/// Deletes a record.
///
/// # Errors
/// [`Error::Invalid`] where others refer to it, [`Error::RecordNotFound`] where it is gone.
pub async fn delete(engine: &Engine, by: &User, resource: &Resource, key: &str) -> Result<()> {
    delete_expecting(engine, by, resource, key, &Expected::default()).await
}

/// Deletes a record that holds what is `expected` of it.
///
/// # Errors
/// As [`delete`], and [`Error::StaleRecord`] where it has another ETag.
pub async fn delete_expecting(
    engine: &Engine,
    by: &User,
    resource: &Resource,
    key: &str,
    expected: &Expected,
) -> Result<()> {
    resource.require_delete()?;
    let key = &own_key(engine, resource, key).await?;
    traced::room(engine, resource, key).await?;
    let mut patience = Patience::new();
    let kept = loop {
        let result = try_delete(engine, by, resource, key, expected).await;
        if let Some(result) = patience.end(engine, resource, result).await {
            break result?;
        }
    };
    kept.map_or(Ok(()), Err)
}

/// Deletes a record, unless the database keeps it: why, that is then.
async fn try_delete(
    engine: &Engine,
    by: &User,
    resource: &Resource,
    key: &str,
    expected: &Expected,
) -> Result<Option<Error>> {
    let mut delete = Query::delete();
    delete.from_table(resource.table.table_ref()).and_where(key_condition(engine, resource, key)?);
    let transaction = engine.database().begin().await?;
    let result = async {
        let before = held_row(&transaction, engine, resource, key).await?;
        expected.check_record(resource, &before)?;
        let write = Write { engine, by, resource, key, changes: &[], version: None };
        write.unless_held(&transaction, Action::RecordDeleted, &before, &delete).await
    }
    .await;
    end(transaction, resource, &[], result).await
}

/// One record to be written.
struct Write<'a> {
    engine: &'a Engine,
    by: &'a User,
    resource: &'a Resource,
    key: &'a str,
    changes: &'a [Change],
    /// The version that it must have.
    version: Option<&'a str>,
}

impl Write<'_> {
    /// Writes the record, unless a bulk task holds it.
    ///
    /// The record is written first and the locks are looked at afterwards, in one transaction. A bulk task that is submitted in between
    /// waits for this row; one that was there before is seen, and the write is undone. So no order of the two loses an update.
    ///
    /// What is returned is why a record is still there that was to be deleted. What a trigger did instead stands.
    async fn unless_held<C: ConnectionTrait>(
        &self,
        transaction: &C,
        action: Action,
        before: &Row,
        statement: &impl StatementBuilder,
    ) -> Result<Option<Error>> {
        let Self { engine, resource, key, .. } = *self;
        let written = transaction.write(&resource.table, statement).await;
        let written = written.map_err(|error| match action {
            Action::RecordDeleted => blame_delete(engine, resource, &error),
            _ => blame(resource, self.changes, &error),
        })?;
        refuse_held(transaction, engine, resource, key).await?;
        match (written.rows_affected(), self.version) {
            (0, Some(was)) => return Err(version_conflict(transaction, engine, resource, key, was).await?),
            (0, None) if action == Action::RecordDeleted => return self.kept(transaction, before).await,
            (0, None) => return Err(kept(transaction, engine, resource, key, false).await?),
            (1, _) if action == Action::RecordDeleted => {
                let condition = key_condition(engine, resource, key)?;
                if traced::read(transaction, engine, resource, &[], condition, false).await?.is_some() {
                    return self.kept(transaction, before).await;
                }
            }
            (1, _) => {}
            // Nothing of it may stay.
            (rows, _) => {
                let fault = Fault::key_not_unique(rows);
                return Err(Error::Invalid(vec![crate::bulk::record_fault(resource, &fault, self.changes)]));
            }
        }
        let is_traced = |field: &&Field| {
            action == Action::RecordDeleted || self.changes.iter().any(|change| change.field == field.name)
        };
        let fields: Vec<&Field> = resource.fields.iter().filter(is_traced).collect();
        let cells = resource.fields.iter().zip(&before.cells).filter(|(field, _)| is_traced(field));
        let before = Row { key: before.key.clone(), cells: cells.map(|(_, cell)| cell.clone()).collect() };
        let after = match action {
            Action::RecordDeleted => None,
            _ => {
                let condition = key_condition(engine, resource, key)?;
                traced::read(transaction, engine, resource, &fields, condition, false).await?
            }
        };
        let changes = traced::changes(&fields, Some(&before), after.as_ref());
        if changes.is_empty() && action == Action::RecordUpdated {
            return Err(not_changed(self.changes));
        }
        let deed = Deed::new(action).on_record(resource, key).changing(changes);
        deed.write(transaction, engine.database().dialect(), self.by).await?;
        Ok(None)
    }

    /// The database kept a record that was to be deleted: a trigger may have changed it instead, as where records are only marked.
    async fn kept<C: ConnectionTrait>(&self, transaction: &C, before: &Row) -> Result<Option<Error>> {
        let Self { engine, resource, key, .. } = *self;
        let fields: Vec<&Field> = resource.fields.iter().collect();
        let after =
            traced::read(transaction, engine, resource, &fields, key_condition(engine, resource, key)?, false).await?;
        let action = if after.is_some() { Action::RecordUpdated } else { Action::RecordDeleted };
        let changes = traced::changes(&fields, Some(before), after.as_ref());
        let why = match &after {
            Some(_) if changes.is_empty() => Some(kept(transaction, engine, resource, key, false).await?),
            Some(_) => Some(Error::NotAllowed(format!("{} {key}: {CHANGED_INSTEAD}", resource.label))),
            None => None,
        };
        if !changes.is_empty() {
            let deed = Deed::new(action).on_record(resource, key).changing(changes);
            deed.write(transaction, engine.database().dialect(), self.by).await?;
        }
        Ok(why)
    }
}

/// Commits or rolls back by the result; what a COMMIT finds is the record's fault as well.
async fn end<T>(transaction: Transaction, resource: &Resource, changes: &[Change], result: Result<T>) -> Result<T> {
    match result {
        Ok(value) => {
            transaction.commit().await.map_err(|error| blame(resource, changes, &error))?;
            Ok(value)
        }
        Err(error) => {
            // The first error says more than that of a rollback.
            let _ = transaction.rollback().await;
            Err(error)
        }
    }
}

/// Why a record of that version was not there to be written: it has another version by now, or it is gone.
async fn version_conflict<C: ConnectionTrait>(
    connection: &C,
    engine: &Engine,
    resource: &Resource,
    key: &str,
    was: &str,
) -> Result<Error> {
    let Some(version) = &resource.version else { return Ok(not_found(resource, key)) };
    let condition = key_condition(engine, resource, key)?;
    let now = query::versions(connection, engine, resource, version, condition, true).await?;
    Ok(match now.into_values().next() {
        Some(is) => {
            let shown = |version: &str| if version.is_empty() { "empty".to_owned() } else { version.to_owned() };
            let record = format!("{} {key}", resource.label);
            Error::VersionConflict { record, was: shown(was), is: shown(&is) }
        }
        None => not_found(resource, key),
    })
}

/// The names of the columns a cell belongs to stand in the resource's fields, in the same order.
pub fn cell<'a>(resource: &Resource, row: &'a Row, name: &str) -> Option<&'a Cell> {
    let index = resource.fields.iter().position(|field| field.name == name)?;
    row.cells.get(index)
}

/// The key as the database spells it.
///
/// # Errors
/// [`Error::RecordNotFound`] where it can be no record's key.
async fn own_key(engine: &Engine, resource: &Resource, key: &str) -> Result<String> {
    let database = engine.database();
    match query::own_key(database.connection(), database.dialect(), resource, key).await {
        Err(Error::Invalid(_)) => Err(not_found(resource, key)),
        result => result,
    }
}

fn key_condition(engine: &Engine, resource: &Resource, key: &str) -> Result<Expr> {
    if resource.table.primary_key.is_empty() {
        return Err(not_found(resource, key));
    }
    let parts = query::split_key(resource, key).map_err(|_| not_found(resource, key))?;
    Ok(query::keys_condition(resource, &[parts], engine.database().dialect()))
}

fn not_found(resource: &Resource, key: &str) -> Error {
    if let Some(reason) = query::why_lost(resource, key) {
        return Error::RecordLost { resource: resource.label.clone(), key: key.to_owned(), reason };
    }
    Error::RecordNotFound { resource: resource.label.clone(), key: key.to_owned() }
}

/// A fault of the record's values at its field; anything else as it is.
fn blame(resource: &Resource, changes: &[Change], error: &sea_orm::DbErr) -> Error {
    let fault = Fault::classify(error);
    if !fault.is_record() {
        return Error::Database(Box::new(fault));
    }
    Error::Invalid(vec![crate::bulk::record_fault(resource, &fault, changes)])
}

/// As [`blame`], of a delete.
fn blame_delete(engine: &Engine, resource: &Resource, error: &sea_orm::DbErr) -> Error {
    let fault = Fault::classify(error);
    match fault.is_record() {
        true => Error::Invalid(vec![crate::bulk::delete_fault(engine, resource, &fault)]),
        false => Error::Database(Box::new(fault)),
    }
}
