//! The revert of a bulk task: a confirmation that says what comes back and what does not, and the revert itself.

use axum::{
    extract::Path,
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Serialize;
use uuid::Uuid;

use super::{
    bulk::{ConflictView, Obstacle, background_note, elsewhere},
    context::RequestContext,
    error::WebResult,
    tasks::find,
    view,
};
use powercrud_db::ReferentialAction;
use powercrud_engine::{
    bulk::{self, Revertible},
    resource::Resource,
    task::BulkTask,
};

#[derive(Serialize)]
struct RevertView {
    title: String,
    action: String,
    back_href: String,
    sentence: String,
    /// What a revert leaves as it is.
    left: Vec<String>,
    background_note: String,
    submit_label: String,
    conflict: Option<ConflictView>,
    errors_title: &'static str,
    errors: Vec<String>,
}

pub(super) async fn dialog(context: RequestContext, Path(id): Path<String>) -> WebResult<Response> {
    let task = find(&context, &id).await?;
    let view = revert_view(&context, &task, Obstacle::default()).await?;
    context.page("task_revert.html", &view.title, &view).await
}

pub(super) async fn revert(context: RequestContext, Path(id): Path<String>) -> WebResult<Response> {
    let task = find(&context, &id).await?;
    let error = match bulk::revert(context.app(), &context.user, task.id).await {
        Ok(answer) => return Ok(see(&context, answer.task().id)),
        Err(error) => error,
    };
    let resource = context.app().resource(&task.resource)?.clone();
    let obstacle = Obstacle::of(&context, &resource, error).await?;
    let status = obstacle.status();
    let view = revert_view(&context, &task, obstacle).await?;
    let mut response = context.page("task_revert.html", &view.title, &view).await?;
    *response.status_mut() = status;
    Ok(response)
}

fn see(context: &RequestContext, id: Uuid) -> Response {
    Redirect::to(&context.paths.task(&id.to_string())).into_response()
}

async fn revert_view(context: &RequestContext, task: &BulkTask, obstacle: Obstacle) -> WebResult<RevertView> {
    let Revertible { records, of_deleted, has_triggers } =
        bulk::revertible(context.app(), &context.user, task.id).await?;
    let resource = context.app().resource(&task.resource)?;
    let counted = resource.count_in_words(records);
    let id = task.id.to_string();
    let (is, get, have) = if records == 1 { ("is", "gets", "it") } else { ("are", "get", "they") };
    Ok(RevertView {
        title: format!("Revert “{}”?", view::task_view(context.app(), &context.paths, task).title),
        action: context.paths.task_under(&id, "revert"),
        back_href: context.paths.task(&id),
        sentence: match of_deleted {
            true => format!("{counted} {is} inserted again, with the same keys."),
            false => format!("{counted} {get} back what {have} held before in: {}.", fields(resource, task)),
        },
        left: match of_deleted {
            true => left_of_delete(context, resource, has_triggers),
            false => {
                vec!["Records that have changed since: they stay as they are, and the report lists them.".to_owned()]
            }
        },
        background_note: background_note(context, resource, records).await?,
        submit_label: format!("Restore {counted}"),
        errors_title: "Nothing was restored",
        errors: elsewhere(&obstacle.errors, &[]),
        conflict: obstacle.conflict,
    })
}

fn fields(resource: &Resource, task: &BulkTask) -> String {
    let names = task.image_columns.iter().flatten();
    let labels = names.map(|name| resource.field(name).map_or(name.as_str(), |field| field.label.as_str()));
    labels.collect::<Vec<_>>().join(", ")
}

/// What a delete did beside deleting the records, and what may be in their way by now.
fn left_of_delete(context: &RequestContext, resource: &Resource, has_triggers: bool) -> Vec<String> {
    let mut left = Vec::new();
    if has_triggers {
        left.push("Values that triggers of the database set on new rows: they are set anew.".to_owned());
    }
    let app = context.app();
    for (table, key) in app.catalog().referrers(&resource.table).filter(|(table, _)| app.shows_whole(table)) {
        let other = context.app().resources().iter().find(|other| other.model_name == table.qualified_name());
        let records = other.map_or_else(
            || format!("Rows of {}", table.qualified_name()),
            |other| view::capitalized(&other.label_plural),
        );
        let label = |column: &String| match other.and_then(|other| other.field(column)) {
            Some(field) => field.label.to_lowercase(),
            None => column.clone(),
        };
        let columns = key.columns.iter().map(label).collect::<Vec<_>>().join(", ");
        match key.on_delete {
            ReferentialAction::Restrict => {}
            ReferentialAction::Cascade => {
                left.push(format!("{records} that were deleted along with them stay deleted."))
            }
            ReferentialAction::SetNull => left.push(format!("{records} whose {columns} became empty keep it empty.")),
            ReferentialAction::SetDefault => {
                left.push(format!("{records} whose {columns} went back to its default keep that."))
            }
        }
    }
    left.push(
        "Records whose key is in use again, or that refer to records that are gone: the report lists them.".to_owned(),
    );
    left
}
