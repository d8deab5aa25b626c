//! A token as programs are given it.

use serde::Serialize;
use uuid::Uuid;

use super::{ApiToken, Scope};
use powercrud_engine::words::rfc3339;

/// A token, without its secret.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema), schema(as = Token))]
pub struct TokenJson {
    /// Names it.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// Its first letters.
    pub prefix: String,
    /// What it may do.
    #[cfg_attr(feature = "api", schema(inline))]
    pub scopes: Vec<Scope>,
    /// Whom it acts as; null for the operator.
    pub user_id: Option<String>,
    /// The same for people.
    pub user_name: String,
    /// Whether it acts as staff.
    pub is_staff: bool,
    /// When it was made.
    #[serde(serialize_with = "rfc3339")]
    #[cfg_attr(feature = "api", schema(value_type = Option<chrono::DateTime<chrono::Utc>>))]
    pub created_at: i64,
    /// When it ends; null: never.
    #[serde(serialize_with = "rfc3339")]
    #[cfg_attr(feature = "api", schema(value_type = Option<chrono::DateTime<chrono::Utc>>))]
    pub expires_at: Option<i64>,
    /// When it was last used, give or take a minute.
    #[serde(serialize_with = "rfc3339")]
    #[cfg_attr(feature = "api", schema(value_type = Option<chrono::DateTime<chrono::Utc>>))]
    pub last_used_at: Option<i64>,
    /// When it was revoked.
    #[serde(serialize_with = "rfc3339")]
    #[cfg_attr(feature = "api", schema(value_type = Option<chrono::DateTime<chrono::Utc>>))]
    pub revoked_at: Option<i64>,
}

impl From<&ApiToken> for TokenJson {
    fn from(token: &ApiToken) -> Self {
        Self {
            id: token.id,
            name: token.name.clone(),
            prefix: token.prefix.clone(),
            scopes: token.scopes.clone(),
            user_id: token.user.id.clone(),
            user_name: token.user.name.clone(),
            is_staff: token.user.is_staff,
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
            revoked_at: token.revoked_at,
        }
    }
}
