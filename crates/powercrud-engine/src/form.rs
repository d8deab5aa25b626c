//! Form data to checked changes. Pure: what needs the database is checked by whoever writes.

mod actions;
mod links;

use sea_orm::sea_query::{Expr, ExprTrait as _, UpdateStatement};

pub(crate) use actions::{check_action_changes, check_actions};
pub(crate) use links::LinkChange;

use crate::{
    change::{Change, Changes},
    error::{Error, FieldError, Result},
    resource::{Field, ManyToMany, Resource},
};
use powercrud_db::{ColumnType, Dialect, Value};

/// One field's new value, checked against its column.
#[derive(Clone, Debug)]
pub(crate) struct Assignment {
    /// The field, by name.
    pub(crate) field: String,
    /// The value.
    pub(crate) value: Value,
}

/// [`Changes`] that were checked against a resource: what statements are made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct CheckedChanges {
    /// Fields with their new values.
    pub(crate) fields: Vec<Assignment>,
    /// Many-to-many fields with what becomes of their links.
    pub(crate) links: Vec<LinkChange>,
}

impl CheckedChanges {
    /// As a task keeps them, in an order that does not tell in which they were asked for.
    pub(crate) fn to_changes(&self) -> Changes {
        let text = |value: &Value| if value.is_null() { None } else { Some(value.to_text()) };
        let fields = self.fields.iter().map(|one| (one.field.clone(), Change::to(text(&one.value))));
        let links = self.links.iter().map(|one| (one.field.clone(), one.to_change()));
        let mut changes: Vec<_> = fields.chain(links).collect();
        let place = |change: &Change| change.links().map(|(operation, _)| operation.as_str());
        changes.sort_by(|(a, one), (b, other)| (a, place(one)).cmp(&(b, place(other))));
        changes.into_iter().collect()
    }
}

/// What a program or a form says about a field: text, or nothing (NULL).
pub type Input = (String, Option<String>);

/// The changes that `inputs` ask for, each checked: the field exists and is one of `allowed`, the value fits.
///
/// # Errors
/// [`Error::Invalid`] with one entry for each mistake.
pub(crate) fn parse_changes<'a>(
    resource: &'a Resource,
    allowed: impl Fn(&'a Field) -> bool,
    inputs: &[Input],
) -> Result<Vec<Assignment>> {
    let inputs = inputs.iter().map(|(name, text)| (name.as_str(), text.as_deref()));
    let (changes, errors) = sort_inputs(resource, allowed, inputs);
    if errors.is_empty() { Ok(changes) } else { Err(Error::Invalid(errors)) }
}

/// The bulk changes that are right: of fields and many-to-many fields that bulk edit may change; and one entry for each mistake.
pub(crate) fn check_bulk_changes(resource: &Resource, changes: &Changes) -> (CheckedChanges, Vec<FieldError>) {
    let may_link = |links: &ManyToMany| resource.bulk_many_to_many().any(|other| other.name == links.name);
    check_changes(resource, |field| resource.may_bulk_edit(field), may_link, changes)
}

fn check_changes<'a>(
    resource: &'a Resource,
    may_set: impl Fn(&'a Field) -> bool,
    may_link: impl Fn(&ManyToMany) -> bool,
    changes: &Changes,
) -> (CheckedChanges, Vec<FieldError>) {
    let links_of = |name: &str| match resource.field(name) {
        Some(_) => None,
        None => resource.many_to_many(name),
    };
    let mut checked = CheckedChanges::default();
    let (mut errors, mut values) = (Vec::new(), Vec::new());
    for (name, change) in changes.iter() {
        match (change, links_of(name)) {
            (Change::Set(text), None) => values.push((name, Some(text.as_str()))),
            (Change::SetNull, None) => values.push((name, None)),
            (_, Some(field)) => match links::check(resource, field, &may_link, change, &checked.links) {
                Ok(change) => checked.links.push(change),
                Err(error) => errors.push(error),
            },
            (_, None) => errors.push(unlinked(resource, name)),
        }
    }
    let (fields, more) = sort_inputs(resource, may_set, values);
    errors.extend(more);
    if !resource.many_to_many.is_empty() {
        let links = resource.many_to_many.iter().map(|links| links.name.as_str()).collect::<Vec<_>>().join(", ");
        let unknown = errors.iter_mut().filter(|error| error.code == "UNKNOWN_FIELD");
        unknown.for_each(|error| error.message.push_str(&format!(", {links}")));
    }
    (CheckedChanges { fields, ..checked }, errors)
}

/// Why links of that field can't be changed.
fn unlinked(resource: &Resource, name: &str) -> FieldError {
    match resource.require_field(name) {
        Ok(field) => {
            let message =
                "has no links to add, remove, replace or clear; it is no many-to-many field, so give it a value";
            FieldError::new(&field.name, "UNKNOWN_OPERATION", message)
        }
        Err(error) => error,
    }
}

/// As [`parse_changes`], for callers who have more to check: the changes that are right, and one entry for each mistake.
fn sort_inputs<'a, 'b>(
    resource: &'a Resource,
    allowed: impl Fn(&'a Field) -> bool,
    inputs: impl IntoIterator<Item = (&'b str, Option<&'b str>)>,
) -> (Vec<Assignment>, Vec<FieldError>) {
    let mut changes: Vec<Assignment> = Vec::new();
    let mut errors = Vec::new();
    for (name, text) in inputs {
        match parse_change(resource, &allowed, name, text) {
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
) -> Result<Assignment, FieldError> {
    let field = resource.require_field(name)?;
    if !allowed(field) {
        let names: Vec<_> =
            resource.fields.iter().filter(|field| allowed(field)).map(|field| field.name.as_str()).collect();
        return Err(FieldError::new(name, "READ_ONLY_FIELD", not_changed_here(&names)));
    }
    Ok(Assignment { field: field.name.clone(), value: parse_value(field, text)? })
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
pub(crate) fn set(update: &mut UpdateStatement, resource: &Resource, changes: &[Assignment], dialect: Dialect) {
    for change in changes {
        if let Some(field) = resource.field(&change.field) {
            let cell = Expr::col(resource.table.column_ref(&change.field));
            update.value(change.field.clone(), dialect.assign(&field.column, cell, &change.value));
        }
    }
}

/// Whether any field of a record differs from what `changes` set it to; `None` where they set none.
pub(crate) fn differs(resource: &Resource, changes: &[Assignment], dialect: Dialect) -> Option<Expr> {
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
