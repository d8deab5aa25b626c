//! Who a request is by, looked up once, where PowerCRUD has the login or the application's own has to be asked; the way to sign in; signing in
//! and out.

use std::sync::atomic::Ordering;

use axum::{
    extract::{FromRequestParts, RawQuery, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{
    Web, api,
    context::{FormData, RequestContext, cookie, text},
    error::{WebError, WebResult},
    htmx::{self, Events},
    paths::{Paths, parse_query, with_more, with_query},
};
use crate::{
    account::{self, Guess, Login},
    app::{PowerCrud, SignedIn},
};
use powercrud_engine::{config::LoginMode, error::Result, user::User};

/// The cookie that holds a session's token.
const SESSION_COOKIE: &str = "powercrud_session";

/// Goes with a request whose user could not be looked up.
#[derive(Clone)]
pub(super) struct LookupFailed(pub(super) WebError);

/// The layer that looks the user up, before anything else needs to know.
pub(super) async fn identify(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let public = path.starts_with("/assets/") || path == "/healthz" || path == "/readyz";
    if web.app.has_login() && !public {
        match who(&web, request.headers()).await {
            Ok(Some(user)) => {
                request.extensions_mut().insert(SignedIn(user));
            }
            Ok(None) => {}
            Err(error) => {
                request.extensions_mut().insert(LookupFailed(error.into()));
            }
        }
    }
    if web.app.is_asked_beforehand() && !public {
        let (parts, body) = request.into_parts();
        let user = web.app.user_beforehand(&parts).await;
        request = Request::from_parts(parts, body);
        if let Some(user) = user {
            request.extensions_mut().insert(SignedIn(user));
        }
    }
    next.run(request).await
}

async fn who(web: &Web, headers: &HeaderMap) -> Result<Option<User>> {
    let app = &web.app;
    if let Some(token) = cookie(headers, SESSION_COOKIE)
        && let Some(user) = account::session::user(app.database(), token, app.settings().session_lifetime).await?
    {
        return Ok(Some(user));
    }
    if app.settings().login == LoginMode::Always || web.has_users.load(Ordering::Relaxed) {
        return Ok(None);
    }
    if account::any(app.database()).await? {
        // From now on: whoever removes the last user does not mean to let everybody in.
        web.has_users.store(true, Ordering::Relaxed);
        return Ok(None);
    }
    Ok(Some(User::operator()))
}

/// Whether somebody who was let in a while ago would be so still, as the same kind of user. Only PowerCRUD's own users are known here.
pub(super) async fn may_still_look(app: &PowerCrud, user: &User) -> bool {
    if !app.has_login() {
        return true;
    }
    let id = user.id.as_deref().and_then(|id| Uuid::parse_str(id).ok());
    let answer = match id {
        Some(id) => account::by_id(app.database(), id)
            .await
            .map(|account| account.is_some_and(|account| account.is_active && User::from(account) == *user)),
        // Open to everybody, as long as there is no user.
        None => account::any(app.database()).await.map(|any| !any),
    };
    // Where the database can't say, nothing is told anyway.
    answer.unwrap_or(true)
}

/// How somebody who is not signed in comes to be, and goes on.
pub(super) struct WayToLogin {
    /// The page to go on with.
    next: Option<String>,
    /// Whether something was to be done, which was not.
    lost: bool,
}

/// What somebody who is not signed in gets instead of being refused; `None` for programs, which are refused.
pub(super) fn way_to_login(context: &RequestContext, parts: &Parts) -> Option<WayToLogin> {
    let accepts = text(&parts.headers, header::ACCEPT.as_str()).unwrap_or("*/*");
    let page = accepts.contains("text/html") || accepts.contains("*/*");
    let has_page = context.app().has_login() || context.app().login_page().is_some();
    if !has_page || !page || api::answers(parts.uri.path()) {
        return None;
    }
    // A form can't be sent again by a link: back to the page that it stood on.
    let here = if context.htmx.partial {
        text(&parts.headers, "hx-current-url").and_then(path_of)
    } else if parts.method == Method::GET {
        Some(context.paths.here(&parts.uri))
    } else {
        text(&parts.headers, header::REFERER.as_str()).and_then(path_of)
    };
    let next = here.filter(|here| is_local(&context.paths, here) && *here != context.paths.home());
    Some(WayToLogin { next, lost: !parts.method.is_safe() })
}

/// Sends a browser to the login page. A page with script stays as it is, with what was typed, and opens a dialog to sign in over it, where
/// PowerCRUD has the login.
pub(super) fn send_to_login(context: &RequestContext, way: WayToLogin) -> Response {
    let next = way.next.clone().map(|next| ("next".to_owned(), next));
    if let Some(page) = context.app().login_page() {
        let href = with_more(&page.href(context.paths.prefix()), &Vec::from_iter(next));
        return if context.htmx.partial { leave_unsigned(&href) } else { Redirect::to(&href).into_response() };
    }
    let lost = way.lost.then(|| (LOST.to_owned(), "1".to_owned()));
    let pairs: Vec<_> = next.into_iter().chain(lost).collect();
    let href = with_query(&context.paths.login(), &pairs);
    if !context.htmx.partial {
        return Redirect::to(&href).into_response();
    }
    let dialog = sign_in_dialog(context, way.next.unwrap_or_default(), "", String::new(), StatusCode::UNAUTHORIZED);
    dialog.unwrap_or_else(|_| leave_unsigned(&href))
}

/// Tells htmx to leave for `href`.
fn leave_unsigned(href: &str) -> Response {
    let mut response = StatusCode::UNAUTHORIZED.into_response();
    htmx::set(&mut response, "hx-redirect", href);
    response
}

/// The parameter by which the login page knows that something was not done.
const LOST: &str = "lost";

/// What goes into the page's dialog to sign in, whatever asked.
fn sign_in_dialog(
    context: &RequestContext,
    next: String,
    name: &str,
    error: String,
    status: StatusCode,
) -> WebResult<Response> {
    let view = LoginView { action: context.paths.login(), next, name: name.to_owned(), error, hint: "" };
    let mut response = context.part("sign_in.html", &view)?;
    *response.status_mut() = status;
    htmx::set(&mut response, "hx-retarget", "#sign-in-box");
    htmx::set(&mut response, "hx-reswap", "innerHTML");
    htmx::set(&mut response, "hx-push-url", "false");
    Ok(response)
}

fn path_of(url: &str) -> Option<String> {
    url.parse::<Uri>().ok()?.path_and_query().map(ToString::to_string)
}

/// Whether `next` is an address of these pages, so that nobody is sent elsewhere by a link to the login page.
fn is_local(paths: &Paths, next: &str) -> bool {
    let plain =
        next.starts_with('/') && !next.starts_with("//") && !next.contains('\\') && !next.contains(char::is_control);
    let rest = next.strip_prefix(paths.base());
    plain && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

/// An [`RequestContext`] by anybody, signed in or not.
pub(super) struct Anybody(pub(super) RequestContext);

impl FromRequestParts<Web> for Anybody {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> WebResult<Self> {
        match parts.extensions.get::<LookupFailed>() {
            Some(failed) => Err(failed.0.clone()),
            None => Ok(Self(RequestContext::of(web, parts))),
        }
    }
}

#[derive(Serialize)]
struct LoginView {
    action: String,
    next: String,
    name: String,
    error: String,
    /// What has happened, or what to do first.
    hint: &'static str,
}

pub(super) async fn page(
    Anybody(context): Anybody,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> WebResult<Response> {
    let pairs = parse_query(&raw.unwrap_or_default());
    let get = |name: &str| pairs.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
    let next = get("next").unwrap_or_default();
    if context.signed_in {
        return Ok(Redirect::to(&destination(&context.paths, next)).into_response());
    }
    let hint = if get(LOST).is_some() {
        "You are no longer signed in, so nothing was saved. Sign in and try again."
    } else if cookie(&headers, SESSION_COOKIE).is_some() {
        "Your session has ended. Sign in again to continue."
    } else {
        ""
    };
    login_page(&context, next, "", String::new(), hint, StatusCode::OK).await
}

/// Signs in: a new session in a new cookie, whatever the browser had before.
pub(super) async fn sign_in(Anybody(context): Anybody, headers: HeaderMap, form: FormData) -> WebResult<Response> {
    let get = |name: &str| form.get(name).unwrap_or_default();
    let (name, next) = (get("name"), get("next"));
    let (database, lifetime) = (context.app().database(), context.app().settings().session_lifetime);
    let former = cookie(&headers, SESSION_COOKIE);
    let guess = Guess::new(name, context.client);
    match account::sign_in(database, &guess, get("password"), lifetime, former).await? {
        Login::In(token) => {
            let is_other = !get("was").is_empty() && get("was").to_lowercase() != name.trim().to_lowercase();
            let response = match context.htmx.partial && !is_other {
                true => Events::default().with("signedIn", json!({})).send(StatusCode::OK.into_response()),
                // A page with what somebody else typed is not theirs to save.
                false => context.leave_for(&destination(&context.paths, next)),
            };
            Ok(with_session(&context, response, token.as_str()))
        }
        Login::Refused => {
            let error = "The name or the password is wrong, or the user may not sign in.".to_owned();
            refused(&context, next, name, error, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Login::Wait(wait) => {
            let seconds = wait.as_secs() + 1;
            let error = format!("There were too many failed tries with this name. Try again in {seconds} seconds.");
            let mut response = refused(&context, next, name, error, StatusCode::TOO_MANY_REQUESTS).await?;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            Ok(response)
        }
    }
}

pub(super) async fn sign_out(Anybody(context): Anybody, headers: HeaderMap) -> WebResult<Response> {
    if let Some(token) = cookie(&headers, SESSION_COOKIE) {
        account::sign_out(context.app().database(), token).await?;
    }
    let response = Redirect::to(&context.paths.login()).into_response();
    Ok(with_session(&context, response, ""))
}

/// Sets the session's cookie, or takes it away where the token is empty. The browser forgets it when it is closed.
pub(super) fn with_session(context: &RequestContext, mut response: Response, token: &str) -> Response {
    let age = if token.is_empty() { "; Max-Age=0" } else { "" };
    if let Some(set) = context.cookie_of(SESSION_COOKIE, token, &context.paths.home(), age) {
        response.headers_mut().append(header::SET_COOKIE, set);
    }
    response
}

fn destination(paths: &Paths, next: &str) -> String {
    if is_local(paths, next) { next.to_owned() } else { paths.home() }
}

/// The form again, where it stood.
async fn refused(
    context: &RequestContext,
    next: &str,
    name: &str,
    error: String,
    status: StatusCode,
) -> WebResult<Response> {
    match context.htmx.partial {
        true => sign_in_dialog(context, next.to_owned(), name, error, status),
        false => login_page(context, next, name, error, "", status).await,
    }
}

async fn login_page(
    context: &RequestContext,
    next: &str,
    name: &str,
    error: String,
    hint: &'static str,
    status: StatusCode,
) -> WebResult<Response> {
    let nobody = !account::any(context.app().database()).await?;
    let view = LoginView {
        action: context.paths.login(),
        next: if is_local(&context.paths, next) { next.to_owned() } else { String::new() },
        name: name.to_owned(),
        error,
        hint: if nobody {
            "There is no user yet. On the server, “powercrud user add NAME --staff” adds one."
        } else {
            hint
        },
    };
    let mut response = context.page("login.html", "Sign in", &view).await?;
    *response.status_mut() = status;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_these_pages_are_local() {
        let mut extensions = axum::http::Extensions::new();
        extensions.insert(axum::extract::OriginalUri("/admin/login".parse().unwrap()));
        let nested = Paths::of_request(&extensions, &"/login".parse().unwrap());
        let root = Paths::of_request(&axum::http::Extensions::new(), &"/login".parse().unwrap());
        for (next, in_root, in_nested) in [
            ("/", true, false),
            ("/admin", true, true),
            ("/admin/resources/book?q=a%20b", true, true),
            ("/administrators", true, false),
            ("//evil.example/admin", false, false),
            ("/\\evil.example", false, false),
            ("https://evil.example/admin", false, false),
            ("javascript:alert(1)", false, false),
            ("/admin/\nSet-Cookie: a=b", false, false),
            ("", false, false),
        ] {
            assert_eq!(is_local(&root, next), in_root, "{next:?}");
            assert_eq!(is_local(&nested, next), in_nested, "{next:?}");
        }
    }
}
