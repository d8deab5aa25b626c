//! The messages under the bell: their page, and what comes up as a toast.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use axum::{
    extract::{Path, RawQuery},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{
    context::{FormData, RequestContext},
    error::{WebError, WebResult},
    htmx::Events,
    parameters,
    paths::{parse_query, with_query},
    tasks,
    view::{self, Bell, MessageView},
};
use powercrud_engine::{
    error::{Error, FieldError},
    notify::messages::{self, Message},
    resource::grouped,
    task::{BulkTask, store},
};

const PAGE_SIZE: u64 = 50;

#[derive(Serialize)]
struct MessagesView {
    messages: Vec<MessageView>,
    /// The timestamp of the newest, for "mark all seen": what has come since was not seen.
    newest: i64,
    unseen: u64,
    seen_href: String,
    text: String,
    previous_href: Option<String>,
    next_href: Option<String>,
}

/// How many messages wait under the bell.
pub(super) async fn bell(context: &RequestContext) -> WebResult<Bell> {
    let unseen = messages::unseen(context.app(), &context.user).await?;
    Ok(Bell {
        href: context.paths.messages(),
        unseen,
        label: match unseen {
            0 => "Messages".to_owned(),
            1 => "Messages, 1 unseen".to_owned(),
            unseen => format!("Messages, {} unseen", grouped(unseen)),
        },
    })
}

/// The messages that have come up on no page yet.
pub(super) async fn fresh(context: &RequestContext) -> WebResult<Vec<MessageView>> {
    let fresh = messages::to_show(context.app(), &context.user).await?;
    views(context, &fresh).await
}

/// The same, for a whole page: with it they have come up.
pub(super) async fn show(context: &RequestContext) -> WebResult<Vec<MessageView>> {
    let fresh = messages::to_show(context.app(), &context.user).await?;
    if let Some(newest) = fresh.first() {
        note_shown(context, newest.id).await;
    }
    views(context, &fresh).await
}

/// Notes that messages have come up.
async fn note_shown(context: &RequestContext, newest: Uuid) {
    note(context, "that messages were shown", messages::mark_shown(context.app(), &context.user, newest)).await;
}

/// Notes that a task was looked at, whose messages are seen with it.
pub(super) async fn note_task_seen(context: &RequestContext, task_id: Uuid) {
    note(context, "that a task was looked at", messages::mark_task_seen(context.app(), &context.user, task_id)).await;
}

/// A page waits no longer than this for what it only notes.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where it can't be written, or not soon, the messages come up again, which is no reason to show nothing.
async fn note(context: &RequestContext, what: &str, writing: impl Future<Output = Result<(), Error>>) {
    if context.app().database().read_only_reason().is_some() {
        return;
    }
    match tokio::time::timeout(PATIENCE, writing).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "{what} could not be noted"),
        Err(_) => tracing::debug!("{what} could not be noted soon enough"),
    }
}

/// Messages with what their tasks did, as far as those are kept.
async fn views(context: &RequestContext, messages: &[Message]) -> WebResult<Vec<MessageView>> {
    let ids: HashSet<_> = messages.iter().map(|message| message.task_id).collect();
    let ids: Vec<_> = ids.into_iter().collect();
    let tasks = if ids.is_empty() { Vec::new() } else { store::load_all(context.app(), &ids).await? };
    let title = |task: &BulkTask| view::task_view(context.app(), &context.paths, task).title;
    let titles: HashMap<_, _> = tasks
        .iter()
        .filter(|task| context.user.may_see(task.user_id.as_deref()))
        .map(|task| (task.id, title(task)))
        .collect();
    let what = |message: &Message| titles.get(&message.task_id).cloned().unwrap_or_default();
    Ok(messages.iter().map(|message| view_of(context, message, what(message))).collect())
}

fn view_of(context: &RequestContext, message: &Message, what: String) -> MessageView {
    let id = message.id.to_string();
    MessageView {
        what,
        text: message.text.clone(),
        tone: message.level.clone(),
        href: context.paths.task(&message.task_id.to_string()),
        at: view::timestamp_of(message.created_at),
        seen: message.seen_at.is_some(),
        shown_href: context.paths.message_under(&id, "shown"),
        seen_href: context.paths.message_under(&id, "seen"),
        id,
    }
}

pub(super) async fn page(context: RequestContext, RawQuery(raw): RawQuery) -> WebResult<Response> {
    let pairs = parse_query(&raw.unwrap_or_default());
    let number = pairs.iter().find(|(name, _)| name == "page").map_or("1", |(_, value)| value.as_str());
    let number = parameters::page_number(number);
    let offset = (number - 1) * PAGE_SIZE;
    let total = messages::count(context.app(), &context.user).await?;
    let found = messages::list(context.app(), &context.user, offset, PAGE_SIZE).await?;
    // They are all in sight: no toast is needed on top of them.
    if let Some(newest) = found.first() {
        note_shown(&context, newest.id).await;
    }
    let href = |page: u64| {
        let pairs = if page > 1 { vec![("page".to_owned(), page.to_string())] } else { Vec::new() };
        with_query(&context.paths.messages(), &pairs)
    };
    let last = (offset + PAGE_SIZE).min(total);
    let view = MessagesView {
        newest: found.first().map_or(0, |message| message.created_at),
        unseen: messages::unseen(context.app(), &context.user).await?,
        seen_href: context.paths.messages_seen(),
        text: format!("{}–{} of {}", grouped(offset + 1), grouped(last), grouped(total)),
        previous_href: (number > 1).then(|| href(number - 1)),
        next_href: (last < total).then(|| href(number + 1)),
        messages: views(&context, &found).await?,
    };
    context.page("messages.html", "Messages", &view).await
}

/// Marks all messages seen that stood on the page.
pub(super) async fn all_seen(context: RequestContext, form: FormData) -> WebResult<Response> {
    let newest = form.get("newest").and_then(|newest| newest.parse().ok()).ok_or_else(|| {
        let message = "say which message was the newest on the page, in milliseconds since 1970";
        WebError::from(Error::Invalid(vec![FieldError::new("newest", "INVALID_VALUE", message)]))
    })?;
    messages::mark_all_seen(context.app(), &context.user, newest).await?;
    Ok(Redirect::to(&context.paths.messages()).into_response())
}

/// Puts one message away.
pub(super) async fn seen(context: RequestContext, Path(id): Path<String>) -> WebResult<Response> {
    messages::mark_seen(context.app(), &context.user, message_id(&id)?).await?;
    if context.htmx.partial {
        // Nothing takes the place of the toast, and the bell counts again.
        return Ok(Events::default().with("messageSeen", json!({})).send(StatusCode::OK.into_response()));
    }
    Ok(Redirect::to(&context.paths.messages()).into_response())
}

/// A toast came up before somebody's eyes.
pub(super) async fn shown(context: RequestContext, Path(id): Path<String>) -> WebResult<Response> {
    messages::mark_shown(context.app(), &context.user, message_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The badge, and with it the bell and what is new: one question tells a page all that goes on elsewhere.
pub(super) async fn badge(context: RequestContext) -> WebResult<Response> {
    // In this order: a task that ends in between is counted as running, so that the page asks again.
    let active = tasks::count_active(&context).await?;
    let fresh = fresh(&context).await?;
    context.part_with_news("badge_answer.html", active, bell(&context).await?, fresh)
}

fn message_id(text: &str) -> WebResult<Uuid> {
    Uuid::parse_str(text).map_err(|_| super::error::Problem::not_found(format!("There is no message {text}.")).into())
}
