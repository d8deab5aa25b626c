//! Users of PowerCRUD's own: who they are, how they sign in. For a server without an application around it, and for applications that
//! have no login of their own ([`crate::Builder::login`]). What is done to them stands in the audit trail, and so do their own sign-ins.

mod access;
mod entity;
mod login;
mod password;
pub(crate) mod session;
mod throttle;
mod tokens;
mod trail;

use std::collections::BTreeMap;

use sea_orm::{
    ConnectionTrait, QueryResult,
    sea_query::{Expr, ExprTrait as _, Order, Query, SelectStatement},
};
use serde::Serialize;
use uuid::Uuid;

pub use access::{Access, set_access};
pub(crate) use login::{Login, change_password, confirm, sign_in, sign_out};
pub(crate) use throttle::Guess;
pub(crate) use tokens::UNTIL_USERS;

use powercrud_db::{Database, QueryExt as _, close};
use powercrud_engine::{
    audit::{Action, AuditEvent},
    error::{Error, Result},
    own::{self, tables},
    user::User,
    words::rfc3339,
};

/// A user who signs in with a password. Timestamps are milliseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Stays the same for ever and is given to nobody else; the `user_id` of bulk tasks.
    pub id: Uuid,
    /// What the user signs in with, in any case of letters.
    pub name: String,
    /// Where mail reaches the user.
    pub email: Option<String>,
    /// Staff see everybody's tasks.
    pub is_staff: bool,
    /// What the user is here; `None`: somebody who may do everything.
    pub role: Option<String>,
    /// What a policy knows of the user, such as the `publisher` whose books are the user's.
    pub attributes: BTreeMap<String, String>,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// When the user was added.
    #[serde(serialize_with = "rfc3339")]
    pub created_at: i64,
    /// When the user last signed in.
    #[serde(serialize_with = "rfc3339")]
    pub last_login_at: Option<i64>,
}

impl From<Account> for User {
    fn from(account: Account) -> Self {
        Self {
            email: account.email,
            role: account.role,
            attributes: account.attributes,
            ..Self::new(account.id.to_string(), account.name).staff(account.is_staff)
        }
    }
}

/// Whoever is to be added.
#[derive(Clone)]
pub struct NewAccount {
    /// What the user signs in with: 1 to 150 characters, none of them a control character, no blank at either end.
    pub name: String,
    /// Where mail reaches the user.
    pub email: Option<String>,
    /// At least 8 characters.
    pub password: String,
    /// Whether the user sees everybody's tasks.
    pub is_staff: bool,
}

const LONGEST_NAME: usize = 150;
const LONGEST_EMAIL: usize = 190;

fn select() -> SelectStatement {
    own::entity::select::<entity::Entity>()
}

fn read(row: &QueryResult) -> Result<Account> {
    own::entity::read::<entity::Model>(row).map(Account::from)
}

impl From<entity::Model> for Account {
    fn from(row: entity::Model) -> Self {
        let (role, attributes) = access::read(row.role, row.attributes);
        Self {
            id: row.id,
            name: row.name,
            email: row.email,
            is_staff: row.is_staff,
            role,
            attributes,
            is_active: row.is_active,
            created_at: row.created_at,
            last_login_at: row.last_login_at,
        }
    }
}

/// Names differ by more than the case of letters.
fn name_key(name: &str) -> String {
    name.trim().to_lowercase()
}

/// Whether there is any user, active or not.
pub async fn any(database: &Database) -> Result<bool> {
    let select = Query::select().expr(Expr::cust("1")).from(tables::USER).limit(1).take();
    Ok(database.connection().row(&select).await?.is_some())
}

/// All users, by name.
pub async fn list(database: &Database) -> Result<Vec<Account>> {
    let select = select().order_by("name_key", Order::Asc).take();
    database.connection().rows(&select).await?.iter().map(read).collect()
}

/// The user of that name, in any case of letters.
///
/// # Errors
/// [`Error::UnknownUser`].
pub async fn find(database: &Database, name: &str) -> Result<Account> {
    find_in(database.connection(), name).await
}

/// The user of that id.
pub(crate) async fn by_id(database: &Database, id: Uuid) -> Result<Option<Account>> {
    let select = select().and_where(Expr::col("id").eq(id)).take();
    database.connection().row(&select).await?.as_ref().map(read).transpose()
}

