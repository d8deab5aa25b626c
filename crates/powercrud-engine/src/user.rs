//! Users: who a request, a command or a task is by.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A user of the application: `User::new("7", "Ann").email("ann@example.org")` makes one, and
/// `.role("clerk").attribute("publisher", "7")` says what a [`crate::policy::Policy`] goes by.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct User {
    /// A stable id; `None` for the local operator of a server without login.
    pub id: Option<String>,
    /// For people.
    pub name: String,
    /// Staff see everybody's tasks.
    pub is_staff: bool,
    /// Where mail about this user's tasks goes.
    pub email: Option<String>,
    /// What the user is here, such as `clerk`; `None` where everybody who is let in may do everything.
    pub role: Option<String>,
    /// What a policy knows of the user by name, such as the `publisher` whose books are the user's.
    pub attributes: BTreeMap<String, String>,
}

/// What a user may go by, as it is kept with what the user has asked for.
#[derive(Serialize, Deserialize)]
struct Kept {
    is_staff: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
}

impl User {
    /// Somebody with that stable id, and a name for people.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self { id: Some(id.into()), name: name.into(), ..Self::default() }
    }

    /// Whoever sits at the machine: the command line, and pages where no login is set up.
    pub fn operator() -> Self {
        Self { name: "operator".into(), is_staff: true, ..Self::default() }
    }

    /// Whether this user sees everybody's tasks.
    #[must_use]
    pub fn staff(mut self, is_staff: bool) -> Self {
        self.is_staff = is_staff;
        self
    }

    /// Where mail about this user's tasks goes.
    #[must_use]
    pub fn email(mut self, address: impl Into<String>) -> Self {
        self.email = Some(address.into());
        self
    }

    /// What the user is here.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }

    /// Something that a policy goes by.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// Whether this is whoever sits at the machine, of whom no policy is asked.
    pub fn is_operator(&self) -> bool {
        self.id.is_none() && self.is_staff && self.role.is_none()
    }

    /// What a policy goes by, as JSON; [`User::with_kept`] reads it.
    pub(crate) fn to_kept(&self) -> Option<String> {
        let kept = Kept { is_staff: self.is_staff, role: self.role.clone(), attributes: self.attributes.clone() };
        serde_json::to_string(&kept).ok()
    }

    /// The user with what was kept; `None` where that can't be read.
    pub(crate) fn with_kept(self, kept: &str) -> Option<Self> {
        let Kept { is_staff, role, attributes } = serde_json::from_str(kept).ok()?;
        Some(Self { is_staff, role, attributes, ..self })
    }

    /// The name to keep beside the id, as far as there is room for it; `None` for the operator.
    pub fn recorded_name(&self) -> Option<String> {
        self.id.as_ref().map(|_| self.name.chars().take(190).collect())
    }

    /// Refuses everybody who is not staff.
    ///
    /// # Errors
    /// [`Error::NotAllowed`].
    pub fn require_staff(&self) -> Result<()> {
        if self.is_staff { Ok(()) } else { Err(Error::NotAllowed("that is for staff only".into())) }
    }

    /// Whether this user may see and control a task of `owner`.
    pub fn may_see(&self, owner: Option<&str>) -> bool {
        self.is_staff || (self.id.is_some() && self.id.as_deref() == owner)
    }
}
