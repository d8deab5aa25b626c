//! Bearer tokens: what a program shows instead of a person's login.
//!
//! A token is 256 random bits. The database keeps its SHA-256 and its first letters; whoever loses it makes another. It acts as the
//! user it was made for, within its scopes.

mod entity;
mod json;
mod scope;

use std::time::Duration;

pub use json::TokenJson;
pub use scope::Scope;
use sea_orm::{
    QueryResult,
    sea_query::{Cond, Expr, ExprTrait as _, Order, Query, SelectStatement},
};
use uuid::Uuid;

use crate::{
    account::{self, UNTIL_USERS},
    app::PowerCrud,
};
use powercrud_db::{QueryExt as _, close};
use powercrud_engine::{
    audit::{Action, AuditEvent},
    config::LoginMode,
    digest::{digest, hex},
    error::{Error, FieldError, Result},
    own::{self, tables},
    user::User,
};

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What it is for, in a person's words.
    pub name: String,
    /// What it may do; reading is always among it.
    pub scopes: Vec<Scope>,
    /// Whom it acts as.
    pub user: User,
    /// How long it lasts; for ever where `None`.
    pub lasts: Option<Duration>,
}

/// A token as it is kept: without its secret. Timestamps are milliseconds since 1970 UTC.
#[derive(Clone, Debug)]
pub struct ApiToken {
    /// Names it.
    pub id: Uuid,
    /// Whom it acts as.
    pub user: User,
    /// What it is for, in a person's words.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Its first letters.
    pub prefix: String,
    /// When it was made.
    pub created_at: i64,
    /// When it ends.
    pub expires_at: Option<i64>,
    /// When it was last shown to this server, give or take a minute.
    pub last_used_at: Option<i64>,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
    /// Whether it is good no more, by the database's clock.
    pub ended: bool,
    /// Whether it was made on the pages by whoever came by before there was any user, and ends when the first one is added.
    pub until_users: bool,
}

/// What every token begins with, so that searches for leaked secrets find it.
const MARK: &str = "pcr_";

/// How many letters of a token are kept in the clear.
const PREFIX: usize = MARK.len() + 6;

/// How exact [`ApiToken::last_used_at`] is, so that reading does not mean writing.
const USE_IS_NOTED_EVERY: i64 = 60_000;

/// What the time by the database's clock is read as.
const NOW: &str = "read_at";

const LONGEST_NAME: usize = 100;

/// A century.
const LONGEST_LIFE: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

impl ApiToken {
    /// Whether it may do what `scope` says.
    pub fn allows(&self, scope: Scope) -> bool {
        scope == Scope::Read || self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }
}

/// Makes a token, as `by` asks for it, and returns it with its secret, which is never to be had again.
///
/// # Errors
/// [`Error::Invalid`] where it has no name, a name that is too long, or too long a life; [`Error::NotAllowed`] where it would be good
/// for nothing, since the application does not say of whom tokens are ([`crate::Builder::token_user`]).
pub async fn create(app: &PowerCrud, by: &User, new: NewToken) -> Result<(ApiToken, String)> {
    let user_id = new.user.id.clone();
    insert(app, by, new, user_id).await
}

/// As [`create`], for oneself on the pages. Where these are open to everybody, it ends with that.
pub(crate) async fn create_own(app: &PowerCrud, by: &User, new: NewToken) -> Result<(ApiToken, String)> {
    let is_open = app.has_login() && by.id.is_none();
    let user_id = if is_open { Some(UNTIL_USERS.to_owned()) } else { by.id.clone() };
    insert(app, by, NewToken { user: by.clone(), ..new }, user_id).await
}

