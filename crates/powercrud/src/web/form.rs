//! Create and edit one record, and the searchable choices of its references.

use axum::{
    extract::{Path, RawQuery},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Serialize;

use super::{
    ask::{Ask, FormData},
    bulk::{at_field, elsewhere},
    detail::{crumbs, title},
    error::WebResult,
    paths::{parse_query, unmark},
    view::{self, ChoiceView, Link, Widget},
};
use crate::{
    error::{Error, FieldError, Result},
    form::{Input, from_form},
    query::{self, Row},
    record,
    resource::{Field, Resource},
};

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
}

/// The hidden input that holds it.
const VERSION: &str = "powercrud_version";

#[derive(Serialize)]
struct FormField {
    widget: Widget,
}

pub(super) async fn new(ask: Ask, Path(resource): Path<String>) -> WebResult<Response> {
    let resource = writable(&ask, &resource, Resource::require_create)?;
    new_page(&ask, &resource, &FormData(Vec::new()), &[]).await
}

pub(super) async fn create(ask: Ask, Path(resource): Path<String>, form: FormData) -> WebResult<Response> {
    let resource = writable(&ask, &resource, Resource::require_create)?;
    // An empty box says nothing: the database's default, or a complaint that a value is needed.
    let inputs: Vec<Input> = form_fields(&resource, None)
        .filter_map(|field| {
            let text = form.get(&field.name).filter(|text| !text.is_empty())?;
            Some((field.name.clone(), Some(text.to_owned())))
        })
        .collect();
    match record::create(ask.app(), &ask.user, &resource, &inputs).await {
        Ok(key) => Ok(see_record(&ask, &resource, &key, "created")),
        Err(Error::Invalid(errors)) => refused(new_page(&ask, &resource, &form, &errors).await),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn edit(ask: Ask, Path((resource, key)): Path<(String, String)>) -> WebResult<Response> {
    let resource = writable(&ask, &resource, Resource::require_update)?;
    let key = unmark(&key);
    let (version, row) = read(&ask, &resource, key).await?;
    edit_page(&ask, &resource, key, &row, version, None, &[]).await
}

pub(super) async fn update(
    ask: Ask,
    Path((resource, key)): Path<(String, String)>,
    form: FormData,
) -> WebResult<Response> {
    let resource = writable(&ask, &resource, Resource::require_update)?;
    let key = unmark(&key);
    let row = record::get(ask.app(), &resource, key).await?;
    let inputs = changed(&ask, &resource, &row, &form);
    let version = form.get(VERSION);
    let updated = match version {
        Some(version) => record::update_unchanged(ask.app(), &ask.user, &resource, key, &inputs, version).await,
        None => record::update(ask.app(), &ask.user, &resource, key, &inputs).await,
    };
    let version = version.map(str::to_owned);
    match updated {
        Ok(()) => Ok(see_record(&ask, &resource, key, "saved")),
        Err(Error::Invalid(errors)) => {
            refused(edit_page(&ask, &resource, key, &row, version, Some(&form), &errors).await)
        }
        Err(Error::VersionConflict { .. }) => changed_meanwhile(&ask, &resource, key, &form).await,
        Err(error @ Error::RecordHeld { .. }) => {
            // The form stays open with what was typed, to be sent again once the task has ended.
            let error = FieldError { field: None, code: error.code().to_owned(), message: error.to_string() };
            let mut response = edit_page(&ask, &resource, key, &row, version, Some(&form), &[error]).await?;
            *response.status_mut() = StatusCode::CONFLICT;
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

/// The version first: what is changed between the two reads is then noticed, not overlooked.
async fn read(ask: &Ask, resource: &Resource, key: &str) -> WebResult<(Option<String>, Row)> {
    let version = query::version(ask.app(), resource, key).await.unwrap_or_default();
    Ok((version, record::get(ask.app(), resource, key).await?))
}

/// The form again with what was typed, beside it what others have saved meanwhile. Saving once more is for the version that there is now.
async fn changed_meanwhile(ask: &Ask, resource: &Resource, key: &str, form: &FormData) -> WebResult<Response> {
    let (version, row) = read(ask, resource, key).await?;
    let message = "somebody has changed it since you opened it. What you typed is kept; where something else is saved now, the field \
                   says so. Save again to overwrite that";
    let mut errors = vec![FieldError { field: None, code: "VERSION_CONFLICT".to_owned(), message: message.to_owned() }];
    for (name, _) in changed(ask, resource, &row, form) {
        let Some(cell) = record::cell(resource, &row, &name) else { continue };
        let now = cell.display.clone().unwrap_or_else(|| cell.value.to_text());
        let now = if now.is_empty() { "empty".to_owned() } else { format!("“{now}”") };
        errors.push(FieldError::new(&name, "CHANGED", format!("it is {now} now")));
    }
    let mut response = edit_page(ask, resource, key, &row, version, Some(form), &errors).await?;
    *response.status_mut() = StatusCode::CONFLICT;
    Ok(response)
}

/// What differs from what the form showed. A field that was not touched is not written: what somebody else has changed there meanwhile
/// stays, and so does a value that an input can't show to the letter.
fn changed(ask: &Ask, resource: &Resource, row: &Row, form: &FormData) -> Vec<Input> {
    let mut inputs = Vec::new();
    for field in form_fields(resource, Some(row)) {
        let Some(text) = form.get(&field.name) else { continue };
        let Some(cell) = record::cell(resource, row, &field.name) else { continue };
        let shown = view::widget(&ask.paths, resource, field, "").show(cell).value;
        // Browsers send line ends as CR LF.
        if text.replace("\r\n", "\n") == shown.replace("\r\n", "\n") {
            continue;
        }
        let empty_is_missing = text.is_empty() && is_required(field);
        inputs.push((field.name.clone(), if empty_is_missing { None } else { from_form(field, text) }));
    }
    inputs
}

/// The fields that the form has: of a new record, those that can be written; of an old one, also not its key.
fn form_fields<'a>(resource: &'a Resource, row: Option<&Row>) -> impl Iterator<Item = &'a Field> {
    let is_new = row.is_none();
    resource
        .fields
        .iter()
        .filter(move |field| if is_new { resource.may_give(field) } else { resource.may_change(field) })
}

fn is_required(field: &Field) -> bool {
    !field.nullable() && field.column.default.is_none() && !field.column.identity && !field.column.generated
}

async fn new_page(ask: &Ask, resource: &Resource, form: &FormData, errors: &[FieldError]) -> WebResult<Response> {
    let fields = form_fields(resource, None).map(|field| {
        let mut widget = view::widget(&ask.paths, resource, field, "");
        widget.value = form.get(&field.name).unwrap_or_default().to_owned();
        widget.required = is_required(field);
        if let Some(default) = field.column.default.as_ref().filter(|_| widget.help.is_empty()) {
            widget.help = format!("Left empty: {}", default.trim_matches('\''));
        }
        widget
    });
    let view = FormView {
        title: format!("New {}", resource.label),
        crumbs: crumbs(ask, resource, None),
        action: ask.paths.under(&resource.name, "new"),
        back_href: ask.paths.list(&resource.name),
        submit_label: format!("Create {}", resource.label),
        fields: with_errors(fields.collect(), errors),
        errors_title: "The record was not created",
        errors: errors_elsewhere(resource, None, errors),
        left_out: String::new(),
        version: None,
    };
    ask.page("form.html", &view.title, &view).await
}

async fn edit_page(
    ask: &Ask,
    resource: &Resource,
    key: &str,
    row: &Row,
    version: Option<String>,
    form: Option<&FormData>,
    errors: &[FieldError],
) -> WebResult<Response> {
    let fields = form_fields(resource, Some(row)).map(|field| {
        let mut widget = view::widget(&ask.paths, resource, field, "");
        if let Some(cell) = record::cell(resource, row, &field.name) {
            widget = widget.show(cell);
        }
        if let Some(text) = form.and_then(|form| form.get(&field.name)).filter(|text| *text != widget.value) {
            widget.value = text.to_owned();
            widget.value_label = String::new();
        }
        widget.required = is_required(field);
        widget
    });
    let name = title(resource, row);
    let fixed: Vec<_> = resource.fields.iter().filter(|field| !resource.may_change(field)).collect();
    let view = FormView {
        title: format!("Edit {}", lower_first(&name)),
        crumbs: crumbs(ask, resource, Some((key, &name))),
        action: ask.paths.record_under(&resource.name, key, "edit"),
        back_href: ask.paths.record(&resource.name, key),
        submit_label: "Save".to_owned(),
        fields: with_errors(fields.collect(), errors),
        errors_title: "Nothing was saved",
        errors: errors_elsewhere(resource, Some(row), errors),
        left_out: match fixed.len() {
            0 => String::new(),
            _ => {
                let names: Vec<_> = fixed.iter().map(|field| field.label.as_str()).collect();
                format!("Not to be edited here: {}.", names.join(", "))
            }
        },
        version,
    };
    ask.page("form.html", &view.title, &view).await
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

fn writable(ask: &Ask, resource: &str, right: impl Fn(&Resource) -> Result<()>) -> WebResult<std::sync::Arc<Resource>> {
    let resource = ask.app().resource(unmark(resource))?;
    right(resource)?;
    Ok(resource.clone())
}

fn see_record(ask: &Ask, resource: &Resource, key: &str, notice: &str) -> Response {
    let path = ask.paths.record(&resource.name, key);
    Redirect::to(&format!("{path}?notice={notice}")).into_response()
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

/// How many choices are offered at a time; typing narrows them down.
const CHOICES: usize = 20;

#[derive(Serialize)]
struct ChoicesView {
    /// What the options' ids begin with.
    id: String,
    choices: Vec<ChoiceView>,
    more: bool,
}

/// What a reference can be set to, for its combobox; never the whole table.
pub(super) async fn choices(
    ask: Ask,
    Path((resource, field)): Path<(String, String)>,
    RawQuery(raw): RawQuery,
) -> WebResult<Response> {
    let resource = ask.app().resource(unmark(&resource))?.clone();
    let pairs = parse_query(&raw.unwrap_or_default());
    let get = |name: &str| pairs.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value.as_str());
    let mut found = query::choices(ask.app(), &resource, unmark(&field), get("q"), CHOICES as u64 + 1).await?;
    let more = found.len() > CHOICES;
    found.truncate(CHOICES);
    let id = get("id");
    let plain = id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && !id.is_empty();
    let view = ChoicesView {
        id: if plain { id.to_owned() } else { "choice".to_owned() },
        choices: found.iter().map(|choice| ChoiceView::new(&choice.value, &choice.label)).collect(),
        more,
    };
    ask.part("choices.html", &view)
}
