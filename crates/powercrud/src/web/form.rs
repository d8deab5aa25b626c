//! Create and edit one record, and the searchable choices of its references.

mod changed;
mod choices;
mod saved;
mod seen;

use std::collections::BTreeMap;

use axum::{extract::Path, http::StatusCode, response::Response};
use serde::Serialize;

use super::{
    bulk::{at_field, elsewhere},
    context::{FormData, RequestContext},
    detail::{Held, crumbs, held, title},
    error::WebResult,
    notice::Notice,
    paths::unmark,
    view::{self, Link, Widget},
};
pub(super) use choices::choices;
use powercrud_db::Value;
use powercrud_engine::{
    error::{Error, FieldError, Result},
    form::{Input, takes_empty_text},
    query::{self, Row},
    record,
    resource::{Field, Resource, grouped},
};
use seen::{CHOICE, CHOOSE, SEEN, Seen, Touched};

#[derive(Serialize)]
struct FormView {
    title: String,
    crumbs: Vec<Link>,
    action: String,
    back_href: String,
    submit_label: String,
    fields: Vec<FormField>,
    errors_title: &'static str,
    errors: Vec<String>,
    /// Which fields the form does not have, and why.
    left_out: String,
    /// The record's version as the form was opened, where its resource names a version field.
    version: Option<String>,
    /// What holds the record now.
    held: Option<Held>,
    /// What stands for the record's values as the form was opened.
    seen: String,
    /// What the names of the inputs begin with that choose between two values.
    choice: &'static str,
    /// The name of the inputs that name a field where one is to choose.
    choose: &'static str,
}

/// The hidden input that holds it.
const VERSION: &str = "powercrud_version";

#[derive(Serialize)]
struct FormField {
    widget: Widget,
}

pub(super) async fn new(context: RequestContext, Path(resource): Path<String>) -> WebResult<Response> {
    let resource = writable(&context, &resource, Resource::require_create)?;
    new_page(&context, &resource, &FormData(Vec::new()), &[]).await
}

pub(super) async fn create(
    context: RequestContext,
    Path(resource): Path<String>,
    form: FormData,
) -> WebResult<Response> {
    let resource = writable(&context, &resource, Resource::require_create)?;
    let created = save_new(&context, &resource, &form).await;
    changed::or_as_it_is_now(&context, &resource, None, &form, created).await
}

async fn save_new(context: &RequestContext, resource: &Resource, form: &FormData) -> WebResult<Response> {
    // An empty box says nothing: the database's default, what a trigger fills in, or a complaint that a value is needed.
    let mut inputs: Vec<Input> = form_fields(resource, None)
        .filter_map(|field| {
            let text = form.get(&field.name).filter(|text| !text.is_empty())?;
            Some((field.name.clone(), Some(seen::with_line_ends(text, "\n"))))
        })
        .collect();
    loop {
        let errors = match record::create(context.app(), &context.user, resource, &inputs).await {
            Ok(key) => return Ok(see_record(context, resource, &key, Notice::Created)),
            Err(Error::Invalid(errors)) => errors,
            Err(error) => return Err(error.into()),
        };
        if changed::may_be_why(&errors) && context.app().reload_after_error().await? {
            return Err(changed::outdated());
        }
        // Where the database wants a text, and nothing else gives one, an empty box is the empty text.
        let empty = errors.iter().filter(|error| error.code == "NOT_NULL").filter_map(|error| {
            let field = resource.field(error.field.as_deref()?)?;
            let is_new = inputs.iter().all(|(name, _)| *name != field.name);
            (takes_empty_text(field) && form.get(&field.name) == Some("") && is_new).then(|| field.name.clone())
        });
        let empty: Vec<Input> = empty.map(|name| (name, Some(String::new()))).collect();
        if empty.is_empty() {
            return refused(new_page(context, resource, form, &errors).await);
        }
        inputs.extend(empty);
    }
}

pub(super) async fn edit(
    context: RequestContext,
    Path((resource, key)): Path<(String, String)>,
) -> WebResult<Response> {
    let resource = writable(&context, &resource, Resource::require_update)?;
    let key = unmark(&key);
    let (version, row) = read(&context, &resource, key).await?;
    let seen = Seen::of(&context.paths, &resource, &row);
    edit_page(&context, &resource, key, &row, Open { version, seen, ..Open::default() }).await
}

