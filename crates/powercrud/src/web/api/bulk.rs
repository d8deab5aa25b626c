//! Bulk update, bulk delete and actions.

mod action;
mod bodies;
mod preview;

use axum::{
    Json,
    extract::Path,
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use serde_json::{json, value::RawValue};
use utoipa::ToSchema;

pub(super) use action::{__path_action, action};
use bodies::{BulkDelete, BulkUpdate};
use preview::PreviewJson;

use super::{body::Body, caller::Caller, tasks, value};
use crate::{
    token::Scope,
    web::{error::WebResult, paths::unmark},
};
use powercrud_engine::{
    action::Action,
    bulk::{self, Answer, BulkRequest, RequestKey, Requested, Route},
    change::Changes,
    error::{Error, FieldError},
    query::ListParams,
    resource::{Resource, grouped},
    selection::Selection,
    task_json::TaskJson,
};

/// Change many records
///
/// Few records are changed at once, all or none, and the answer is the ended task: 200 says that the request was carried out, `status`
/// in the body how it went. Where a record fails that is `FAILURE`, with `errors` that name it, and nothing was changed. Many records are
/// changed in the background: the answer is 202 with the task's address in `Location`. With `validate_only` nothing is changed and the
/// answer is a preview.
#[utoipa::path(
    post, path = "/api/v1/resources/{resource}/bulk-update", tag = "bulk",
    params(("resource" = String, Path, description = "The resource's name")),
    request_body(content = BulkUpdate, examples(
        ("Plain fields" = (value = json!({"ids": [7, 8], "changes": {"status": "archived", "price": "9.90"}}))),
        ("Links of a many-to-many field" = (value = json!({"ids": [7, 8], "changes": {"tags": {"add": [1, 2], "remove": [3]}}}))),
        ("Only these links" = (value = json!({"ids": [7, 8], "changes": {"tags": {"replace": [1]}}}))),
        ("All that match, told first" = (value = json!({"filter": {"status": "draft"}, "changes": {"status": "archived"}, "validate_only": true}))),
    )),
    responses(
        (status = 200, description = "The ended task, successful or not: see `status`; or the requested preview", body = inline(BulkAnswer)),
        (status = 202, description = "It runs in the background", body = TaskJson, headers(
            ("Location" = String, description = "The task's address"),
            ("Retry-After" = u64, description = "Seconds after which to look at the task"),
        )),
        (status = 409, description = "Another bulk task is in the way, or the selection is not `expected_count` records", body = super::problem::ProblemJson,
            content_type = "application/problem+json"),
    )
)]
pub(super) async fn update(caller: Caller, Path(resource): Path<String>, body: Body) -> WebResult<Response> {
    carry_out(&caller, unmark(&resource), &body, Kind::Update).await
}

/// Delete many records
///
/// Answers as bulk update does: with 200 also where the ended task's `status` is `FAILURE`. Records that others refer to are kept and
/// reported.
#[utoipa::path(
    post, path = "/api/v1/resources/{resource}/bulk-delete", tag = "bulk",
    params(("resource" = String, Path, description = "The resource's name")),
    request_body = BulkDelete,
    responses(
        (status = 200, description = "The ended task, successful or not: see `status`; or the requested preview", body = inline(BulkAnswer)),
        (status = 202, description = "It runs in the background", body = TaskJson, headers(
            ("Location" = String, description = "The task's address"),
            ("Retry-After" = u64, description = "Seconds after which to look at the task"),
        )),
        (status = 409, description = "Another bulk task is in the way, or the selection is not `expected_count` records", body = super::problem::ProblemJson,
            content_type = "application/problem+json"),
    )
)]
pub(super) async fn delete(caller: Caller, Path(resource): Path<String>, body: Body) -> WebResult<Response> {
    carry_out(&caller, unmark(&resource), &body, Kind::Delete).await
}

/// An ended task, or what would happen.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = BulkAnswer)]
#[expect(dead_code, reason = "describes an answer")]
enum BulkAnswer {
    #[schema(title = "Task")]
    Task(Box<TaskJson>),
    #[schema(title = "Preview")]
    Preview(PreviewJson),
}

/// What a bulk request is about.
#[derive(Clone, Copy)]
enum Kind<'a> {
    Update,
    Delete,
    Action(&'a Action),
}

