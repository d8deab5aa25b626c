//! The tokens that end with what happens to accounts.

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait as _, Query},
};

use powercrud_db::{Dialect, QueryExt as _};
use powercrud_engine::{error::Result, own::tables};

/// Kept in the place of a user's id for such a token. No user of PowerCRUD has such an id.
pub(crate) const UNTIL_USERS: &str = "~until-users";

/// Ends the tokens that whoever came by has made before there was any user.
pub(super) async fn revoke_until_users<C: ConnectionTrait>(transaction: &C, dialect: Dialect) -> Result<u64> {
    revoke_all(transaction, dialect, UNTIL_USERS).await
}

/// Ends all tokens that act as that user, and says how many these were.
pub(super) async fn revoke_all<C: ConnectionTrait>(transaction: &C, dialect: Dialect, user_id: &str) -> Result<u64> {
    let mut update = Query::update();
    update
        .table(tables::API_TOKEN)
        .value("revoked_at", dialect.now())
        .and_where(Expr::col("user_id").eq(user_id))
        .and_where(Expr::col("revoked_at").is_null());
    Ok(transaction.update(&update).await?)
}
