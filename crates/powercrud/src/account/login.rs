//! Signing in and out, and a user's own change of password.

use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait as _, Query};

use super::{
    Account, name_key, note, password, read, select,
    session::{self, Token},
    throttle, write_password,
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

/// Tries to sign in. An unknown name takes as long as a wrong password.
pub(crate) async fn sign_in(database: &Database, name: &str, password: &str, lifetime: Duration) -> Result<Login> {
    let key = name_key(name);
    if let Err(wait) = throttle::begin(database, &key).await? {
        return Ok(Login::Wait(wait));
    }
    let Some(account) = authenticate(database, &key, password).await? else { return Ok(Login::Refused) };
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
            return Ok(Login::Refused);
        }
        throttle::forget(&transaction, &key).await?;
        Ok(Login::In(session::begin(database, &transaction, account.id, lifetime).await?))
    }
    .await;
    close(transaction, result).await
}

/// The active user of that name and password.
async fn authenticate(database: &Database, name_key: &str, password: &str) -> Result<Option<Account>> {
    let mut select = select();
    select.column("password_hash").and_where(Expr::col("name_key").eq(name_key));
    let row = database.connection().row(&select).await?;
    let account = row.as_ref().map(read).transpose()?;
    let hash = row.as_ref().map(|row| row.try_get_by_index::<String>(super::USER_COLUMNS.len())).transpose()?;
    let fits = password::verify(password, hash.as_deref()).await?;
    Ok(account.filter(|account| fits && account.is_active))
}

/// Ends a session.
pub(crate) async fn sign_out(database: &Database, token: &str) -> Result<()> {
    let transaction = database.begin().await?;
    let result = session::end(&transaction, token).await;
    close(transaction, result).await
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
    let Some(account) = authenticate(database, &key, old).await? else {
        return Err(Error::invalid("old_password", "INVALID", "this is not your password now"));
    };
    throttle::forget(database.connection(), &key).await?;
    password::check(&account.name, new)?;
    let hash = password::hash(new).await?;
    let transaction = database.begin().await?;
    let result = async {
        write_password(&transaction, &account, &hash).await?;
        note(database, &transaction, Action::PasswordChanged, &account, &account.clone().into()).await?;
        session::end_all(&transaction, account.id).await?;
        session::begin(database, &transaction, account.id, lifetime).await
    }
    .await;
    close(transaction, result).await
}
