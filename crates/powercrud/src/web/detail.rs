//! One record: shown, and deleted after a confirmation.

use axum::{
    extract::{Path, RawQuery},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Serialize;

use super::{
    bulk::{DeleteView, effects, foreseen},
    context::RequestContext,
    error::{WebResult, sentence},
    history::{self, HistoryView},
    htmx, notice,
    paths::unmark,
    view::{self, CellView, Link, capitalized, cell_view, isolated},
};
use powercrud_engine::{
    bulk::{self, BulkRequest, Requested, Route},
    error::Error,
    query::{self, Row},
    record,
    resource::Resource,
    selection::Selection,
};

#[derive(Serialize)]
struct DetailView {
    title: String,
    crumbs: Vec<Link>,
    notice: String,
    /// The bulk task that holds the record now.
    held: Option<Held>,
    fields: Vec<DetailField>,
    links: Vec<LinksView>,
    /// Who changed it.
    history: Option<HistoryView>,
    edit_href: Option<String>,
    actions: Vec<Link>,
    delete_href: Option<String>,
}

/// The bulk task that holds a record, with what it does for who may see it. How far it is changes while the page stays as it is.
#[derive(Serialize)]
pub(super) struct Held {
    task: Option<Link>,
}

/// What holds the record now.
pub(super) async fn held(context: &RequestContext, resource: &Resource, key: &str) -> WebResult<Option<Held>> {
    let Some(task) = record::held_by(context.app(), resource, key).await? else { return Ok(None) };
    let link = context.user.may_see(task.user_id.as_deref()).then(|| {
        let view = view::task_view(context.app(), &context.paths, &task);
        Link { label: view.title, href: view.href }
    });
    Ok(Some(Held { task: link }))
}

#[derive(Serialize)]
struct DetailField {
    label: String,
    help: String,
    cell: CellView,
}

/// The records that this one is linked with.
#[derive(Serialize)]
struct LinksView {
    label: String,
    help: String,
    links: Vec<Linked>,
    /// Whether there are more than are shown.
    more: bool,
}

#[derive(Serialize)]
struct Linked {
    label: String,
    href: Option<String>,
}

/// The records that foreign keys of several columns lead to, by name where they may be seen.
async fn composite_references(context: &RequestContext, resource: &Resource, row: &Row) -> WebResult<Vec<LinksView>> {
    let text = |name: &str| {
        let cell = record::cell(resource, row, name).filter(|cell| !cell.value.is_null())?;
        Some(cell.value.to_text())
    };
    let mut views = Vec::with_capacity(resource.composite_references.len());
    for reference in &resource.composite_references {
        let mut links = Vec::new();
        if let Some(key) = reference.key(text) {
            let target = reference.resource.as_ref().map(|name| context.app().resource(name)).transpose()?;
            let named = match target {
                Some(target) => record::get_at_most(context.app(), target, &key, query::read::SHOWN)
                    .await
                    .ok()
                    .map(|row| title(target, &row)),
                None => None,
            };
            let label = named.unwrap_or_else(|| format!("{} {key}", reference.label));
            links.push(Linked { label, href: target.map(|target| context.paths.record(&target.name, &key)) });
        }
        views.push(LinksView {
            label: reference.label.clone(),
            help: format!("By {}", reference.columns.join(", ")),
            links,
            more: false,
        });
    }
    Ok(views)
}

/// Linked records that a page shows.
const LINKS_SHOWN: usize = 20;

async fn links(context: &RequestContext, resource: &Resource, row: &Row, key: &str) -> WebResult<Vec<LinksView>> {
    let mut views = composite_references(context, resource, row).await?;
    for field in &resource.many_to_many {
        let mut found = query::linked(context.app(), resource, key, field, LINKS_SHOWN as u64 + 1).await?;
        let more = found.len() > LINKS_SHOWN;
        found.truncate(LINKS_SHOWN);
        let href = |key: &str| field.reference.resource.as_ref().map(|resource| context.paths.record(resource, key));
        views.push(LinksView {
            label: field.label.clone(),
            help: field.help_text.clone(),
            links: found.into_iter().map(|to| Linked { href: href(&to.value), label: to.label }).collect(),
            more,
        });
    }
    Ok(views)
}

pub(super) async fn page(
    context: RequestContext,
    Path((resource, key)): Path<(String, String)>,
    RawQuery(raw): RawQuery,
) -> WebResult<Response> {
    let resource = context.app().resource(unmark(&resource))?.clone();
    let row = record::get_at_most(context.app(), &resource, unmark(&key), query::read::EDITED).await?;
    // As the database spells it, whatever the address says.
    let key = row.key.as_str();
    let held = held(&context, &resource, key).await?;
    let view = DetailView {
        title: title(&resource, &row),
        crumbs: crumbs(&context, &resource, None),
        held,
        notice: notice::text(&resource, &raw.unwrap_or_default()),
        fields: resource
            .fields
            .iter()
            .zip(&row.cells)
            .map(|(field, cell)| DetailField {
                label: field.label.clone(),
                help: field.help_text.clone(),
                cell: cell_view(&context.paths, field, cell),
            })
            .collect(),
        links: links(&context, &resource, &row, key).await?,
        history: match resource.table.primary_key.is_empty() {
            true => None,
            false => Some(history::view(&context, &resource, &row.key).await?),
        },
        edit_href: resource.can_update().then(|| context.paths.record_under(&resource.name, key, "edit")),
        actions: actions(&context, &resource, key),
        delete_href: resource.can_delete().then(|| context.paths.record_under(&resource.name, key, "delete")),
    };
    context.page("detail.html", &view.title, &view).await
}

/// What else can be done to the record.
fn actions(context: &RequestContext, resource: &Resource, key: &str) -> Vec<Link> {
    let href = |name: &str| context.paths.record_under(&resource.name, key, &format!("actions/{name}"));
    resource.actions.iter().map(|action| Link { label: action.label.clone(), href: href(&action.name) }).collect()
}

/// "Book The Colour of Magic": the resource's word and the record's name, or its key where it has none.
pub(super) fn title(resource: &Resource, row: &Row) -> String {
    let name = resource
        .display_field()
        .and_then(|field| record::cell(resource, row, &field.name))
        .map(|cell| cell.value.to_text())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| row.key.clone());
    format!("{} {}", capitalized(&resource.label), isolated(&name))
}