pub(super) async fn update(
    context: RequestContext,
    Path((resource, key)): Path<(String, String)>,
    form: FormData,
) -> WebResult<Response> {
    let resource = writable(&context, &resource, Resource::require_update)?;
    let key = unmark(&key);
    let saved = save(&context, &resource, key, &form).await;
    changed::or_as_it_is_now(&context, &resource, Some(key), &form, saved).await
}

async fn save(context: &RequestContext, resource: &Resource, key: &str, form: &FormData) -> WebResult<Response> {
    let row = match record::get_at_most(context.app(), resource, key, query::read::EDITED).await {
        Ok(row) => row,
        Err(Error::RecordNotFound { .. }) => return gone_page(context, resource, key, form).await,
        Err(error) => return Err(error.into()),
    };
    let gone = seen::gone(resource, form);
    if !gone.is_empty() {
        return changed::as_it_is_now(context, resource, Some(key), form, &gone).await;
    }
    let touched = Touched::of(&context.paths, resource, &row, form);
    if touched.has_open_choices(form) {
        return changed_meanwhile(context, resource, key, form).await;
    }
    let mut expected = touched.expected.clone();
    if let Some(version) = form.get(VERSION) {
        expected = expected.version(version);
    }
    let updated =
        record::update_expecting(context.app(), &context.user, resource, key, &touched.inputs, &expected).await;
    let again = |errors: Vec<FieldError>| Open {
        version: form.get(VERSION).map(str::to_owned),
        seen: form.get(SEEN).unwrap_or_default().to_owned(),
        typed: form.0.clone(),
        errors,
        theirs: Vec::new(),
    };
    match updated {
        Ok(Some(key)) => Ok(see_record(context, resource, &key, Notice::Saved)),
        Ok(None) => saved::under_another_key(context, resource, key).await,
        Err(Error::Invalid(errors)) => refused(edit_page(context, resource, key, &row, again(errors)).await),
        Err(Error::VersionConflict { .. } | Error::FieldsChanged { .. }) => {
            changed_meanwhile(context, resource, key, form).await
        }
        Err(error @ (Error::RecordHeld { .. } | Error::NotAllowed(_))) => {
            // The form stays open with what was typed, to be sent again once the task has ended, or changed to what a trigger lets through.
            let status = match error {
                Error::NotAllowed(_) => StatusCode::FORBIDDEN,
                _ => StatusCode::CONFLICT,
            };
            let error = FieldError { field: None, code: error.code().to_owned(), message: error.to_string() };
            let mut response = edit_page(context, resource, key, &row, again(vec![error])).await?;
            *response.status_mut() = status;
            Ok(response)
        }
        Err(Error::RecordNotFound { .. }) => gone_page(context, resource, key, form).await,
        Err(error) => Err(error.into()),
    }
}

/// What was typed for a record that is not there any more: it can be made a new one.
async fn gone_page(context: &RequestContext, resource: &Resource, key: &str, form: &FormData) -> WebResult<Response> {
    if form.0.is_empty() {
        let (resource, key) = (resource.label.clone(), key.to_owned());
        return Err(Error::RecordNotFound { resource, key }.into());
    }
    let label = &resource.label;
    let mut message =
        format!("there is no {label} {key} any more: somebody has deleted it. What you typed is kept here");
    if resource.can_create() {
        message.push_str("; to save it, create it anew");
    }
    let error = FieldError { field: None, code: "RECORD_NOT_FOUND".to_owned(), message };
    let mut response = new_page(context, resource, form, &[error]).await?;
    *response.status_mut() = StatusCode::NOT_FOUND;
    Ok(response)
}

/// The version first: what is changed between the two reads is then noticed, not overlooked.
async fn read(context: &RequestContext, resource: &Resource, key: &str) -> WebResult<(Option<String>, Row)> {
    let version = query::version(context.app(), resource, key).await.unwrap_or_default();
    Ok((version, record::get_at_most(context.app(), resource, key, query::read::EDITED).await?))
}

