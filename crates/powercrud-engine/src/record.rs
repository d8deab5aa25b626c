//! One record: read, create, change, delete. Whoever does so is named in the audit trail, by the same transaction.

mod audited;
mod changed_inputs;
mod create;
mod end;
mod expected;
mod fault;
mod kept;
mod key;
mod locked;
mod model;
mod moved;
mod refused;
mod retry;
mod rules;
mod scope;
mod version;

pub(crate) use changed_inputs::says_the_same;
pub use create::create;
use end::end;
pub use expected::{Expected, etag};
use fault::{attribute_delete_error, attribute_error};
pub(crate) use kept::{BY_POLICY, CHANGED_INSTEAD, KEPT};
use kept::{is_kept, kept, kept_by_trigger, not_changed};
use key::{key_condition, not_found, own_key};
pub use locked::held_by;
use locked::refuse_held;
use model::{ModelWrite, NotSent};
pub(crate) use refused::refused_values;
use retry::retry_refused;
use rules::Rules;
pub(crate) use scope::{LEAVES_SCOPE, OTHERS_AFFECTED, OTHERS_CHANGED};
use sea_orm::{
    ConnectionTrait, StatementBuilder,
    sea_query::{Expr, ExprTrait as _, Query},
};
use version::{is_version, version_conflict};

use crate::{
    audit::{Action, AuditEvent},
    engine::Engine,
    error::{Error, Result},
    faults::record_fault,
    form::{self, Assignment, Input, parse_changes},
    query::{self, Cell, Row, read},
    record_values::RecordValues,
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
    let resource = engine.seen(resource)?;
    let dialect = engine.database().dialect();
    let fields: Vec<&Field> = resource.fields.iter().collect();
    let key = &own_key(engine, resource, key).await?;
    let most = read::most_of_page(&fields, 1, most);
    let mut select = query::row_select(resource, &fields, dialect, most);
    select.and_where(key_condition(engine, resource, key)?);
    audited::room(engine, resource, key).await?;
    let row = engine.database().connection().row(&select).await?.ok_or_else(|| not_found(resource, key))?;
    let mut rows = [query::read_row(&row, &fields, most)?];
    query::name_references(engine, &fields, &mut rows).await?;
    let [row] = rows;
    Ok(row)
}

/// Changes a record; fields left out stay as they are, and so does what has the given value already. The key that finds it then, which a
/// trigger may have made another; `None` where the database has put it where it does not tell.
///
/// # Errors
/// As [`create`], and [`Error::RecordNotFound`].
pub async fn update(
    engine: &Engine,
    by: &User,
    resource: &Resource,
    key: &str,
    inputs: &[Input],
) -> Result<Option<String>> {
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
) -> Result<Option<String>> {
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
) -> Result<Option<String>> {
    let engine = &engine.for_user(by);
    let resource = engine.seen(resource)?;
    resource.require_update()?;
    let updated = update_known(engine, by, resource, key, inputs, expected).await;
    engine.unless_changed(&[&resource.table], updated).await
}

async fn update_known(
    engine: &Engine,
    by: &User,
    resource: &Resource,
    key: &str,
    inputs: &[Input],
    expected: &Expected,
) -> Result<Option<String>> {
    let key = &own_key(engine, resource, key).await?;
    let condition = key_condition(engine, resource, key)?;
    audited::room(engine, resource, key).await?;
    let update = || try_update(engine, by, resource, key, inputs, expected, &condition);
    retry_refused(engine, resource, update).await
}

