//! Single records, and lists of them as the list page shows them.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::Path,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{AppendHeaders, IntoResponse as _, Response},
};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{body::Body, caller::Caller, value};
use crate::{
    token::Scope,
    web::{
        error::{Problem, WebError, WebResult},
        paths::unmark,
    },
};
use powercrud_db::Value;
use powercrud_engine::{
    error::Error,
    form::Input,
    query::{self, Count, ListParams, Row},
    record::{self, Expected},
    resource::{Field, Resource},
    task::store,
};

/// One record.
#[derive(Serialize, ToSchema)]
#[schema(as = Record)]
pub(super) struct RecordJson {
    /// What names it in addresses and selections: the key field's value as text; a JSON array of texts where the key has several
    /// fields; empty where the resource has no key.
    key: String,
    /// Its values by field name. Decimals are strings, bytes are their number.
    #[schema(value_type = BTreeMap<String, serde_json::Value>)]
    fields: BTreeMap<String, Box<RawValue>>,
    /// The fields that are left out above, since they hold more than there is room for: in a list more than some kilobytes, which the record
    /// itself gives; of one record more than some megabytes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    long_fields: BTreeMap<String, LongJson>,
    /// The names of the records that it refers to, by field name, where they have names.
    names: BTreeMap<String, String>,
}

/// A value that is too long to be given.
#[derive(Serialize, ToSchema)]
#[schema(as = LongValue)]
pub(super) struct LongJson {
    /// How many bytes it has.
    bytes: u64,
    /// How it begins.
    beginning: String,
}

/// One page of records.
#[derive(Serialize, ToSchema)]
#[schema(as = RecordPage)]
pub(super) struct RecordPage {
    /// In the order asked for.
    records: Vec<RecordJson>,
    /// From 1.
    page: u64,
    /// Records a page.
    page_size: u64,
    /// Whether there is a page after this one.
    has_next: bool,
    /// How many records match.
    count: u64,
    /// Whether `count` is exact. Where very many match it may be a guess, or where the counting stopped.
    count_is_exact: bool,
}

/// Records that match
///
/// The parameters are those of the list page's address: besides the ones below, `FIELD=VALUE` and `FIELD__OPERATOR=VALUE` for every
/// field that can be filtered by, with the operators that its resource lists. All must hold.
#[utoipa::path(
    get, path = "/api/v1/resources/{resource}/records", tag = "records",
    params(
        ("resource" = String, Path, description = "The resource's name"),
        ("q" = Option<String>, Query, description = "Words that must all occur in the fields that are searched"),
        ("ordering" = Option<String>, Query, description = "Field names, separated by commas, each with - before it to descend"),
        ("page" = Option<u64>, Query, minimum = 1, maximum = 1_000_000_000, description = "From 1"),
        ("page_size" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "Records a page"),
        ("filter" = Option<BTreeMap<String, String>>, Query, style = Form, explode, description =
            "Conditions, each a parameter of its own such as status=draft or price__gte=10"),
    ),
    responses((status = 200, body = RecordPage))
)]
pub(super) async fn list(caller: Caller, Path(resource): Path<String>) -> WebResult<Json<RecordPage>> {
    let resource = caller.app().resource(unmark(&resource))?.clone();
    let params = ListParams::parse(&resource, &caller.query)?;
    let fields: Vec<&Field> = resource.fields.iter().collect();
    let page = query::list_fields(caller.app(), &resource, &params, &fields, query::read::LISTED).await?;
    Ok(Json(RecordPage {
        records: page.rows.iter().map(|row| record(&resource, row)).collect(),
        page: page.page,
        page_size: page.page_size,
        has_next: page.has_next,
        count: page.count.number(),
        count_is_exact: matches!(page.count, Count::Exact(_)),
    }))
}