async fn insert(app: &PowerCrud, by: &User, new: NewToken, user_id: Option<String>) -> Result<(ApiToken, String)> {
    require_users(app)?;
    let name = new.name.trim();
    check(name, &new)?;
    let mut scopes = new.scopes.clone();
    scopes.push(Scope::Read);
    scopes.sort_unstable();
    scopes.dedup();
    let secret = format!("{MARK}{}", hex(&rand::random::<[u8; 32]>()));
    let words: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
    let (id, now) = (Uuid::now_v7(), || app.database().dialect().now());
    let expires_at = match new.lasts {
        Some(lasts) => now().add(lasts.as_millis() as i64),
        None => Expr::val(None::<i64>),
    };
    let insert = own::entity::insert::<entity::Entity, _>([
        (entity::Column::Id, id.into()),
        (entity::Column::UserId, user_id.into()),
        (entity::Column::UserName, new.user.name.as_str().into()),
        (entity::Column::UserEmail, new.user.email.clone().into()),
        (entity::Column::IsStaff, new.user.is_staff.into()),
        (entity::Column::Name, name.into()),
        (entity::Column::Scopes, words.join(" ").into()),
        (entity::Column::Hash, digest(&secret).into()),
        (entity::Column::Prefix, secret[..PREFIX].into()),
        (entity::Column::CreatedAt, now()),
        (entity::Column::ExpiresAt, expires_at),
    ]);
    let transaction = app.database().begin().await?;
    let result = async {
        transaction.insert(&insert).await?;
        let subject = format!("token {name:?} ({}), which acts as {}", words.join(", "), new.user.name);
        AuditEvent::new(Action::TokenMade).about(subject).write(&transaction, app.database().dialect(), by).await
    };
    let result = result.await;
    close(transaction, result).await?;
    Ok((load(app, id).await?, secret))
}

/// Refuses where no token would be good.
pub(crate) fn require_users(app: &PowerCrud) -> Result<()> {
    if app.knows_users_of_tokens() {
        return Ok(());
    }
    let message = "tokens are not used here: the application resolves the user, but not whether a token's user is still let in \
                   (Builder::token_user)";
    Err(Error::NotAllowed(message.into()))
}

