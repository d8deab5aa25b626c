//! The handle that an application holds: an engine, and who may reach it by HTTP.

mod doors;
mod hosts;
mod login_page;
mod origins;
mod pages;
mod prefix;
mod proxies;

use std::{ops::Deref, sync::Arc};

use crate::{live::Live, notify};
use powercrud_db::Database;
use powercrud_engine::{
    Engine, EngineBuilder,
    backend::Backend,
    chunk_hook::ChunkHook,
    config::{LoginMode, Notification, Secret, Settings},
    error::{Error, Result},
    notify::{Notifier, QueueHooks, TaskEndHook},
    own,
    policy::Policy,
    resource::{Resource, ResourceBuilder},
    task::BulkTask,
    user::User,
    validate::Validate,
};

pub use pages::{Link, Page};
pub(crate) use {hosts::Hosts, login_page::Address, pages::MenuLink, proxies::Proxies};

/// A configured PowerCRUD. Cheap to clone. It keeps the tables as they were when it was cloned; a clone knows them as they were read
/// last ([`Engine::reload_catalog`]).
///
/// What it does to records is its [`Engine`]'s, which it derefs to: wherever one is asked for, this is good.
#[derive(Clone)]
pub struct PowerCrud {
    engine: Engine,
    web: Arc<Web>,
}

/// What the pages and the API need beside the engine.
struct Web {
    hosts: Arc<Hosts>,
    proxies: Proxies,
    public_prefix: String,
    trusted_origins: Vec<String>,
    is_open: bool,
    users: Option<doors::UserHook>,
    token_users: Option<doors::TokenUserHook>,
    login_page: login_page::LoginPage,
    entries: Vec<pages::Entry>,
    live: Arc<Live>,
}

impl Deref for PowerCrud {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

/// Goes with a request whose user the router has looked up, as an extension.
#[derive(Clone)]
pub(crate) struct SignedIn(pub(crate) User);

/// Collects what a [`PowerCrud`] needs.
pub struct Builder {
    database: Database,
    settings: Settings,
    resources: Vec<ResourceBuilder>,
    is_open: bool,
    users: Option<doors::UserHook>,
    token_users: Option<doors::TokenUserHook>,
    login_page: login_page::Given,
    entries: Vec<pages::Entry>,
    queue_hooks: QueueHooks,
    task_end: Option<TaskEndHook>,
    notifiers: Vec<Arc<dyn Notifier>>,
    backends: Vec<Arc<dyn Backend>>,
    policy: Option<Arc<dyn Policy>>,
    rules: Vec<Arc<dyn Validate>>,
    chunk_hooks: Vec<Arc<dyn ChunkHook>>,
    migrate: bool,
}

impl PowerCrud {
    /// Starts from a SeaORM connection or a [`Database`].
    pub fn builder(database: impl Into<Database>) -> Builder {
        Builder {
            database: database.into(),
            settings: Settings::default(),
            resources: Vec::new(),
            is_open: false,
            users: None,
            token_users: None,
            login_page: login_page::Given::default(),
            entries: Vec::new(),
            queue_hooks: QueueHooks::default(),
            task_end: None,
            notifiers: Vec::new(),
            backends: Vec::new(),
            policy: None,
            rules: Vec::new(),
            chunk_hooks: Vec::new(),
            migrate: true,
        }
    }

    /// The user: as the router has found where PowerCRUD has the login, or the application's hook is asynchronous; else by its hook; the
    /// operator where these pages are [open to everybody](Builder::open_to_everybody). `None` means nobody: not signed in.
    pub fn user(&self, parts: &axum::http::request::Parts) -> Option<User> {
        match &self.web.users {
            Some(doors::UserHook::AtOnce(hook)) if !self.has_login() => hook(parts),
            hook if hook.is_some() || self.has_login() => {
                parts.extensions.get::<SignedIn>().map(|signed_in| signed_in.0.clone())
            }
            _ => self.web.is_open.then(User::operator),
        }
    }