async fn try_update(
    engine: &Engine,
    by: &User,
    resource: &Resource,
    key: &str,
    inputs: &[Input],
    expected: &Expected,
    condition: &Expr,
) -> Result<Option<String>> {
    let transaction = engine.database().begin().await?;
    let planned = plan_update(&transaction, engine, resource, key, inputs, expected).await;
    let (before, changes) = match planned {
        Ok((before, changes)) if !changes.is_empty() => (before, changes),
        planned => return end(engine, transaction, resource, &[], planned.map(|_| Some(key.to_owned()))).await,
    };
    let within = async {
        scope::require_references(engine, resource, &changes).await?;
        scope::require_own_followers(&transaction, engine, resource, condition, &changes).await
    };
    if let Err(error) = within.await {
        return end(engine, transaction, resource, &[], Err(error)).await;
    }
    let mut update = Query::update();
    update.table(resource.table.table_ref()).and_where(condition.clone());
    let dialect = engine.database().dialect();
    form::set(&mut update, resource, &changes, dialect);
    form::set_version(&mut update, resource, dialect);
    if dialect.returns_updated_rows(&resource.table) {
        update.returning(Query::returning().expr(resource.key_expr(dialect)));
    }
    if let (Some(version), Some(expected)) = (&resource.version, &expected.version) {
        let now = Expr::col(resource.table.column_ref(&version.name));
        update.and_where(dialect.version(version, now).eq(expected.as_str()));
    }
    let write = Write { engine, by, resource, key, changes: &changes, version: expected.version.as_deref() };
    let result = async {
        let rules = Box::pin(Rules::begin(&transaction, engine, resource, by, Some(key))).await?;
        let written = write.unless_held(&transaction, Action::RecordUpdated, &before, &update).await?;
        Box::pin(rules::check(rules.as_ref(), &transaction, written.key.as_deref().unwrap_or(key))).await?;
        Ok(written)
    }
    .await;
    match end(engine, transaction, resource, &changes, result).await {
        Ok(written) => Ok(written.key),
        Err(error) if is_kept(&error) => kept_by_trigger(engine, resource, error).await.map(|()| Some(key.to_owned())),
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
) -> Result<(Row, Vec<Assignment>)> {
    let before = held_row(transaction, engine, resource, key).await?;
    expected.check_record(resource, &before)?;
    let inputs = changed_inputs::changed_inputs(resource, &before, asked, expected);
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

/// The record with all of its fields, kept from others' changes until the transaction ends.
async fn held_row<C: ConnectionTrait>(transaction: &C, engine: &Engine, resource: &Resource, key: &str) -> Result<Row> {
    let fields: Vec<&Field> = resource.fields.iter().collect();
    let condition = key_condition(engine, resource, key)?;
    match audited::read(transaction, engine, resource, &fields, condition, true).await? {
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
    let engine = &engine.for_user(by);
    let resource = engine.seen(resource)?;
    resource.require_delete()?;
    let deleted = delete_known(engine, by, resource, key, expected).await;
    engine.unless_changed(&[&resource.table], deleted).await
}

async fn delete_known(engine: &Engine, by: &User, resource: &Resource, key: &str, expected: &Expected) -> Result<()> {
    let key = &own_key(engine, resource, key).await?;
    audited::room(engine, resource, key).await?;
    let delete = || try_delete(engine, by, resource, key, expected);
    match retry_refused(engine, resource, delete).await {
        Ok(kept) => kept.map_or(Ok(()), Err),
        Err(error) => Err(refused::referred_to(engine, resource, key, error).await),
    }
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
        scope::require_own_referrers(&transaction, engine, resource, key_condition(engine, resource, key)?).await?;
        let write = Write { engine, by, resource, key, changes: &[], version: None };
        let rules = Box::pin(Rules::begin(&transaction, engine, resource, by, Some(key))).await?;
        let written = write.unless_held(&transaction, Action::RecordDeleted, &before, &delete).await?;
        Box::pin(rules::check(rules.as_ref(), &transaction, key)).await?;
        Ok(written.kept)
    }
    .await;
    end(engine, transaction, resource, &[], result).await
}

/// What a write has done.
struct Written {
    /// Why a record is still there that was to be deleted.
    kept: Option<Error>,
    /// The key that finds a record that was changed.
    key: Option<String>,
}

/// One record to be written.
struct Write<'a> {
    engine: &'a Engine,
    by: &'a User,
    resource: &'a Resource,
    key: &'a str,
    changes: &'a [Assignment],
    /// The version that it must have.
    version: Option<&'a str>,
}

impl Write<'_> {
    /// Writes the record, unless a bulk task holds it.
    ///
    /// The record is written first and the locks are looked at afterwards, in one transaction. A bulk task that is submitted in between
    /// waits for this row; one that was there before is seen, and the write is undone. So no order of the two loses an update.
    ///
    /// Where a record is still there that was to be deleted, what a trigger did instead stands.
    async fn unless_held(
        &self,
        transaction: &Transaction,
        action: Action,
        before: &Row,
        statement: &impl StatementBuilder,
    ) -> Result<Written> {
        let Self { engine, resource, key, .. } = *self;
        let returns =
            action == Action::RecordUpdated && engine.database().dialect().returns_updated_rows(&resource.table);
        let deletes = action == Action::RecordDeleted;
        let sent = match &resource.model {
            Some(model) => {
                let condition = key_condition(engine, resource, key)?;
                let write = ModelWrite { model: &**model, resource, condition, changes: self.changes, deletes };
                write.send(transaction, statement, returns).await
            }
            None => moved::send(transaction, &resource.table, statement, returns).await.map_err(NotSent::Database),
        };
        let sent = sent.map_err(|error| match error {
            NotSent::Refused(error) => error,
            NotSent::Database(error) if deletes => attribute_delete_error(engine, resource, &error),
            NotSent::Database(error) => attribute_error(resource, self.changes, &error),
        })?;
        refuse_held(transaction, engine, resource, key).await?;
        match (sent.rows, self.version) {
            (0, Some(was)) => return Err(version_conflict(transaction, engine, resource, key, was).await?),
            (0, None) if action == Action::RecordDeleted => return self.kept(transaction, before).await,
            (0, None) => return Err(kept(transaction, engine, resource, key, false).await?),
            (1, _) if action == Action::RecordDeleted => {
                let condition = key_condition(engine, resource, key)?;
                if audited::read(transaction, engine, resource, &[], condition, false).await?.is_some() {
                    return self.kept(transaction, before).await;
                }
            }
            (1, _) => {}
            // Nothing of it may stay.
            (rows, _) => {
                let fault = Fault::key_not_unique(rows);
                return Err(Error::Invalid(vec![record_fault(resource, &fault, self.changes)]));
            }
        }
        let key_now = sent.key.as_deref().unwrap_or(key);
        let is_traced = |field: &&Field| {
            let is_whole = deletes || resource.model.is_some() || (field.key && key_now != key);
            is_whole || self.changes.iter().any(|change| change.field == field.name)
        };
        let fields: Vec<&Field> = resource.fields.iter().filter(is_traced).collect();
        let cells = resource.fields.iter().zip(&before.cells).filter(|(field, _)| is_traced(field));
        let before = Row { key: before.key.clone(), cells: cells.map(|(_, cell)| cell.clone()).collect() };
        let after = match action {
            Action::RecordDeleted => None,
            _ => moved::after(transaction, engine, resource, &fields, key_now).await?,
        };
        if action == Action::RecordUpdated && after.is_none() && resource.table.scope.is_some() {
            return Err(scope::leaves());
        }
        let changes = audited::changes(&fields, Some(&before), after.as_ref());
        if changes.is_empty() && after.is_some() {
            return Err(not_changed(self.changes));
        }
        let event = AuditEvent::new(action).on_record(resource, key).changing(changes);
        event.write(transaction, engine.database().dialect(), self.by).await?;
        Ok(Written { kept: None, key: after.map(|row| row.key) })
    }

    /// The database kept a record that was to be deleted: a trigger may have changed it instead, as where records are only marked.
    async fn kept<C: ConnectionTrait>(&self, transaction: &C, before: &Row) -> Result<Written> {
        let Self { engine, resource, key, .. } = *self;
        let fields: Vec<&Field> = resource.fields.iter().collect();
        let after =
            audited::read(transaction, engine, resource, &fields, key_condition(engine, resource, key)?, false).await?;
        let action = if after.is_some() { Action::RecordUpdated } else { Action::RecordDeleted };
        let changes = audited::changes(&fields, Some(before), after.as_ref());
        let why = match &after {
            Some(_) if changes.is_empty() => Some(kept(transaction, engine, resource, key, false).await?),
            Some(_) => Some(Error::NotAllowed(format!("{} {key}: {CHANGED_INSTEAD}", resource.label))),
            None => None,
        };
        if !changes.is_empty() {
            let event = AuditEvent::new(action).on_record(resource, key).changing(changes);
            event.write(transaction, engine.database().dialect(), self.by).await?;
        }
        Ok(Written { kept: why, key: None })
    }
}

/// The values of a row that was read with all fields of the resource.
pub(crate) fn values_of(resource: &Resource, row: &Row) -> RecordValues {
    let names = resource.fields.iter().map(|field| field.name.clone());
    names.zip(row.cells.iter().map(|cell| cell.value.clone())).collect()
}

/// The names of the columns a cell belongs to stand in the resource's fields, in the same order.
pub fn cell<'a>(resource: &Resource, row: &'a Row, name: &str) -> Option<&'a Cell> {
    let index = resource.fields.iter().position(|field| field.name == name)?;
    row.cells.get(index)
}
