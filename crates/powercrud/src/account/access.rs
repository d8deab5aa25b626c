//! What a user is here: a role, and attributes that the rows of roles go by.

use std::collections::BTreeMap;

use sea_orm::sea_query::{Expr, ExprTrait as _, Query};

use super::{Account, change, note};
use powercrud_db::{Database, QueryExt as _};
use powercrud_engine::{
    audit::Action,
    error::{Error, FieldError, Result},
    own::tables,
    policy::is_attribute,
    user::User,
};

/// What a user is here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The name of a role; `None`: somebody who may do everything.
    pub role: Option<String>,
    /// What a policy knows of the user, by names of letters, digits and underscores.
    pub attributes: BTreeMap<String, String>,
}

/// The most characters of a role's name, and of an attribute's value.
const LONGEST: usize = 190;

impl Access {
    pub(super) fn check(&self) -> Result<()> {
        let mut errors = Vec::new();
        if let Some(role) = &self.role
            && (role.is_empty() || role.chars().count() > LONGEST || role.chars().any(char::is_control))
        {
            let message = format!("a role's name has 1 to {LONGEST} characters, none of them a control character");
            errors.push(FieldError::new("role", "INVALID", message));
        }
        for (name, value) in &self.attributes {
            if !is_attribute(name) {
                let message =
                    format!("{name:?} is no name of an attribute: a letter, then letters, digits and underscores");
                errors.push(FieldError::new("attributes", "INVALID", message));
            }
            if value.chars().count() > LONGEST || value.contains('\0') {
                let message = format!("the value of {name} has {LONGEST} characters at most, and no NUL");
                errors.push(FieldError::new("attributes", "TOO_LONG", message));
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
    }

    pub(super) fn attributes_json(&self) -> Option<String> {
        (!self.attributes.is_empty()).then(|| serde_json::json!(self.attributes).to_string())
    }
}

/// Role and attributes from their columns. Who has attributes that can't be read has a role that there is not, and may do nothing.
pub(super) fn read(role: Option<String>, attributes: Option<String>) -> (Option<String>, BTreeMap<String, String>) {
    match attributes.as_deref().map(serde_json::from_str) {
        None => (role, BTreeMap::new()),
        Some(Ok(attributes)) => (role, attributes),
        Some(Err(_)) => (Some(String::new()), BTreeMap::new()),
    }
}

/// Gives a user another role, and other attributes. Open sessions go on with the new rights, and so do tokens and bulk tasks. `by` is told
/// in the audit trail.
///
/// # Errors
/// [`Error::UnknownUser`], and [`Error::Invalid`] for what is no role or attribute.
pub async fn set_access(
    database: &Database,
    by: &User,
    name: &str,
    access: &Access,
    is_staff: bool,
) -> Result<Account> {
    access.check()?;
    change(database, name, async |transaction, account| {
        let mut update = Query::update();
        update
            .table(tables::USER)
            .value("role", access.role.clone())
            .value("attributes", access.attributes_json())
            .value("is_staff", is_staff)
            .and_where(Expr::col("id").eq(account.id));
        transaction.update(&update).await?;
        let account =
            Account { role: access.role.clone(), attributes: access.attributes.clone(), is_staff, ..account.clone() };
        note(database, transaction, Action::AccessChanged, &account, by).await
    })
    .await
}
