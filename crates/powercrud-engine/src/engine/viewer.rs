//! The engine as a certain user sees it.

use std::{pin::Pin, sync::Arc};

use super::{Engine, schema::Schema};
use crate::{
    error::Result,
    policy::{Policy, narrow},
    resource::Resource,
    user::User,
};

/// Tells who the user of that id is today.
pub type UserLookup = Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = Result<WhoIs>> + Send>> + Send + Sync>;

/// Who the user of an id is today.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhoIs {
    /// This user.
    User(User),
    /// Nobody, any more.
    Nobody,
    /// That is not known here: what was known when the user asked is good.
    Unknown,
}

impl Engine {
    /// The engine as `user` sees it: without the resources, rows and fields that the [policy](crate::policy) does not give this user, and
    /// with the user's rights. Clones of it are the same user's. Of the operator, and of users from whom nothing is kept, it is the
    /// engine itself.
    #[must_use]
    pub fn for_user(&self, user: &User) -> Self {
        if self.viewer.as_deref() == Some(user) {
            return self.same();
        }
        if user.is_operator() || !self.inner.policy.restricts(user) {
            return self.unseen(Arc::clone(&self.whole));
        }
        self.seen_by(Arc::new(user.clone()), Arc::clone(&self.whole))
    }

    /// For whom something is kept back here; `None` where nothing is.
    pub fn viewer(&self) -> Option<&User> {
        self.viewer.as_deref()
    }

    /// Who may do what.
    pub fn policy(&self) -> &dyn Policy {
        &*self.inner.policy
    }

    /// The resource as this engine's user sees it.
    ///
    /// # Errors
    /// [`Error::UnknownResource`] where there is none for the user.
    pub(crate) fn seen<'a>(&'a self, resource: &'a Resource) -> Result<&'a Resource> {
        match &self.viewer {
            Some(_) if !resource.is_narrowed => self.resource(&resource.name).map(AsRef::as_ref),
            _ => Ok(resource),
        }
    }

    /// Whether there is a resource of that name for somebody, though perhaps not for this engine's user.
    pub fn has_resource(&self, name: &str) -> bool {
        self.whole.resources.iter().any(|resource| resource.name == name)
    }

    /// Whether all rows of the table may be told of: it has a resource that shows them, or none at all for anybody.
    pub fn shows_whole(&self, table: &powercrud_db::Table) -> bool {
        let over = |resource: &&Arc<Resource>| resource.model_name == table.qualified_name();
        let mut own = self.resources().iter().filter(over);
        own.any(|resource| resource.table.scope.is_none()) || !self.whole.resources.iter().any(|other| over(&other))
    }

    /// The resource as it is for everybody.
    ///
    /// # Errors
    /// [`crate::Error::UnknownResource`] where there is none.
    pub(crate) fn whole(&self, resource: &Resource) -> Result<Arc<Resource>> {
        let found = self.whole.resources.iter().find(|whole| whole.name == resource.name);
        found.cloned().ok_or_else(|| self.why_unknown(&resource.name))
    }

    /// The resources as they are for everybody.
    pub(crate) fn all_resources(&self) -> &[Arc<Resource>] {
        &self.whole.resources
    }

    /// The same engine with the policy asked anew.
    pub(crate) fn asked_anew(&self) -> Self {
        match &self.viewer {
            Some(viewer) => self.seen_by(Arc::clone(viewer), Arc::clone(&self.whole)),
            None => self.same(),
        }
    }

    /// Who the user of that id is today.
    pub(crate) async fn who_is(&self, id: &str) -> Result<WhoIs> {
        match &self.inner.users {
            Some(users) => users(id.to_owned()).await,
            None => Ok(WhoIs::Unknown),
        }
    }

    /// The engine with everything that there is.
    #[must_use]
    pub fn for_everybody(&self) -> Self {
        self.unseen(Arc::clone(&self.whole))
    }

    pub(super) fn same(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            whole: Arc::clone(&self.whole),
            schema: Arc::clone(&self.schema),
            viewer: self.viewer.clone(),
        }
    }

    pub(super) fn unseen(&self, whole: Arc<Schema>) -> Self {
        Self { inner: Arc::clone(&self.inner), schema: Arc::clone(&whole), whole, viewer: None }
    }

    pub(super) fn seen_by(&self, viewer: Arc<User>, whole: Arc<Schema>) -> Self {
        let dialect = self.database().dialect();
        let resources = narrow(&whole.resources, &*self.inner.policy, &viewer, dialect);
        let schema = Arc::new(whole.narrowed(resources));
        Self { inner: Arc::clone(&self.inner), whole, schema, viewer: Some(viewer) }
    }
}
