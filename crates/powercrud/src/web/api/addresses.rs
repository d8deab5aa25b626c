//! The API's addresses, and their description.

use std::sync::Arc;

use axum::{Router, routing::get};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Caller, bulk, document, records, resources, task_events, task_results, tasks, tokens};
use crate::{
    app::PowerCrud,
    web::{Web, context::RequestContext},
};

/// The API's addresses, with its description.
pub(in crate::web) fn routes(app: &PowerCrud) -> Router<Web> {
    let (router, document) = documented();
    let document = Arc::new(document::complete(document, app));
    router.route(DOCUMENT, get(move |caller: Caller| document::serve(caller, Arc::clone(&document))))
}

/// The page about it.
pub(in crate::web) fn page(app: &PowerCrud) -> Router<Web> {
    let document = Arc::new(document::complete(documented().1, app));
    Router::new().route(PAGE, get(move |context: RequestContext| super::page::page(context, Arc::clone(&document))))
}

const PAGE: &str = "/api";
const DOCUMENT: &str = "/api/openapi.json";

/// The same addresses, each with its methods, as their description has them.
pub(in crate::web) fn list(app: &PowerCrud) -> Vec<(String, Vec<String>)> {
    let document = document::complete(documented().1, app);
    let item = |(path, item): (&String, &serde_json::Value)| {
        let methods = item.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase());
        (path.clone(), methods.collect())
    };
    let described = document["paths"].as_object().into_iter().flatten().map(item);
    let others = [PAGE, DOCUMENT].map(|path| (path.to_owned(), vec!["GET".to_owned()]));
    described.chain(others).collect()
}

fn documented() -> (Router<Web>, utoipa::openapi::OpenApi) {
    OpenApiRouter::<Web>::new()
        .routes(routes!(resources::list))
        .routes(routes!(resources::get))
        .routes(routes!(records::list, records::create))
        .routes(routes!(records::get, records::update, records::delete))
        .routes(routes!(bulk::update))
        .routes(routes!(bulk::delete))
        .routes(routes!(bulk::action))
        .routes(routes!(tasks::list))
        .routes(routes!(tasks::get))
        .routes(routes!(tasks::errors))
        .routes(routes!(task_results::results))
        .routes(routes!(task_events::events))
        .routes(routes!(tasks::cancel))
        .routes(routes!(tasks::pause))
        .routes(routes!(tasks::resume))
        .routes(routes!(tasks::retry))
        .routes(routes!(tasks::revert))
        .routes(routes!(tokens::list))
        .routes(routes!(tokens::revoke))
        .split_for_parts()
}
