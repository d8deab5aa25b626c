//! A task's records by outcome, as a file to download: `/tasks/ID/results/failed.csv`. Written page by page while it is sent.

use axum::{
    body::{Body, Bytes},
    extract::Path,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use futures_util::StreamExt as _;

use super::{
    context::RequestContext,
    error::{Problem, WebResult},
    tasks,
};
use crate::app::PowerCrud;
use powercrud_engine::Held;
use powercrud_engine::{
    error::Error,
    task::{
        BulkTask,
        results::{Format, Outcome, Results},
    },
};

pub(super) async fn download(context: RequestContext, Path((id, name)): Path<(String, String)>) -> WebResult<Response> {
    let Some((outcome, format)) = read(&name) else {
        let message = "There is no such file: there are succeeded, failed and unprocessed, each as .csv and .jsonl.";
        return Err(Problem::not_found(message).into());
    };
    let task = tasks::find(&context, &id).await?;
    file(context.app(), task, outcome, format)
}

/// A task's records of one outcome.
pub(super) fn file(app: &PowerCrud, task: BulkTask, outcome: Outcome, format: Format) -> WebResult<Response> {
    let name = file_name(&task, outcome, format);
    let results = Results::new(app, task, outcome)?;
    let head = Bytes::from(format.head(&results)?);
    let app = app.clone();
    let pages =
        futures_util::stream::unfold((Some(results), Some(head), Held::default()), move |(results, head, held)| {
            let app = app.clone();
            async move {
                if let Some(head) = head {
                    return Some((Ok(head), (results, None, held)));
                }
                // The page before is on its way.
                drop(held);
                let mut results = results?;
                let (next, held) = app.counted(next(&mut results, format)).await;
                match next.transpose()? {
                    Ok(text) => {
                        held.shrink(text.len() as u64);
                        Some((Ok(text), (Some(results), None, held)))
                    }
                    // The download breaks off: half of a file must not look like the whole.
                    Err(error) => {
                        tracing::error!(%error, "results can't be read");
                        Some((Err(error), (None, None, held)))
                    }
                }
            }
        });
    // Compression asks once more after the end.
    let mut response = Body::from_stream(pages.fuse()).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(format)));
    let disposition = format!("attachment; filename=\"{name}\"");
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

fn content_type(format: Format) -> &'static str {
    match format {
        Format::Csv => "text/csv; charset=utf-8; header=present",
        Format::JsonLines => "application/x-ndjson",
    }
}

async fn next(results: &mut Results, format: Format) -> Result<Option<Bytes>, Error> {
    match results.next_page().await? {
        Some(records) => Ok(Some(format.records(results, &records)?.into())),
        None => Ok(None),
    }
}

fn read(file: &str) -> Option<(Outcome, Format)> {
    let (outcome, format) = file.split_once('.')?;
    Some((outcome.parse().ok()?, format.parse().ok()?))
}

/// "book-failed-14ace2257f95.csv".
fn file_name(task: &BulkTask, outcome: Outcome, format: Format) -> String {
    let resource: String =
        task.resource.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    let id = task.id.simple().to_string();
    format!("{resource}-{}-{}.{}", outcome.as_str(), &id[20..], format.as_str())
}
