//! `powercrud bulk update | delete`

use anyhow::Result;
use powercrud::{
    Input, PowerCrud, Resource, Selection, User,
    bulk::{self, Answer, BulkRequest, Preview, Requested, Route},
    query::ListParams,
};

use super::open;
use crate::{
    args::{self, Bulk, Format, Run},
    exit::Exit,
    output::{grouped, print, print_json, table},
    report, wait,
};

pub(super) async fn run(bulk: Bulk) -> Result<Exit> {
    match bulk {
        Bulk::Update(update) => {
            let mut inputs: Vec<Input> = update.set.into_iter().map(|(field, value)| (field, Some(value))).collect();
            inputs.extend(update.null.into_iter().map(|field| (field, None)));
            for (word, links) in [("add", update.add), ("remove", update.remove), ("replace", update.replace)] {
                inputs.extend(links.into_iter().map(|(field, keys)| (format!("{field}__{word}"), Some(keys))));
            }
            inputs.extend(update.clear.into_iter().map(|field| (format!("{field}__clear"), None)));
            carry_out(update.resource, Requested::Update(inputs), update.selection, update.run).await
        }
        Bulk::Delete(delete) => carry_out(delete.resource, Requested::Delete, delete.selection, delete.run).await,
    }
}

async fn carry_out(resource: String, operation: Requested, selection: args::Selection, run: Run) -> Result<Exit> {
    let powercrud = open(&run.connection).await?;
    let resource = powercrud.resource(&resource)?;
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
    if run.dry_run {
        let preview = bulk::plan(&powercrud, request).await?.preview().await?;
        match run.format {
            Format::Json => print_json(&serde_json::to_value(&preview)?),
            Format::Text => print(&describe(resource, &preview)),
        }
        return Ok(Exit::Success);
    }
    finish(&powercrud, bulk::run(&powercrud, request).await?, run.no_wait, run.format).await
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

fn describe(resource: &Resource, preview: &Preview) -> String {
    let mut lines = vec![format!("{} selected; nothing was changed.", resource.count_in_words(preview.total_records))];
    if preview.unchanged_records > 0 {
        lines.push(format!("{} already have these values.", grouped(preview.unchanged_records)));
    }
    if preview.failing_records > 0 && preview.blocked_records == 0 {
        let will = if preview.all_or_nothing { "could change" } else { "will change" };
        lines.push(format!("{} {will}.", grouped(preview.changing_records)));
    }
    if preview.blocked_records > 0 {
        let blocked = resource.count_in_words(preview.blocked_records);
        lines.push(format!("{blocked} can't be deleted, because other records refer to them."));
    } else {
        for failure in &preview.failures {
            let rule = if failure.rule.is_empty() { String::new() } else { format!(" (CHECK {})", failure.rule) };
            lines.push(format!("{} will fail because {}{rule}.", grouped(failure.records), failure.message));
        }
    }
    if preview.failing_records > 0 && preview.all_or_nothing {
        lines.push("All or nothing: with a failure among them nothing is changed.".to_owned());
    }
    if !preview.unknown.is_empty() {
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
            vec![referrer.table.clone(), columns, grouped(referrer.records), referrer.action.replace('_', " ")]
        })
        .collect();
    if !referrers.is_empty() {
        lines.push(table(&["referring table", "columns", "records", "what becomes of them"], &referrers));
    }
    lines.join("\n")
}
