//! The shop's own login: a name is enough here, where yours asks for a password or an identity provider.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Form,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Redirect, Response},
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

/// `POST /login` with a name.
pub async fn sign_in(State(sessions): State<Arc<Sessions>>, Form(form): Form<HashMap<String, String>>) -> Response {
    let Some(account) = form.get("name").and_then(|name| account(name)) else {
        return (StatusCode::UNAUTHORIZED, "Nobody has this name.\n").into_response();
    };
    let secret = Uuid::new_v4().to_string();
    let cookie = format!("{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax");
    sessions.0.lock().unwrap_or_else(PoisonError::into_inner).insert(secret, account);
    ([(header::SET_COOKIE, cookie)], Redirect::to("/admin")).into_response()
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
