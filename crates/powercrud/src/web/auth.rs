//! Signing in and out, where PowerCRUD has the login: who asks is looked up once a request, and who is nobody is shown the way to the
//! login page.

use std::sync::atomic::Ordering;

use axum::{
    extract::{FromRequestParts, RawQuery, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Serialize;
use uuid::Uuid;

use super::{
    Web, api,
    ask::{Ask, FormData, cookie, text},
    error::{WebError, WebResult},
    htmx,
    paths::{Paths, parse_query, with_query},
};
use crate::{
    account::{self, Guess, Login},
    app::{PowerCrud, SignedIn},
};
use powercrud_engine::{config::LoginMode, error::Result, user::User};

/// The cookie that holds a session's token.
const SESSION_COOKIE: &str = "powercrud_session";

/// Goes with a request of which it could not be found out who asks.
#[derive(Clone)]
pub(super) struct LookupFailed(pub(super) WebError);

/// The layer that finds out who asks, before anything else needs to know.
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
            .map(|account| account.is_some_and(|account| account.is_active && account.is_staff == user.is_staff)),
        // Open to everybody, as long as there is no user.
        None => account::any(app.database()).await.map(|any| !any),
    };
    // Where the database can't say, nothing is told anyway.
    answer.unwrap_or(true)
}

/// Where somebody who is not signed in is sent instead of being refused; `None` for programs, which are refused.
pub(super) fn way_to_login(ask: &Ask, parts: &Parts) -> Option<String> {
    let accepts = text(&parts.headers, header::ACCEPT.as_str()).unwrap_or("*/*");
    let page = accepts.contains("text/html") || accepts.contains("*/*");
    if !ask.app().has_login() || !page || api::answers(parts.uri.path()) {
        return None;
    }
    // A form can't be sent again by a link: back to the page that it stood on.
    let here = if ask.htmx.partial {
        text(&parts.headers, "hx-current-url").and_then(path_of)
    } else if parts.method == Method::GET {
        parts.uri.path_and_query().map(|path| format!("{}{path}", ask.paths.base()))
    } else {
        text(&parts.headers, header::REFERER.as_str()).and_then(path_of)
    };
    let next = here.filter(|here| is_local(&ask.paths, here) && *here != ask.paths.home());
    let pairs: Vec<_> = next.map(|next| ("next".to_owned(), next)).into_iter().collect();
    Some(with_query(&ask.paths.login(), &pairs))
}

/// The answer that sends a browser, or htmx within a page, to the login page.
pub(super) fn send_to_login(ask: &Ask, href: &str) -> Response {
    if !ask.htmx.partial {
        return Redirect::to(href).into_response();
    }
    let mut response = StatusCode::UNAUTHORIZED.into_response();
    htmx::set(&mut response, "hx-redirect", href);
    response
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

/// An [`Ask`] by anybody, signed in or not.
pub(super) struct Anybody(pub(super) Ask);

impl FromRequestParts<Web> for Anybody {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> WebResult<Self> {
        match parts.extensions.get::<LookupFailed>() {
            Some(failed) => Err(failed.0.clone()),
            None => Ok(Self(Ask::of(web, parts))),
        }
    }
}

#[derive(Serialize)]
struct LoginView {
    action: String,
    next: String,
    name: String,
    error: String,
    /// What to do first, where there is no user yet.
    hint: &'static str,
}

pub(super) async fn page(Anybody(ask): Anybody, RawQuery(raw): RawQuery) -> WebResult<Response> {
    let pairs = parse_query(&raw.unwrap_or_default());
    let next = pairs.iter().find(|(name, _)| name == "next").map_or("", |(_, value)| value.as_str());
    if ask.signed_in {
        return Ok(Redirect::to(&destination(&ask.paths, next)).into_response());
    }
    login_page(&ask, next, "", String::new(), StatusCode::OK).await
}

/// Signs in: a new session in a new cookie, whatever the browser had before.
pub(super) async fn sign_in(Anybody(ask): Anybody, headers: HeaderMap, form: FormData) -> WebResult<Response> {
    let get = |name: &str| form.get(name).unwrap_or_default();
    let (name, next) = (get("name"), get("next"));
    let (database, lifetime) = (ask.app().database(), ask.app().settings().session_lifetime);
    let former = cookie(&headers, SESSION_COOKIE);
    let guess = Guess::new(name, ask.client);
    match account::sign_in(database, &guess, get("password"), lifetime, former).await? {
        Login::In(token) => {
            let response = Redirect::to(&destination(&ask.paths, next)).into_response();
            Ok(with_session(&ask, response, token.as_str()))
        }
        Login::Refused => {
            let error = "Name and password don't fit together, or the user may not sign in.".to_owned();
            login_page(&ask, next, name, error, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Login::Wait(wait) => {
            let seconds = wait.as_secs() + 1;
            let error = format!("There were too many failed tries with this name. Try again in {seconds} seconds.");
            let mut response = login_page(&ask, next, name, error, StatusCode::TOO_MANY_REQUESTS).await?;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            Ok(response)
        }
    }
}

pub(super) async fn sign_out(Anybody(ask): Anybody, headers: HeaderMap) -> WebResult<Response> {
    if let Some(token) = cookie(&headers, SESSION_COOKIE) {
        account::sign_out(ask.app().database(), token).await?;
    }
    let response = Redirect::to(&ask.paths.login()).into_response();
    Ok(with_session(&ask, response, ""))
}

/// Sets the session's cookie, or takes it away where the token is empty. The browser forgets it when it is closed.
pub(super) fn with_session(ask: &Ask, mut response: Response, token: &str) -> Response {
    let path = ask.paths.home();
    let secure = ask.secure();
    let age = if token.is_empty() { "; Max-Age=0" } else { "" };
    let set = format!("{SESSION_COOKIE}={token}; Path={path}; HttpOnly; SameSite=Lax{secure}{age}");
    if let Ok(set) = HeaderValue::from_str(&set) {
        response.headers_mut().append(header::SET_COOKIE, set);
    }
    response
}

fn destination(paths: &Paths, next: &str) -> String {
    if is_local(paths, next) { next.to_owned() } else { paths.home() }
}

async fn login_page(ask: &Ask, next: &str, name: &str, error: String, status: StatusCode) -> WebResult<Response> {
    let nobody = !account::any(ask.app().database()).await?;
    let view = LoginView {
        action: ask.paths.login(),
        next: if is_local(&ask.paths, next) { next.to_owned() } else { String::new() },
        name: name.to_owned(),
        error,
        hint: if nobody {
            "There is no user yet. On the server, “powercrud user add NAME --staff” adds one."
        } else {
            ""
        },
    };
    let mut response = ask.page("login.html", "Sign in", &view).await?;
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
