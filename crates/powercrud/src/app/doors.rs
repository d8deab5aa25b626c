//! For which hosts, from where and for whom requests are answered.

use std::{pin::Pin, sync::Arc};

use uuid::Uuid;

use axum::http::request::Parts;
use futures_util::future::{BoxFuture, FutureExt as _};

use super::{Builder, Hosts, PowerCrud, Proxies, User};
use crate::account;
use powercrud_db::Database;
use powercrud_engine::{UserLookup, WhoIs, policy::Policy};

/// How the application tells who a request is by.
#[derive(Clone)]
pub(super) enum UserHook {
    /// From the request's head alone.
    AtOnce(Arc<UserFn>),
    /// By asking somebody, before the request is handled.
    Beforehand(Arc<AsyncUserFn>),
}

type UserFn = dyn Fn(&Parts) -> Option<User> + Send + Sync;
type AsyncUserFn = dyn Fn(Parts) -> BoxFuture<'static, Option<User>> + Send + Sync;

pub(super) type TokenUserHook = Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = Option<User>> + Send>> + Send + Sync>;

/// Who the user of an id is today: as the application says where it resolves users, else as PowerCRUD's own users are kept.
pub(super) fn lookup(database: &Database, has_users: bool, hook: Option<TokenUserHook>) -> Option<UserLookup> {
    if has_users || hook.is_some() {
        let hook = hook?;
        return Some(Arc::new(move |id| {
            let user = hook(id);
            Box::pin(async move { Ok(user.await.map_or(WhoIs::Nobody, WhoIs::User)) })
        }));
    }
    let database = database.clone();
    Some(Arc::new(move |id| {
        let database = database.clone();
        Box::pin(async move {
            let Ok(id) = Uuid::parse_str(&id) else { return Ok(WhoIs::Unknown) };
            let account = account::by_id(&database, id).await?.filter(|account| account.is_active);
            Ok(account.map_or(WhoIs::Nobody, |account| WhoIs::User(account.into())))
        })
    }))
}

impl PowerCrud {
    /// Whose requests are answered.
    pub(crate) fn hosts(&self) -> &Arc<Hosts> {
        &self.web.hosts
    }

    /// Who is believed about for whom they ask.
    pub(crate) fn proxies(&self) -> &Proxies {
        &self.web.proxies
    }

    /// Who the application says that a request is by, where it has to be asked before the request is handled.
    pub(crate) async fn user_beforehand(&self, parts: &Parts) -> Option<User> {
        match &self.web.users {
            Some(UserHook::Beforehand(hook)) => hook(parts.clone()).await,
            _ => None,
        }
    }

    /// Whether [`PowerCrud::user_beforehand`] is asked of each request.
    pub(crate) fn is_asked_beforehand(&self) -> bool {
        matches!(self.web.users, Some(UserHook::Beforehand(_)))
    }

    /// Whether nobody is let in, since the application says neither who its users are nor that it has none.
    pub(crate) fn is_closed(&self) -> bool {
        !self.resolves_users_itself() && self.web.users.is_none() && self.web.token_users.is_none()
    }

    /// Whether PowerCRUD itself says who is let in: its own users, or everybody.
    fn resolves_users_itself(&self) -> bool {
        self.web.is_open || self.has_login()
    }

    /// Whether tokens are good here: not where it is the application that knows of whom tokens were made, and does not say.
    pub(crate) fn knows_users_of_tokens(&self) -> bool {
        self.resolves_users_itself() || self.web.token_users.is_some()
    }

    /// Who that user of a token is today, as the application says; `None` where it is not for the application to say.
    pub(crate) async fn user_of_token(&self, user: &User) -> Option<Option<User>> {
        if self.resolves_users_itself() {
            return None;
        }
        match (&self.web.token_users, &user.id) {
            (Some(hook), Some(id)) => Some(hook(id.clone()).await),
            _ => Some(None),
        }
    }
}

impl Builder {
    /// Resolves the user from a request's head; `None` refuses the request (401), or sends people to [`Builder::login_url`]. A login that has to ask somebody is
    /// [`Builder::user_async`]. Without either, without [`Builder::login`] and [`Builder::open_to_everybody`] nobody is let in.
    #[must_use]
    pub fn user(mut self, hook: impl Fn(&Parts) -> Option<User> + Send + Sync + 'static) -> Self {
        self.users = Some(UserHook::AtOnce(Arc::new(hook)));
        self
    }