/// The way here: the start page, the list, and the record where the page is below one.
pub(super) fn crumbs(context: &RequestContext, resource: &Resource, record: Option<(&str, &str)>) -> Vec<Link> {
    let mut crumbs = vec![
        Link { label: "Resources".to_owned(), href: context.paths.home() },
        Link { label: capitalized(&resource.label_plural), href: context.paths.list(&resource.name) },
    ];
    crumbs.extend(
        record.map(|(key, title)| Link { label: title.to_owned(), href: context.paths.record(&resource.name, key) }),
    );
    crumbs
}

pub(super) async fn confirm_delete(
    context: RequestContext,
    Path((resource, key)): Path<(String, String)>,
) -> WebResult<Response> {
    let resource = context.app().resource(unmark(&resource))?.clone();
    let view = delete_view(&context, &resource, unmark(&key), Vec::new()).await?;
    context.page("bulk_delete.html", &view.title, &view).await
}

pub(super) async fn delete(
    context: RequestContext,
    Path((resource, key)): Path<(String, String)>,
) -> WebResult<Response> {
    let resource = context.app().resource(unmark(&resource))?.clone();
    let key = unmark(&key);
    match record::delete(context.app(), &context.user, &resource, key).await {
        Ok(()) => {
            let list = context.paths.list(&resource.name);
            if !context.htmx.partial {
                return Ok(Redirect::to(&list).into_response());
            }
            let mut response = StatusCode::NO_CONTENT.into_response();
            htmx::set(&mut response, "hx-redirect", &list);
            Ok(response)
        }
        Err(Error::Invalid(errors)) => {
            let messages = errors.iter().map(|error| sentence(&error.message)).collect();
            refused(&context, &resource, key, messages, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(error @ Error::RecordHeld { .. }) => {
            refused(&context, &resource, key, vec![sentence(&error.to_string())], StatusCode::CONFLICT).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The confirmation again, with what went wrong.
async fn refused(
    context: &RequestContext,
    resource: &Resource,
    key: &str,
    messages: Vec<String>,
    status: StatusCode,
) -> WebResult<Response> {
    let view = delete_view(context, resource, key, messages).await?;
    let mut response = context.page("bulk_delete.html", &view.title, &view).await?;
    *response.status_mut() = status;
    Ok(response)
}

async fn delete_view(
    context: &RequestContext,
    resource: &Resource,
    key: &str,
    errors: Vec<String>,
) -> WebResult<DeleteView> {
    let row = record::get_at_most(context.app(), resource, key, query::read::SHOWN).await?;
    resource.require_delete()?;
    let mut view = DeleteView {
        title: format!("Delete {}?", lower_label(resource, &row)),
        action: context.paths.record_under(&resource.name, key, "delete"),
        back_href: context.paths.record(&resource.name, key),
        sentence: "This can't be undone.".to_owned(),
        submit_label: format!("Delete {}", resource.count_in_words(1)),
        errors_title: "Nothing was deleted",
        errors,
        ..DeleteView::default()
    };
    let request = BulkRequest {
        resource: resource.name.clone(),
        operation: Requested::Delete,
        selection: Selection::Keys(vec![key.to_owned()]),
        user: context.user.clone(),
        route: Route::Auto,
        parent_id: None,
        on_conflict: None,
    };
    match bulk::plan(context.app(), request).await {
        Ok(plan) => {
            let preview = plan.preview().await?;
            view.unknown = foreseen::unknown(&preview);
            effects(context.app(), &preview, &mut view);
            if preview.failing_records > 0 {
                view.blockers_title = format!("This {} can't be deleted", resource.label);
                view.submit_label = String::new();
                view.sentence = String::new();
            }
        }
        // Where only bulk delete is switched off, one record still goes; what it takes along is not foretold.
        Err(Error::NotAllowed(_)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(view)
}

pub(super) fn lower_label(resource: &Resource, row: &Row) -> String {
    let title = title(resource, row);
    let name = title.split_once(&view::capitalized(&resource.label)).map_or("", |(_, name)| name.trim());
    format!("the {} {name}", resource.label)
}
