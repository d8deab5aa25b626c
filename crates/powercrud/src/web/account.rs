//! One's own account: who one is here, and another password.

use axum::{
    extract::RawQuery,
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Serialize;

use super::{
    auth::with_session,
    bulk::at_field,
    context::{FormData, RequestContext},
    error::{Problem, WebResult},
    paths::parse_query,
};
use crate::{
    account::{self, Guess},
    token,
};
use powercrud_engine::error::{Error, FieldError};

#[derive(Serialize)]
struct AccountView {
    name: String,
    is_staff: bool,
    action: String,
    notice: &'static str,
    fields: [PasswordField; 3],
    /// Whether the user has tokens that are good, and whether these are to end too.
    tokens: usize,
    end_tokens: bool,
}

#[derive(Serialize)]
struct PasswordField {
    name: &'static str,
    label: &'static str,
    autocomplete: &'static str,
    error: String,
}

pub(super) async fn page(context: RequestContext, RawQuery(raw): RawQuery) -> WebResult<Response> {
    let changed = parse_query(&raw.unwrap_or_default()).iter().any(|(name, _)| name == "changed");
    let notice =
        if changed { "Your password is changed. Other browsers have to sign in with the new one." } else { "" };
    account_page(&context, notice, true, &[]).await
}

pub(super) async fn change_password(context: RequestContext, form: FormData) -> WebResult<Response> {
    let get = |name: &str| form.get(name).unwrap_or_default();
    let end_tokens = form.get("end_tokens").is_some();
    let errors = if get("password") == get("again") {
        let (database, lifetime) = (context.app().database(), context.app().settings().session_lifetime);
        let (old, new) = (get("old_password"), get("password"));
        let guess = Guess::new(&context.user.name, context.client);
        match account::change_password(database, &guess, old, new, end_tokens, lifetime).await {
            Ok(token) => {
                let response = Redirect::to(&format!("{}?changed=1", context.paths.account())).into_response();
                return Ok(with_session(&context, response, token.as_str()));
            }
            Err(Error::Invalid(errors)) => errors,
            Err(error) => return Err(error.into()),
        }
    } else {
        vec![FieldError::new("again", "DIFFERENT", "this is not the same as the new password")]
    };
    let mut response = account_page(&context, "", end_tokens, &errors).await?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}

async fn account_page(
    context: &RequestContext,
    notice: &'static str,
    end_tokens: bool,
    errors: &[FieldError],
) -> WebResult<Response> {
    if context.user.id.is_none() {
        return Err(Problem::not_found("There are no users yet, so there is no account.").into());
    }
    let field = |name, label, autocomplete| PasswordField { name, label, autocomplete, error: at_field(errors, name) };
    let tokens = token::list(context.app(), &context.user).await?;
    let view = AccountView {
        tokens: tokens.iter().filter(|token| !token.ended && token.user.id == context.user.id).count(),
        end_tokens,
        name: context.user.name.clone(),
        is_staff: context.user.is_staff,
        action: context.paths.account(),
        notice,
        fields: [
            field("old_password", "Your password now", "current-password"),
            field("password", "New password", "new-password"),
            field("again", "New password again", "new-password"),
        ],
    };
    context.page("account.html", "Your account", &view).await
}