    /// As [`Builder::user`], for a login that has to ask a database or another service: once a request, before anything else of it is done.
    /// It returns whatever a [`User`] is made of: a user of the application's own is good that is `Into<User>`. What an extractor of
    /// the application needs, `FromRequestParts` finds in the head that it is given. How long it may take is for the application to say.
    ///
    /// ```
    /// use powercrud::{PowerCrud, User};
    ///
    /// /// The application's own.
    /// struct Customer {
    ///     number: u32,
    ///     name: String,
    /// }
    ///
    /// impl From<Customer> for User {
    ///     fn from(customer: Customer) -> Self {
    ///         User::new(customer.number.to_string(), customer.name)
    ///     }
    /// }
    ///
    /// async fn customer_of(session: String) -> Option<Customer> {
    ///     // Asks a database.
    ///     (session == "7").then(|| Customer { number: 7, name: "Ann".into() })
    /// }
    ///
    /// # fn build(database: powercrud::db::Database) -> powercrud::Builder {
    /// PowerCrud::builder(database).user_async(|head| async move {
    ///     let session = head.headers.get("x-session")?.to_str().ok()?.to_owned();
    ///     customer_of(session).await
    /// })
    /// # }
    /// ```
    #[must_use]
    pub fn user_async<F, U>(mut self, hook: impl Fn(Parts) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Option<U>> + Send + 'static,
        U: Into<User>,
    {
        let hook = move |parts: Parts| {
            let user = hook(parts);
            async move { user.await.map(Into::into) }.boxed()
        };
        self.users = Some(UserHook::Beforehand(Arc::new(hook)));
        self
    }

    /// Lets in everybody who reaches the router, as the operator, who may do everything. Without this, and without [`Builder::user`],
    /// [`Builder::user_async`] or [`Builder::login`], pages and API refuse every request (403) and say why; workers, and bulk operations from
    /// code, need none of them. Right for a machine of one's own, or behind something that lets in nobody else; say also for which hosts it
    /// answers ([`Builder::allowed_hosts`]), or any web page reaches it through its visitor's browser (DNS rebinding).
    #[must_use]
    pub fn open_to_everybody(mut self) -> Self {
        self.is_open = true;
        self
    }

    /// Who may do what to which records, instead of the roles of the settings: see [`crate::policy`]. It is asked by this process's pages, API
    /// and workers; where workers are elsewhere, they need the same policy. A worker carries a task out with the rights that its user has
    /// then: [`Builder::token_user`] tells who that is today; without it, it is who it was when the task was submitted.
    #[must_use]
    pub fn policy(mut self, policy: impl Policy) -> Self {
        self.policy = Some(Arc::new(policy));
        self
    }

    /// Tells who the user of that id is today, of whom a token was made that somebody shows; `None` refuses the token, as for a user who
    /// has left. Unless PowerCRUD has the login or everybody is let in, no token is good without this hook, and none can be made: PowerCRUD does
    /// not know whom the application still lets in. Tokens that act as the operator, not as a user, are then good for nothing either.
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

    /// The proxies whose `X-Forwarded-For` and `X-Forwarded-Prefix` are believed; [`crate::Settings::trusted_proxies`] says more.
    #[must_use]
    pub fn trusted_proxies<S: Into<String>>(mut self, proxies: impl IntoIterator<Item = S>) -> Self {
        self.settings.trusted_proxies = proxies.into_iter().map(Into::into).collect();
        self
    }

    /// The part of the public path that a proxy takes away; [`crate::Settings::public_prefix`] says more.
    #[must_use]
    pub fn public_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.settings.public_prefix = Some(prefix.into());
        self
    }

    /// Whose pages may send forms here besides; [`crate::Settings::trusted_origins`] says more.
    #[must_use]
    pub fn trusted_origins<S: Into<String>>(mut self, origins: impl IntoIterator<Item = S>) -> Self {
        self.settings.trusted_origins = origins.into_iter().map(Into::into).collect();
        self
    }

    /// Whether each request is a span of `tracing`; [`crate::Settings::access_log`] says more.
    #[must_use]
    pub fn access_log(mut self, access_log: bool) -> Self {
        self.settings.access_log = access_log;
        self
    }
}
