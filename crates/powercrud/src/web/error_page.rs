//! Turns every failed answer, whoever made it, into a page; for htmx, into a toast.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use serde::Serialize;

use super::{
    Web, api, auth,
    context::RequestContext,
    error::{Problem, WebError, WebResult},
    htmx,
    refusal::{self, Asker},
};

#[derive(Serialize)]
struct ErrorView {
    status: u16,
    title: String,
    message: String,
    hint: String,
    request_id: String,
    tone: &'static str,
}

pub(super) async fn not_found() -> WebResult<Response> {
    Err(Problem::not_found("There is no such page.").into())
}

pub(super) async fn method_not_allowed() -> WebResult<Response> {
    Err(Problem::of_status(StatusCode::METHOD_NOT_ALLOWED, String::new()).into())
}

/// The layer. Answers with an error status that carry no HTML of their own are rendered here.
pub(super) async fn render(State(web): State<Web>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let context = RequestContext::of(&web, &parts);
    let login = auth::way_to_login(&context, &parts);
    let for_program = api::answers(parts.uri.path());
    // No filter takes one, and no PostgreSQL text can hold it; keys may have one where texts may.
    let looked_at = match web.app.database().dialect().may_hold_nul() {
        true => parts.uri.query(),
        false => parts.uri.path_and_query().map(|address| address.as_str()),
    };
    let (method, uri) = (parts.method.clone(), parts.uri.clone());
    let has_nul = !for_program && looked_at.is_some_and(|address| address.contains("%00"));
    let mut request = Request::from_parts(parts, body);
    let asker = Asker::of(&mut request);
    let mut response = match has_nul {
        true => WebError::from(Problem::nul_in_address()).into_response(),
        false => next.run(request).await,
    };
    let status = response.status();
    let own_html =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let told = response.extensions_mut().remove::<Problem>();
    let problem = match told {
        Some(problem) => problem,
        None if (status.is_client_error() || status.is_server_error()) && !own_html && !is_health(&response) => {
            Problem::of_status(status, String::new())
        }
        None => return response,
    };
    if matches!(problem.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
        refusal::note(&web, &asker, method.as_str(), &uri, &problem).await;
    }
    if problem.status == StatusCode::UNAUTHORIZED
        && let Some(way) = login
    {
        return auth::send_to_login(&context, way);
    }
    if let Some(cause) = &problem.cause {
        tracing::error!(request_id = context.request_id, status = status.as_u16(), cause, "a request failed");
    }
    if for_program {
        let mut answer = api::problem(&problem, &context.request_id);
        keep(response.headers(), answer.headers_mut());
        return answer;
    }
    let mut rendered = page(&context, &problem).await.unwrap_or_else(|error| {
        // The error page itself failed, for want of a database or by an overridden template: plain words must do.
        tracing::error!(request_id = context.request_id, cause = error.0.cause, "the error page can't be rendered");
        format!("{}\n\n{}\n\nRequest {}\n", problem.title, problem.message, context.request_id).into_response()
    });
    *rendered.status_mut() = problem.status;
    if problem.status == StatusCode::SERVICE_UNAVAILABLE {
        rendered.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    keep(response.headers(), rendered.headers_mut());
    if let Some(challenge) = problem.challenge.as_ref().and_then(|text| HeaderValue::from_str(text).ok()) {
        rendered.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    rendered
}

/// `/readyz` answers in plain text, with its own status.
fn is_health(response: &Response) -> bool {
    response.headers().contains_key("x-powercrud-health")
}

async fn page(context: &RequestContext, problem: &Problem) -> WebResult<Response> {
    let view = ErrorView {
        status: problem.status.as_u16(),
        title: problem.title.clone(),
        message: problem.message.clone(),
        hint: problem.hint.clone(),
        request_id: if problem.status.is_server_error() { context.request_id.clone() } else { String::new() },
        tone: "error",
    };
    if context.htmx.partial {
        let mut response = context.part("toast.html", &view)?;
        htmx::set(&mut response, "hx-retarget", "#toasts");
        htmx::set(&mut response, "hx-reswap", "beforeend");
        return Ok(response);
    }
    context.page("error.html", &problem.title, &view).await
}

/// What a layer said besides, such as which methods are allowed.
fn keep(from: &HeaderMap, into: &mut HeaderMap) {
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = from.get(&name) {
            into.insert(name, value.clone());
        }
    }
}
