//! What a list knows of bulk tasks: which run on it, which rows they hold, and which records one left with an outcome.

use std::collections::{HashMap, HashSet};

use axum::{extract::Path, response::Response};
use serde::Serialize;

use super::{Chip, RowView};
use crate::{
    error::Error,
    lock,
    query::ListParams,
    resource::Resource,
    task::store::{self, TaskFilter},
    web::{
        ask::Ask,
        error::WebResult,
        live,
        paths::unmark,
        tasks::ACTIVE,
        view::{self, TaskView},
    },
};

/// The bulk tasks that run here.
#[derive(Default, Serialize)]
pub(in crate::web) struct Strips {
    tasks: Vec<TaskView>,
    /// Where they are to be had again.
    href: String,
    /// Where their progress comes from, while any of them lives.
    events_href: Option<String>,
}

impl Strips {
    /// None, with the way to look again.
    pub(super) fn none(ask: &Ask, resource: &Resource) -> Self {
        Self { href: ask.paths.under(&resource.name, "running"), ..Self::default() }
    }
}

/// The strips of what runs on a resource, for htmx.
pub(in crate::web) async fn running(ask: Ask, Path(resource): Path<String>) -> WebResult<Response> {
    let resource = ask.app().resource(unmark(&resource))?.clone();
    running_part(&ask, Some(&resource)).await
}

/// The strips alone.
pub(in crate::web) async fn running_part(ask: &Ask, resource: Option<&Resource>) -> WebResult<Response> {
    #[derive(Serialize)]
    struct Running {
        strips: Strips,
    }
    ask.part("strips.html", &Running { strips: strips(ask, resource).await? })
}

/// The bulk tasks that run, on one resource or any, as far as this user may see them.
pub(in crate::web) async fn strips(ask: &Ask, resource: Option<&Resource>) -> WebResult<Strips> {
    let filter = TaskFilter {
        statuses: ACTIVE.to_vec(),
        resource: resource.map(|resource| resource.name.clone()),
        limit: 5,
        ..TaskFilter::default()
    };
    let tasks = store::list(ask.app(), &ask.user, &filter).await?;
    let tasks: Vec<_> = tasks.iter().map(|task| view::task_view(ask.app(), &ask.paths, task)).collect();
    let href = match resource {
        Some(resource) => ask.paths.under(&resource.name, "running"),
        None => ask.paths.running(),
    };
    Ok(Strips { events_href: live::href(&ask.paths, live::Place::Strip, &tasks), tasks, href })
}

/// A list's parameters. Where they name a task, it is one on this resource that the user may see.
pub(in crate::web) async fn read_params(
    ask: &Ask,
    resource: &Resource,
    pairs: &[(String, String)],
) -> Result<ListParams, Error> {
    let params = ListParams::parse_with_task(resource, pairs)?;
    if let Some(in_task) = params.in_task {
        let task = store::get(ask.app(), &ask.user, in_task.task_id).await?;
        if task.resource != resource.name {
            let message = format!("that task is on {}, not on {}", task.resource, resource.name);
            return Err(Error::invalid("in_task", "INVALID_VALUE", message));
        }
    }
    Ok(params)
}

/// Marks the rows that bulk tasks hold; all of them where a task holds the whole model, since nobody else sees its strip.
pub(super) async fn mark_held(ask: &Ask, resource: &Resource, rows: &mut [RowView]) -> WebResult<()> {
    if !resource.checks_conflicts() {
        return Ok(());
    }
    let (connection, dialect) = (ask.app().database().connection(), ask.app().database().dialect());
    let keys: Vec<_> = rows.iter().map(|row| row.key.clone()).collect();
    let holders = lock::record_holders(connection, dialect, resource, &keys).await?;
    let ids: HashSet<_> = holders.iter().flatten().copied().collect();
    let ids: Vec<_> = ids.into_iter().collect();
    let mut reasons = HashMap::new();
    for task in store::load_all(ask.app(), &ids).await? {
        // Whose it is and what it does stays between staff and owner.
        let reason = match ask.user.may_see(task.user_id.as_deref()) {
            true => format!("Held by a bulk task: {}", view::task_view(ask.app(), &ask.paths, &task).title),
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
pub(super) async fn task_chip(ask: &Ask, resource: &Resource, params: &ListParams) -> WebResult<Option<Chip>> {
    let Some(in_task) = params.in_task else { return Ok(None) };
    let task = store::get(ask.app(), &ask.user, in_task.task_id).await?;
    let without = ListParams { in_task: None, page: 1, ..params.clone() };
    Ok(Some(Chip {
        field: "Task".to_owned(),
        operator: view::left(in_task).to_owned(),
        value: view::task_view(ask.app(), &ask.paths, &task).title,
        remove_href: ask.paths.list_with(&resource.name, &without.to_pairs()),
    }))
}