async fn carry_out(caller: &Caller, resource: &str, body: &Body, kind: Kind<'_>) -> WebResult<Response> {
    caller.require(Scope::Bulk)?;
    let resource = caller.app().resource(resource)?.clone();
    let wanted = Wanted::read(&resource, body, kind)?;
    let key = wanted.request_id.as_ref().map(|id| RequestKey::new(caller.user(), id, &wanted.content));
    if let (Some(key), false) = (&key, wanted.validate_only)
        && let Some(task) = key.find(caller.app()).await?
    {
        return tasks::answer(caller, &Answer::Duplicate(task)).await;
    }
    let request = BulkRequest {
        resource: resource.name.clone(),
        operation: wanted.operation,
        selection: wanted.selection,
        user: caller.user().clone(),
        route: if wanted.background { Route::Background } else { Route::Auto },
        parent_id: None,
        on_conflict: None,
    };
    let mut plan = bulk::plan(caller.app(), request).await?;
    if wanted.validate_only {
        let preview = plan.preview().await?;
        let background = wanted.background || resource.should_process_async(preview.total_records);
        return Ok(Json(PreviewJson::new(preview, background)).into_response());
    }
    if let Some(key) = key {
        plan = plan.request_key(key);
    }
    if let Some(count) = wanted.expected_count {
        plan = plan.expecting(count);
    }
    tasks::answer(caller, &plan.run().await?).await
}

/// A bulk request's body, read.
struct Wanted {
    operation: Requested,
    selection: Selection,
    validate_only: bool,
    request_id: Option<String>,
    background: bool,
    expected_count: Option<u64>,
    /// All that is asked for, to tell it from another request of the same id.
    content: serde_json::Value,
}

/// The most records that are selected one by one.
const MOST_IDS: usize = 100_000;

const KEYS: [&str; 7] = ["ids", "filter", "all", "validate_only", "request_id", "background", "expected_count"];

impl Wanted {
    fn read(resource: &Resource, body: &Body, kind: Kind<'_>) -> Result<Self, Error> {
        let own = match kind {
            Kind::Update => Some("changes"),
            Kind::Delete => None,
            Kind::Action(_) => Some("values"),
        };
        let mut errors = body.strange_keys(&KEYS.into_iter().chain(own).collect::<Vec<_>>());
        let validate_only = body.read("validate_only", "true or false", &mut errors).unwrap_or(false);
        let background = body.read("background", "true or false", &mut errors).unwrap_or(false);
        let expected_count = body.read("expected_count", "a whole number from 0", &mut errors);
        let request_id = request_id(body, &mut errors);
        let selection = selection(resource, body, &mut errors);
        let operation = match kind {
            Kind::Update => Requested::Update(changes(resource, body, &mut errors)),
            Kind::Delete => Requested::Delete,
            Kind::Action(action) => {
                let values = action::values(action, body, &mut errors);
                Requested::Action { name: action.name.clone(), values }
            }
        };
        let Some(selection) = selection.filter(|_| errors.is_empty()) else { return Err(Error::Invalid(errors)) };
        let asked = match &operation {
            Requested::Update(changes) => json!(["update", changes]),
            Requested::Action { name, values } => json!(["action", name, values]),
            Requested::Delete | Requested::Revert(_) => json!(["delete"]),
        };
        let content = json!([resource.name, asked, selection_json(&selection), background]);
        Ok(Self { operation, selection, validate_only, request_id, background, expected_count, content })
    }
}

fn request_id(body: &Body, errors: &mut Vec<FieldError>) -> Option<String> {
    let allowed = "a string of 1 to 200 characters";
    let id: String = body.read("request_id", allowed, errors)?;
    if id.is_empty() || id.chars().count() > 200 {
        errors.push(FieldError::new("request_id", "OUT_OF_RANGE", format!("is not allowed; allowed is {allowed}")));
    }
    Some(id)
}

fn changes(resource: &Resource, body: &Body, errors: &mut Vec<FieldError>) -> Changes {
    let allowed = "an object of field names and new values, 1,000 at most";
    match body.read::<Body>("changes", allowed, errors) {
        Some(changes) => value::changes(resource, &changes, errors),
        None => {
            if body.get("changes").is_none() {
                errors.push(FieldError::new("changes", "NOT_NULL", format!("must be there: {allowed}")));
            }
            Changes::new()
        }
    }
}

