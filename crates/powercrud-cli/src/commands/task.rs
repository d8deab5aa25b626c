//! `powercrud task list | show | cancel | retry`

use anyhow::Result;
use powercrud::{
    PowerCrud, User,
    task::{
        BulkTask,
        store::{self, TaskFilter},
    },
};

use super::{bulk, open};
use crate::{
    args::{Format, Task, TaskCommand, TaskList},
    exit::{Exit, Usage},
    output::{print, print_json, table},
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
        Task::Cancel(arguments) => {
            let (powercrud, id) = find(&arguments).await?;
            let task = store::cancel(&powercrud, &User::operator(), id).await?;
            answer(&powercrud, &task, &arguments).await
        }
        Task::Retry(arguments) => {
            let (powercrud, id) = find(&arguments).await?;
            let answer = powercrud::bulk::retry(&powercrud, &User::operator(), id).await?;
            bulk::finish(&powercrud, answer, false, arguments.format).await
        }
    }
}

async fn find(arguments: &TaskCommand) -> Result<(PowerCrud, uuid::Uuid)> {
    let id = arguments
        .id
        .parse()
        .map_err(|_| Usage(format!("{:?} is no task id; `powercrud task list` has them", arguments.id)))?;
    let powercrud = open(&arguments.connection).await?;
    Ok((powercrud, id))
}

async fn answer(powercrud: &PowerCrud, task: &BulkTask, arguments: &TaskCommand) -> Result<Exit> {
    report::show(powercrud, task, arguments.format).await?;
    // Looking at a failed task is no failure.
    Ok(Exit::Success)
}

async fn list(arguments: TaskList) -> Result<Exit> {
    let powercrud = open(&arguments.connection).await?;
    let tasks = store::list(&powercrud, &User::operator(), &TaskFilter::default()).await?;
    match arguments.format {
        Format::Json => print_json(&tasks.iter().map(|task| task.to_json(&[])).collect()),
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
        report::deed(task),
        report::counts(task),
    ]
}
