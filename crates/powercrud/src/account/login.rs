//! Signing in and out, and a user's own change of password.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait as _, Query},
};

use super::{
    Account, name_key, password, read, select,
    session::{self, Token},
    throttle, trail, write_password,
};
use crate::{
    audit::Action,
    db::{Database, Run as _, close, migrations::tables},
    error::{Error, Result},
};

/// How a try to sign in ended.
pub(crate) enum Login {
    /// With a session.
    In(Token),
    /// Name and password don't belong together, or the user may not sign in. Which of these it was is nobody's business.
    Refused,
    /// There were too many failures for that name lately; the password was not looked at.
    Wait(Duration),
}

/// Tries to sign in, in the place of the session that the browser has. An unknown name takes as long as a wrong password.
pub(crate) async fn sign_in(
    database: &Database,
    name: &str,
    password: &str,
    lifetime: Duration,
    former: Option<&str>,
) -> Result<Login> {
    let key = name_key(name);
    if let Err(wait) = throttle::begin(database, &key).await? {
        trail::delayed(database, &key).await?;
        return Ok(Login::Wait(wait));
    }
    let account = match authenticate(database, &key, password).await? {
        Ok(account) => account,
        Err(known) => {
            trail::failed(database, &key, known.as_ref()).await?;
            return Ok(Login::Refused);
        }
    };
    let transaction = database.begin().await?;
    let result = async {
        let mut update = Query::update();
        update
            .table(tables::USER)
            .value("last_login_at", database.dialect().now())
            .and_where(Expr::col("id").eq(account.id))
            // Deactivated while the password was looked at.
            .and_where(Expr::col("is_active").eq(true));
        if transaction.update(&update).await? == 0 {
            trail::tried(database, &transaction, Action::SignInFailed, Some(&account)).await?;
            return Ok(Login::Refused);
        }
        throttle::forget(&transaction, &key).await?;
        if let Some(former) = former {
            end_session(database, &transaction, former).await?;
        }
        trail::did(database, &transaction, Action::SignedIn, &account).await?;
        Ok(Login::In(session::begin(database, &transaction, account.id, lifetime).await?))
    }
    .await;
    close(transaction, result).await
}

/// The active user of that name and password; else, as an error, who has the name.
async fn authenticate(
    database: &Database,
    name_key: &str,
    password: &str,
) -> Result<std::result::Result<Account, Option<Account>>> {
    let mut select = select();
    select.column("password_hash").and_where(Expr::col("name_key").eq(name_key));
    let row = database.connection().row(&select).await?;
    let account = row.as_ref().map(read).transpose()?;
    let hash = row.as_ref().map(|row| row.try_get_by_index::<String>(super::USER_COLUMNS.len())).transpose()?;
    let fits = password::verify(password, hash.as_deref()).await?;
    Ok(match account {
        Some(account) if fits && account.is_active => Ok(account),
        known => Err(known),
    })
}

/// Ends a session.
pub(crate) async fn sign_out(database: &Database, token: &str) -> Result<()> {
    let transaction = database.begin().await?;
    let result = end_session(database, &transaction, token).await;
    close(transaction, result).await
}

async fn end_session<C: ConnectionTrait>(database: &Database, transaction: &C, token: &str) -> Result<()> {
    let account = session::owner(database.dialect(), transaction, token).await?;
    // Of two requests that end it at once, one has.
    if session::end(transaction, token).await?
        && let Some(account) = account
    {
        trail::did(database, transaction, Action::SignedOut, &account).await?;
    }
    Ok(())
}

/// Changes the password of whoever knows the old one; ends all sessions and begins a new one.
///
/// # Errors
/// [`Error::Invalid`] at `old_password` or `password`.
pub(crate) async fn change_password(
    database: &Database,
    name: &str,
    old: &str,
    new: &str,
    lifetime: Duration,
) -> Result<Token> {
    let key = name_key(name);
    if let Err(wait) = throttle::begin(database, &key).await? {
        let message = format!("there were too many failures lately; try again in {} s", wait.as_secs() + 1);
        return Err(Error::invalid("old_password", "TOO_MANY_FAILURES", message));
    }
    let Ok(account) = authenticate(database, &key, old).await? else {
        return Err(Error::invalid("old_password", "INVALID", "this is not your password now"));
    };
    throttle::forget(database.connection(), &key).await?;
    password::check(&account.name, new)?;
    let hash = password::hash(new).await?;
    let transaction = database.begin().await?;
    let result = async {
        write_password(&transaction, &account, &hash).await?;
        trail::did(database, &transaction, Action::PasswordChanged, &account).await?;
        session::end_all(&transaction, account.id).await?;
        session::begin(database, &transaction, account.id, lifetime).await
    }
    .await;
    close(transaction, result).await
}
