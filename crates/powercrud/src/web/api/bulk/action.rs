//! Actions on many records.

use axum::{extract::Path, response::Response};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{BulkAnswer, Key, Kind, carry_out};
use crate::web::{
    api::{body::Body, caller::Caller, problem::ProblemJson},
    error::WebResult,
    paths::unmark,
};
use powercrud_engine::{action::Action, error::FieldError, form::Input, task_json::TaskJson};

/// Which records to do it to. Exactly one of `ids`, `filter` and `all` says which.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the body, which is read key by key so that every mistake is told at once")]
pub(super) struct BulkAction {
    /// The records' keys: a string or number each; an array of them where the key has several fields.
    #[schema(inline, nullable = false, min_items = 1)]
    ids: Option<Vec<Key>>,
    /// Conditions as in a list's address: `FIELD` or `FIELD__OPERATOR`, and a value; an array for `in`; `q` searches.
    #[schema(nullable = false, value_type = Option<std::collections::BTreeMap<String, serde_json::Value>>)]
    filter: Option<serde_json::Value>,
    /// Every record: true.
    #[schema(nullable = false)]
    all: Option<bool>,
    /// What is filled in for the action, by the names of its `fields`: strings, numbers, true or false, dates as `2026-01-31`. What is left
    /// out has its default; null is no value.
    #[schema(nullable = false, value_type = Option<std::collections::BTreeMap<String, serde_json::Value>>)]
    values: Option<serde_json::Value>,
    /// Only tell what would happen.
    #[schema(nullable = false)]
    validate_only: Option<bool>,
    /// A name of your choice for this request. Sent again within a day, the same request of the same name is not done again: it is
    /// answered with its task, also where that has ended.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    request_id: Option<String>,
    /// Run in the background, however few the records are.
    #[schema(nullable = false)]
    background: Option<bool>,
    /// How many records you take to be selected, as `total_records` of a preview tells: where there are more or fewer by now, nothing
    /// is done, and the answer is 409 with the code `SELECTION_CHANGED`.
    #[schema(nullable = false)]
    expected_count: Option<u64>,
}

/// Do an action to many records
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
        (status = 200, description = "It has ended, well or not: see `status`; or the preview asked for", body = inline(BulkAnswer)),
        (status = 202, description = "It runs in the background", body = TaskJson, headers(
            ("Location" = String, description = "The task's address"),
            ("Retry-After" = u64, description = "In so many seconds it is worth to look"),
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