    /// The same as `user` sees it: without the resources, rows and fields that the [policy](crate::policy) does not give this user, and with
    /// the user's rights. Pages and API work with this one.
    #[must_use]
    pub fn for_user(&self, user: &User) -> Self {
        Self { engine: self.engine.for_user(user), web: Arc::clone(&self.web) }
    }

    /// Ends the event streams of open pages, so that a graceful shutdown need not wait for them; call it when the shutdown begins.
    /// The pages connect again by themselves, to the next process that answers.
    pub fn end_streams(&self) {
        self.web.live.end();
    }

    /// What open pages watch.
    pub(crate) fn live(&self) -> &Arc<Live> {
        &self.web.live
    }

    /// Whether people may have to sign in here.
    pub(crate) fn has_login(&self) -> bool {
        self.settings().login != LoginMode::Off
    }
}

impl Builder {
    /// Changes settings: `.settings(|settings| settings.secure_cookies = true)`. What it does not touch stays as it was.
    #[must_use]
    pub fn settings<R>(mut self, change: impl FnOnce(&mut Settings) -> R) -> Self {
        change(&mut self.settings);
        self
    }

    /// Takes all settings from elsewhere, such as a file; what was set before is gone.
    #[must_use]
    pub fn all_settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// The name in the page's top bar.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.settings.title = title.into();
        self
    }

    /// Adds a resource.
    #[must_use]
    pub fn resource(mut self, resource: ResourceBuilder) -> Self {
        self.resources.push(resource);
        self
    }

    /// Whether every table and view that nobody named becomes a resource too (false).
    #[must_use]
    pub fn discover(mut self, discover: bool) -> Self {
        self.settings.discover = discover;
        self
    }

    /// Asks people to sign in with a name and password that PowerCRUD keeps; [`crate::account`] adds users, and so does
    /// `powercrud user add`. Not together with [`Builder::user`].
    #[must_use]
    pub fn login(mut self) -> Self {
        self.settings.login = LoginMode::Always;
        self
    }

    /// Called for each bulk operation that was queued, once it is safely stored. What its dialog says then is in the template
    /// `async_queue_success.html`.
    #[must_use]
    pub fn async_queue_success(mut self, hook: impl Fn(&BulkTask) + Send + Sync + 'static) -> Self {
        self.queue_hooks.success = Some(Arc::new(hook));
        self
    }

    /// Called for each bulk operation that was checked and yet refused, such as for a conflict; nothing was written then. What its
    /// dialog says of a conflict is in the template `async_queue_failure.html`.
    #[must_use]
    pub fn async_queue_failure(mut self, hook: impl Fn(&Resource, &User, &Error) + Send + Sync + 'static) -> Self {
        self.queue_hooks.failure = Some(Arc::new(hook));
        self
    }

    /// Called once a bulk task has ended, for resources whose `bulk_async_notification` has [`crate::Channel::Callback`], as
    /// `bulk_notify_when` says and not for what was answered in the request. A worker of a process that has this function calls it, soon
    /// after the end; where its workers are elsewhere, [`Engine::keep_delivering_notices`] does. It is called at least once: again
    /// where it panics, takes longer than five minutes, or its process dies, up to eight times within a day.
    #[must_use]
    pub fn on_task_end<F>(mut self, function: impl Fn(BulkTask) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.task_end = Some(Arc::new(move |task| Box::pin(function(task))));
        self
    }

    /// Tells workers of tasks in a way of the application's own, for resources whose `bulk_async_backend` is its name; see
    /// [`crate::backend::Backend`]. The processes that run workers need it too.
    #[must_use]
    pub fn backend(mut self, backend: impl Backend + 'static) -> Self {
        self.backends.push(Arc::new(backend));
        self
    }

    /// Tells people of tasks' ends in a way of the application's own, for resources with the channel `callback`
    /// ([`crate::Channel::Callback`]); see [`crate::notify::Notifier`]. It has to be known to the processes that run workers, which deliver.
    #[must_use]
    pub fn notifier(mut self, notifier: impl Notifier + 'static) -> Self {
        self.notifiers.push(Arc::new(notifier));
        self
    }