fn selection(resource: &Resource, body: &Body, errors: &mut Vec<FieldError>) -> Option<Selection> {
    let given: Vec<_> = ["ids", "filter", "all"].into_iter().filter(|name| body.get(name).is_some()).collect();
    let [how] = given[..] else {
        let message = "say which records by exactly one of: ids, filter, all";
        errors.push(FieldError { field: None, code: "INVALID_SELECTION".into(), message: message.into() });
        return None;
    };
    match how {
        "ids" => {
            let ids: Vec<Box<RawValue>> = body.read("ids", "an array of keys", errors)?;
            if ids.len() > MOST_IDS {
                let given = grouped(ids.len() as u64);
                let message = format!("has {given} keys; allowed are {} at most", grouped(MOST_IDS as u64));
                errors.push(FieldError::new("ids", "TOO_MANY", format!("{message}: select many by filter or all")));
                return None;
            }
            let keys: Option<Vec<_>> = ids.iter().map(|id| key(id)).collect();
            if keys.is_none() {
                let message = "is not allowed; allowed is an array of keys: strings, numbers, or arrays of these";
                errors.push(FieldError::new("ids", "INVALID_TYPE", message));
            }
            keys.map(Selection::Keys)
        }
        "filter" => match filter(
            resource,
            &body.read("filter", "an object of conditions and values, 100 filters at most", errors)?,
        ) {
            Ok(params) => Some(Selection::Matching(params)),
            Err(more) => {
                errors.extend(more);
                None
            }
        },
        _ => match body.read("all", "true", errors)? {
            true => Some(Selection::All),
            false => {
                errors.push(FieldError::new("all", "INVALID_SELECTION", "can only be true; leave it out otherwise"));
                None
            }
        },
    }
}

/// A key as the text that the core has for it.
fn key(id: &RawValue) -> Option<String> {
    if !id.get().starts_with('[') {
        return key_part(id);
    }
    let parts: Vec<Box<RawValue>> = serde_json::from_str(id.get()).ok()?;
    let parts: Vec<_> = parts.iter().map(|part| key_part(part)).collect::<Option<_>>()?;
    Some(json!(parts).to_string())
}

fn key_part(id: &RawValue) -> Option<String> {
    let text = id.get();
    match text.as_bytes().first()? {
        b'"' => serde_json::from_str(text).ok(),
        b'-' | b'0'..=b'9' => Some(text.to_owned()),
        _ => None,
    }
}

/// Conditions as the list page has them in its address.
fn filter(resource: &Resource, conditions: &Body) -> Result<ListParams, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut pairs = Vec::new();
    for (name, value) in &conditions.0 {
        if ["ordering", "page", "page_size"].contains(&name.as_str()) {
            // A field of such a name, as nothing else makes sense here.
            errors.push(FieldError::new(
                name,
                "UNKNOWN_FIELD",
                format!("is no condition; a field of that name is {name}__exact"),
            ));
            continue;
        }
        match operand(name, value) {
            Ok(text) => pairs.push((name.clone(), text)),
            Err(message) => errors.push(FieldError::new(name, "INVALID_TYPE", message)),
        }
    }
    match ListParams::parse(resource, &pairs) {
        // A search for nothing finds everything.
        Ok(params) if errors.is_empty() && params.says_nothing() => {
            let message = "holds no condition; say \"all\": true where every record is meant";
            Err(vec![FieldError::new("filter", "INVALID_SELECTION", message)])
        }
        Ok(params) if errors.is_empty() => Ok(params),
        Err(Error::Invalid(more)) => {
            errors.extend(more);
            Err(errors)
        }
        _ => Err(errors),
    }
}

fn operand(name: &str, value: &RawValue) -> Result<String, &'static str> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str(text).map_err(|_| "is not a text of Unicode characters"),
        Some(b'n') => Err("is null; what is empty is found by FIELD__isnull and true"),
        Some(b'{') => Err("is an object; give a string, number, true or false"),
        Some(b'[') if name.ends_with("__in") => {
            let parts: Vec<Box<RawValue>> = serde_json::from_str(text).unwrap_or_default();
            let parts: Option<Vec<_>> = parts.iter().map(|part| key_part(part)).collect();
            let parts = parts.ok_or("holds something that is neither string nor number")?;
            if parts.iter().any(|part| part.contains(',')) {
                return Err("holds a text with a comma, which the operator in takes for two");
            }
            Ok(parts.join(","))
        }
        Some(b'[') => Err("is an array; only the operator in takes one"),
        _ => Ok(text.to_owned()),
    }
}

fn selection_json(selection: &Selection) -> serde_json::Value {
    match selection {
        Selection::Keys(keys) => json!({"ids": keys}),
        Selection::Matching(params) => json!({"filter": params.filter_pairs()}),
        _ => json!("all"),
    }
}
