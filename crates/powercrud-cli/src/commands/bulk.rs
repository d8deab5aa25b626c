//! `powercrud bulk update | delete | run`

use anyhow::Result;
use powercrud::{
    Change, Changes, Error, PowerCrud, Resource, Selection, User,
    bulk::{self, Answer, BulkRequest, Preview, Requested, Route},
    keys_from_text,
    query::ListParams,
};

use super::{look_at, open};
use crate::{
    args::{self, Bulk, Format, Run},
    exit::Exit,
    output::{grouped, print, print_json, table},
    report, wait,
};

pub(super) async fn run(bulk: Bulk) -> Result<Exit> {
    match bulk {
        Bulk::Update(update) => {
            let changes = changes(update.changes)?;
            carry_out(update.resource, Requested::Update(changes), update.selection, update.run).await
        }
        Bulk::Delete(delete) => carry_out(delete.resource, Requested::Delete, delete.selection, delete.run).await,
        Bulk::Run(run) => {
            let values = run.value.into_iter().map(|(name, value)| (name, Some(value))).collect();
            carry_out(run.resource, Requested::Action { name: run.action, values }, run.selection, run.run).await
        }
    }
}

/// What the options say; every mistake at once.
fn changes(given: args::Changes) -> Result<Changes> {
    let mut changes = Changes::new();
    let mut errors = Vec::new();
    given.set.into_iter().for_each(|(field, value)| changes.push(field, Change::Set(value)));
    given.null.into_iter().for_each(|field| changes.push(field, Change::SetNull));
    for (word, links) in [("add", given.add), ("remove", given.remove), ("replace", given.replace)] {
        for (field, keys) in links {
            match keys_from_text(&field, &keys).and_then(|keys| Change::of_links(&field, word, keys)) {
                Ok(change) => changes.push(field, change),
                Err(error) => errors.push(error),
            }
        }
    }
    given.clear.into_iter().for_each(|field| changes.push(field, Change::Clear));
    if errors.is_empty() { Ok(changes) } else { Err(Error::Invalid(errors).into()) }
}

async fn carry_out(resource: String, operation: Requested, selection: args::Selection, run: Run) -> Result<Exit> {
    let powercrud = if run.dry_run { look_at(&run.connection).await? } else { open(&run.connection).await? };
    let resource = powercrud.resource(&resource)?;
    let kind = Kind::of(resource, &operation)?;
    let request = BulkRequest {
        resource: resource.name.clone(),
        operation,
        selection: selected(resource, selection)?,
        user: User::operator(),
        // The rules of the background: bad records are reported and their neighbours go on, however few there are.
        route: Route::Background,
        parent_id: None,
        on_conflict: None,
    };
    let mut plan = bulk::plan(&powercrud, request).await?;
    if run.dry_run {
        let preview = plan.preview().await?;
        if let Some(expected) = run.expected_count.filter(|expected| *expected != preview.total_records) {
            let records = resource.count_in_words(preview.total_records);
            return Err(Error::SelectionChanged { records, expected }.into());
        }
        match run.format {
            Format::Json => print_json(&serde_json::to_value(&preview)?),
            Format::Text => print(&describe(resource, &preview, kind)),
        }
        return Ok(Exit::Success);
    }
    if let Some(count) = run.expected_count {
        plan = plan.expecting(count);
    }
    finish(&powercrud, plan.run().await?, run.no_wait, run.format).await
}

/// Waits for the end where asked to, and tells how it was.
pub(super) async fn finish(powercrud: &PowerCrud, answer: Answer, no_wait: bool, format: Format) -> Result<Exit> {
    let worker_alive = match &answer {
        Answer::Queued { worker_alive, .. } => *worker_alive,
        Answer::Done(_) => true,
        Answer::Duplicate(task) => {
            eprintln!("The same request is running already, as task {}.", task.id);
            true
        }
    };
    if no_wait {
        if !worker_alive {
            eprintln!("No worker is alive: the task waits until `powercrud worker` or `powercrud serve` runs.");
        }
        report::show(powercrud, answer.task(), format).await?;
        return Ok(Exit::Success);
    }
    let task = wait::until_ended(powercrud, answer.task(), worker_alive).await?;
    report::show_outcome(powercrud, &task, format).await?;
    Ok(report::exit(&task))
}