fn check(name: &str, new: &NewToken) -> Result<()> {
    let mut errors = Vec::new();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.contains('\0') {
        let message = format!("a name of 1 to {LONGEST_NAME} characters says what the token is for");
        errors.push(FieldError::new("name", "OUT_OF_RANGE", message));
    }
    if new.lasts.is_some_and(|lasts| lasts.is_zero() || lasts > LONGEST_LIFE) {
        errors.push(FieldError::new(
            "expires",
            "OUT_OF_RANGE",
            "a token lasts more than no time, and 100 years at most",
        ));
    }
    if new.user.id.as_ref().is_some_and(|id| id.is_empty() || id.chars().count() > 190) {
        errors.push(FieldError::new("user", "OUT_OF_RANGE", "a user's id has 1 to 190 characters"));
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
}

/// The tokens that `user` may see, newest first: their own; staff see all.
pub async fn list(app: &PowerCrud, user: &User) -> Result<Vec<ApiToken>> {
    let mut select = select(app);
    if !user.is_staff {
        select.and_where(Expr::col("user_id").eq(user.id.clone().unwrap_or_default()));
    }
    select.order_by("created_at", Order::Desc).order_by("id", Order::Desc);
    app.database().connection().rows(&select).await?.iter().map(read).collect()
}

/// Ends a token; one that has ended stays so.
///
/// # Errors
/// [`Error::TokenNotFound`], also for somebody else's token.
pub async fn revoke(app: &PowerCrud, user: &User, id: Uuid) -> Result<ApiToken> {
    let token = load(app, id).await?;
    if !user.may_see(token.user.id.as_deref()) {
        return Err(Error::TokenNotFound(id.to_string()));
    }
    let mut update = Query::update();
    update
        .table(tables::API_TOKEN)
        .value("revoked_at", app.database().dialect().now())
        .and_where(Expr::col("id").eq(id))
        .and_where(Expr::col("revoked_at").is_null());
    let transaction = app.database().begin().await?;
    let result = async {
        if transaction.update(&update).await? == 1 {
            let subject = format!("token {:?}, which acted as {}", token.name, token.user.name);
            let event = AuditEvent::new(Action::TokenRevoked).about(subject);
            event.write(&transaction, app.database().dialect(), user).await?;
        }
        Ok(())
    };
    let result: Result<_> = result.await;
    close(transaction, result).await?;
    load(app, id).await
}

/// The token with that secret, where it is good; notes that it was used.
pub(crate) async fn find(app: &PowerCrud, secret: &str) -> Result<Option<ApiToken>> {
    // By its hash: how long the search takes tells nothing about the secrets there are.
    let select = select(app).and_where(Expr::col("hash").eq(digest(secret))).take();
    let Some(row) = app.database().connection().row(&select).await? else { return Ok(None) };
    let mut token = read(&row)?;
    let now: i64 = row.try_get("", NOW)?;
    if token.ended || !follow_account(app, &mut token).await? {
        return Ok(None);
    }
    if token.last_used_at.is_none_or(|at| at < now - USE_IS_NOTED_EVERY) {
        let mut update = Query::update();
        update
            .table(tables::API_TOKEN)
            .value("last_used_at", now)
            .cond_where(Cond::all().add(Expr::col("id").eq(token.id)));
        if let Err(error) = app.database().connection().update(&update).await {
            tracing::debug!(%error, token_id = %token.id, "that a token was used could not be noted");
        }
    }
    Ok(Some(token))
}

/// Whether a token that was good a while ago is so still, and acts as the same user.
pub(crate) async fn is_still_good(app: &PowerCrud, token: &ApiToken) -> Result<bool> {
    let mut now = load(app, token.id).await?;
    Ok(!now.ended && follow_account(app, &mut now).await? && now.user == token.user)
}

/// Makes the token's user who that is today, as PowerCRUD or the application knows. `false`: the user may do nothing any more.
async fn follow_account(app: &PowerCrud, token: &mut ApiToken) -> Result<bool> {
    if let Some(known) = app.user_of_token(&token.user).await {
        let is_known = known.is_some();
        token.user = known.unwrap_or_default();
        return Ok(is_known);
    }
    if token.until_users && app.has_login() {
        return Ok(app.settings().login != LoginMode::Always && !account::any(app.database()).await?);
    }
    let Some(id) = token.user.id.as_ref().filter(|_| app.has_login()) else { return Ok(true) };
    let Ok(id) = Uuid::parse_str(id) else {
        // Made for somebody before there was any user here.
        return Ok(app.settings().login != LoginMode::Always && !account::any(app.database()).await?);
    };
    match account::by_id(app.database(), id).await? {
        Some(account) if account.is_active => {
            token.user = account.into();
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// The columns, and what the database's clock says.
fn select(app: &PowerCrud) -> SelectStatement {
    own::entity::select::<entity::Entity>().expr_as(app.database().dialect().now(), NOW).take()
}

async fn load(app: &PowerCrud, id: Uuid) -> Result<ApiToken> {
    let select = select(app).and_where(Expr::col("id").eq(id)).take();
    let row = app.database().connection().row(&select).await?;
    row.as_ref().map(read).transpose()?.ok_or_else(|| Error::TokenNotFound(id.to_string()))
}

fn read(row: &QueryResult) -> Result<ApiToken> {
    let now: i64 = row.try_get("", NOW)?;
    let row: entity::Model = own::entity::read(row)?;
    let until_users = row.user_id.as_deref() == Some(UNTIL_USERS);
    Ok(ApiToken {
        id: row.id,
        user: User {
            id: row.user_id.filter(|_| !until_users),
            name: row.user_name,
            email: row.user_email,
            is_staff: row.is_staff,
            // Who goes by a role is looked up.
            ..User::default()
        },
        name: row.name,
        // A word that this version does not know allows nothing.
        scopes: row.scopes.split(' ').filter_map(|word| word.parse().ok()).collect(),
        prefix: row.prefix,
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
        revoked_at: row.revoked_at,
        ended: row.revoked_at.is_some() || row.expires_at.is_some_and(|at| at <= now),
        until_users,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_have_words_and_others_are_refused() {
        for &scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        assert!("root".parse::<Scope>().unwrap_err().contains("read, write, bulk, tasks, admin"));
    }
}
