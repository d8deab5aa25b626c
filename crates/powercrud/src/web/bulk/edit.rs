//! Bulk edit: tick fields, give values, see what would change, go.

use axum::{extract::Path, response::Response};
use serde::Serialize;

use super::{
    ConflictView, Obstacle, answer, at_field,
    delete::of_referrers,
    elsewhere, fingerprint, foreseen,
    links::{self, LinksField},
    on_conflict, same_selection, selected, selected_for, with_status,
};
use crate::app::PowerCrud;
use crate::web::{
    context::{FormData, RequestContext},
    error::{WebResult, sentence},
    paths::unmark,
    view::{self, Pair, Widget},
};
use powercrud_db::ColumnType;
use powercrud_engine::{
    bulk::{self, Answer, BulkRequest, Requested, Route},
    change::{Change, Changes},
    error::{Error, FieldError},
    heartbeat,
    resource::{Field, Resource},
    selection::{Selection, StoredSelection},
    task::Status,
};

#[derive(Serialize)]
struct EditView {
    title: String,
    action: String,
    preview_action: String,
    back_href: String,
    submit_label: String,
    background_note: String,
    hidden: Vec<Pair>,
    fields: Vec<BulkField>,
    links: Vec<LinksField>,
    conflict: Option<ConflictView>,
    errors_title: &'static str,
    errors: Vec<String>,
    failed: Vec<view::RecordErrorView>,
}

#[derive(Serialize)]
struct BulkField {
    name: String,
    changed: bool,
    /// Whether "set to empty" is offered.
    nullable: bool,
    null: bool,
    widget: Widget,
}

#[derive(Default, Serialize)]
struct PreviewView {
    /// What to do before there is anything to see.
    waiting: String,
    errors: Vec<String>,
    text: String,
    tone: &'static str,
    /// Why records will fail, where there is more than one reason.
    failures: Vec<String>,
    /// What follows from that.
    note: String,
    /// What becomes of records that refer to links that go.
    others: Vec<String>,
    /// What can't be told beforehand.
    unknown: String,
    samples: Vec<SampleView>,
    /// What the button says; empty where there is nothing to change.
    submit_label: String,
    /// The form to go on from here, where this is a page of its own.
    back: Option<Back>,
}

#[derive(Serialize)]
pub(super) struct SampleView {
    label: String,
    changes: Vec<SampleChange>,
}

#[derive(Serialize)]
struct SampleChange {
    field: String,
    before: String,
    after: String,
}

#[derive(Serialize)]
struct Back {
    action: String,
    href: String,
    hidden: Vec<Pair>,
}

pub(in crate::web) async fn edit_dialog(context: RequestContext, Path(resource): Path<String>) -> WebResult<Response> {
    let resource = context.app().resource(unmark(&resource))?.clone();
    resource.require_bulk_update()?;
    let (stored, total) = selected(&context, &resource).await?;
    let view = edit_view(&context, &resource, &stored, total, &FormData(Vec::new()), Obstacle::default()).await?;
    context.page("bulk_edit.html", &view.title, &view).await
}

pub(in crate::web) async fn edit(
    context: RequestContext,
    Path(resource): Path<String>,
    form: FormData,
) -> WebResult<Response> {
    let resource = context.app().resource(unmark(&resource))?.clone();
    resource.require_bulk_update()?;
    let (stored, total) = selected_for(&context, &resource, &form).await?;
    let obstacle = match same_selection(&resource, &stored, total, &form) {
        Err(error) => Obstacle::from(error),
        Ok(shown) => match run(&context, &resource, &stored, shown, &form).await {
            Ok(Answer::Done(task)) if task.status == Status::Failure => {
                answer::failed(&context, &resource, &task).await?
            }
            Ok(answer) => return answer::respond(&context, &resource, Some(stored), answer).await,
            Err(error) => Obstacle::of(&context, &resource, error).await?,
        },
    };
    let (status, failed) = (obstacle.status(), obstacle.events());
    let (stored, total) = selected(&context, &resource).await?;
    let view = edit_view(&context, &resource, &stored, total, &form, obstacle).await?;
    Ok(failed.send(with_status(context.page("bulk_edit.html", &view.title, &view).await?, status)))
}