fn selected(resource: &Resource, selection: args::Selection) -> Result<Selection> {
    Ok(match selection {
        args::Selection { ids: Some(ids), .. } => Selection::Keys(ids.0),
        args::Selection { all: true, .. } => Selection::All,
        args::Selection { filter, .. } => Selection::Matching(filters(resource, &filter)?),
    })
}

/// `page=2` in an address bar turns a page; in a `--filter` it can only mean a field of that name.
fn filters(resource: &Resource, filter: &[(String, String)]) -> Result<ListParams> {
    let pairs: Vec<_> = filter
        .iter()
        .map(|(key, value)| match key.contains("__") {
            true => (key.clone(), value),
            false => (format!("{key}__exact"), value),
        })
        .collect();
    Ok(ListParams::parse(resource, &pairs)?)
}

/// What is told of what would happen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Fields are set.
    Set,
    Delete,
    /// Code runs, of which nobody knows beforehand what it does.
    Code,
}

impl Kind {
    fn of(resource: &Resource, operation: &Requested) -> Result<Self> {
        Ok(match operation {
            Requested::Delete => Self::Delete,
            Requested::Action { name, .. } if !resource.action(name)?.is_set() => Self::Code,
            _ => Self::Set,
        })
    }
}

fn describe(resource: &Resource, preview: &Preview, kind: Kind) -> String {
    let mut lines = vec![format!("{} selected; nothing was changed.", resource.count_in_words(preview.total_records))];
    let (changing, failing) = (grouped(preview.changing_records), grouped(preview.failing_records));
    lines.push(match (kind, preview.stops_all()) {
        (Kind::Delete, _) => format!("{changing} will be deleted, {failing} will fail."),
        (Kind::Code, _) => format!("It will be done to {changing}, {failing} will fail."),
        (Kind::Set, stops) => {
            let will = if stops { "could change" } else { "will change" };
            let have = if preview.unchanged_records == 1 { "has" } else { "have" };
            let unchanged = grouped(preview.unchanged_records);
            format!("{changing} {will}, {unchanged} already {have} these values, {failing} will fail.")
        }
    });
    if preview.missing_records > 0 {
        let are = if preview.missing_records == 1 { "is" } else { "are" };
        lines.push(format!("{} {are} not there, which counts as deleted.", grouped(preview.missing_records)));
    }
    if preview.blocked_records > 0 {
        let blocked = resource.count_in_words(preview.blocked_records);
        lines.push(format!("{blocked} can't be deleted, because other records refer to them."));
    }
    for failure in preview.failures.iter().filter(|failure| kind != Kind::Delete || failure.code != "FOREIGN_KEY") {
        let rule = if failure.rule.is_empty() { String::new() } else { format!(" (CHECK {})", failure.rule) };
        lines.push(format!("{} will fail because {}{rule}.", grouped(failure.records), failure.message));
    }
    if preview.stops_all() {
        lines.push("All or nothing: with a failure among them nothing is changed.".to_owned());
    }
    if !preview.unknown.is_empty() && kind != Kind::Code {
        lines.push(format!("The database may still refuse records: {}.", preview.unknown.join(", ")));
    }
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "empty".to_owned());
    let samples: Vec<_> = preview
        .samples
        .iter()
        .flat_map(|sample| {
            sample.changes.iter().map(|(field, before, after)| {
                vec![sample.record_key.clone(), sample.label.clone(), field.clone(), shown(before), shown(after)]
            })
        })
        .collect();
    if !samples.is_empty() {
        lines.push(table(&["record", "name", "field", "before", "after"], &samples));
    }
    let referrers: Vec<_> = preview
        .referrers
        .iter()
        .filter(|referrer| referrer.records > 0)
        .map(|referrer| {
            let columns = referrer.columns.join(", ");
            let to = referrer
                .through
                .as_ref()
                .map_or("the records".to_owned(), |table| format!("{table} that would go along"));
            let action = referrer.action.replace('_', " ");
            vec![referrer.table.clone(), columns, to, grouped(referrer.records), action]
        })
        .collect();
    if !referrers.is_empty() {
        lines.push(table(&["referring table", "columns", "to", "records", "what becomes of them"], &referrers));
    }
    if !preview.unfollowed.is_empty() {
        lines.push(format!("More than these may go along or change, in: {}.", preview.unfollowed.join(", ")));
    }
    lines.join("\n")
}
