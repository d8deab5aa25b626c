//! Sessions: browsers that have signed in.
//!
//! The browser holds a random token; the database holds its SHA-256. A session ends when it was not used for a while, at logout, and
//! when its user is deactivated, removed or given another password.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait, Iterable as _,
    sea_query::{Expr, ExprTrait as _, Query, SelectStatement},
};
use uuid::Uuid;

use super::{Account, entity};
use powercrud_db::{Database, Dialect, QueryExt as _};
use powercrud_engine::{
    digest::{digest, hex},
    error::Result,
    own::tables,
    user::User,
};

/// What a browser shows to prove that it has signed in. Not to be logged.
pub(crate) struct Token(String);

impl Token {
    fn random() -> Self {
        Self(hex(&rand::random::<[u8; 32]>()))
    }

    /// The text for the cookie.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Begins a session, and removes those that have lapsed.
pub(super) async fn begin<C: ConnectionTrait>(
    database: &Database,
    transaction: &C,
    user_id: Uuid,
    lifetime: Duration,
) -> Result<Token> {
    let now = database.dialect().now();
    let mut lapsed = Query::delete();
    lapsed.from_table(tables::SESSION).and_where(Expr::col("expires_at").lt(now.clone()));
    transaction.delete(&lapsed).await?;
    let token = Token::random();
    let mut insert = Query::insert();
    insert.into_table(tables::SESSION).columns(["token_hash", "user_id", "created_at", "expires_at"]).values_panic([
        digest(token.as_str()).into(),
        user_id.into(),
        now.clone(),
        now.add(lifetime.as_millis() as i64),
    ]);
    transaction.insert(&insert).await?;
    Ok(token)
}

/// Whose session a browser's token is of, if it has not lapsed and its user is active. Using a session keeps it from lapsing.
pub(crate) async fn user(database: &Database, token: &str, lifetime: Duration) -> Result<Option<User>> {
    let hash = digest(token);
    let now = database.dialect().now();
    let select = select_owner(database.dialect(), &hash)
        .expr_as(Expr::col((tables::SESSION, "expires_at")).sub(now.clone()), "time_left")
        .and_where(Expr::col((tables::USER, "is_active")).eq(true))
        .take();
    let Some(row) = database.connection().row(&select).await? else { return Ok(None) };
    let left: i64 = row.try_get("", "time_left")?;
    let lifetime = lifetime.as_millis() as i64;
    // Not at each request: an eighth of its life is near enough.
    if left < lifetime - lifetime / 8 {
        let mut update = Query::update();
        update
            .table(tables::SESSION)
            .value("expires_at", now.add(lifetime))
            .and_where(Expr::col("token_hash").eq(hash.as_str()));
        database.connection().update(&update).await?;
    }
    Ok(Some(super::read(&row)?.into()))
}

/// Whose session a token is of, if it has not lapsed.
pub(super) async fn owner<C: ConnectionTrait>(
    dialect: Dialect,
    transaction: &C,
    token: &str,
) -> Result<Option<Account>> {
    let row = transaction.row(&select_owner(dialect, &digest(token))).await?;
    row.as_ref().map(super::read).transpose()
}

fn select_owner(dialect: Dialect, token_hash: &str) -> SelectStatement {
    Query::select()
        .columns(entity::Column::iter().map(|column| (tables::USER, column)))
        .from(tables::SESSION)
        .inner_join(tables::USER, Expr::col((tables::USER, "id")).equals((tables::SESSION, "user_id")))
        .and_where(Expr::col((tables::SESSION, "token_hash")).eq(token_hash))
        .and_where(Expr::col((tables::SESSION, "expires_at")).gt(dialect.now()))
        .take()
}

/// Ends the session of that token. `false`: there is none.
pub(super) async fn end<C: ConnectionTrait>(transaction: &C, token: &str) -> Result<bool> {
    let mut delete = Query::delete();
    delete.from_table(tables::SESSION).and_where(Expr::col("token_hash").eq(digest(token)));
    Ok(transaction.delete(&delete).await? > 0)
}

/// Ends all sessions of a user.
pub(super) async fn end_all<C: ConnectionTrait>(transaction: &C, user_id: Uuid) -> Result<()> {
    let mut delete = Query::delete();
    delete.from_table(tables::SESSION).and_where(Expr::col("user_id").eq(user_id));
    transaction.delete(&delete).await?;
    Ok(())
}
