//! What a list knows of bulk tasks: which run on it, which rows they hold, and which records one left with an outcome.

use std::collections::{HashMap, HashSet};

use axum::{
    extract::{Path, RawQuery},
    response::Response,
};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{Chip, RowView};
use crate::web::{
    context::RequestContext,
    error::WebResult,
    htmx::Events,
    live,
    paths::{parse_query, unmark, with_query},
    tasks::ACTIVE,
    view::{self, TaskView},
};
use powercrud_engine::{
    config::ConflictScope,
    error::Error,
    lock,
    query::ListParams,
    resource::Resource,
    task::{
        BulkTask,
        store::{self, TaskFilter},
    },
};

/// The bulk tasks that run here.
#[derive(Default, Serialize)]
pub(in crate::web) struct Strips {
    tasks: Vec<TaskView>,
    /// Where they are to be had again.
    href: String,
    /// Where their progress comes from, and what begins and ends here.
    events_href: String,
    /// Those of others, which hold records here.
    others: Others,
}

/// What somebody else's bulk tasks hold here, and how far they are; not whose they are, or what they do.
#[derive(Default, Serialize)]
pub(in crate::web) struct Others {
    tasks: Vec<Other>,
    /// Where they are to be had again, while there are any.
    href: Option<String>,
}

#[derive(Serialize)]
struct Other {
    text: String,
    percent: u64,
    progress_text: String,
}

/// The parameter that says which of others' tasks a page shows, each by its [`alias`].
const OTHERS: &str = "others";

/// What stands for the id of a task that the user may not see: the same each time, and no way back to the id.
fn alias(task: &BulkTask) -> String {
    const ALIASES: Uuid = Uuid::from_u128(0x5b0e_6f0a_91c4_4c57_8f43_2d8e_71a6_c9b2);
    Uuid::new_v5(&ALIASES, task.id.as_bytes()).to_string()
}

impl Strips {
    /// None, with the way to look again.
    pub(super) fn none(context: &RequestContext, resource: &Resource) -> Self {
        let events_href = live::news_href(&context.paths, live::Place::Strip, &[], Some(&resource.name));
        Self { href: context.paths.under(&resource.name, "running"), events_href, ..Self::default() }
    }
}

/// The strips of what runs on a resource, for htmx.
pub(in crate::web) async fn running(
    context: RequestContext,
    Path(resource): Path<String>,
    RawQuery(raw): RawQuery,
) -> WebResult<Response> {
    let resource = context.app().resource(unmark(&resource))?.clone();
    let pairs = parse_query(&raw.unwrap_or_default());
    let shown: HashSet<_> = pairs.iter().filter(|(name, _)| name == OTHERS).map(|(_, id)| id.as_str()).collect();
    if !shown.is_empty() {
        #[derive(Serialize)]
        struct Part {
            others: Others,
        }
        let holders = others_tasks(&context, &resource).await?;
        let still: HashSet<_> = holders.iter().map(alias).collect();
        let part =
            context.part("strips_others_answer.html", &Part { others: others(&context, &resource, &holders) })?;
        // What somebody else's task has done is to be seen once it has ended.
        let ended = shown.iter().any(|id| !still.contains(*id));
        let events = if ended { Events::default().with("refreshTable", json!({})) } else { Events::default() };
        return Ok(events.send(part));
    }
    running_part(&context, Some(&resource)).await
}

/// The strips alone.
pub(in crate::web) async fn running_part(context: &RequestContext, resource: Option<&Resource>) -> WebResult<Response> {
    #[derive(Serialize)]
    struct Running {
        strips: Strips,
    }
    context.part("strips.html", &Running { strips: strips(context, resource).await? })
}

/// The bulk tasks that run, on one resource or any, as far as this user may see them.
pub(in crate::web) async fn strips(context: &RequestContext, resource: Option<&Resource>) -> WebResult<Strips> {
    let filter = TaskFilter {
        statuses: ACTIVE.to_vec(),
        resource: resource.map(|resource| resource.name.clone()),
        limit: 5,
        ..TaskFilter::default()
    };
    let tasks = store::list(context.app(), &context.user, &filter).await?;
    let tasks: Vec<_> = tasks.iter().map(|task| view::task_view(context.app(), &context.paths, task)).collect();
    let href = match resource {
        Some(resource) => context.paths.under(&resource.name, "running"),
        None => context.paths.running(),
    };
    let others = match resource {
        Some(resource) => others(context, resource, &others_tasks(context, resource).await?),
        None => Others::default(),
    };
    let name = resource.map(|resource| resource.name.as_str());
    Ok(Strips { events_href: live::news_href(&context.paths, live::Place::Strip, &tasks, name), tasks, href, others })
}