async fn run(
    context: &RequestContext,
    resource: &Resource,
    stored: &StoredSelection,
    shown: u64,
    form: &FormData,
) -> Result<bulk::Answer, Error> {
    let (changes, mut errors) = read(resource, form, true);
    let mut request = request(context, resource, stored, changes);
    match on_conflict(form) {
        Ok(on_conflict) => request.on_conflict = on_conflict,
        Err(error) => errors.push(error),
    }
    if errors.is_empty() {
        return bulk::plan(context.app(), request).await?.expecting(shown).run().await;
    }
    Err(Error::Invalid(all_errors(context, request, errors).await))
}

/// The mistakes of the form's shape, with those that a check of its other fields finds.
async fn all_errors(context: &RequestContext, request: BulkRequest, mut errors: Vec<FieldError>) -> Vec<FieldError> {
    let has_changes = matches!(&request.operation, Requested::Update(changes) if !changes.is_empty());
    if has_changes && let Err(Error::Invalid(more)) = bulk::plan(context.app(), request).await {
        errors.extend(more);
    }
    errors
}

fn request(context: &RequestContext, resource: &Resource, stored: &StoredSelection, changes: Changes) -> BulkRequest {
    BulkRequest {
        resource: resource.name.clone(),
        operation: Requested::Update(changes),
        selection: Selection::Stored(stored.id),
        user: context.user.clone(),
        route: Route::Auto,
        parent_id: None,
        on_conflict: None,
    }
}

/// The ticked fields with their values, and what is wrong with the form itself. A ticked field with an empty box is a mistake, never
/// "make it empty": that has a tick of its own.
fn read(resource: &Resource, form: &FormData, typed: bool) -> (Changes, Vec<FieldError>) {
    let mut changes = Changes::new();
    let mut errors = Vec::new();
    for name in form.all("change") {
        if let Some(field) = resource.bulk_many_to_many().find(|links| links.name == name) {
            match links::read(field, form, typed) {
                Ok(change) => changes.push(name, change),
                Err(error) => errors.push(error),
            }
            continue;
        }
        let field = resource.bulk_fields().find(|field| field.name == name);
        let empty = form.all("null").any(|other| other == name);
        let text = form.get(&format!("set.{name}")).unwrap_or_default();
        match field {
            Some(field) if empty && !field.nullable() && is_text(field) => {
                changes.push(name, Change::Set(String::new()))
            }
            _ if empty => changes.push(name, Change::SetNull),
            Some(field) if text.is_empty() => {
                let message = if offers_empty(field) {
                    "needs a value, or a tick at “Set to empty”"
                } else {
                    "needs a value"
                };
                errors.push(FieldError::new(name, "NO_VALUE", message));
            }
            _ => changes.push(name, Change::Set(text.to_owned())),
        }
    }
    (changes, errors)
}

fn is_text(field: &Field) -> bool {
    matches!(field.column.column_type, ColumnType::Text { .. })
        && field.column.choices.is_empty()
        && field.reference.is_none()
}

fn offers_empty(field: &Field) -> bool {
    field.nullable() || is_text(field)
}

/// What the form's changes would do, live while it is filled in.
pub(in crate::web) async fn preview(
    context: RequestContext,
    Path(resource): Path<String>,
    form: FormData,
) -> WebResult<Response> {
    let resource = context.app().resource(unmark(&resource))?.clone();
    resource.require_bulk_update()?;
    let (stored, total) = selected_for(&context, &resource, &form).await?;
    // While somebody is typing, what stands in a search box is no key yet.
    let (changes, errors) = read(&resource, &form, !context.htmx.partial);
    let mut view = PreviewView { submit_label: submit_label(&resource, total), ..PreviewView::default() };
    if changes.is_empty() || !errors.is_empty() {
        // Half a form is no mistake yet.
        let waiting = form.get("change").is_none() || context.htmx.partial;
        view.waiting = if waiting {
            "Tick a field and give it a value to see what will change.".to_owned()
        } else {
            String::new()
        };
        view.errors =
            if waiting { Vec::new() } else { errors.iter().map(|error| sentence(&error.to_string())).collect() };
    } else {
        match bulk::plan(context.app(), request(&context, &resource, &stored, changes)).await {
            Ok(plan) => fill(&mut view, context.app(), &resource, &plan.preview().await?),
            Err(Error::Invalid(errors)) => {
                let label = |error: &FieldError| error.field.as_deref().map(|name| resource.label_of(name));
                let text = |error: &FieldError| match label(error) {
                    Some(label) => sentence(&format!("{label}: {}", error.message)),
                    None => sentence(&error.message),
                };
                view.errors = errors.iter().map(text).collect();
                view.submit_label = String::new();
            }
            Err(error) => return Err(error.into()),
        }
    }
    if !context.htmx.partial {
        view.back = Some(Back {
            action: context.of_tab(context.paths.under(&resource.name, "bulk-edit")),
            href: context.of_tab(context.paths.under(&resource.name, "bulk-edit")),
            hidden: view::pairs(&form.0),
        });
    }
    context.page("bulk_preview.html", "Preview", &view).await
}