/// The form again with what was typed, beside it what others have saved meanwhile, and the choice between the two. What was not touched
/// is shown as it is now. Saving once more is for what is shown here.
async fn changed_meanwhile(
    context: &RequestContext,
    resource: &Resource,
    key: &str,
    form: &FormData,
) -> WebResult<Response> {
    let (version, row) = read(context, resource, key).await?;
    let touched = Touched::of(&context.paths, resource, &row, form);
    let message = "somebody has changed it since you opened it. What you typed is kept; where something else is saved now, the field \
                   says so: choose there which of the two is to be saved, then save again";
    let mut errors = vec![FieldError { field: None, code: "FIELDS_CHANGED".to_owned(), message: message.to_owned() }];
    let mut theirs = Vec::new();
    for name in touched.changed_by_others().chain(touched.open_choices(form)) {
        let Some(cell) = record::cell(resource, &row, name) else { continue };
        let now = match (&cell.display, resource.field(name)) {
            (Some(name), _) => name.clone(),
            (None, Some(field)) => view::widget(&context.paths, resource, field, "").show(field, cell).value,
            (None, None) => cell.value.to_text(),
        };
        let now = if now.is_empty() { "empty".to_owned() } else { format!("“{}”", view::isolated(&now)) };
        errors.push(FieldError::new(name, "CHANGED", format!("it is {now} now")));
        theirs.push((name.to_owned(), now));
    }
    let typed = form.0.iter().filter(|(name, _)| touched.has(name)).cloned().collect();
    let seen = Seen::of(&context.paths, resource, &row);
    let mut response = edit_page(context, resource, key, &row, Open { version, seen, typed, errors, theirs }).await?;
    *response.status_mut() = StatusCode::CONFLICT;
    Ok(response)
}

/// What a form for an old record holds besides the record.
#[derive(Default)]
struct Open {
    version: Option<String>,
    /// What stands for the values that the form was opened with.
    seen: String,
    /// What was typed, by name.
    typed: Vec<(String, String)>,
    errors: Vec<FieldError>,
    /// What others have saved meanwhile in fields that were touched here.
    theirs: Vec<(String, String)>,
}

/// The fields that the form has: of a new record, those that can be written; of an old one, also not its key.
fn form_fields<'a>(resource: &'a Resource, row: Option<&'a Row>) -> impl Iterator<Item = &'a Field> {
    let is_new = row.is_none();
    resource
        .fields
        .iter()
        .filter(move |field| if is_new { resource.may_give(field) } else { resource.may_change(field) })
        .filter(move |field| row.is_none_or(|row| too_long(resource, row, field).is_none()))
}

/// How many bytes a field of a record holds, where that is too much to be edited in a page.
fn too_long(resource: &Resource, row: &Row, field: &Field) -> Option<u64> {
    match record::cell(resource, row, &field.name)?.value {
        Value::Beginning(_, bytes) => Some(bytes),
        _ => None,
    }
}

/// Which fields of a record its form does not have, and why.
fn left_out(resource: &Resource, row: &Row) -> String {
    let fixed = resource.fields.iter().filter_map(|field| match too_long(resource, row, field) {
        Some(bytes) => Some(format!("{} ({} bytes)", field.label, grouped(bytes))),
        None => (!resource.may_change(field)).then(|| field.label.clone()),
    });
    let fixed: Vec<_> = fixed.collect();
    if fixed.is_empty() { String::new() } else { format!("Not to be edited here: {}.", fixed.join(", ")) }
}

fn is_required(field: &Field) -> bool {
    let column = &field.column;
    let filled = column.nullable || column.default.is_some() || column.identity || column.generated;
    !filled && !takes_empty_text(field)
}

async fn new_page(
    context: &RequestContext,
    resource: &Resource,
    form: &FormData,
    errors: &[FieldError],
) -> WebResult<Response> {
    let names = typed_names(context, resource, form).await?;
    let fields = form_fields(resource, None).map(|field| {
        let mut widget = view::widget(&context.paths, resource, field, "");
        if let Some(text) = form.get(&field.name) {
            widget = widget.typed(text);
            widget.value_label = names.get(&field.name).cloned().unwrap_or_default();
        }
        widget.required = is_required(field) && !resource.table.fills_new_rows;
        if let Some(default) = field.column.default_in_words() {
            let blank = if widget.help.is_empty() { "" } else { " " };
            widget.help = format!("{}{blank}Left empty: {default}", widget.help);
        }
        widget
    });
    let view = FormView {
        title: format!("New {}", resource.label),
        crumbs: crumbs(context, resource, None),
        action: context.paths.under(&resource.name, "new"),
        back_href: context.paths.list(&resource.name),
        // Where nobody may create one, there is nothing to do but to read and copy.
        submit_label: if resource.can_create() { format!("Create {}", resource.label) } else { String::new() },
        fields: with_errors(fields.collect(), errors),
        errors_title: match errors.iter().any(|error| error.code == "RECORD_NOT_FOUND") {
            true => "Nothing was saved",
            false => "The record was not created",
        },
        errors: errors_elsewhere(resource, None, errors),
        left_out: String::new(),
        version: None,
        held: None,
        seen: String::new(),
        choice: CHOICE,
        choose: CHOOSE,
    };
    context.page("form.html", &view.title, &view).await
}

