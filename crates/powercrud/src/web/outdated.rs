//! Notices that the database's tables have changed: a statement that meets a table or column that is not there, or not of the type that
//! is known, lets the catalog be read again, and so does a value that is refused. What only looks is then done again; whoever wanted to
//! change something is told.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{Method, StatusCode},
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
    let is_about_a_resource = parts.uri.path().contains("/resources/");
    // Whoever wants to change something is told that tables have changed; who only looks is shown those that there are.
    if is_about_a_resource
        && again.is_some()
        && let Err(error) = web.app.reload_where_told().await
    {
        tracing::debug!(%error, "it can't be told whether tables have changed");
    }
    let response = next.run(Request::from_parts(parts, body)).await;
    let problem = response.extensions().get::<Problem>();
    let is_outdated = problem.is_some_and(|problem| problem.is_outdated);
    // What was refused may be right by now.
    let is_refused = is_about_a_resource && response.status() == StatusCode::UNPROCESSABLE_ENTITY;
    let may_be_outdated = is_refused || problem.is_some_and(|problem| problem.may_be_outdated);
    let reloaded = match (is_outdated, may_be_outdated) {
        (true, _) => web.app.reload_after_error().await,
        (false, true) => web.app.reload_after_refusal().await,
        (false, false) => return response,
    };
    match reloaded {
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