/// Create a record
///
/// The body holds the fields' values; what is left out takes the database's default.
#[utoipa::path(
    post, path = "/api/v1/resources/{resource}/records", tag = "records",
    params(("resource" = String, Path, description = "The resource's name")),
    request_body = BTreeMap<String, serde_json::Value>,
    responses((status = 201, body = RecordJson, headers(
        ("Location" = String, description = "The record's address"),
        ("ETag" = String, description = "Another one where a value of the record is another"),
    )))
)]
pub(super) async fn create(caller: Caller, Path(resource): Path<String>, body: Body) -> WebResult<Response> {
    caller.require(Scope::Write)?;
    let resource = caller.app().resource(unmark(&resource))?.clone();
    let inputs = inputs(&resource, &body)?;
    let key = record::create(caller.app(), caller.user(), &resource, &inputs).await?;
    let location = [(header::LOCATION, caller.paths().api_record(&resource.name, &key))];
    match record::get(caller.app(), &resource, &key).await {
        Ok(row) => Ok((StatusCode::CREATED, location, with_etag(&resource, &row)).into_response()),
        // It was created, though a rule of the database has put it somewhere else.
        Err(Error::RecordNotFound { .. } | Error::RecordLost { .. }) => {
            let record =
                RecordJson { key, fields: BTreeMap::new(), long_fields: BTreeMap::new(), names: BTreeMap::new() };
            Ok((StatusCode::CREATED, location, Json(record)).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// One record
#[utoipa::path(
    get, path = "/api/v1/resources/{resource}/records/{key}", tag = "records",
    params(
        ("resource" = String, Path, description = "The resource's name"),
        ("key" = String, Path, description = "The record's key"),
    ),
    responses((status = 200, body = RecordJson, headers(
        ("ETag" = String, description = "Another one where a value of the record is another; of bytes their number counts"),
    )))
)]
pub(super) async fn get(caller: Caller, Path((resource, key)): Path<(String, String)>) -> WebResult<Response> {
    let (resource, key) = find(&caller, &resource, &key)?;
    Ok(with_etag(&resource, &record::get(caller.app(), &resource, &key).await?).into_response())
}

/// Change a record
///
/// The body holds the fields to change; the others stay as they are, and so does what has the given value already: all that was read
/// may be sent back. With `If-Match` the record is changed only where it is what was read. A trigger may give the record another key; the
/// answer's `key` is the one that it has then.
#[utoipa::path(
    patch, path = "/api/v1/resources/{resource}/records/{key}", tag = "records",
    params(
        ("resource" = String, Path, description = "The resource's name"),
        ("key" = String, Path, description = "The record's key"),
        IfMatch,
    ),
    request_body = BTreeMap<String, serde_json::Value>,
    responses(
        (status = 200, body = RecordJson, headers(("ETag" = String, description = "The record's, after the change"))),
        (status = 204, description = "It was saved, and the database has put it under another key, which it does not tell"),
        (status = 409, description = "A bulk task holds the record", body = super::problem::ProblemJson,
            content_type = "application/problem+json"),
        (status = 412, description = "The record is not what it was when it was read (`STALE_RECORD`)",
            body = super::problem::ProblemJson, content_type = "application/problem+json"),
    )
)]
pub(super) async fn update(
    caller: Caller,
    Path((resource, key)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> WebResult<Response> {
    caller.require(Scope::Write)?;
    let (resource, key) = find(&caller, &resource, &key)?;
    let inputs = inputs(&resource, &body)?;
    // In JSON both are null.
    let expected = expected(&headers)?.taking_null_for_null();
    let written = record::update_expecting(caller.app(), caller.user(), &resource, &key, &inputs, &expected).await;
    let Some(key) = unless_held(&caller, written).await? else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    match record::get(caller.app(), &resource, &key).await {
        Ok(row) => Ok(with_etag(&resource, &row).into_response()),
        // It was saved, and has gone since.
        Err(Error::RecordNotFound { .. }) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(error) => Err(error.into()),
    }
}

/// Delete a record
///
/// With `If-Match` it is deleted only where it is what was read.
#[utoipa::path(
    delete, path = "/api/v1/resources/{resource}/records/{key}", tag = "records",
    params(
        ("resource" = String, Path, description = "The resource's name"),
        ("key" = String, Path, description = "The record's key"),
        IfMatch,
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "A bulk task holds the record", body = super::problem::ProblemJson,
            content_type = "application/problem+json"),
        (status = 412, description = "The record is not what it was when it was read (`STALE_RECORD`)",
            body = super::problem::ProblemJson, content_type = "application/problem+json"),
    )
)]
pub(super) async fn delete(
    caller: Caller,
    Path((resource, key)): Path<(String, String)>,
    headers: HeaderMap,
) -> WebResult<StatusCode> {
    caller.require(Scope::Write)?;
    let (resource, key) = find(&caller, &resource, &key)?;
    let expected = expected(&headers)?;
    let deleted = record::delete_expecting(caller.app(), caller.user(), &resource, &key, &expected).await;
    unless_held(&caller, deleted).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The header, for the document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it is read by `expected`")]
struct IfMatch {
    /// The record's ETag as it was read, several separated by commas, or * for any
    #[param(rename = "If-Match", required = false, pattern = r#"^(\*|"[A-Za-z0-9_-]+"(, *"[A-Za-z0-9_-]+")*)$"#)]
    if_match: String,
}

/// What `If-Match` says: which ETags are good, or nothing.
fn expected(headers: &HeaderMap) -> WebResult<Expected> {
    let refuse = || {
        let message =
            "If-Match takes ETags in double quotes, separated by commas, as they were given with the record, or *.";
        Problem::new(StatusCode::BAD_REQUEST, "INVALID_HEADER", "Not understood", message)
    };
    if !headers.contains_key(header::IF_MATCH) {
        return Ok(Expected::default());
    }
    let mut etags = Vec::new();
    for header in headers.get_all(header::IF_MATCH) {
        for etag in header.to_str().map_err(|_| refuse())?.split(',').map(str::trim).filter(|etag| !etag.is_empty()) {
            match etag {
                // The record must be there, as it must anyway.
                "*" => return Ok(Expected::default()),
                // A weak one never matches here.
                _ if etag.starts_with("W/\"") => etags.push(etag.to_owned()),
                _ => {
                    let inner = etag.strip_prefix('"').and_then(|etag| etag.strip_suffix('"')).ok_or_else(refuse)?;
                    etags.push(inner.to_owned());
                }
            }
        }
    }
    // Of no ETag at all, none is the record's.
    Ok(Expected::default().etag(etags))
}

/// A record with its ETag.
fn with_etag(resource: &Resource, row: &Row) -> (AppendHeaders<[(HeaderName, String); 1]>, Json<RecordJson>) {
    let etag = format!("\"{}\"", record::etag(resource, row));
    (AppendHeaders([(header::ETAG, etag)]), Json(record(resource, row)))
}

fn find(caller: &Caller, resource: &str, key: &str) -> WebResult<(std::sync::Arc<Resource>, String)> {
    let resource = caller.app().resource(unmark(resource))?.clone();
    let key = unmark(key);
    if key.contains('\0') && !caller.app().database().dialect().may_hold_nul() {
        let (resource, key) = (resource.label.clone(), key.replace('\0', ""));
        return Err(Error::RecordNotFound { resource, key }.into());
    }
    Ok((resource, key.to_owned()))
}

fn inputs(resource: &Resource, body: &Body) -> Result<Vec<Input>, Error> {
    let mut errors = Vec::new();
    let inputs = value::inputs(resource, body, &mut errors);
    if errors.is_empty() { Ok(inputs) } else { Err(Error::Invalid(errors)) }
}

/// Names the task that holds a record to who may see it.
async fn unless_held<T>(caller: &Caller, result: Result<T, Error>) -> WebResult<T> {
    match result {
        Err(error @ Error::RecordHeld { task_id, .. }) => {
            let visible = store::get(caller.app(), caller.user(), task_id).await.is_ok();
            let mut problem = WebError::from(error);
            problem.0.task = visible.then_some(task_id);
            Err(problem)
        }
        result => Ok(result?),
    }
}

/// What is said of a value that is not given.
fn long(value: &Value) -> Option<LongJson> {
    match value {
        Value::Beginning(beginning, bytes) => Some(LongJson { bytes: *bytes, beginning: beginning.clone() }),
        _ => None,
    }
}

fn record(resource: &Resource, row: &Row) -> RecordJson {
    let cells = || resource.fields.iter().zip(&row.cells);
    let named = cells().filter_map(|(field, cell)| Some((field.name.clone(), cell.display.clone()?)));
    RecordJson {
        key: row.key.clone(),
        fields: cells()
            .filter(|(_, cell)| !matches!(cell.value, Value::Beginning(..)))
            .map(|(field, cell)| (field.name.clone(), value::to_json(field, &cell.value)))
            .collect(),
        long_fields: cells().filter_map(|(field, cell)| Some((field.name.clone(), long(&cell.value)?))).collect(),
        names: named.collect(),
    }
}