async fn find_in<C: ConnectionTrait>(connection: &C, name: &str) -> Result<Account> {
    let select = select().and_where(Expr::col("name_key").eq(name_key(name))).take();
    let row = connection.row(&select).await?;
    row.as_ref().map(read).transpose()?.ok_or_else(|| Error::UnknownUser(name.to_owned()))
}

/// Adds a user without a role, who may do everything; `by` is told in the audit trail.
///
/// # Errors
/// [`Error::Invalid`] names each of `name`, `email` and `password` that can't be taken, and why; also a name that is taken.
pub async fn create(database: &Database, by: &User, new: NewAccount) -> Result<Account> {
    create_with(database, by, new, &Access::default()).await
}

/// As [`create`], with a role and attributes.
///
/// # Errors
/// As [`create`], also of `role` and `attributes`.
pub async fn create_with(database: &Database, by: &User, new: NewAccount, access: &Access) -> Result<Account> {
    let mut errors = Vec::new();
    for checked in [
        check_name(&new.name),
        check_email(new.email.as_deref()),
        password::check(&new.name, &new.password),
        access.check(),
    ] {
        match checked {
            Err(Error::Invalid(found)) => errors.extend(found),
            other => other?,
        }
    }
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    let hash = password::hash(&new.password).await?;
    let transaction = database.begin().await?;
    let result = insert(database, &transaction, by, (&new, access), &hash).await;
    match close(transaction, result).await {
        Err(Error::Database(fault)) if fault.code == "UNIQUE" => {
            Err(Error::invalid("name", "UNIQUE", format!("there is a user {:?} already", new.name)))
        }
        result => result,
    }
}

async fn insert<C: ConnectionTrait>(
    database: &Database,
    transaction: &C,
    by: &User,
    (new, access): (&NewAccount, &Access),
    hash: &str,
) -> Result<Account> {
    let insert = own::entity::insert::<entity::Entity, _>([
        (entity::Column::Id, Uuid::now_v7().into()),
        (entity::Column::Name, new.name.as_str().into()),
        (entity::Column::NameKey, name_key(&new.name).into()),
        (entity::Column::Email, new.email.clone().into()),
        (entity::Column::PasswordHash, hash.into()),
        (entity::Column::IsStaff, new.is_staff.into()),
        (entity::Column::IsActive, true.into()),
        (entity::Column::CreatedAt, database.dialect().now()),
        (entity::Column::Role, access.role.clone().into()),
        (entity::Column::Attributes, access.attributes_json().into()),
    ]);
    transaction.insert(&insert).await?;
    // What was made while the pages were open to everybody is not to outlast that.
    tokens::revoke_until_users(transaction, database.dialect()).await?;
    let account = find_in(transaction, &new.name).await?;
    note(database, transaction, Action::UserAdded, &account, by).await?;
    Ok(account)
}

/// Notes in the audit trail what `by` did to a user.
async fn note<C: ConnectionTrait>(
    database: &Database,
    transaction: &C,
    action: Action,
    account: &Account,
    by: &User,
) -> Result<()> {
    AuditEvent::new(action).about(subject(account)).write(transaction, database.dialect(), by).await
}

/// A user in the audit trail's words.
fn subject(account: &Account) -> String {
    let staff = if account.is_staff { ", staff" } else { "" };
    let role = account.role.as_ref().map(|role| format!(", {role}")).unwrap_or_default();
    format!("user {:?}{staff}{role}", account.name)
}

fn check_name(name: &str) -> Result<()> {
    let refuse = |code, message: String| Err(Error::invalid("name", code, message));
    if name.is_empty() {
        return refuse("NOT_NULL", "a user needs a name".into());
    }
    if name.chars().count() > LONGEST_NAME {
        return refuse("TOO_LONG", format!("a name has at most {LONGEST_NAME} characters"));
    }
    if name.chars().any(char::is_control) || name.trim() != name {
        return refuse("INVALID", "a name has no control characters, and no blanks at its ends".into());
    }
    Ok(())
}

fn check_email(email: Option<&str>) -> Result<()> {
    let Some(email) = email else { return Ok(()) };
    let parts =
        email.split_once('@').filter(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'));
    let plain = !email.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | ','));
    if parts.is_none() || !plain || email.chars().count() > LONGEST_EMAIL {
        let message = format!("{email:?} is no mail address; allowed is one such as ann@example.org");
        return Err(Error::invalid("email", "INVALID", message));
    }
    Ok(())
}

