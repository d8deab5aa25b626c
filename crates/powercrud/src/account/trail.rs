//! What the audit trail keeps of signing in, and how much of it.
//!
//! Of a try that failed it keeps whose name was tried, where a user has that name. A name that nobody has is not kept: people type their
//! password there by mistake.
//!
//! Whoever guesses can't fill the trail. A known name's failures are as many as the throttle lets through, and of the tries that it
//! turns away it tells one for each wait. Of all names that nobody has, one try in five minutes is kept.
//!
//! A known name and an unknown one cost the database alike, so that nobody learns by the clock which names there are.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait as _},
};

use super::{
    Account, note, read, select, subject,
    throttle::{self, Guess},
};
use powercrud_db::{Database, QueryExt as _, close};
use powercrud_engine::{
    audit::{self, Action, AuditEvent},
    error::Result,
    user::User,
};

/// How long after a try with a name that nobody has the next one is kept.
const UNKNOWN_PAUSE: Duration = Duration::from_secs(300);

/// Notes a try that was counted and has failed. `account` is who has the name.
pub(super) async fn failed(database: &Database, guess: &Guess, account: Option<&Account>) -> Result<()> {
    let transaction = database.begin().await?;
    let result = async {
        throttle::failed(&transaction, database.dialect(), guess).await?;
        tried(database, &transaction, Action::SignInFailed, account).await
    }
    .await;
    close(transaction, result).await
}

/// Notes a try that has to wait, unless an earlier one in the same wait was noted.
pub(super) async fn delayed(database: &Database, guess: &Guess) -> Result<()> {
    let select = select().and_where(Expr::col("name_key").eq(guess.name_key.as_str())).take();
    let account = database.connection().row(&select).await?.as_ref().map(read).transpose()?;
    let transaction = database.begin().await?;
    let result = async {
        if throttle::is_first_in_wait(&transaction, guess).await? {
            tried(database, &transaction, Action::SignInDelayed, account.as_ref()).await?;
        }
        Ok(())
    }
    .await;
    close(transaction, result).await
}

/// Notes a try of the user `account`, or of nobody, as part of a transaction.
pub(super) async fn tried<C: ConnectionTrait>(
    database: &Database,
    transaction: &C,
    action: Action,
    account: Option<&Account>,
) -> Result<()> {
    let dialect = database.dialect();
    if let Some(account) = account {
        let inactive = if account.is_active { "" } else { ", who may not sign in" };
        let event = AuditEvent::new(action).about(format!("{}{inactive}", subject(account)));
        return event.write(transaction, dialect, &account.clone().into()).await;
    }
    if audit::did_lately(transaction, dialect, audit::NOBODY, UNKNOWN_PAUSE).await? {
        return Ok(());
    }
    let nobody = User::new(audit::NOBODY, "somebody");
    AuditEvent::new(action).about("a name that no user has").write(transaction, dialect, &nobody).await
}

/// Notes what a user did about the own account or session, as part of its transaction.
pub(super) async fn did<C: ConnectionTrait>(
    database: &Database,
    transaction: &C,
    action: Action,
    account: &Account,
) -> Result<()> {
    note(database, transaction, action, account, &account.clone().into()).await
}
