//! Pages for staff: queues, workers, locks, the audit trail, and what only staff may do.

mod audit;
mod deeds;
mod purge;

use axum::{extract::FromRequestParts, http::request::Parts, response::Response};
use serde::Serialize;

pub(super) use audit::page as audit;
pub(super) use deeds::{DeedLink, ask_why, cancel_href, do_it, links};
pub(super) use purge::{ask_days, delete};

use super::{
    Web,
    ask::Ask,
    error::{WebError, WebResult},
    paths::with_query,
    view::{self, ChoiceView, Link, Moment, TaskView},
};
use powercrud_engine::{
    resource::grouped,
    staff::{self, LockInfo, LockKind},
    task::{BulkTask, Status},
    worker::WorkerInfo,
};

/// A request by staff; everybody else's is refused.
pub(super) struct Staff(pub(super) Ask);

impl FromRequestParts<Web> for Staff {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> WebResult<Self> {
        let ask = Ask::from_request_parts(parts, web).await?;
        ask.user.require_staff()?;
        Ok(Self(ask))
    }
}

#[derive(Serialize)]
struct StaffView {
    queues: Vec<QueueView>,
    /// Whether no worker lives while something is queued.
    nobody_works: bool,
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
    is_alive: bool,
    started: Option<Moment>,
    seen: Option<Moment>,
    tasks: Vec<Link>,
}

/// A task that its row says a worker has.
#[derive(Serialize)]
struct HeldView {
    task: TaskView,
    is_dead: bool,
    /// The worker, where it is known.
    worker: String,
    deeds: Vec<DeedLink>,
}

#[derive(Serialize)]
struct LockView {
    on: String,
    task: Option<TaskView>,
    is_dead: bool,
    waiting: Vec<Link>,
    deeds: Vec<DeedLink>,
}

pub(super) async fn page(Staff(ask): Staff) -> WebResult<Response> {
    let workers = staff::workers(ask.app(), &ask.user).await?;
    let at_work = staff::at_work(ask.app(), &ask.user).await?;
    let queues = staff::queues(ask.app(), &ask.user).await?;
    let locks = staff::locks(ask.app(), &ask.user, false).await?;
    let queued = queues.iter().flat_map(|queue| &queue.depths);
    let queued = queued.filter(|depth| depth.status == Status::Pending).any(|depth| depth.tasks > 0);
    let view = StaffView {
        nobody_works: queued && !workers.iter().any(|worker| worker.is_alive),
        queues: queues.iter().map(queue_view).collect(),
        workers: workers.iter().rev().map(|worker| worker_view(&ask, worker, &at_work)).collect(),
        locks: locks.into_iter().map(|lock| lock_view(&ask, lock)).collect(),
        at_work: at_work.iter().map(|(task, is_dead)| held_view(&ask, task, *is_dead, &workers)).collect(),
        people: owners(&ask).await?.into_iter().map(|person| tasks_of(&ask, person)).collect(),
        tasks_href: ask.paths.tasks(),
        audit_href: ask.paths.staff_under("audit"),
        purge_href: ask.paths.staff_under("purge"),
    };
    ask.page("staff.html", "Staff", &view).await
}

fn queue_view(queue: &staff::Queue) -> QueueView {
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
    QueueView { backend: queue.backend.clone(), depths: depths.collect() }
}

fn link(ask: &Ask, task: &BulkTask) -> Link {
    let task = view::task_view(ask.app(), &ask.paths, task);
    Link { label: task.title, href: task.href }
}

fn worker_view(ask: &Ask, worker: &WorkerInfo, at_work: &[(BulkTask, bool)]) -> WorkerView {
    let own = at_work.iter().filter(|(task, _)| task.worker_id == Some(worker.id));
    WorkerView {
        host: worker.host.clone(),
        pid: worker.pid,
        is_alive: worker.is_alive,
        started: view::moment_of(worker.started_at),
        seen: view::moment_of(worker.last_seen_at),
        tasks: own.map(|(task, _)| link(ask, task)).collect(),
    }
}

fn held_view(ask: &Ask, task: &BulkTask, is_dead: bool, workers: &[WorkerInfo]) -> HeldView {
    let worker = workers.iter().find(|worker| task.worker_id == Some(worker.id));
    HeldView {
        worker: worker.map(|worker| format!("{}, process {}", worker.host, worker.pid)).unwrap_or_default(),
        is_dead,
        deeds: links(ask, task, is_dead),
        task: view::task_view(ask.app(), &ask.paths, task),
    }
}

fn lock_view(ask: &Ask, lock: LockInfo) -> LockView {
    let resource = lock.task.as_ref().and_then(|task| ask.app().resource(&task.resource).ok());
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
        deeds: lock.task.as_ref().map(|task| links(ask, task, lock.is_dead)).unwrap_or_default(),
        is_dead: lock.is_dead,
        waiting: lock.waiting.iter().map(|task| link(ask, task)).collect(),
        task: lock.task.map(|task| view::task_view(ask.app(), &ask.paths, &task)),
    }
}

/// Everybody who has bulk tasks, for the filter of the task list: the address's word and the name.
pub(super) async fn owners(ask: &Ask) -> WebResult<Vec<ChoiceView>> {
    let owners = staff::owners(ask.app(), &ask.user).await?;
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

fn tasks_of(ask: &Ask, person: ChoiceView) -> Link {
    Link { href: with_query(&ask.paths.tasks(), &[("user".to_owned(), person.value)]), label: person.label }
}
