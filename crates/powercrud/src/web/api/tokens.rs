//! Tokens, looked at and revoked. They are made on a page or by the command line, so that a stolen one makes no others.

use axum::{
    Json,
    extract::Path,
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Caller;
use crate::{
    token::{self, Scope},
    web::error::WebResult,
};
use powercrud_engine::error::Error;

/// A token, without its secret.
#[derive(ToSchema)]
#[schema(as = Token)]
#[expect(dead_code, reason = "describes what ApiToken::to_json gives")]
struct TokenJson {
    id: Uuid,
    /// What it is for.
    name: String,
    /// Its first letters.
    prefix: String,
    /// What it may do.
    #[schema(inline)]
    scopes: Vec<TokenScope>,
    /// Whom it acts as; null for the operator.
    user_id: Option<String>,
    /// The same for people.
    user_name: String,
    /// Whether it acts as staff.
    is_staff: bool,
    created_at: Option<chrono::DateTime<chrono::Utc>>,
    /// When it ends; null: never.
    expires_at: Option<chrono::DateTime<chrono::Utc>>,
    /// When it was last used, give or take a minute.
    last_used_at: Option<chrono::DateTime<chrono::Utc>>,
    revoked_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// What a token may do.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "the words of the API")]
enum TokenScope {
    Read,
    Write,
    Bulk,
    Tasks,
    Admin,
}

/// All tokens, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenList {
    #[schema(value_type = Vec<TokenJson>)]
    tokens: Vec<serde_json::Value>,
}

/// Tokens
///
/// Your own; staff see everybody's. Needs the scope `admin`.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "tokens", responses((status = 200, body = TokenList)))]
pub(super) async fn list(caller: Caller) -> WebResult<Json<TokenList>> {
    caller.require(Scope::Admin)?;
    let tokens = token::list(caller.app(), caller.user()).await?;
    Ok(Json(TokenList { tokens: tokens.iter().map(|token| token.to_json()).collect() }))
}

/// Revoke a token
///
/// It is good for nothing from now on. Needs the scope `admin`.
#[utoipa::path(
    post, path = "/api/v1/tokens/{id}/revoke", tag = "tokens",
    params(("id" = String, Path, description = "The token's id")),
    responses((status = 200, body = TokenJson))
)]
pub(super) async fn revoke(caller: Caller, Path(id): Path<String>) -> WebResult<Response> {
    caller.require(Scope::Admin)?;
    let id = Uuid::parse_str(&id).map_err(|_| Error::TokenNotFound(id))?;
    Ok(Json(token::revoke(caller.app(), caller.user(), id).await?.to_json()).into_response())
}