/// The bulk tasks that hold records of a resource, and that this user may not see.
async fn others_tasks(context: &RequestContext, resource: &Resource) -> Result<Vec<BulkTask>, Error> {
    if !resource.checks_conflicts() {
        return Ok(Vec::new());
    }
    let (connection, dialect) = (context.app().database().connection(), context.app().database().dialect());
    let holding = lock::holding(connection, dialect, resource).await?;
    let mut tasks = store::load_all(context.app(), &holding).await?;
    tasks.retain(|task| !context.user.may_see(task.user_id.as_deref()) && !task.status.is_final());
    Ok(tasks)
}

fn others(context: &RequestContext, resource: &Resource, tasks: &[BulkTask]) -> Others {
    let what = match resource.conflict_scope() {
        ConflictScope::Model => format!("all {}", resource.label_plural),
        ConflictScope::Record => format!("some {}", resource.label_plural),
    };
    let shown = tasks.iter().map(|task| (OTHERS.to_owned(), alias(task))).collect::<Vec<_>>();
    Others {
        href: (!tasks.is_empty()).then(|| with_query(&context.paths.under(&resource.name, "running"), &shown)),
        tasks: tasks
            .iter()
            .map(|task| Other {
                text: format!("Somebody's bulk task holds {what} until it has ended"),
                percent: task.progress_percent(),
                progress_text: task.progress_for_others(resource),
            })
            .collect(),
    }
}

/// A list's parameters, as far as they fit; the rest is set aside. Where they name a task, it is one on this resource that the user may see.
pub(in crate::web) async fn read_shown(
    context: &RequestContext,
    resource: &Resource,
    pairs: &[(String, String)],
) -> Result<ListParams, Error> {
    let params = ListParams::parse_what_fits(resource, pairs)?;
    if let Some(in_task) = params.in_task {
        let task = store::get(context.app(), &context.user, in_task.task_id).await?;
        if task.resource != resource.name {
            let message = format!("that task is on {}, not on {}", task.resource, resource.name);
            return Err(Error::invalid("in_task", "INVALID_VALUE", message));
        }
    }
    Ok(params)
}

/// Marks the rows that bulk tasks hold, without how far those are, which the strip tells while it changes; all of them where a task holds the whole model, since nobody else sees its strip.
pub(super) async fn mark_held(context: &RequestContext, resource: &Resource, rows: &mut [RowView]) -> WebResult<()> {
    if !resource.checks_conflicts() {
        return Ok(());
    }
    let (connection, dialect) = (context.app().database().connection(), context.app().database().dialect());
    let keys: Vec<_> = rows.iter().map(|row| row.key.clone()).collect();
    let holders = lock::record_holders(connection, dialect, resource, &keys).await?;
    let ids: HashSet<_> = holders.iter().flatten().copied().collect();
    let ids: Vec<_> = ids.into_iter().collect();
    let mut reasons = HashMap::new();
    for task in store::load_all(context.app(), &ids).await? {
        // Whose it is and what it does stays between staff and owner.
        let reason = match context.user.may_see(task.user_id.as_deref()) {
            true => {
                let title = view::task_view(context.app(), &context.paths, &task).title;
                format!("Held by a bulk task: {title}")
            }
            false => "Held by somebody's bulk task".to_owned(),
        };
        reasons.insert(task.id, reason);
    }
    for (row, holder) in rows.iter_mut().zip(holders) {
        row.held = holder.and_then(|holder| reasons.get(&holder).cloned());
    }
    Ok(())
}

/// The chip of a filter by a task's outcome.
pub(super) async fn task_chip(
    context: &RequestContext,
    resource: &Resource,
    params: &ListParams,
) -> WebResult<Option<Chip>> {
    let Some(in_task) = params.in_task else { return Ok(None) };
    let task = store::get(context.app(), &context.user, in_task.task_id).await?;
    let without = ListParams { in_task: None, page: 1, ..params.clone() };
    Ok(Some(Chip {
        field: "Task".to_owned(),
        operator: view::left(in_task).to_owned(),
        value: view::task_view(context.app(), &context.paths, &task).title,
        remove_href: context.paths.list_with(&resource.name, &without.to_pairs()),
        error: String::new(),
    }))
}