fn fill(view: &mut PreviewView, app: &PowerCrud, resource: &Resource, preview: &bulk::Preview) {
    view.others = others(app, preview);
    view.text = foreseen::sentence(resource, preview);
    view.failures = foreseen::failures(preview);
    view.note = foreseen::note(resource, preview);
    view.unknown = foreseen::unknown(preview);
    if !preview.all_or_nothing || preview.failing_records == 0 || preview.changing_records == 0 {
        view.submit_label = submit_label(resource, preview.changing_records);
    }
    view.tone = if preview.failing_records > 0 { "warning" } else { "" };
    view.samples = samples(resource, preview);
}

/// What becomes of the records that refer to links that go, and which of them stand in the way.
pub(super) fn others(app: &PowerCrud, preview: &bulk::Preview) -> Vec<String> {
    let (effects, blockers) = of_referrers(app, preview, "them", "");
    effects.into_iter().chain(blockers).collect()
}

/// A few records before and after.
pub(super) fn samples(resource: &Resource, preview: &bulk::Preview) -> Vec<SampleView> {
    let shown = |value: &Option<String>| match value.as_deref() {
        None | Some("") => "empty".to_owned(),
        Some(text) => text.to_owned(),
    };
    preview
        .samples
        .iter()
        .map(|sample| SampleView {
            label: sample.label.clone(),
            changes: sample
                .changes
                .iter()
                .map(|(name, before, after)| SampleChange {
                    field: resource.label_of(name),
                    before: shown(before),
                    after: shown(after),
                })
                .collect(),
        })
        .collect()
}

fn submit_label(resource: &Resource, records: u64) -> String {
    if records == 0 { String::new() } else { format!("Change {}", resource.count_in_words(records)) }
}

async fn edit_view(
    context: &RequestContext,
    resource: &Resource,
    stored: &StoredSelection,
    total: u64,
    form: &FormData,
    obstacle: Obstacle,
) -> WebResult<EditView> {
    let ticked = |list: &str, name: &str| form.all(list).any(|other| other == name);
    let fields: Vec<_> = resource
        .bulk_fields()
        .map(|field| {
            let mut widget = view::widget(&context.paths, resource, field, "set.");
            if let Some(text) = form.get(&widget.name) {
                widget = widget.typed(text);
            }
            widget.error = at_field(&obstacle.errors, &field.name);
            BulkField {
                name: field.name.clone(),
                changed: ticked("change", &field.name),
                nullable: offers_empty(field),
                null: ticked("null", &field.name),
                widget,
            }
        })
        .collect();
    let links = links::fields(context, resource, form, &obstacle.errors).await?;
    let names = fields.iter().map(|field| field.name.as_str()).chain(links.iter().map(|field| field.name.as_str()));
    let names: Vec<_> = names.collect();
    Ok(EditView {
        title: format!("Edit {}", resource.count_in_words(total)),
        action: context.of_tab(context.paths.under(&resource.name, "bulk-edit")),
        preview_action: context.of_tab(context.paths.under(&resource.name, "bulk-edit/preview")),
        back_href: context.paths.list(&resource.name),
        submit_label: submit_label(resource, total),
        background_note: background_note(context, resource, total).await?,
        hidden: vec![Pair { name: "selection".to_owned(), value: fingerprint(stored, total) }],
        errors: elsewhere(&obstacle.errors, &names),
        errors_title: "Nothing was changed",
        conflict: obstacle.conflict,
        failed: obstacle.failed,
        fields,
        links,
    })
}

/// Tells beforehand that it will run in the background, and whether anybody is there to carry it out.
pub(in crate::web) async fn background_note(
    context: &RequestContext,
    resource: &Resource,
    total: u64,
) -> WebResult<String> {
    if !resource.should_process_async(total) {
        return Ok(String::new());
    }
    let note = match heartbeat::any_alive_for(context.app(), resource.backend()).await? {
        true => "This runs in the background: you can continue working and follow its progress.",
        false => {
            "This runs in the background. No worker is running at the moment: it waits, safely stored, until one starts."
        }
    };
    Ok(note.to_owned())
}
