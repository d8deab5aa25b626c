//! The handle that an application holds: an engine, and who may reach it by HTTP.

mod doors;
mod hosts;
mod proxies;

use std::{ops::Deref, sync::Arc};

use crate::{live::Live, notify};
use powercrud_db::Database;
use powercrud_engine::{
    Engine, EngineBuilder,
    config::{LoginMode, Notification, Secret, Settings},
    error::{Error, Result},
    notify::{QueueHooks, TaskEndHook},
    own,
    resource::{Resource, ResourceBuilder},
    task::BulkTask,
    user::User,
};

pub(crate) use {hosts::Hosts, proxies::Proxies};

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
    users: Option<UserHook>,
    token_users: Option<doors::TokenUserHook>,
    live: Live,
}

impl Deref for PowerCrud {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

type UserHook = Arc<dyn Fn(&axum::http::request::Parts) -> Option<User> + Send + Sync>;

/// Goes with a request whose session the router has looked up, as an extension.
#[derive(Clone)]
pub(crate) struct SignedIn(pub(crate) User);

/// Collects what a [`PowerCrud`] needs.
pub struct Builder {
    database: Database,
    settings: Settings,
    resources: Vec<ResourceBuilder>,
    users: Option<UserHook>,
    token_users: Option<doors::TokenUserHook>,
    queue_hooks: QueueHooks,
    task_end: Option<TaskEndHook>,
    migrate: bool,
}

impl PowerCrud {
    /// Starts from a SeaORM connection or a [`Database`].
    pub fn builder(database: impl Into<Database>) -> Builder {
        Builder {
            database: database.into(),
            settings: Settings::default(),
            resources: Vec::new(),
            users: None,
            token_users: None,
            queue_hooks: QueueHooks::default(),
            task_end: None,
            migrate: true,
        }
    }

    /// Who asks: by the session that the router has found where PowerCRUD has the login, else by the application's hook; the operator
    /// where there is neither. `None` means nobody: not signed in.
    pub fn user(&self, parts: &axum::http::request::Parts) -> Option<User> {
        match &self.web.users {
            _ if self.has_login() => parts.extensions.get::<SignedIn>().map(|signed_in| signed_in.0.clone()),
            Some(hook) => hook(parts),
            None => Some(User::operator()),
        }
    }

    /// Ends the event streams of open pages, so that a graceful shutdown need not wait for them; call it when the shutdown begins.
    /// The pages connect again by themselves, to the next process that answers.
    pub fn end_streams(&self) {
        self.web.live.end();
    }

    /// What open pages watch.
    pub(crate) fn live(&self) -> &Live {
        &self.web.live
    }

    /// Whether people may have to sign in here.
    pub(crate) fn has_login(&self) -> bool {
        self.settings().login != LoginMode::Off
    }
}

impl Builder {
    /// Replaces the settings.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
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

    /// Tells who asks, from a request's head; `None` refuses the request (401). A login that has to ask a database leaves what it found
    /// in the request's extensions, and the hook reads it there. Without this hook and without [`Builder::login`] everybody is the
    /// operator: put the router behind a login of your own, or on a local address, and say for which hosts it answers
    /// ([`Builder::allowed_hosts`]).
    #[must_use]
    pub fn user(mut self, hook: impl Fn(&axum::http::request::Parts) -> Option<User> + Send + Sync + 'static) -> Self {
        self.users = Some(Arc::new(hook));
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

    /// Whether [`Builder::build`] creates and updates PowerCRUD's own tables (true). Where it may not, [`crate::db::migrate`] has to
    /// have run before.
    #[must_use]
    pub fn migrate(mut self, migrate: bool) -> Self {
        self.migrate = migrate;
        self
    }

    /// Migrates PowerCRUD's own tables, reads the catalog and checks the configuration.
    ///
    /// # Errors
    /// [`Error::Configuration`] lists every mistake at once; [`Error::Database`] where the database fails.
    pub async fn build(mut self) -> Result<PowerCrud> {
        if let Some(schema) = &self.settings.tables_schema {
            self.database = own::with_tables_in(self.database, schema)?;
        }
        let mut mistakes = Vec::new();
        if self.users.is_some() && self.settings.login != LoginMode::Off {
            let mistake = "login: either PowerCRUD has the login or the hook `user` says who asks, not both";
            mistakes.push(mistake.to_owned());
        }
        let hosts = Hosts::of(&self.settings, &mut |mistake| mistakes.push(mistake));
        let proxies = Proxies::of(&self.settings, &mut |mistake| mistakes.push(mistake));
        let engine =
            EngineBuilder::discover(self.database, self.settings, self.resources, self.migrate, &mut mistakes).await?;
        let notifiers = notify::set_up(engine.settings(), self.task_end, engine.resources(), &mut mistakes);
        if !mistakes.is_empty() {
            return Err(Error::Configuration(mistakes));
        }
        Ok(PowerCrud {
            engine: engine.build(notifiers, self.queue_hooks),
            web: Arc::new(Web {
                hosts: Arc::new(hosts),
                proxies,
                users: self.users,
                token_users: self.token_users,
                live: Live::new(),
            }),
        })
    }
}