/// Gives a user another password and ends the sessions that were begun with the old one, and the user's tokens; `by` is told in the audit trail.
///
/// # Errors
/// [`Error::UnknownUser`], and [`Error::Invalid`] for what is no password.
pub async fn set_password(database: &Database, by: &User, name: &str, password: &str) -> Result<Account> {
    let account = find(database, name).await?;
    password::check(&account.name, password)?;
    let hash = password::hash(password).await?;
    change(database, name, async |transaction, account| {
        write_password(transaction, account, &hash).await?;
        note(database, transaction, Action::PasswordChanged, account, by).await?;
        tokens::revoke_all(transaction, database.dialect(), &account.id.to_string()).await?;
        session::end_all(transaction, account.id).await
    })
    .await
}

async fn write_password<C: ConnectionTrait>(transaction: &C, account: &Account, hash: &str) -> Result<()> {
    let mut update = Query::update();
    update.table(tables::USER).value("password_hash", hash).and_where(Expr::col("id").eq(account.id));
    transaction.update(&update).await?;
    throttle::forget(transaction, &name_key(&account.name)).await
}

/// Lets a user sign in again, or no more; then the user's open sessions end at once. `by` is told in the audit trail.
///
/// # Errors
/// [`Error::UnknownUser`].
pub async fn set_active(database: &Database, by: &User, name: &str, active: bool) -> Result<Account> {
    change(database, name, async |transaction, account| {
        let mut update = Query::update();
        update.table(tables::USER).value("is_active", active).and_where(Expr::col("id").eq(account.id));
        transaction.update(&update).await?;
        if account.is_active != active {
            let action = if active { Action::UserActivated } else { Action::UserDeactivated };
            note(database, transaction, action, account, by).await?;
        }
        if active { Ok(()) } else { session::end_all(transaction, account.id).await }
    })
    .await
}

/// Removes a user with all sessions. The user's bulk tasks stay, under the name they were submitted by. `by` is told in the audit trail.
///
/// # Errors
/// [`Error::UnknownUser`].
pub async fn remove(database: &Database, by: &User, name: &str) -> Result<Account> {
    let transaction = database.begin().await?;
    let result = async {
        let account = find_in(&transaction, name).await?;
        session::end_all(&transaction, account.id).await?;
        let mut delete = Query::delete();
        delete.from_table(tables::USER).and_where(Expr::col("id").eq(account.id));
        transaction.delete(&delete).await?;
        note(database, &transaction, Action::UserRemoved, &account, by).await?;
        Ok(account)
    }
    .await;
    close(transaction, result).await
}

/// Changes a user in one transaction, and returns the user as it is then.
async fn change(
    database: &Database,
    name: &str,
    event: impl AsyncFnOnce(&powercrud_db::Transaction, &Account) -> Result<()>,
) -> Result<Account> {
    let transaction = database.begin().await?;
    let result = async {
        let account = find_in(&transaction, name).await?;
        event(&transaction, &account).await?;
        find_in(&transaction, name).await
    }
    .await;
    close(transaction, result).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(result: Result<()>, code: Option<&str>, what: &str) {
        let found = match result {
            Ok(()) => None,
            Err(Error::Invalid(errors)) => Some(errors[0].code.clone()),
            Err(error) => panic!("{error:?}"),
        };
        assert_eq!(found.as_deref(), code, "{what:?}");
    }

    #[test]
    fn odd_names_and_addresses_are_refused() {
        for (name, code) in [
            ("Ann Adler", None),
            ("安", None),
            ("", Some("NOT_NULL")),
            (" ann", Some("INVALID")),
            ("a\nb", Some("INVALID")),
            (&*"x".repeat(151), Some("TOO_LONG")),
        ] {
            check(check_name(name), code, name);
        }
        for (email, code) in [
            ("ann@example.org", None),
            ("ann", Some("INVALID")),
            ("ann@b@c", Some("INVALID")),
            ("@example.org", Some("INVALID")),
            ("ann@example.org\r\nBcc: all", Some("INVALID")),
            ("Ann <ann@example.org>", Some("INVALID")),
        ] {
            check(check_email(Some(email)), code, email);
        }
    }
}
