//! The messages under the bell: their page, and what comes up as a toast.

use axum::{
    extract::{Path, RawQuery},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{
    ask::{Ask, FormData},
    asked,
    error::{WebError, WebResult},
    htmx::Events,
    paths::{parse_query, with_query},
    tasks,
    view::{self, Bell, MessageView},
};
use powercrud_engine::{
    error::{Error, FieldError},
    notify::messages::{self, Message},
    resource::grouped,
};

const PAGE_SIZE: u64 = 50;

#[derive(Serialize)]
struct MessagesView {
    messages: Vec<MessageView>,
    /// The moment of the newest, for "mark all seen": what has come since was not seen.
    newest: i64,
    unseen: u64,
    seen_href: String,
    text: String,
    previous_href: Option<String>,
    next_href: Option<String>,
}

/// How many messages wait under the bell.
pub(super) async fn bell(ask: &Ask) -> WebResult<Bell> {
    let unseen = messages::unseen(ask.app(), &ask.user).await?;
    Ok(Bell {
        href: ask.paths.messages(),
        unseen,
        label: match unseen {
            0 => "Messages".to_owned(),
            1 => "Messages, 1 unseen".to_owned(),
            unseen => format!("Messages, {} unseen", grouped(unseen)),
        },
    })
}

/// The messages that have come up on no page yet.
pub(super) async fn fresh(ask: &Ask) -> WebResult<Vec<MessageView>> {
    let fresh = messages::to_show(ask.app(), &ask.user).await?;
    Ok(fresh.iter().map(|message| view_of(ask, message)).collect())
}

/// The same, for a whole page: with it they have come up.
pub(super) async fn show(ask: &Ask) -> WebResult<Vec<MessageView>> {
    let fresh = messages::to_show(ask.app(), &ask.user).await?;
    if let Some(newest) = fresh.first() {
        note_shown(ask, newest.id).await;
    }
    Ok(fresh.iter().map(|message| view_of(ask, message)).collect())
}

/// Notes that messages have come up. Where that can't be written they come up again, which is no reason to show nothing.
async fn note_shown(ask: &Ask, newest: Uuid) {
    if ask.app().database().read_only_reason().is_some() {
        return;
    }
    if let Err(error) = messages::mark_shown(ask.app(), &ask.user, newest).await {
        tracing::warn!(%error, "that messages were shown could not be noted");
    }
}

/// As [`note_shown`], of the messages about a task that was looked at.
pub(super) async fn note_task_seen(ask: &Ask, task_id: Uuid) {
    if ask.app().database().read_only_reason().is_some() {
        return;
    }
    if let Err(error) = messages::mark_task_seen(ask.app(), &ask.user, task_id).await {
        tracing::warn!(%error, %task_id, "that a task was looked at could not be noted");
    }
}

fn view_of(ask: &Ask, message: &Message) -> MessageView {
    let id = message.id.to_string();
    MessageView {
        text: message.text.clone(),
        tone: message.level.clone(),
        href: ask.paths.task(&message.task_id.to_string()),
        at: view::moment(message.created_at),
        seen: message.seen_at.is_some(),
        shown_href: ask.paths.message_under(&id, "shown"),
        seen_href: ask.paths.message_under(&id, "seen"),
        id,
    }
}

pub(super) async fn page(ask: Ask, RawQuery(raw): RawQuery) -> WebResult<Response> {
    let pairs = parse_query(&raw.unwrap_or_default());
    let number = pairs.iter().find(|(name, _)| name == "page").map_or("1", |(_, value)| value.as_str());
    let number = asked::page_number(number);
    let offset = (number - 1) * PAGE_SIZE;
    let total = messages::count(ask.app(), &ask.user).await?;
    let found = messages::list(ask.app(), &ask.user, offset, PAGE_SIZE).await?;
    // They are all in sight: no toast is needed on top of them.
    if let Some(newest) = found.first() {
        note_shown(&ask, newest.id).await;
    }
    let href = |page: u64| {
        let pairs = if page > 1 { vec![("page".to_owned(), page.to_string())] } else { Vec::new() };
        with_query(&ask.paths.messages(), &pairs)
    };
    let last = (offset + PAGE_SIZE).min(total);
    let view = MessagesView {
        newest: found.first().map_or(0, |message| message.created_at),
        unseen: messages::unseen(ask.app(), &ask.user).await?,
        seen_href: ask.paths.messages_seen(),
        text: format!("{}–{} of {}", grouped(offset + 1), grouped(last), grouped(total)),
        previous_href: (number > 1).then(|| href(number - 1)),
        next_href: (last < total).then(|| href(number + 1)),
        messages: found.iter().map(|message| view_of(&ask, message)).collect(),
    };
    ask.page("messages.html", "Messages", &view).await
}

/// Marks all messages seen that stood on the page.
pub(super) async fn all_seen(ask: Ask, form: FormData) -> WebResult<Response> {
    let newest = form.get("newest").and_then(|newest| newest.parse().ok()).ok_or_else(|| {
        let message = "say which message was the newest on the page, in milliseconds since 1970";
        WebError::from(Error::Invalid(vec![FieldError::new("newest", "INVALID_VALUE", message)]))
    })?;
    messages::mark_all_seen(ask.app(), &ask.user, newest).await?;
    Ok(Redirect::to(&ask.paths.messages()).into_response())
}

/// Puts one message away.
pub(super) async fn seen(ask: Ask, Path(id): Path<String>) -> WebResult<Response> {
    messages::mark_seen(ask.app(), &ask.user, message_id(&id)?).await?;
    if ask.htmx.partial {
        // Nothing takes the place of the toast, and the bell counts again.
        return Ok(Events::default().with("messageSeen", json!({})).send(StatusCode::OK.into_response()));
    }
    Ok(Redirect::to(&ask.paths.messages()).into_response())
}

/// A toast came up before somebody's eyes.
pub(super) async fn shown(ask: Ask, Path(id): Path<String>) -> WebResult<Response> {
    messages::mark_shown(ask.app(), &ask.user, message_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The badge, and with it the bell and what is new: one question tells a page all that goes on elsewhere.
pub(super) async fn badge(ask: Ask) -> WebResult<Response> {
    // In this order: a task that ends in between is counted as running, so that the page asks again.
    let running = tasks::count_running(&ask).await?;
    let fresh = fresh(&ask).await?;
    ask.part_with_news("badge_answer.html", running, bell(&ask).await?, fresh)
}

fn message_id(text: &str) -> WebResult<Uuid> {
    Uuid::parse_str(text).map_err(|_| super::error::Problem::not_found(format!("There is no message {text}.")).into())
}