async fn edit_page(
    context: &RequestContext,
    resource: &Resource,
    key: &str,
    row: &Row,
    open: Open,
) -> WebResult<Response> {
    let Open { version, seen, typed, errors, theirs } = open;
    let typed = FormData(typed);
    let names = typed_names(context, resource, &typed).await?;
    let fields = form_fields(resource, Some(row)).map(|field| {
        let mut widget = view::widget(&context.paths, resource, field, "");
        if let Some(cell) = record::cell(resource, row, &field.name) {
            widget = widget.show(field, cell);
            widget.empty = seen::empty_box(field, cell, &typed);
        }
        if let Some(text) = typed.get(&field.name).filter(|text| *text != widget.value) {
            widget = widget.typed(text);
            widget.value_label = names.get(&field.name).cloned().unwrap_or_default();
        }
        widget.required = is_required(field);
        widget.theirs = theirs.iter().find(|(name, _)| *name == field.name).map(|(_, theirs)| theirs.clone());
        widget
    });
    let name = title(resource, row);
    let view = FormView {
        title: format!("Edit {}", lower_first(&name)),
        crumbs: crumbs(context, resource, Some((key, &name))),
        action: context.paths.record_under(&resource.name, key, "edit"),
        back_href: context.paths.record(&resource.name, key),
        submit_label: "Save".to_owned(),
        fields: with_errors(fields.collect(), &errors),
        errors_title: "Nothing was saved",
        errors: errors_elsewhere(resource, Some(row), &errors),
        left_out: left_out(resource, row),
        version,
        held: held(context, resource, key).await?,
        seen,
        choice: CHOICE,
        choose: CHOOSE,
    };
    context.page("form.html", &view.title, &view).await
}

/// What the records are called that typed keys refer to, by field.
async fn typed_names(
    context: &RequestContext,
    resource: &Resource,
    typed: &FormData,
) -> WebResult<BTreeMap<String, String>> {
    let mut names = BTreeMap::new();
    for field in &resource.fields {
        let (Some(reference), Some(text)) = (&field.reference, typed.get(&field.name)) else { continue };
        let Ok(key) = Value::parse(&reference.column, text) else { continue };
        if reference.display.is_some() && !text.is_empty() {
            let found = query::names_of(context.app(), reference, &[key]).await?;
            names.extend(found.into_values().next().map(|name| (field.name.clone(), name)));
        }
    }
    Ok(names)
}

fn with_errors(mut widgets: Vec<Widget>, errors: &[FieldError]) -> Vec<FormField> {
    let mut focused = false;
    for widget in &mut widgets {
        widget.error = at_field(errors, &widget.name);
        // The first mistake, else the first field, is where the writing goes on.
        if !focused && !widget.error.is_empty() {
            widget.autofocus = true;
            focused = true;
        }
    }
    if !focused && let Some(first) = widgets.first_mut() {
        first.autofocus = true;
    }
    widgets.into_iter().map(|widget| FormField { widget }).collect()
}

fn errors_elsewhere(resource: &Resource, row: Option<&Row>, errors: &[FieldError]) -> Vec<String> {
    let names: Vec<_> = form_fields(resource, row).map(|field| field.name.as_str()).collect();
    elsewhere(errors, &names)
}

fn writable(
    context: &RequestContext,
    resource: &str,
    right: impl Fn(&Resource) -> Result<()>,
) -> WebResult<std::sync::Arc<Resource>> {
    let resource = context.app().resource(unmark(resource))?;
    right(resource)?;
    Ok(resource.clone())
}

fn see_record(context: &RequestContext, resource: &Resource, key: &str, notice: Notice) -> Response {
    let path = context.paths.record(&resource.name, key);
    context.leave_for(&notice.at(&path))
}

fn refused(response: WebResult<Response>) -> WebResult<Response> {
    response.map(|mut response| {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        response
    })
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}
