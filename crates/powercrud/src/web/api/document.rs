//! The OpenAPI document: what the handlers say of themselves, and what holds for all of them.

use std::sync::Arc;

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;

use super::caller::Caller;
use crate::{app::PowerCrud, web::error::WebResult};

/// What the document says at its beginning.
const ABOUT: &str = "\
List, filter, create, change and delete records, alone and in bulk. Bulk operations on many records run in the background as tasks.

A program sends a token: `Authorization: Bearer pcr_…`. Every token may read; its scopes say what else: `write` (single records), `bulk` \
(many records), `tasks` (cancel, pause, resume), `admin` (all of that, and tokens). It acts as the user it was made for.

Values: decimals are strings of digits, so that none is lost; dates and timestamps are ISO 8601; bytes are given as their number and can't be \
written; null is NULL. A record's key is the text of its key field, or a JSON array of texts where there are several. In an address \
a name or key that is empty, `.` or `..` has a `~` put before it (such addresses don't travel), and so has one that consists of tildes alone, \
or of tildes and one or two dots after them.

A record comes with an `ETag`. Sent back as `If-Match`, a change or a deletion is refused (412, `STALE_RECORD`) where somebody else has \
changed the record meanwhile. A field that has the given value already is not written, so that all that was read may be sent back.

What fails is answered as `application/problem+json` (RFC 9457) with a stable `code`. Keys and parameters that are not known are \
refused. The NUL character is not accepted, save in keys of records that have it.";

/// Adds what holds for every operation, and which resources there are.
pub(super) fn complete(document: OpenApi, app: &PowerCrud) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    document["info"] = json!({
        "title": app.settings().title,
        "version": "v1",
        "summary": "The JSON API of PowerCRUD",
        "description": ABOUT,
        "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
    });
    document["tags"] = json!([
        {"name": "resources", "description": "What there is"},
        {"name": "records", "description": "Single records, and lists of them"},
        {"name": "bulk", "description": "Many records at once"},
        {"name": "tasks", "description": "Bulk tasks: how far they are, how they ended"},
        {"name": "tokens", "description": "What programs sign in with"},
    ]);
    document["components"]["securitySchemes"]["token"] =
        json!({"type": "http", "scheme": "bearer", "description": "A token such as pcr_0123456789abcdef…"});
    document["security"] = json!([{"token": []}]);
    name_resources(&mut document, app);
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (_, item) in paths {
        for (_, operation) in item.as_object_mut().into_iter().flatten() {
            complete_operation(operation);
        }
    }
    document
}

/// Says which resources there are for whoever `app` is narrowed for.
pub(super) fn name_resources(document: &mut Value, app: &PowerCrud) {
    let names: Vec<_> = app.resources().iter().map(|resource| resource.name.as_str()).collect();
    let items = document["paths"].as_object_mut().into_iter().flatten().map(|(_, item)| item);
    let operations = items.filter_map(Value::as_object_mut).flatten().map(|(_, operation)| operation);
    let parameters = operations.filter_map(|operation| operation.get_mut("parameters").and_then(Value::as_array_mut));
    for parameter in parameters.flatten() {
        if parameter["name"] == "resource" && parameter["in"] == "path" {
            match (names.is_empty(), parameter["schema"].as_object_mut()) {
                (true, Some(schema)) => _ = schema.remove("enum"),
                _ => parameter["schema"]["enum"] = json!(names),
            }
        }
    }
}

fn complete_operation(operation: &mut Value) {
    let mut has = (false, false);
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        match parameter["in"].as_str() {
            Some("path") => has.0 = true,
            _ => has.1 = true,
        }
    }
    let has_body = operation.get("requestBody").is_some();
    let mut failures = vec![
        (401, "No token that is good, and nobody signed in"),
        (403, "Not allowed"),
        (500, "Something went wrong here; the log says why"),
        (503, "The database does not answer in time, or the server is busy; try again"),
    ];
    if has.0 {
        failures.push((404, "There is no such thing, or none that you may see"));
    }
    if has.0 || has_body {
        failures.push((400, "The request can't be read"));
    }
    if has.0 || has.1 || has_body {
        failures.push((422, "Something about the request can't be accepted"));
    }
    if has_body {
        failures.push((413, "The body is too large"));
        failures.push((415, "The body is not JSON"));
    }
    for (status, description) in failures {
        let responses = &mut operation["responses"];
        if responses.get(status.to_string()).is_none() {
            responses[status.to_string()] = json!({
                "description": description,
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            });
        }
    }
}

/// The document, for the place that this router is nested at.
pub(super) async fn serve(caller: Caller, document: Arc<Value>) -> WebResult<Response> {
    let mut document = Value::clone(&document);
    name_resources(&mut document, caller.app());
    let base = caller.paths().base();
    document["servers"] = json!([{"url": if base.is_empty() { "/" } else { base }}]);
    Ok(Json(document).into_response())
}
