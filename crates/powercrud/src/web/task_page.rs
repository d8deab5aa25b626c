//! One bulk task: live progress, its records by outcome, its life.

use axum::{
    extract::{Path, RawQuery},
    response::Response,
};
use serde::Serialize;
use serde_json::json;

use super::{
    bulk as bulk_dialog,
    context::RequestContext,
    error::{WebResult, sentence},
    htmx::Events,
    live::{self, Place},
    paths::{parse_query, with_query},
    staff,
    tasks::find,
    view::{self, Line, Link, NoticeView, Pair, RecordErrorView, TaskView},
};
use powercrud_engine::{
    bulk,
    error::Error,
    notify,
    query::InTask,
    resource::grouped,
    staff::is_dead,
    task::{
        BulkTask,
        results::{Outcome, ResultRecord, Results},
        store::{self, TaskFilter},
        timeline,
    },
    words::listed,
};

/// Records on the page at a time.
const PAGE_SIZE: u64 = 50;

#[derive(Serialize)]
struct TaskPage {
    crumbs: Vec<Link>,
    task: TaskView,
    /// Where its progress comes from, until it has ended.
    events_href: Option<String>,
    /// Where it can be reverted.
    revert_href: Option<String>,
    /// Whether its row says that a worker has it, and none that lives does; told to staff.
    is_dead: bool,
    /// What staff may do to it, for a reason.
    staff_actions: Vec<staff::ActionLink>,
    /// The task that reverts or reverted it.
    reverted_by: Option<Link>,
    records: Option<RecordsView>,
    parent: Option<Link>,
    lines: Vec<Line>,
    notices: NoticesView,
    /// Whether only the parts that change are asked for.
    partial: bool,
}

/// Who is told of the end.
#[derive(Serialize)]
struct NoticesView {
    list: Vec<NoticeView>,
    /// Where they are asked for again, while one of them is under way.
    href: Option<String>,
}

/// The records of one outcome.
#[derive(Serialize)]
struct RecordsView {
    title: String,
    /// This page of them, for asking again; with no place to go to, or the page would jump there.
    part_href: String,
    failed: bool,
    rows: Vec<RecordErrorView>,
    search: Option<SearchView>,
    files: Vec<Link>,
    list_href: Option<String>,
    text: String,
    previous_href: Option<String>,
    next_href: Option<String>,
    empty: String,
}

#[derive(Serialize)]
struct SearchView {
    action: String,
    value: String,
    state: Vec<Pair>,
}

/// What of the records is looked at, from the query string.
struct Looked {
    outcome: Option<Outcome>,
    search: String,
    page: u64,
    after: Option<i64>,
}

impl Looked {
    fn read(query: &str) -> Result<Self, Error> {
        let mut looked = Self { outcome: None, search: String::new(), page: 1, after: None };
        for (name, value) in parse_query(query) {
            let refuse = |allowed: String| {
                Error::invalid(&name, "INVALID_VALUE", format!("{value:?} is not allowed; allowed is {allowed}"))
            };
            match name.as_str() {
                "outcome" => {
                    let outcome = value.parse().ok();
                    let allowed = || listed(Outcome::ALL);
                    looked.outcome = Some(outcome.ok_or_else(|| refuse(allowed()))?);
                }
                "q" => looked.search = value.trim().to_owned(),
                "page" => {
                    let page = value.parse().ok().filter(|page| (1..1_000_000).contains(page));
                    looked.page = page.ok_or_else(|| refuse("a whole number from 1".to_owned()))?;
                }
                "after" => {
                    let place = value.parse().map_err(|_| refuse("the place of a record".to_owned()))?;
                    looked.after = Some(place);
                }
                _ => {
                    return Err(Error::invalid(
                        &name,
                        "UNKNOWN_FIELD",
                        "is not known; allowed are: outcome, q, page, after",
                    ));
                }
            }
        }
        Ok(looked)
    }
}

