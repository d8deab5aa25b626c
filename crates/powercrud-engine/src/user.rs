//! Users: who a request, a command or a task is by.

use crate::error::{Error, Result};

/// A user of the application: `User::new("7", "Ann").email("ann@example.org")` makes one.
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
