//! Form data to checked changes. Pure: what needs the database is checked by whoever writes.

mod actions;
mod links;

use sea_orm::sea_query::{Expr, ExprTrait as _, UpdateStatement};

pub(crate) use actions::{check_actions, sort_action_inputs};
pub(crate) use links::sort_link_inputs;
pub use links::{LinkChange, LinkOperation, LinkTarget};

use crate::{
    error::{Error, FieldError, Result},
    resource::{Field, ManyToMany, Resource},
};
use powercrud_db::{ColumnType, Dialect, Value};

/// One field's new value.
#[derive(Clone, Debug)]
pub struct Change {
    /// The field, by name.
    pub field: String,
    /// Checked against the column.
    pub value: Value,
}

/// What an update does to each of its records.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Fields with their new values.
    pub fields: Vec<Change>,
    /// Many-to-many fields with what becomes of their links.
    pub links: Vec<LinkChange>,
}

/// What a program or a form says about a field: text, or nothing (NULL). For a many-to-many field the name says what to do, and the text
/// holds keys of the other table's records, separated by commas or as a JSON array: `tags__add`, `tags__remove`, `tags__replace` (or
/// `tags` alone), and `tags__clear` (or `tags` with nothing).
pub type Input = (String, Option<String>);

/// The changes that `inputs` ask for, each checked: the field exists and is one of `allowed`, the value fits.
///
/// # Errors
/// [`Error::Invalid`] with one entry for each mistake.
pub(crate) fn parse_changes<'a>(
    resource: &'a Resource,
    allowed: impl Fn(&'a Field) -> bool,
    inputs: &[Input],
) -> Result<Vec<Change>> {
    let (changes, errors) = sort_inputs(resource, allowed, inputs);
    if errors.is_empty() { Ok(changes) } else { Err(Error::Invalid(errors)) }
}

/// The bulk changes that `inputs` ask for: fields and many-to-many fields that bulk edit may change, and one entry for each mistake.
pub(crate) fn sort_bulk_inputs(resource: &Resource, inputs: &[Input]) -> (Changes, Vec<FieldError>) {
    let may_change = |links: &ManyToMany| resource.bulk_many_to_many().any(|other| other.name == links.name);
    let (links, mut errors, inputs) = sort_link_inputs(resource, may_change, inputs);
    let (fields, mut more) = sort_inputs(resource, |field| resource.may_bulk_edit(field), &inputs);
    if !resource.many_to_many.is_empty() {
        let links = resource.many_to_many.iter().map(|links| links.name.as_str()).collect::<Vec<_>>().join(", ");
        let unknown = more.iter_mut().filter(|error| error.code == "UNKNOWN_FIELD");
        unknown.for_each(|error| error.message.push_str(&format!(", {links}")));
    }
    errors.extend(more);
    (Changes { fields, links }, errors)
}

/// As [`parse_changes`], for callers who have more to check: the changes that are right, and one entry for each mistake.
pub(crate) fn sort_inputs<'a>(
    resource: &'a Resource,
    allowed: impl Fn(&'a Field) -> bool,
    inputs: &[Input],
) -> (Vec<Change>, Vec<FieldError>) {
    let mut changes: Vec<Change> = Vec::with_capacity(inputs.len());
    let mut errors = Vec::new();
    for (name, text) in inputs {
        match parse_change(resource, &allowed, name, text.as_deref()) {
            Ok(change) if changes.iter().any(|other| other.field == change.field) => {
                errors.push(FieldError::new(name, "DUPLICATE_FIELD", "is given more than once"));
            }
            Ok(change) => changes.push(change),
            Err(error) => errors.push(error),
        }
    }
    (changes, errors)
}

fn parse_change<'a>(
    resource: &'a Resource,
    allowed: &impl Fn(&'a Field) -> bool,
    name: &str,
    text: Option<&str>,
) -> Result<Change, FieldError> {
    let field = resource.require_field(name)?;
    if !allowed(field) {
        let names: Vec<_> =
            resource.fields.iter().filter(|field| allowed(field)).map(|field| field.name.as_str()).collect();
        return Err(FieldError::new(name, "READ_ONLY_FIELD", not_changed_here(&names)));
    }
    Ok(Change { field: field.name.clone(), value: parse_value(field, text)? })
}

fn not_changed_here(allowed: &[&str]) -> String {
    match allowed {
        [] => "can't be changed here, and neither can any other field".to_owned(),
        _ => format!("can't be changed here; allowed are: {}", allowed.join(", ")),
    }
}

fn parse_value(field: &Field, text: Option<&str>) -> Result<Value, FieldError> {
    match text {
        None if field.nullable() => Ok(Value::Null),
        None => Err(FieldError::new(&field.name, "NOT_NULL", "must have a value; it can't be empty")),
        Some(text) => Value::parse(&field.column, text).map_err(|error| names_nothing(field, text, error)),
    }
}

/// Who gives a reference chooses a record: that its key is a number is nothing to them.
fn names_nothing(field: &Field, text: &str, error: FieldError) -> FieldError {
    match &field.reference {
        Some(reference) if error.code == "INVALID_TYPE" => {
            let (what, key) = (field.label.to_lowercase(), &reference.column.name);
            FieldError { message: format!("{text:?} names no {what}: choose one, or give its {key}"), ..error }
        }
        _ => error,
    }
}

/// Adds the changes to an UPDATE of the resource's table.
pub(crate) fn set(update: &mut UpdateStatement, resource: &Resource, changes: &[Change], dialect: Dialect) {
    for change in changes {
        if let Some(field) = resource.field(&change.field) {
            let cell = Expr::col(resource.table.column_ref(&change.field));
            update.value(change.field.clone(), dialect.assign(&field.column, cell, &change.value));
        }
    }
}

/// Whether any field of a record differs from what `changes` set it to; `None` where they set none.
pub(crate) fn differs(resource: &Resource, changes: &[Change], dialect: Dialect) -> Option<Expr> {
    let each = changes.iter().filter_map(|change| {
        let field = resource.field(&change.field)?;
        Some(dialect.differs(&field.column, Expr::col(resource.table.column_ref(&change.field)), &change.value))
    });
    each.reduce(Expr::or)
}

/// Adds the next version to an UPDATE of the resource's table, where it names a version field that the database does not compute.
pub(crate) fn set_version(update: &mut UpdateStatement, resource: &Resource, dialect: Dialect) {
    if let Some(version) = resource.version.as_ref().filter(|version| !version.generated) {
        let now = Expr::col(resource.table.column_ref(&version.name));
        update.value(version.name.clone(), dialect.next_version(version, now));
    }
}

/// What an HTML form's text means for a field: an empty box is NULL, save for text that may not be NULL, where it is the empty text.
pub fn from_form(field: &Field, text: &str) -> Option<String> {
    if text.is_empty() && (field.nullable() || !takes_empty_text(field)) { None } else { Some(text.to_owned()) }
}

/// Whether the field is text that may be empty without being NULL.
pub fn takes_empty_text(field: &Field) -> bool {
    matches!(field.column.column_type, ColumnType::Text { .. }) && field.column.choices.is_empty()
}
