//! The revert of a bulk task: a confirmation that says what comes back and what does not, and the deed.

use axum::{
    extract::Path,
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Serialize;
use uuid::Uuid;

use super::{
    ask::Ask,
    bulk::{ConflictView, Obstacle, background_note, elsewhere},
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

pub(super) async fn dialog(ask: Ask, Path(id): Path<String>) -> WebResult<Response> {
    let task = find(&ask, &id).await?;
    let view = revert_view(&ask, &task, Obstacle::default()).await?;
    ask.page("task_revert.html", &view.title, &view).await
}

pub(super) async fn revert(ask: Ask, Path(id): Path<String>) -> WebResult<Response> {
    let task = find(&ask, &id).await?;
    let error = match bulk::revert(ask.app(), &ask.user, task.id).await {
        Ok(answer) => return Ok(see(&ask, answer.task().id)),
        Err(error) => error,
    };
    let resource = ask.app().resource(&task.resource)?.clone();
    let obstacle = Obstacle::of(&ask, &resource, error).await?;
    let status = obstacle.status();
    let view = revert_view(&ask, &task, obstacle).await?;
    let mut response = ask.page("task_revert.html", &view.title, &view).await?;
    *response.status_mut() = status;
    Ok(response)
}

fn see(ask: &Ask, id: Uuid) -> Response {
    Redirect::to(&ask.paths.task(&id.to_string())).into_response()
}

async fn revert_view(ask: &Ask, task: &BulkTask, obstacle: Obstacle) -> WebResult<RevertView> {
    let Revertible { records, of_deleted } = bulk::revertible(ask.app(), &ask.user, task.id).await?;
    let resource = ask.app().resource(&task.resource)?;
    let counted = resource.count_in_words(records);
    let id = task.id.to_string();
    let (is, get, have) = if records == 1 { ("is", "gets", "it") } else { ("are", "get", "they") };
    Ok(RevertView {
        title: format!("Revert “{}”?", view::task_view(ask.app(), &ask.paths, task).title),
        action: ask.paths.task_under(&id, "revert"),
        back_href: ask.paths.task(&id),
        sentence: match of_deleted {
            true => format!("{counted} {is} inserted again, with the same keys."),
            false => format!("{counted} {get} back what {have} held before in: {}.", fields(resource, task)),
        },
        left: match of_deleted {
            true => left_of_delete(ask, resource),
            false => vec![
                "Records whose values were changed since: they stay as they are, and the report names them.".to_owned(),
            ],
        },
        background_note: background_note(resource, records),
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
fn left_of_delete(ask: &Ask, resource: &Resource) -> Vec<String> {
    let mut left = Vec::new();
    for (table, key) in ask.app().catalog().referrers(&resource.table) {
        let other = ask.app().resources().iter().find(|other| other.model_name == table.qualified_name());
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
        "Records whose key is taken again, or which refer to others that are gone: the report names them.".to_owned(),
    );
    left
}
