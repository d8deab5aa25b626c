//! The shop's own login: a name is enough here, where yours asks for a password or an identity provider.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Form,
    extract::{Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse as _, Redirect, Response},
};
use powercrud::User;
use uuid::Uuid;

/// Who may sign in.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// Stays the same: tasks, messages and the audit trail go by it.
    pub name: &'static str,
    /// Whose products it works with.
    pub tenant: u32,
    /// Whether it sees costs, and deletes.
    pub is_manager: bool,
}

const ACCOUNTS: [Account; 3] = [
    Account { name: "ann", tenant: 1, is_manager: true },
    Account { name: "ben", tenant: 1, is_manager: false },
    Account { name: "cleo", tenant: 2, is_manager: false },
];

impl Account {
    /// The account as PowerCRUD knows it.
    pub fn user(&self) -> User {
        let role = if self.is_manager { "manager" } else { "clerk" };
        User::new(self.name, self.name).role(role).attribute("tenant", self.tenant.to_string())
    }
}

/// The account of that name.
pub fn account(name: &str) -> Option<Account> {
    ACCOUNTS.into_iter().find(|account| account.name == name)
}

/// Who has signed in, by the secret in their cookie.
#[derive(Default)]
pub struct Sessions(Mutex<HashMap<String, Account>>);

const COOKIE: &str = "shop_session";

/// The login page. PowerCRUD sends people here, with the page to come back to.
pub async fn page(Query(query): Query<HashMap<String, String>>) -> Response {
    let next = escaped(query.get("next").map_or(START, String::as_str));
    let form = format!(
        "<!doctype html><title>The shop</title><form method=post><input name=name autofocus><input type=hidden name=next value=\"{next}\">\
         <button>Sign in</button></form>"
    );
    Html(form).into_response()
}

/// `POST /login` with a name.
pub async fn sign_in(State(sessions): State<Arc<Sessions>>, Form(form): Form<HashMap<String, String>>) -> Response {
    let Some(account) = form.get("name").and_then(|name| account(name)) else {
        return (StatusCode::UNAUTHORIZED, "Nobody has this name.\n").into_response();
    };
    let secret = Uuid::new_v4().to_string();
    let cookie = format!("{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax");
    sessions.0.lock().unwrap_or_else(PoisonError::into_inner).insert(secret, account);
    // Whoever made up the link to the login page is not to say where it leads.
    let next = form.get("next").map(String::as_str).filter(|next| is_path(next)).unwrap_or(START);
    ([(header::SET_COOKIE, cookie)], Redirect::to(next)).into_response()
}

/// `POST /logout`
pub async fn sign_out(State(sessions): State<Arc<Sessions>>, headers: HeaderMap) -> Response {
    if let Some(secret) = secret(&headers) {
        sessions.0.lock().unwrap_or_else(PoisonError::into_inner).remove(secret);
    }
    Redirect::to("/login").into_response()
}

const START: &str = "/admin";

fn is_path(next: &str) -> bool {
    next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n'])
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// Puts the user into each request of somebody who is signed in, before PowerCRUD sees it.
pub async fn resolve(State(sessions): State<Arc<Sessions>>, mut request: Request, next: Next) -> Response {
    let account = secret(request.headers())
        .and_then(|secret| sessions.0.lock().unwrap_or_else(PoisonError::into_inner).get(secret).copied());
    if let Some(account) = account {
        request.extensions_mut().insert(account.user());
    }
    next.run(request).await
}

fn secret(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies.split("; ").find_map(|cookie| cookie.strip_prefix(COOKIE)?.strip_prefix('='))
}
