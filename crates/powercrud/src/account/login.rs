//! Signing in and out, and a user's own change of password.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait as _, Query},
};

use super::{
    Account, entity, password, select,
    session::{self, Token},
    throttle::{self, Guess},
    tokens, trail, write_password,
};
use powercrud_db::{Database, QueryExt as _, close};
use powercrud_engine::{
    audit::Action,
    error::{Error, Result},
    own::{self, tables},
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
    guess: &Guess,
    password: &str,
    lifetime: Duration,
    former: Option<&str>,
) -> Result<Login> {
    if let Err(wait) = throttle::begin(database, guess).await? {
        trail::delayed(database, guess).await?;
        return Ok(Login::Wait(wait));
    }
    let account = match authenticate(database, guess, password).await? {
        Ok(account) => account,
        Err(known) => {
            trail::failed(database, guess, known.as_ref()).await?;
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
        throttle::succeeded(&transaction, guess).await?;
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
    guess: &Guess,
    password: &str,
) -> Result<std::result::Result<Account, Option<Account>>> {
    let select = select().and_where(Expr::col("name_key").eq(guess.name_key.as_str())).take();
    let row = database.connection().row(&select).await?;
    let row: Option<entity::Model> = row.as_ref().map(own::entity::read).transpose()?;
    let hash = row.as_ref().map(|row| row.password_hash.as_str());
    let fits = password::verify(&guess.row(), password, hash).await?;
    Ok(match row.map(Account::from) {
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

/// Makes sure that whoever is signed in knows the password too.
///
/// # Errors
/// [`Error::Invalid`] at the field `old_password`.
pub(crate) async fn confirm(database: &Database, guess: &Guess, password: &str) -> Result<Account> {
    if let Err(wait) = throttle::begin(database, guess).await? {
        let message = format!("there were too many failures lately; try again in {} s", wait.as_secs() + 1);
        return Err(Error::invalid("old_password", "TOO_MANY_FAILURES", message));
    }
    let Ok(account) = authenticate(database, guess, password).await? else {
        return Err(Error::invalid("old_password", "INVALID", "this is not your password now"));
    };
    throttle::succeeded(database.connection(), guess).await?;
    Ok(account)
}

/// Changes the password of whoever knows the old one; ends all sessions, and all tokens where `end_tokens`, and begins a new session.
///
/// # Errors
/// [`Error::Invalid`] at `old_password` or `password`.
pub(crate) async fn change_password(
    database: &Database,
    guess: &Guess,
    old: &str,
    new: &str,
    end_tokens: bool,
    lifetime: Duration,
) -> Result<Token> {
    let account = confirm(database, guess, old).await?;
    password::check(&account.name, new)?;
    let hash = password::hash(new).await?;
    let transaction = database.begin().await?;
    let result = async {
        write_password(&transaction, &account, &hash).await?;
        trail::did(database, &transaction, Action::PasswordChanged, &account).await?;
        session::end_all(&transaction, account.id).await?;
        if end_tokens {
            tokens::revoke_all(&transaction, database.dialect(), &account.id.to_string()).await?;
        }
        session::begin(database, &transaction, account.id, lifetime).await
    }
    .await;
    close(transaction, result).await
}
