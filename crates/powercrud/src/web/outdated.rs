//! Notices that the database's tables have changed: a statement that meets a table or column that is not there lets the catalog be read
//! again, once. What only looks is then done again; whoever wanted to change something is told.

use axum::{
    body::Body,
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{
    Web,
    error::{Problem, WebError},
};

/// The layer, within the one that renders problems.
pub(super) async fn reload(State(web): State<Web>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let again = (parts.method == Method::GET).then(|| (parts.clone(), next.clone()));
    let response = next.run(Request::from_parts(parts, body)).await;
    if !response.extensions().get::<Problem>().is_some_and(|problem| problem.may_be_outdated) {
        return response;
    }
    match web.app.reload_after_error().await {
        Ok(false) => response,
        Ok(true) => match again {
            Some((parts, next)) => next.run(Request::from_parts(parts, Body::empty())).await,
            None => WebError::from(Problem::tables_changed()).into_response(),
        },
        Err(error) => {
            tracing::warn!(%error, "the catalog can't be read again");
            response
        }
    }
}
