//! Actions on many records.

use axum::{extract::Path, response::Response};
use serde_json::value::RawValue;

use super::{BulkAnswer, Kind, bodies::BulkAction, carry_out};
use crate::web::{
    api::{body::Body, caller::Caller, problem::ProblemJson},
    error::WebResult,
    paths::unmark,
};
use powercrud_engine::{action::Action, error::FieldError, form::Input, task_json::TaskJson};

/// Run an action on many records
///
/// The actions of a resource, and what each takes, are among what `/api/v1/resources/{resource}` tells. Answers as bulk update does: with
/// 200 also where the ended task's `status` is `FAILURE`.
#[utoipa::path(
    post, path = "/api/v1/resources/{resource}/actions/{action}", tag = "bulk",
    params(
        ("resource" = String, Path, description = "The resource's name"),
        ("action" = String, Path, description = "The action's name"),
    ),
    request_body(content = BulkAction, examples(
        ("Some records" = (value = json!({"ids": [7, 8]}))),
        ("All that match, with values" = (value = json!({"filter": {"status": "paid"}, "values": {"carrier": "post", "copies": 2}}))),
        ("Told first" = (value = json!({"ids": [7, 8], "validate_only": true}))),
    )),
    responses(
        (status = 200, description = "The ended task, successful or not: see `status`; or the requested preview", body = inline(BulkAnswer)),
        (status = 202, description = "It runs in the background", body = TaskJson, headers(
            ("Location" = String, description = "The task's address"),
            ("Retry-After" = u64, description = "Seconds after which to look at the task"),
        )),
        (status = 409, description = "Another bulk task is in the way, or the selection is not `expected_count` records", body = ProblemJson,
            content_type = "application/problem+json"),
    )
)]
pub(in crate::web::api) async fn action(
    caller: Caller,
    Path((resource, action)): Path<(String, String)>,
    body: Body,
) -> WebResult<Response> {
    let action = caller.app().resource(unmark(&resource))?.action(unmark(&action))?.clone();
    carry_out(&caller, unmark(&resource), &body, Kind::Action(&action)).await
}

/// What a body fills in for an action; mistakes of kind go to `errors`, those of content are found by whoever checks the values.
pub(super) fn values(action: &Action, body: &Body, errors: &mut Vec<FieldError>) -> Vec<Input> {
    if body.get("values").is_none() {
        return Vec::new();
    }
    let names: Vec<_> = action.fields.iter().map(|field| field.name.as_str()).collect();
    let takes =
        if names.is_empty() { "an empty object".to_owned() } else { format!("an object of {}", names.join(", ")) };
    let values = body.read::<Body>("values", &takes, errors).map_or(Vec::new(), |values| values.0);
    let mut inputs = Vec::with_capacity(values.len());
    for (name, value) in values {
        match text(&value) {
            Some(text) => inputs.push((name, text)),
            None => {
                errors.push(FieldError::new(&name, "INVALID_TYPE", "is not a string, a number, true, false or null"))
            }
        }
    }
    inputs
}

/// One value as the text that a form would have; `Some(None)` is no value.
fn text(value: &RawValue) -> Option<Option<String>> {
    let text = value.get();
    match text.as_bytes().first()? {
        b'n' => Some(None),
        b'"' => serde_json::from_str(text).ok().map(Some),
        b'[' | b'{' => None,
        _ => Some(Some(text.to_owned())),
    }
}
