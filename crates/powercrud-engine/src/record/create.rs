//! A new record.

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, InsertStatement, Query},
};

use super::{
    Rules, attribute_error, audited, end, kept::not_created, key_condition, refused, retry_refused, rules, scope,
};
use crate::{
    audit::{Action, AuditEvent},
    engine::Engine,
    error::{Error, FieldError, Result},
    form::{Assignment, Input, parse_changes},
    query,
    resource::{Field, Resource},
    user::User,
};
use powercrud_db::Column;

/// Creates a record and returns its key. Fields left out take the database's default.
///
/// # Errors
/// [`Error::Invalid`] names every field with a mistake, also those that only the database finds (unique, references, checks).
pub async fn create(engine: &Engine, by: &User, resource: &Resource, inputs: &[Input]) -> Result<String> {
    let engine = &engine.for_user(by);
    let resource = engine.seen(resource)?;
    resource.require_create()?;
    engine.unless_changed(&[&resource.table], create_known(engine, by, resource, inputs).await).await
}

async fn create_known(engine: &Engine, by: &User, resource: &Resource, inputs: &[Input]) -> Result<String> {
    let mut changes = match parse_changes(resource, |field| resource.may_give(field), inputs) {
        Ok(changes) => changes,
        // All mistakes at once, also what is not there at all.
        Err(Error::Invalid(mut errors)) => {
            let given = |name: &str| inputs.iter().any(|(other, _)| other == name);
            errors.extend(resource.fields.iter().filter(|field| is_missing(resource, field, given)).map(required));
            return Err(Error::Invalid(errors));
        }
        Err(error) => return Err(error),
    };
    // An empty box of a field with a default means the default.
    changes.retain(|change| {
        !(change.value.is_null() && resource.field(&change.field).is_some_and(|field| field.column.default.is_some()))
    });
    let given = |name: &str| changes.iter().any(|change| change.field == name);
    let missing: Vec<_> =
        resource.fields.iter().filter(|field| is_missing(resource, field, given)).map(required).collect();
    if !missing.is_empty() {
        return Err(Error::Invalid(missing));
    }
    scope::require_references(engine, resource, &changes).await?;
    let dialect = engine.database().dialect();
    let mut insert = Query::insert();
    insert.into_table(resource.table.table_ref());
    let fills = |version: &&Column| !version.generated && !version.identity && version.default.is_none();
    let version = resource.version.as_ref().filter(fills);
    if changes.is_empty() && version.is_none() {
        insert.or_default_values();
    } else {
        let columns = changes.iter().map(|change| change.field.clone());
        insert.columns(columns.chain(version.map(|version| version.name.clone())));
        let values = changes.iter().filter_map(|change| {
            resource.field(&change.field).map(|field| dialect.insert(&field.column, &change.value))
        });
        let first = version.map(|version| dialect.next_version(version, Expr::cust("NULL")));
        insert.values_panic(values.chain(first));
    }
    retry_refused(engine, resource, || try_create(engine, by, resource, &insert, &changes)).await
}

async fn try_create(
    engine: &Engine,
    by: &User,
    resource: &Resource,
    insert: &InsertStatement,
    changes: &[Assignment],
) -> Result<String> {
    let dialect = engine.database().dialect();
    let transaction = engine.database().begin().await?;
    let result = async {
        let key = insert_record(&transaction, engine, resource, insert.clone(), changes).await?;
        let fields: Vec<&Field> = resource.fields.iter().collect();
        // A rule of the database may have put it elsewhere, or made its key another.
        let created = match key_condition(engine, resource, &key) {
            Ok(condition) => audited::read(&transaction, engine, resource, &fields, condition, false).await?,
            Err(_) => None,
        };
        if created.is_none() && resource.table.scope.is_some() {
            return Err(scope::leaves());
        }
        let rules = Box::pin(Rules::begin(&transaction, engine, resource, by, None)).await?;
        Box::pin(rules::check(rules.as_ref(), &transaction, &key)).await?;
        let created = audited::changes(&fields, None, created.as_ref());
        let event = AuditEvent::new(Action::RecordCreated).on_record(resource, &key).changing(created);
        event.write(&transaction, dialect, by).await?;
        Ok(key)
    }
    .await;
    match end(engine, transaction, resource, changes, result).await {
        Ok(key) => Ok(key),
        Err(error) => Err(refused::named(engine, resource, None, changes, error).await),
    }
}

/// Inserts a record and returns its key.
async fn insert_record<C: ConnectionTrait>(
    transaction: &C,
    engine: &Engine,
    resource: &Resource,
    mut insert: InsertStatement,
    changes: &[Assignment],
) -> Result<String> {
    let dialect = engine.database().dialect();
    if dialect.returns_inserted_rows() {
        insert.returning(Query::returning().expr(resource.key_expr(dialect)));
        let statement = dialect.without_replacing(&resource.table, transaction.get_database_backend().build(&insert));
        let row =
            transaction.query_one_raw(statement).await.map_err(|error| attribute_error(resource, changes, &error))?;
        return row.map(|row| row.try_get_by_index(0)).transpose()?.ok_or_else(|| Error::Invalid(vec![not_created()]));
    }
    let result = transaction.execute(&insert).await.map_err(|error| attribute_error(resource, changes, &error))?;
    let key = inserted_key(resource, changes, result.last_insert_id());
    // What was typed need not be how the database writes it.
    Ok(query::own_key(transaction, dialect, resource, &key).await.unwrap_or(key))
}

/// Whether a field must be given for a new record, and is not. Where a trigger may give it, the database decides.
fn is_missing(resource: &Resource, field: &Field, given: impl Fn(&str) -> bool) -> bool {
    let column = &field.column;
    let filled = column.nullable || column.default.is_some() || column.generated || column.identity;
    let filled = filled || resource.table.fills_new_rows;
    !filled && field.editable && !given(&field.name)
}

fn required(field: &Field) -> FieldError {
    FieldError::new(&field.name, "NOT_NULL", "must have a value")
}

/// The key of a record that was just inserted, where the database can't return it.
fn inserted_key(resource: &Resource, changes: &[Assignment], last_insert_id: u64) -> String {
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