pub(super) async fn page(
    context: RequestContext,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> WebResult<Response> {
    let task = find(&context, &id).await?;
    if task.status.is_final() {
        super::messages::note_task_seen(&context, task.id).await;
    }
    let looked = Looked::read(&raw.unwrap_or_default())?;
    let records = records(&context, &task, &looked).await?;
    if context.htmx.partial && context.htmx.target.as_deref() == Some("records") {
        #[derive(Serialize)]
        struct Part {
            records: Option<RecordsView>,
            task: TaskView,
        }
        let task = view::task_view(context.app(), &context.paths, &task);
        return context.part("task_records.html", &Part { records, task });
    }
    let view = task_page(&context, &task, records).await?;
    context.page("task.html", &view.task.title, &view).await
}

/// The parts of a task's page that change.
pub(super) async fn progress(context: RequestContext, Path(id): Path<String>) -> WebResult<Response> {
    let task = find(&context, &id).await?;
    changed(&context, &task).await
}

pub(super) async fn changed(context: &RequestContext, task: &BulkTask) -> WebResult<Response> {
    let view = TaskPage { partial: true, ..task_page(context, task, None).await? };
    Ok(ended(task).send(context.part("task_live.html", &view)?))
}

/// Who was told of the task's end.
pub(super) async fn notices(context: RequestContext, Path(id): Path<String>) -> WebResult<Response> {
    #[derive(Serialize)]
    struct Part {
        notices: NoticesView,
    }
    let task = find(&context, &id).await?;
    context.part("task_notices.html", &Part { notices: notices_of(&context, &task).await? })
}

async fn notices_of(context: &RequestContext, task: &BulkTask) -> WebResult<NoticesView> {
    let notices = notify::of_task(context.app(), task).await?;
    let under_way = view::are_under_way(&notices);
    Ok(NoticesView {
        list: view::notices(&notices),
        href: under_way.then(|| context.paths.task_under(&task.id.to_string(), "notices")),
    })
}

/// One line about a task: for the list of its resource, for the dialog that queued it, and for one that it is in the way of.
pub(super) async fn strip(context: RequestContext, Path(id): Path<String>) -> WebResult<Response> {
    #[derive(Serialize)]
    struct Strip {
        strip: TaskView,
    }
    #[derive(Serialize)]
    struct Conflict {
        task: TaskView,
    }
    let task = find(&context, &id).await?;
    let view = view::task_view(context.app(), &context.paths, &task);
    let part = match context.htmx.target.as_deref() {
        Some("dialog-task") => bulk_dialog::queued_part(&context, &task).await?,
        Some("conflict-progress") => context.part("conflict_progress.html", &Conflict { task: view })?,
        _ => context.part("strip_answer.html", &Strip { strip: view })?,
    };
    Ok(ended(&task).send(part))
}

/// Once a task has ended, lists refresh themselves; its element asks no more, so this is sent once.
fn ended(task: &BulkTask) -> Events {
    if task.status.is_final() { Events::default().with("refreshTable", json!({})) } else { Events::default() }
}

async fn task_page(context: &RequestContext, task: &BulkTask, records: Option<RecordsView>) -> WebResult<TaskPage> {
    let events = timeline(context.app(), task.id).await?;
    let children = TaskFilter { parent: Some(task.id), limit: 20, ..TaskFilter::default() };
    let children = store::list(context.app(), &context.user, &children).await?;
    let parent = match task.parent_id {
        Some(id) => store::get(context.app(), &context.user, id).await.ok(),
        None => None,
    };
    let mut view = view::task_view(context.app(), &context.paths, task);
    let reverted_by = match task.image_columns {
        Some(_) if task.reverts.is_none() => bulk::reverted_by(context.app(), task.id).await?,
        _ => None,
    };
    let may_revert = reverted_by.is_none() && bulk::may_revert(context.app(), task);
    let is_dead = context.user.is_staff && task.status.is_held() && is_dead(context.app(), &context.user, task).await?;
    // Who cancels somebody else's task says why.
    let is_anothers = context.user.is_staff && task.user_id != context.user.id;
    if is_anothers {
        view.cancel_href = None;
    }
    if let (Some(href), Some(list)) = (list_href(context, task, None), &mut view.list) {
        *list = Link { label: "Show in the list".to_owned(), href };
    }
    let staff_actions = if is_dead || is_anothers { staff::links(context, task, is_dead) } else { Vec::new() };
    Ok(TaskPage {
        is_dead,
        staff_actions,
        revert_href: may_revert.then(|| context.paths.task_under(&view.id, "revert")),
        reverted_by: reverted_by.filter(|revert| context.user.may_see(revert.user_id.as_deref())).map(|revert| Link {
            label: if revert.status.is_final() { "Reverted" } else { "Being reverted" }.to_owned(),
            href: context.paths.task(&revert.id.to_string()),
        }),
        crumbs: vec![Link { label: "Bulk tasks".to_owned(), href: context.paths.tasks() }],
        events_href: live::href(&context.paths, Place::Page, std::slice::from_ref(&view)),
        lines: view::timeline(&context.paths, task, &events, &children),
        notices: notices_of(context, task).await?,
        parent: parent.map(|parent| {
            let parent = view::task_view(context.app(), &context.paths, &parent);
            Link { label: parent.title, href: parent.href }
        }),
        task: view,
        records,
        partial: false,
    })
}

/// The records that are asked for; those that failed, where nothing is. `None` where there are none to show.
async fn records(context: &RequestContext, task: &BulkTask, looked: &Looked) -> WebResult<Option<RecordsView>> {
    if task.results_purged_at.is_some() {
        return Ok(None);
    }
    let outcome = match looked.outcome {
        Some(outcome) => outcome,
        None if task.failed_records > 0 => Outcome::Failed,
        None => return Ok(None),
    };
    let id = task.id.to_string();
    let href = |pairs: &[(&str, String)]| {
        let outcome = ("outcome".to_owned(), outcome.as_str().to_owned());
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        format!(
            "{}#records",
            with_query(&context.paths.task(&id), &std::iter::once(outcome).chain(pairs).collect::<Vec<_>>())
        )
    };
    let mut results = Results::new(context.app(), task.clone(), outcome)?;
    let (total, found, here, previous, next, text);
    if outcome == Outcome::Failed {
        let offset = (looked.page - 1) * PAGE_SIZE;
        (total, found) = results.search(&looked.search, offset, PAGE_SIZE).await?;
        let searched = (!looked.search.is_empty()).then(|| ("q", looked.search.clone()));
        let to = |page: u64| {
            let page = (page > 1).then(|| ("page", page.to_string()));
            href(&searched.clone().into_iter().chain(page).collect::<Vec<_>>())
        };
        here = to(looked.page);
        previous = (looked.page > 1).then(|| to(looked.page - 1));
        next = (offset + PAGE_SIZE < total).then(|| to(looked.page + 1));
        let last = offset + found.len() as u64;
        text = match searched.is_none() && !task.status.is_final() {
            true => format!("{}–{}", grouped(offset + 1), grouped(last)),
            false => format!("{}–{} of {}", grouped(offset + 1), grouped(last), grouped(total)),
        };
    } else {
        if let Some(place) = looked.after {
            results = results.after(place);
        }
        let mut page = results.page(PAGE_SIZE as i64).await?.unwrap_or_default();
        page.truncate(PAGE_SIZE as usize);
        total = if outcome == Outcome::Succeeded { task.succeeded_records } else { task.unattempted_records() };
        let more = page.last().filter(|_| results.has_more()).map(|record| record.place);
        let after = |place: i64| vec![("after", place.to_string())];
        here = href(&looked.after.map(after).unwrap_or_default());
        previous = looked.after.is_some().then(|| href(&[]));
        next = more.map(|place| href(&after(place)));
        text = match task.status.is_final() {
            true => format!("{} of {}", grouped(page.len() as u64), grouped(total)),
            false => String::new(),
        };
        found = page;
    }
    let word = match outcome {
        Outcome::Failed => "failed",
        Outcome::Succeeded if task.operation == "delete" => "deleted",
        Outcome::Succeeded if task.operation == "revert" => "restored",
        Outcome::Succeeded => task.outcome_verb(),
        Outcome::Unprocessed if task.status.is_final() => "not attempted",
        Outcome::Unprocessed => "left",
    };
    let number = match outcome {
        Outcome::Failed => task.failed_records,
        _ => total,
    };
    let is_live = !task.status.is_final();
    let title = match (outcome, number) {
        // The tiles above count, and more often than this is looked at.
        (Outcome::Failed, _) if is_live => "Records that failed so far".to_owned(),
        (Outcome::Unprocessed, _) if is_live => "Records left".to_owned(),
        _ if is_live => format!("Records {word} so far"),
        (Outcome::Failed, 1) => "1 record failed".to_owned(),
        (_, 1) => format!("1 record {word}"),
        _ => format!("{} records {word}", grouped(number)),
    };
    let search = (outcome == Outcome::Failed && (number > 10 || !looked.search.is_empty())).then(|| SearchView {
        action: context.paths.task(&id),
        value: looked.search.clone(),
        state: vec![Pair { name: "outcome".to_owned(), value: outcome.as_str().to_owned() }],
    });
    let file = |ending: &str, label: &str| Link {
        label: label.to_owned(),
        href: context.paths.task_under(&id, &format!("results/{}.{ending}", outcome.as_str())),
    };
    Ok(Some(RecordsView {
        title,
        part_href: here.trim_end_matches("#records").to_owned(),
        failed: outcome == Outcome::Failed,
        rows: found.into_iter().map(|record| row(context, task, record)).collect(),
        search,
        files: if number > 0 { vec![file("csv", "Download CSV"), file("jsonl", "JSON Lines")] } else { Vec::new() },
        list_href: list_href(context, task, Some(outcome)).filter(|_| number > 0),
        text,
        previous_href: previous,
        next_href: next,
        empty: match looked.search.is_empty() {
            true => "There are no such records.".to_owned(),
            false => format!("No failed record holds “{}”.", looked.search),
        },
    }))
}

/// The list of the task's records, of one outcome or all; `None` where they are not known any more, and where they are in no list because
/// the task has deleted them.
fn list_href(context: &RequestContext, task: &BulkTask, outcome: Option<Outcome>) -> Option<String> {
    let resource = context.app().resource(&task.resource).ok()?;
    let all_done = task.succeeded_records == task.total_records;
    let are_gone =
        task.operation == "delete" && (outcome == Some(Outcome::Succeeded) || (outcome.is_none() && all_done));
    if are_gone || task.results_purged_at.is_some() {
        return None;
    }
    let in_task = InTask { task_id: task.id, outcome };
    Some(context.paths.list_with(&resource.name, &[(InTask::NAME.to_owned(), in_task.to_text())]))
}

fn row(context: &RequestContext, task: &BulkTask, record: ResultRecord) -> RecordErrorView {
    let resource = context.app().resource(&task.resource).ok();
    let display = resource.and_then(|resource| {
        let field = resource.display_field()?;
        resource.fields.iter().position(|other| other.name == field.name)
    });
    let name = display.and_then(|index| record.values.as_ref()?.get(index)?.clone());
    let exists = record.values.is_some();
    let (field, message) = match record.error {
        Some(error) => (error.field, sentence(&error.message)),
        None => (None, record.deleted_with.map(|other| format!("deleted with record {other}")).unwrap_or_default()),
    };
    RecordErrorView {
        href: resource.filter(|_| exists).map(|resource| context.paths.record(&resource.name, &record.record_key)),
        field: field.map(|name| {
            let field = resource.and_then(|resource| resource.field(&name));
            field.map_or(name.clone(), |field| field.label.clone())
        }),
        message,
        name: name.filter(|name| *name != record.record_key).unwrap_or_default(),
        key: record.record_key,
    }
}