    /// Where people reach these pages, with the path that they are nested under: mail and webhooks lead there.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.settings.base_url = Some(url.into());
        self
    }

    /// The server that takes mail, such as `smtps://USER:PASSWORD@HOST:PORT`; [`Settings::email_url`] says more.
    #[must_use]
    pub fn email_url(mut self, url: impl Into<Secret>) -> Self {
        self.settings.email_url = Some(url.into());
        self
    }

    /// Whom mail is from: `shop@example.org` or `The shop <shop@example.org>`.
    #[must_use]
    pub fn email_from(mut self, address: impl Into<String>) -> Self {
        self.settings.email_from = Some(address.into());
        self
    }

    /// Where the ends of bulk tasks are posted to, as [Standard Webhooks](https://www.standardwebhooks.com) describes it.
    #[must_use]
    pub fn webhook_url(mut self, url: impl Into<Secret>) -> Self {
        self.settings.webhook_url = Some(url.into());
        self
    }

    /// What those posts are signed with: `whsec_` and base64 of 24 to 64 bytes.
    #[must_use]
    pub fn webhook_secret(mut self, secret: impl Into<Secret>) -> Self {
        self.settings.webhook_secret = Some(secret.into());
        self
    }

    /// Whether webhooks may lead to this machine and into private networks (false).
    #[must_use]
    pub fn webhook_allow_private(mut self, allow: bool) -> Self {
        self.settings.webhook_allow_private = allow;
        self
    }

    /// A PEM file of certificates by which mail servers and webhooks are trusted, beside those that browsers trust.
    #[must_use]
    pub fn tls_ca_file(mut self, file: impl Into<std::path::PathBuf>) -> Self {
        self.settings.tls_ca_file = Some(file.into());
        self
    }

    /// How workers are told of tasks, for resources that don't say so themselves: `database`, `redis`, `celery`, or the name of a
    /// [`Builder::backend`].
    #[must_use]
    pub fn bulk_async_backend(mut self, name: impl Into<String>) -> Self {
        self.settings.bulk_async_backend = name.into();
        self
    }

    /// Where Celery's broker is, for resources whose `bulk_async_backend` is `celery`; [`crate::Settings::celery_broker_url`] says more.
    #[must_use]
    pub fn celery_broker_url(mut self, url: impl Into<Secret>) -> Self {
        self.settings.celery_broker_url = Some(url.into());
        self
    }

    /// Where Celery's callers look for results; [`crate::Settings::celery_result_backend`] says more.
    #[must_use]
    pub fn celery_result_backend(mut self, url: impl Into<Secret>) -> Self {
        self.settings.celery_result_backend = Some(url.into());
        self
    }

    /// The queue of tasks at Celery's broker.
    #[must_use]
    pub fn celery_queue(mut self, queue: impl Into<String>) -> Self {
        self.settings.celery_queue = queue.into();
        self
    }

    /// Where Redis or Valkey is, for resources whose `bulk_async_backend` is `redis`; [`crate::Settings::redis_url`] says more.
    #[must_use]
    pub fn redis_url(mut self, url: impl Into<Secret>) -> Self {
        self.settings.redis_url = Some(url.into());
        self
    }

    /// How people hear of a task's end, for resources that don't say so themselves.
    #[must_use]
    pub fn bulk_async_notification(mut self, notification: impl Into<Notification>) -> Self {
        self.settings.bulk_async_notification = notification.into();
        self
    }

    /// The schema (PostgreSQL) or database on the same server (MySQL, MariaDB) that PowerCRUD's own tables are in; the connection's own by
    /// default. [`Builder::build`] makes it where it is missing.
    #[must_use]
    pub fn tables_schema(mut self, schema: impl Into<String>) -> Self {
        self.settings.tables_schema = Some(schema.into());
        self
    }

    /// What stands in the names of PowerCRUD's own tables, `powercrud_NAMESPACE_…`: two applications that share a database have tasks, locks,
    /// workers and users of their own so. Neither waits for the other's bulk tasks, also where both change the same table; see
    /// `docs/deployment.md`.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.settings.namespace = Some(namespace.into());
        self
    }

    /// Whether [`Builder::build`] creates and updates PowerCRUD's own tables (true). Where it may not, [`crate::db::migrate`] has to
    /// have run before.
    #[must_use]
    pub fn migrate(mut self, migrate: bool) -> Self {
        self.migrate = migrate;
        self
    }

    /// One more rule for the records of all resources, whichever way they are written: see [`crate::validate`].
    #[must_use]
    pub fn validate(mut self, rule: impl Validate) -> Self {
        self.rules.push(Arc::new(rule));
        self
    }

    /// Code around each chunk of every bulk task, in the chunk's transaction: see [`crate::chunk_hook`].
    #[must_use]
    pub fn chunk_hook(mut self, hook: impl ChunkHook) -> Self {
        self.chunk_hooks.push(Arc::new(hook));
        self
    }

    /// Migrates PowerCRUD's own tables, reads the catalog and checks the configuration.
    ///
    /// # Errors
    /// [`Error::Configuration`] lists every mistake at once; [`Error::Database`] where the database fails.
    pub async fn build(mut self) -> Result<PowerCrud> {
        self.database = own::with_settings(self.database, &self.settings)?;
        let mut mistakes = Vec::new();
        let has_login = self.settings.login != LoginMode::Off;
        if self.users.is_some() && has_login {
            let mistake = "login: either PowerCRUD has the login or the hook `user` resolves the user, not both";
            mistakes.push(mistake.to_owned());
        }
        let login_page = self.login_page.check(self.users.is_some(), &mut |mistake| mistakes.push(mistake));
        if self.is_open && (self.users.is_some() || has_login) {
            let mistake = "open_to_everybody: either everybody is let in or people sign in (`user`, `user_async`, `login`), not both";
            mistakes.push(mistake.to_owned());
        }
        let hosts = Hosts::of(&self.settings, &mut |mistake| mistakes.push(mistake));
        let proxies = Proxies::of(&self.settings, &mut |mistake| mistakes.push(mistake));
        let public_prefix = prefix::of(&self.settings, &mut |mistake| mistakes.push(mistake));
        let trusted_origins = origins::of(&self.settings, &mut |mistake| mistakes.push(mistake));
        if self.policy.is_some() && !self.settings.roles.is_empty() {
            let mistake = "roles: the application has a policy of its own (`policy`), so roles say nothing here";
            mistakes.push(mistake.to_owned());
        }
        let mut backends = powercrud_engine::backend::configured(&self.settings, &mut mistakes);
        #[cfg(feature = "celery")]
        backends.extend(powercrud_engine::celery::configured(&self.settings, &mut mistakes));
        backends.extend(self.backends);
        let lookup =
            doors::lookup(&self.database, self.users.is_some(), self.token_users.clone().filter(|_| !has_login));
        let mut engine =
            EngineBuilder::discover(self.database, self.settings, self.resources, self.migrate, &mut mistakes).await?;
        engine = engine.extensions(self.rules, self.chunk_hooks).backends(backends, &mut mistakes);
        if let Some(policy) = self.policy {
            engine = engine.policy(policy);
        }
        if let Some(lookup) = lookup {
            engine = engine.users(lookup);
        }
        pages::check(&self.entries, engine.resources(), &mut |mistake| mistakes.push(mistake));
        let notifiers =
            notify::set_up(engine.settings(), self.task_end, self.notifiers, engine.resources(), &mut mistakes);
        if !mistakes.is_empty() {
            return Err(Error::Configuration(mistakes));
        }
        Ok(PowerCrud {
            engine: engine.build(notifiers, self.queue_hooks),
            web: Arc::new(Web {
                hosts: Arc::new(hosts),
                proxies,
                public_prefix,
                trusted_origins,
                is_open: self.is_open,
                users: self.users,
                token_users: self.token_users,
                login_page,
                entries: self.entries,
                live: Arc::new(Live::new()),
            }),
        })
    }
}
