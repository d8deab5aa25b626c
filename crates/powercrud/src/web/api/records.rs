//! Single records, and lists of them as the list page shows them.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{body::Body, caller::Caller, value};
use crate::{
    error::Error,
    form::Input,
    query::{self, Count, ListParams, Row},
    record,
    resource::{Field, Resource},
    task::store,
    token::Scope,
    web::{
        error::{WebError, WebResult},
        paths::unmark,
    },
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
    fields: serde_json::Map<String, serde_json::Value>,
    /// The names of the records that it refers to, by field name, where they have names.
    names: BTreeMap<String, String>,
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
    let page = query::list_fields(caller.app(), &resource, &params, &fields).await?;
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
    responses((status = 201, body = RecordJson, headers(("Location" = String, description = "The record's address"))))
)]
pub(super) async fn create(caller: Caller, Path(resource): Path<String>, body: Body) -> WebResult<Response> {
    caller.require(Scope::Write)?;
    let resource = caller.app().resource(unmark(&resource))?.clone();
    let inputs = inputs(&resource, &body)?;
    let key = record::create(caller.app(), caller.user(), &resource, &inputs).await?;
    let record = match record::get(caller.app(), &resource, &key).await {
        Ok(row) => record(&resource, &row),
        // It was created, though a rule of the database has put it somewhere else.
        Err(Error::RecordNotFound { .. }) => {
            RecordJson { key: key.clone(), fields: serde_json::Map::new(), names: BTreeMap::new() }
        }
        Err(error) => return Err(error.into()),
    };
    let location = caller.paths().api_record(&resource.name, &key);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(record)).into_response())
}

/// One record
#[utoipa::path(
    get, path = "/api/v1/resources/{resource}/records/{key}", tag = "records",
    params(
        ("resource" = String, Path, description = "The resource's name"),
        ("key" = String, Path, description = "The record's key"),
    ),
    responses((status = 200, body = RecordJson))
)]
pub(super) async fn get(caller: Caller, Path((resource, key)): Path<(String, String)>) -> WebResult<Json<RecordJson>> {
    let (resource, key) = find(&caller, &resource, &key)?;
    Ok(Json(record(&resource, &record::get(caller.app(), &resource, &key).await?)))
}

/// Change a record
///
/// The body holds the fields to change; the others stay as they are.
#[utoipa::path(
    patch, path = "/api/v1/resources/{resource}/records/{key}", tag = "records",
    params(
        ("resource" = String, Path, description = "The resource's name"),
        ("key" = String, Path, description = "The record's key"),
    ),
    request_body = BTreeMap<String, serde_json::Value>,
    responses(
        (status = 200, body = RecordJson),
        (status = 409, description = "A bulk task holds the record", body = super::problem::ProblemJson,
            content_type = "application/problem+json"),
    )
)]
pub(super) async fn update(
    caller: Caller,
    Path((resource, key)): Path<(String, String)>,
    body: Body,
) -> WebResult<Json<RecordJson>> {
    caller.require(Scope::Write)?;
    let (resource, key) = find(&caller, &resource, &key)?;
    let inputs = inputs(&resource, &body)?;
    let written = record::update(caller.app(), caller.user(), &resource, &key, &inputs).await;
    unless_held(&caller, written).await?;
    Ok(Json(record(&resource, &record::get(caller.app(), &resource, &key).await?)))
}

/// Delete a record
#[utoipa::path(
    delete, path = "/api/v1/resources/{resource}/records/{key}", tag = "records",
    params(
        ("resource" = String, Path, description = "The resource's name"),
        ("key" = String, Path, description = "The record's key"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "A bulk task holds the record", body = super::problem::ProblemJson,
            content_type = "application/problem+json"),
    )
)]
pub(super) async fn delete(caller: Caller, Path((resource, key)): Path<(String, String)>) -> WebResult<StatusCode> {
    caller.require(Scope::Write)?;
    let (resource, key) = find(&caller, &resource, &key)?;
    let deleted = record::delete(caller.app(), caller.user(), &resource, &key).await;
    unless_held(&caller, deleted).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn find(caller: &Caller, resource: &str, key: &str) -> WebResult<(std::sync::Arc<Resource>, String)> {
    let resource = caller.app().resource(unmark(resource))?.clone();
    let key = unmark(key);
    if key.contains('\0') {
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

fn record(resource: &Resource, row: &Row) -> RecordJson {
    let cells = || resource.fields.iter().zip(&row.cells);
    let named = cells().filter_map(|(field, cell)| Some((field.name.clone(), cell.display.clone()?)));
    RecordJson {
        key: row.key.clone(),
        fields: cells().map(|(field, cell)| (field.name.clone(), value::to_json(field, &cell.value))).collect(),
        names: named.collect(),
    }
}
