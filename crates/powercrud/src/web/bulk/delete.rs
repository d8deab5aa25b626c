//! Bulk delete: what goes along, what stands in the way, and a confirmation.

use axum::{extract::Path, response::Response};
use serde::Serialize;

use super::{
    ConflictView, Obstacle, answer, edit::background_note, elsewhere, fingerprint, on_conflict, same_selection,
    selected, selected_for, with_status,
};
use crate::{
    app::PowerCrud,
    web::{
        context::{FormData, RequestContext},
        error::WebResult,
        paths::unmark,
        view::Pair,
    },
};
use powercrud_engine::{
    bulk::{self, BulkRequest, Preview, Referrer, Requested, Route},
    config::Atomicity,
    error::{Error, FieldError},
    resource::{Resource, grouped},
    selection::{Selection, StoredSelection},
};

/// The confirmation of a delete, of many records or of one.
#[derive(Default, Serialize)]
pub(in crate::web) struct DeleteView {
    pub(in crate::web) title: String,
    pub(in crate::web) action: String,
    pub(in crate::web) back_href: String,
    pub(in crate::web) sentence: String,
    /// What becomes of other records.
    pub(in crate::web) effects: Vec<String>,
    pub(in crate::web) blockers_title: String,
    pub(in crate::web) blockers_note: String,
    /// Which other records stand in the way.
    pub(in crate::web) blockers: Vec<String>,
    /// What can't be told beforehand.
    pub(in crate::web) unknown: String,
    pub(in crate::web) background_note: String,
    /// The tick to set before many records are deleted.
    pub(in crate::web) confirm_label: String,
    pub(in crate::web) confirm_error: String,
    /// Empty where there is nothing that could be deleted.
    pub(in crate::web) submit_label: String,
    pub(in crate::web) hidden: Vec<Pair>,
    pub(in crate::web) conflict: Option<ConflictView>,
    pub(in crate::web) errors_title: &'static str,
    pub(in crate::web) errors: Vec<String>,
}

pub(in crate::web) async fn delete_dialog(
    context: RequestContext,
    Path(resource): Path<String>,
) -> WebResult<Response> {
    let resource = context.app().resource(unmark(&resource))?.clone();
    resource.require_bulk_delete_right()?;
    let (stored, _) = selected(&context, &resource).await?;
    let view = delete_view(&context, &resource, &stored, Obstacle::default()).await?;
    context.page("bulk_delete.html", &view.title, &view).await
}

pub(in crate::web) async fn delete(
    context: RequestContext,
    Path(resource): Path<String>,
    form: FormData,
) -> WebResult<Response> {
    let resource = context.app().resource(unmark(&resource))?.clone();
    resource.require_bulk_delete_right()?;
    let (stored, total) = selected_for(&context, &resource, &form).await?;
    let unconfirmed = needs_confirmation(&resource, total) && form.get("confirm") != Some("yes");
    let obstacle = match same_selection(&resource, &stored, total, &form) {
        Err(error) => Obstacle::from(error),
        Ok(_) if unconfirmed => Obstacle::from(FieldError::new(CONFIRM, "NOT_CONFIRMED", "tick this to confirm")),
        Ok(shown) => match run(&context, &resource, &stored, shown, &form).await {
            Ok(answer) => return answer::respond(&context, &resource, Some(stored), answer).await,
            Err(error) => Obstacle::of(&context, &resource, error).await?,
        },
    };
    let (status, failed) = (obstacle.status(), obstacle.events());
    let view = delete_view(&context, &resource, &stored, obstacle).await?;
    Ok(failed.send(with_status(context.page("bulk_delete.html", &view.title, &view).await?, status)))
}

async fn run(
    context: &RequestContext,
    resource: &Resource,
    stored: &StoredSelection,
    shown: u64,
    form: &FormData,
) -> Result<bulk::Answer, Error> {
    let on_conflict = on_conflict(form).map_err(|error| Error::Invalid(vec![error]))?;
    let request = request(context, resource, stored, form.get("skip").is_some());
    bulk::plan(context.app(), BulkRequest { on_conflict, ..request }).await?.expecting(shown).run().await
}

/// The name of the confirming tick.
const CONFIRM: &str = "confirm";

/// Few records are named in the dialog's title and button; many deserve a tick of their own.
fn needs_confirmation(resource: &Resource, total: u64) -> bool {
    resource.should_process_async(total)
}

/// `skip`: in the background, where records that can't be deleted don't stop their neighbours.
fn request(context: &RequestContext, resource: &Resource, stored: &StoredSelection, skip: bool) -> BulkRequest {
    BulkRequest {
        resource: resource.name.clone(),
        operation: Requested::Delete,
        selection: Selection::Stored(stored.id),
        user: context.user.clone(),
        route: if skip { Route::Background } else { Route::Auto },
        parent_id: None,
        on_conflict: None,
    }
}

