//! Pages for staff: queues, workers, locks, the audit trail, and what only staff may do.

mod actions;
mod audit;
mod purge;

use axum::{extract::FromRequestParts, http::request::Parts, response::Response};
use serde::Serialize;

pub(super) use actions::{ActionLink, ask_why, cancel_href, do_it, links};
pub(super) use audit::page as audit;
pub(super) use purge::{ask_days, delete};

use super::{
    Web,
    context::RequestContext,
    error::{WebError, WebResult},
    paths::with_query,
    view::{self, ChoiceView, Link, TaskView, Timestamp},
};
use powercrud_engine::{
    backend::{self, BackendStatus},
    config::IN_PROCESS_BACKEND,
    heartbeat::WorkerInfo,
    resource::grouped,
    staff::{self, LockInfo, LockKind},
    task::{
        BulkTask, Status,
        store::{self, TaskFilter},
    },
};

/// A request by staff; everybody else's is refused.
pub(super) struct Staff(pub(super) RequestContext);

impl FromRequestParts<Web> for Staff {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> WebResult<Self> {
        let context = RequestContext::from_request_parts(parts, web).await?;
        context.user.require_staff()?;
        Ok(Self(context))
    }
}

#[derive(Serialize)]
struct StaffView {
    queues: Vec<QueueView>,
    /// Whether no worker lives while something is queued.
    nobody_works: bool,
    /// What is queued and taken by no worker like this process, with the reason.
    not_taken: Vec<String>,
    workers: Vec<WorkerView>,
    at_work: Vec<HeldView>,
    locks: Vec<LockView>,
    people: Vec<Link>,
    tasks_href: String,
    audit_href: String,
    purge_href: String,
}

#[derive(Serialize)]
struct QueueView {
    backend: String,
    /// Why it can't be reached.
    unreachable: Option<String>,
    depths: Vec<DepthView>,
}

#[derive(Serialize)]
struct DepthView {
    label: &'static str,
    number: String,
    /// How long the oldest has been there.
    oldest: String,
}

#[derive(Serialize)]
struct WorkerView {
    host: String,
    pid: i64,
    /// Whether it takes only what its process serves.
    is_in_process: bool,
    is_alive: bool,
    started: Option<Timestamp>,
    seen: Option<Timestamp>,
    tasks: Vec<Link>,
}

/// A task that its row says a worker has.
#[derive(Serialize)]
struct HeldView {
    task: TaskView,
    is_dead: bool,
    /// The worker, where it is known.
    worker: String,
    staff_actions: Vec<ActionLink>,
}

#[derive(Serialize)]
struct LockView {
    on: String,
    task: Option<TaskView>,
    is_dead: bool,
    waiting: Vec<Link>,
    staff_actions: Vec<ActionLink>,
}

pub(super) async fn page(Staff(context): Staff) -> WebResult<Response> {
    let workers = staff::workers(context.app(), &context.user).await?;
    let at_work = staff::at_work(context.app(), &context.user).await?;
    let queues = staff::queues(context.app(), &context.user).await?;
    let backends = backend::status(context.app()).await;
    let locks = staff::locks(context.app(), &context.user, false).await?;
    let queued = queues.iter().flat_map(|queue| &queue.depths);
    let queued = queued.filter(|depth| depth.status == Status::Pending).any(|depth| depth.tasks > 0);
    let view = StaffView {
        nobody_works: queued && !workers.iter().any(|worker| worker.is_alive),
        not_taken: not_taken(&context).await?,
        queues: queues.iter().map(|queue| queue_view(queue, &backends)).collect(),
        workers: workers.iter().rev().map(|worker| worker_view(&context, worker, &at_work)).collect(),
        locks: locks.into_iter().map(|lock| lock_view(&context, lock)).collect(),
        at_work: at_work.iter().map(|(task, is_dead)| held_view(&context, task, *is_dead, &workers)).collect(),
        people: owners(&context).await?.into_iter().map(|person| tasks_of(&context, person)).collect(),
        tasks_href: context.paths.tasks(),
        audit_href: context.paths.staff_under("audit"),
        purge_href: context.paths.staff_under("purge"),
    };
    context.page("staff.html", "Staff", &view).await
}

/// Of the tasks that were queued last, those that no worker like this process takes.
async fn not_taken(context: &RequestContext) -> WebResult<Vec<String>> {
    let filter = TaskFilter { statuses: vec![Status::Pending], ..TaskFilter::default() };
    let tasks = store::list(context.app(), &context.user, &filter).await?;
    let shown = tasks.iter().map(|task| task.as_shown(context.app()));
    let told = shown.filter_map(|task| {
        let reason = task.pending_reason.as_deref()?;
        Some(format!("{} (task {}): {reason}.", link(context, &task).label, task.id))
    });
    Ok(told.collect())
}

