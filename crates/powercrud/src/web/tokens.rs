//! The page of one's tokens: made, shown once, revoked.

use std::time::Duration;

use axum::{
    extract::Path,
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Serialize;
use uuid::Uuid;

use super::{
    bulk::{at_field, elsewhere},
    context::{FormData, RequestContext},
    error::WebResult,
    view::{self, Link, Timestamp},
};
use crate::{
    account::{self, Guess},
    token::{self, ApiToken, NewToken, Scope},
};
use powercrud_engine::error::{Error, FieldError};

/// How long a new token may last: the form's value, the words, and the days.
const LIVES: [(&str, &str, Option<u64>); 5] = [
    ("7", "7 days", Some(7)),
    ("30", "30 days", Some(30)),
    ("90", "90 days", Some(90)),
    ("365", "a year", Some(365)),
    ("never", "until it is revoked", None),
];

const USUAL_LIFE: &str = "90";

#[derive(Serialize)]
struct TokensView {
    tokens: Vec<TokenView>,
    new_href: String,
    /// Whether the tokens are of several people.
    whose: bool,
}

#[derive(Serialize)]
struct TokenView {
    name: String,
    prefix: String,
    scopes: String,
    user: String,
    state: &'static str,
    /// When it ended or will end.
    ends: Option<Timestamp>,
    created: Option<Timestamp>,
    last_used: Option<Timestamp>,
    /// Where to revoke it, while it is good.
    revoke_action: Option<String>,
}

#[derive(Serialize)]
struct FormView {
    crumbs: Vec<Link>,
    action: String,
    back_href: String,
    name: String,
    name_error: String,
    scopes: Vec<ScopeView>,
    lives: Vec<LifeView>,
    life_error: String,
    errors: Vec<String>,
    user: String,
    /// Whether whoever is signed in has to show the password again.
    asks_password: bool,
    password_error: String,
}

#[derive(Serialize)]
struct ScopeView {
    word: &'static str,
    about: &'static str,
    ticked: bool,
    /// Every token has it.
    fixed: bool,
}

#[derive(Serialize)]
struct LifeView {
    value: &'static str,
    label: &'static str,
    chosen: bool,
}

#[derive(Serialize)]
struct MadeView {
    crumbs: Vec<Link>,
    name: String,
    secret: String,
    /// Where the JSON API is beside the pages.
    example: Option<String>,
    back_href: String,
}

pub(super) async fn list(context: RequestContext) -> WebResult<Response> {
    let tokens = token::list(context.app(), &context.user).await?;
    let view = TokensView {
        whose: tokens.iter().any(|token| token.user.id != context.user.id),
        tokens: tokens.iter().map(|token| token_view(&context, token)).collect(),
        new_href: format!("{}/new", context.paths.tokens()),
    };
    context.page("tokens.html", "Tokens", &view).await
}

fn token_view(context: &RequestContext, token: &ApiToken) -> TokenView {
    let (state, ends) = match (token.revoked_at, token.expires_at) {
        (Some(at), _) => ("revoked", Some(at)),
        (None, Some(at)) if token.ended => ("expired", Some(at)),
        (None, Some(at)) => ("good until", Some(at)),
        (None, None) => ("good until revoked", None),
    };
    TokenView {
        name: token.name.clone(),
        prefix: token.prefix.clone(),
        scopes: words(&token.scopes),
        user: token.user.name.clone(),
        state,
        ends: ends.and_then(view::timestamp_of),
        created: view::timestamp_of(token.created_at),
        last_used: token.last_used_at.and_then(view::timestamp_of),
        revoke_action: (!token.ended).then(|| format!("{}/{}/revoke", context.paths.tokens(), token.id)),
    }
}

fn words(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ")
}

pub(super) async fn new(context: RequestContext) -> WebResult<Response> {
    token::require_users(context.app())?;
    form_page(&context, &FormData(Vec::new()), &[]).await
}

pub(super) async fn create(context: RequestContext, form: FormData) -> WebResult<Response> {
    let mut errors = Vec::new();
    let mut scopes = Vec::new();
    for word in form.all("scope") {
        match word.parse() {
            Ok(scope) => scopes.push(scope),
            Err(message) => errors.push(FieldError::new("scope", "INVALID_CHOICE", message)),
        }
    }
    let life = LIVES.iter().find(|(value, ..)| Some(*value) == form.get("expires"));
    let lasts = life.and_then(|(.., days)| *days).map(|days| Duration::from_secs(days * 24 * 60 * 60));
    if life.is_none() {
        let allowed: Vec<_> = LIVES.iter().map(|(value, ..)| *value).collect();
        let message = format!("choose how long it lasts; allowed are: {}", allowed.join(", "));
        errors.push(FieldError::new("expires", "INVALID_CHOICE", message));
    }
    if errors.is_empty() && asks_password(&context) {
        // A token outlives the session: who finds a browser open is not to make one.
        let guess = Guess::new(&context.user.name, context.client);
        match account::confirm(context.app().database(), &guess, form.get("old_password").unwrap_or_default()).await {
            Ok(_) => {}
            Err(Error::Invalid(more)) => errors = more,
            Err(error) => return Err(error.into()),
        }
    }
    if errors.is_empty() {
        let name = form.get("name").unwrap_or_default().to_owned();
        let new = NewToken { name, scopes, user: context.user.clone(), lasts };
        match token::create_own(context.app(), &context.user, new).await {
            Ok((token, secret)) => return made(&context, &token, secret).await,
            Err(Error::Invalid(more)) => errors = more,
            Err(error) => return Err(error.into()),
        }
    }
    let mut response = form_page(&context, &form, &errors).await?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}

/// The one answer that holds the secret.
async fn made(context: &RequestContext, token: &ApiToken, secret: String) -> WebResult<Response> {
    let view = MadeView {
        crumbs: crumbs(context),
        name: token.name.clone(),
        example: context
            .api_href()
            .map(|api| format!("curl -H \"Authorization: Bearer {secret}\" http://…{api}/v1/resources")),
        secret,
        back_href: context.paths.tokens(),
    };
    context.page("token_made.html", "Your new token", &view).await
}

async fn form_page(context: &RequestContext, form: &FormData, errors: &[FieldError]) -> WebResult<Response> {
    let ticked: Vec<_> = form.all("scope").collect();
    let life = form.get("expires").unwrap_or(USUAL_LIFE);
    let scope = |scope: Scope| ScopeView {
        word: scope.as_str(),
        about: scope.about(),
        ticked: scope == Scope::Read || ticked.contains(&scope.as_str()),
        fixed: scope == Scope::Read,
    };
    let view = FormView {
        crumbs: crumbs(context),
        action: context.paths.tokens(),
        back_href: context.paths.tokens(),
        name: form.get("name").unwrap_or_default().to_owned(),
        name_error: at_field(errors, "name"),
        scopes: Scope::ALL.iter().copied().map(scope).collect(),
        lives: LIVES.iter().map(|(value, label, _)| LifeView { value, label, chosen: *value == life }).collect(),
        life_error: at_field(errors, "expires"),
        asks_password: asks_password(context),
        password_error: at_field(errors, "old_password"),
        errors: elsewhere(errors, &["name", "expires", "old_password"]),
        user: context.user.name.clone(),
    };
    context.page("token_new.html", "New token", &view).await
}

/// Whether PowerCRUD keeps a password of the user.
fn asks_password(context: &RequestContext) -> bool {
    context.app().has_login() && context.user.id.is_some()
}

fn crumbs(context: &RequestContext) -> Vec<Link> {
    vec![Link { label: "Tokens".to_owned(), href: context.paths.tokens() }]
}

pub(super) async fn revoke(context: RequestContext, Path(id): Path<String>) -> WebResult<Response> {
    let id = Uuid::parse_str(&id).map_err(|_| Error::TokenNotFound(id))?;
    token::revoke(context.app(), &context.user, id).await?;
    Ok(Redirect::to(&context.paths.tokens()).into_response())
}