async fn delete_view(
    context: &RequestContext,
    resource: &Resource,
    stored: &StoredSelection,
    obstacle: Obstacle,
) -> WebResult<DeleteView> {
    let preview = bulk::plan(context.app(), request(context, resource, stored, false)).await?.preview().await?;
    let total = preview.total_records;
    let mut view = DeleteView {
        title: format!("Delete {}?", resource.count_in_words(total)),
        action: context.of_tab(context.paths.under(&resource.name, "bulk-delete")),
        back_href: context.paths.list(&resource.name),
        sentence: match resource.can_revert() {
            true => {
                let whose = if total == 1 { "Its" } else { "Their" };
                format!("{whose} task can be reverted for {} days.", resource.revert_days())
            }
            false => "This can't be undone.".to_owned(),
        },
        background_note: background_note(context, resource, total).await?,
        submit_label: format!("Delete {}", resource.count_in_words(total)),
        hidden: vec![Pair { name: "selection".to_owned(), value: fingerprint(stored, total) }],
        errors_title: "Nothing was deleted",
        errors: elsewhere(&obstacle.errors, &[CONFIRM]),
        confirm_error: super::at_field(&obstacle.errors, CONFIRM),
        conflict: obstacle.conflict,
        ..DeleteView::default()
    };
    if needs_confirmation(resource, total) {
        view.confirm_label = format!("Yes, delete {}", resource.count_in_words(total));
    }
    view.unknown = super::foreseen::unknown(&preview);
    effects(context.app(), &preview, &mut view);
    if preview.failing_records > 0 {
        blocked(resource, &preview, &mut view);
    }
    Ok(view)
}

/// Says what a delete does to the records that refer to the deleted ones.
pub(in crate::web) fn effects(app: &PowerCrud, preview: &Preview, view: &mut DeleteView) {
    let them = if preview.total_records == 1 { "it" } else { "them" };
    let (effects, blockers) = of_referrers(app, preview, them, &format!(" with {them}"));
    view.effects.extend(effects);
    view.blockers.extend(blockers);
}

/// What becomes of the records that refer to what goes, and which of them stand in the way. `them`: what they refer to where it is the
/// records themselves; `with`: what else goes along with.
pub(super) fn of_referrers(app: &PowerCrud, preview: &Preview, them: &str, with: &str) -> (Vec<String>, Vec<String>) {
    let (mut effects, mut blockers) = (Vec::new(), Vec::new());
    let words = |referrer: &Referrer| {
        let resource = app.resources().iter().find(|resource| resource.model_name == referrer.table);
        let records = match resource {
            Some(resource) => resource.count_in_words(referrer.records),
            None => format!("{} rows of {}", grouped(referrer.records), referrer.table),
        };
        let label = |column: &String| match resource.and_then(|resource| resource.field(column)) {
            Some(field) => field.label.to_lowercase(),
            None => column.clone(),
        };
        (records, referrer.columns.iter().map(label).collect::<Vec<_>>().join(", "))
    };
    let named = |table: &String| {
        let resource = app.resources().iter().find(|resource| resource.model_name == *table);
        resource.map_or_else(|| format!("rows of {table}"), |resource| resource.label_plural.clone())
    };
    for referrer in &preview.referrers {
        let (records, columns) = words(referrer);
        let (is, refer) = if referrer.records == 1 { ("is", "refers") } else { ("are", "refer") };
        let along = referrer.through.as_ref().map_or(String::new(), |table| format!(", with {}", named(table)));
        match referrer.action {
            "cascade" => effects.push(format!("{records} {is} deleted too{along}")),
            "set_null" => effects.push(format!("{records}: {columns} becomes empty{along}")),
            "set_default" => effects.push(format!("{records}: {columns} goes back to its default{along}")),
            _ => {
                let to = match &referrer.through {
                    Some(table) => format!("{}, which would be deleted{with}", named(table)),
                    None => them.to_owned(),
                };
                blockers.push(format!("{records} {refer} to {to} as {columns}"));
            }
        }
    }
    effects.extend(more_effects(preview.unfollowed.iter().map(named)));
    (effects, blockers)
}

fn more_effects(tables: impl Iterator<Item = String>) -> Option<String> {
    let tables: Vec<_> = tables.collect();
    (!tables.is_empty()).then(|| format!("more {} than these may go along or change", tables.join(", ")))
}

fn blocked(resource: &Resource, preview: &Preview, view: &mut DeleteView) {
    let total = preview.total_records;
    let free = total.saturating_sub(preview.failing_records);
    view.blockers_title = format!("{} can't be deleted", resource.count_in_words(preview.failing_records));
    // Who refers to the others is said with each of them.
    let others = preview.failures.iter().filter(|failure| failure.code != "FOREIGN_KEY");
    view.blockers.extend(others.map(|failure| format!("{}: {}", grouped(failure.records), failure.message)));
    let skips = resource.atomicity(resource.should_process_async(total)) == Atomicity::Chunk;
    if free == 0 {
        view.submit_label = String::new();
        view.confirm_label = String::new();
        view.sentence = String::new();
        view.background_note = String::new();
        view.blockers_note = "So there is nothing to delete.".to_owned();
        return;
    }
    view.blockers_note = "They are skipped and listed in the report.".to_owned();
    view.submit_label = format!("Delete {}", resource.count_in_words(free));
    if !view.confirm_label.is_empty() {
        view.confirm_label = format!("Yes, delete {}", resource.count_in_words(free));
    }
    if !skips {
        // At once means everything or nothing; in the background, records that can't go are skipped.
        view.hidden.push(Pair { name: "skip".to_owned(), value: "1".to_owned() });
    }
}