fn queue_view(queue: &staff::Queue, backends: &[BackendStatus]) -> QueueView {
    let label = |status| match status {
        Status::Waiting => "Waiting for others",
        Status::Pending => "Queued",
        Status::Started => "Running",
        Status::Pausing => "Pausing",
        Status::Paused => "Paused",
        _ => "Cancelling",
    };
    // What is rare is shown only where there is some.
    let usual = [Status::Waiting, Status::Pending, Status::Started];
    let shown = queue.depths.iter().filter(|depth| depth.tasks > 0 || usual.contains(&depth.status));
    let depths = shown.map(|depth| DepthView {
        label: label(depth.status),
        number: grouped(depth.tasks),
        oldest: depth.oldest.map(|age| format!("oldest {}", view::duration(age))).unwrap_or_default(),
    });
    let status = backends.iter().find(|status| status.name == queue.backend);
    QueueView {
        backend: queue.backend.clone(),
        unreachable: status.and_then(|status| status.unreachable.clone()),
        depths: depths.collect(),
    }
}

fn link(context: &RequestContext, task: &BulkTask) -> Link {
    let task = view::task_view(context.app(), &context.paths, task);
    Link { label: task.title, href: task.href }
}

fn worker_view(context: &RequestContext, worker: &WorkerInfo, at_work: &[(BulkTask, bool)]) -> WorkerView {
    let own = at_work.iter().filter(|(task, _)| task.worker_id == Some(worker.id));
    WorkerView {
        host: worker.host.clone(),
        pid: worker.pid,
        is_in_process: worker.backend == IN_PROCESS_BACKEND,
        is_alive: worker.is_alive,
        started: view::timestamp_of(worker.started_at),
        seen: view::timestamp_of(worker.last_seen_at),
        tasks: own.map(|(task, _)| link(context, task)).collect(),
    }
}

fn held_view(context: &RequestContext, task: &BulkTask, is_dead: bool, workers: &[WorkerInfo]) -> HeldView {
    let worker = workers.iter().find(|worker| task.worker_id == Some(worker.id));
    HeldView {
        worker: worker.map(|worker| format!("{}, process {}", worker.host, worker.pid)).unwrap_or_default(),
        is_dead,
        staff_actions: links(context, task, is_dead),
        task: view::task_view(context.app(), &context.paths, task),
    }
}

fn lock_view(context: &RequestContext, lock: LockInfo) -> LockView {
    let resource = lock.task.as_ref().and_then(|task| context.app().resource(&task.resource).ok());
    let records = resource.map_or_else(
        || lock.task.as_ref().map(|task| task.resource.clone()).unwrap_or_default(),
        |resource| resource.label_plural.clone(),
    );
    LockView {
        on: match (lock.kind, &lock.task) {
            (LockKind::Model, Some(_)) => format!("All {records}"),
            (LockKind::Records, Some(task)) => format!("{} {records}", grouped(task.total_records)),
            _ => lock.key.clone(),
        },
        staff_actions: lock.task.as_ref().map(|task| links(context, task, lock.is_dead)).unwrap_or_default(),
        is_dead: lock.is_dead,
        waiting: lock.waiting.iter().map(|task| link(context, task)).collect(),
        task: lock.task.map(|task| view::task_view(context.app(), &context.paths, &task)),
    }
}

/// Everybody who has bulk tasks, for the filter of the task list: the address's word and the name.
pub(super) async fn owners(context: &RequestContext) -> WebResult<Vec<ChoiceView>> {
    let owners = staff::owners(context.app(), &context.user).await?;
    Ok(owners.into_iter().map(person).collect())
}

/// The word for the operator in addresses.
const OPERATOR: &str = "operator";

/// What goes before a user's id there, so that no user's id is the operator's word.
const ID: &str = "id:";

fn person((id, name): (Option<String>, String)) -> ChoiceView {
    ChoiceView { value: id.map_or_else(|| OPERATOR.to_owned(), |id| format!("{ID}{id}")), label: name }
}

/// The user of an address's word; an empty id is the operator's. `Err` says what is allowed.
pub(super) fn person_of(word: &str) -> Result<Option<String>, String> {
    match (word, word.strip_prefix(ID)) {
        ("", _) => Ok(None),
        (OPERATOR, _) => Ok(Some(String::new())),
        (_, Some(id)) if !id.is_empty() => Ok(Some(id.to_owned())),
        _ => Err(format!("Who: {word:?} is not known; allowed are {OPERATOR}, and {ID} with a user's id.")),
    }
}

fn tasks_of(context: &RequestContext, person: ChoiceView) -> Link {
    Link { href: with_query(&context.paths.tasks(), &[("user".to_owned(), person.value)]), label: person.label }
}
