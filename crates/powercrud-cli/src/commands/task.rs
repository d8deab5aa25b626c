//! `powercrud task list | show | cancel | retry | revert | results | requeue | release | purge`

use anyhow::Result;
use powercrud::{
    PowerCrud, User, staff,
    task::{
        BulkTask, TaskJson,
        results::{self, Outcome, Results},
        store::{self, TaskFilter},
    },
};

use super::{bulk, open};
use crate::{
    args::{self, Format, StaffAction, Task, TaskCancel, TaskCommand, TaskList, TaskPurge, TaskResults, TaskRevert},
    exit::{Exit, Usage},
    output::{print, print_json, table, write},
    report,
};

pub(super) async fn run(task: Task) -> Result<Exit> {
    match task {
        Task::List(arguments) => list(arguments).await,
        Task::Show(arguments) => {
            let (powercrud, id) = find(&arguments).await?;
            let task = store::get(&powercrud, &User::operator(), id).await?;
            answer(&powercrud, &task, &arguments).await
        }
        Task::Cancel(TaskCancel { task: arguments, reason }) => {
            let (powercrud, id) = find(&arguments).await?;
            let task = match reason {
                Some(reason) => store::cancel_because(&powercrud, &User::operator(), id, &reason).await?,
                None => store::cancel(&powercrud, &User::operator(), id).await?,
            };
            answer(&powercrud, &task, &arguments).await
        }
        Task::Retry(arguments) => {
            let (powercrud, id) = find(&arguments).await?;
            let answer = powercrud::bulk::retry(&powercrud, &User::operator(), id).await?;
            bulk::finish(&powercrud, answer, false, arguments.format).await
        }
        Task::Results(arguments) => results(arguments).await,
        Task::Revert(TaskRevert { task: arguments, no_wait }) => {
            let (powercrud, id) = find(&arguments).await?;
            let answer = powercrud::bulk::revert(&powercrud, &User::operator(), id).await?;
            bulk::finish(&powercrud, answer, no_wait, arguments.format).await
        }
        Task::Requeue(StaffAction { task: arguments, reason }) => {
            let (powercrud, id) = find(&arguments).await?;
            let task = staff::requeue(&powercrud, &User::operator(), id, &reason).await?;
            answer(&powercrud, &task, &arguments).await
        }
        Task::Release(StaffAction { task: arguments, reason }) => {
            let (powercrud, id) = find(&arguments).await?;
            let task = staff::release(&powercrud, &User::operator(), id, &reason).await?;
            answer(&powercrud, &task, &arguments).await
        }
        Task::Purge(arguments) => purge(arguments).await,
    }
}

async fn purge(arguments: TaskPurge) -> Result<Exit> {
    let powercrud = open(&arguments.connection).await?;
    let deleted = staff::delete_old(&powercrud, &User::operator(), arguments.older_than, &arguments.reason).await?;
    match arguments.format {
        Format::Json => print_json(&serde_json::json!({ "deleted_tasks": deleted })),
        Format::Text => print(&format!("{deleted} {} deleted", if deleted == 1 { "task" } else { "tasks" })),
    }
    Ok(Exit::Success)
}

async fn find(arguments: &TaskCommand) -> Result<(PowerCrud, uuid::Uuid)> {
    let id = parse(&arguments.id)?;
    let powercrud = open(&arguments.connection).await?;
    Ok((powercrud, id))
}

fn parse(id: &str) -> Result<uuid::Uuid, Usage> {
    id.parse().map_err(|_| Usage(format!("{id:?} is no task id; `powercrud task list` has them")))
}

/// Writes page after page, so that a hundred thousand records need no more memory than a hundred.
async fn results(arguments: TaskResults) -> Result<Exit> {
    let id = parse(&arguments.id)?;
    let powercrud = open(&arguments.connection).await?;
    let task = store::get(&powercrud, &User::operator(), id).await?;
    let outcome = match arguments.outcome {
        args::Outcome::Succeeded => Outcome::Succeeded,
        args::Outcome::Failed => Outcome::Failed,
        args::Outcome::Unprocessed => Outcome::Unprocessed,
    };
    let format = match arguments.format {
        args::ResultFormat::Csv => results::Format::Csv,
        args::ResultFormat::Jsonl => results::Format::JsonLines,
    };
    let mut results = Results::new(&powercrud, task, outcome)?;
    write(&format.head(&results)?);
    while let Some(records) = results.next_page().await? {
        write(&format.records(&results, &records)?);
    }
    Ok(Exit::Success)
}

async fn answer(powercrud: &PowerCrud, task: &BulkTask, arguments: &TaskCommand) -> Result<Exit> {
    report::show(powercrud, task, arguments.format).await?;
    // Looking at a failed task is no failure.
    Ok(Exit::Success)
}

async fn list(arguments: TaskList) -> Result<Exit> {
    let powercrud = open(&arguments.connection).await?;
    let tasks = store::list(&powercrud, &User::operator(), &TaskFilter::default()).await?;
    let tasks: Vec<_> = tasks.iter().map(|task| task.as_shown(&powercrud)).collect();
    match arguments.format {
        Format::Json => {
            let tasks: Vec<_> = tasks.iter().map(TaskJson::from).collect();
            print_json(&serde_json::to_value(tasks)?);
        }
        Format::Text if tasks.is_empty() => print("There are no bulk tasks."),
        Format::Text => {
            let rows: Vec<_> = tasks.iter().map(row).collect();
            print(&table(&["task", "status", "%", "what", "records"], &rows));
        }
    }
    Ok(Exit::Success)
}

fn row(task: &BulkTask) -> Vec<String> {
    vec![
        task.id.to_string(),
        task.status.as_str().to_owned(),
        task.progress_percent().to_string(),
        report::describe(task),
        report::counts(task),
    ]
}
