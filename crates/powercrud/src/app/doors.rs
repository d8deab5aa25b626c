//! For which hosts, from where and for whom requests are answered.

use std::{pin::Pin, sync::Arc};

use super::{Builder, Hosts, PowerCrud, Proxies, User};

pub(super) type TokenUserHook = Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = Option<User>> + Send>> + Send + Sync>;

impl PowerCrud {
    /// Whose requests are answered.
    pub(crate) fn hosts(&self) -> &Arc<Hosts> {
        &self.web.hosts
    }

    /// Who is believed about for whom they ask.
    pub(crate) fn proxies(&self) -> &Proxies {
        &self.web.proxies
    }

    /// Whether tokens are good here: not where the application says who asks, but not of whom tokens were made.
    pub(crate) fn knows_users_of_tokens(&self) -> bool {
        self.web.users.is_none() || self.web.token_users.is_some()
    }

    /// Who that user of a token is today, as the application says; `None` where it is not for the application to say.
    pub(crate) async fn user_of_token(&self, user: &User) -> Option<Option<User>> {
        self.web.users.as_ref()?;
        match (&self.web.token_users, &user.id) {
            (Some(hook), Some(id)) => Some(hook(id.clone()).await),
            _ => Some(None),
        }
    }
}

impl Builder {
    /// Tells who the user of that id is today, of whom a token was made that somebody shows; `None` refuses the token, as for a user who
    /// has left. Where [`Builder::user`] says who asks, no token is good without this hook, and none can be made: PowerCRUD does not know
    /// whom the application still lets in. Tokens that act as the operator, not as a user, are then good for nothing either.
    #[must_use]
    pub fn token_user<F>(mut self, hook: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Option<User>> + Send + 'static,
    {
        self.token_users = Some(Arc::new(move |id| Box::pin(hook(id))));
        self
    }

    /// The hosts whose requests are answered; [`crate::Settings::allowed_hosts`] says more.
    #[must_use]
    pub fn allowed_hosts<S: Into<String>>(mut self, hosts: impl IntoIterator<Item = S>) -> Self {
        self.settings.allowed_hosts = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// The proxies whose `X-Forwarded-For` is believed; [`crate::Settings::trusted_proxies`] says more.
    #[must_use]
    pub fn trusted_proxies<S: Into<String>>(mut self, proxies: impl IntoIterator<Item = S>) -> Self {
        self.settings.trusted_proxies = proxies.into_iter().map(Into::into).collect();
        self
    }
}
