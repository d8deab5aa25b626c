//! Tokens, looked at and revoked. They are made on a page or by the command line, so that a stolen one makes no others.

use axum::{Json, extract::Path};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Caller;
use crate::{
    token::{self, Scope, TokenJson},
    web::error::WebResult,
};
use powercrud_engine::error::Error;

/// All tokens, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenList {
    tokens: Vec<TokenJson>,
}

/// Tokens
///
/// Your own; staff see everybody's. Needs the scope `admin`.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "tokens", responses((status = 200, body = TokenList)))]
pub(super) async fn list(caller: Caller) -> WebResult<Json<TokenList>> {
    caller.require(Scope::Admin)?;
    let tokens = token::list(caller.app(), caller.user()).await?;
    Ok(Json(TokenList { tokens: tokens.iter().map(TokenJson::from).collect() }))
}

/// Revoke a token
///
/// It is good for nothing from now on. Needs the scope `admin`.
#[utoipa::path(
    post, path = "/api/v1/tokens/{id}/revoke", tag = "tokens",
    params(("id" = String, Path, description = "The token's id")),
    responses((status = 200, body = TokenJson))
)]
pub(super) async fn revoke(caller: Caller, Path(id): Path<String>) -> WebResult<Json<TokenJson>> {
    caller.require(Scope::Admin)?;
    let id = Uuid::parse_str(&id).map_err(|_| Error::TokenNotFound(id))?;
    let token = token::revoke(caller.app(), caller.user(), id).await?;
    Ok(Json((&token).into()))
}
