//! The handle that an application holds: one database, its resources and settings.

mod doors;
mod memory;
mod schema;

use std::sync::Arc;

use tokio::sync::Notify;

use crate::{
    config::{Hosts, LoginMode, Notification, Proxies, Secret, Settings},
    error::{Error, Result},
    live::Live,
    metrics::Metrics,
    notify::{self, Notifier, TaskEndHook},
    own,
    resource::{self, Resource, ResourceBuilder},
    task::BulkTask,
};
pub(crate) use memory::Held;
use memory::Memory;
use powercrud_db::{Catalog, Database};
use schema::{Schema, Schemas};

/// A configured PowerCRUD. Cheap to clone. It keeps the tables as they were when it was cloned; a clone knows them as they were read
/// last ([`PowerCrud::reload_catalog`]).
pub struct PowerCrud {
    inner: Arc<Inner>,
    schema: Arc<Schema>,
}

struct Inner {
    database: Database,
    settings: Settings,
    schemas: Schemas,
    hosts: Arc<Hosts>,
    proxies: Proxies,
    users: Option<UserHook>,
    token_users: Option<doors::TokenUserHook>,
    /// Rung when this process has queued a task, so that its own workers start at once.
    bell: Notify,
    live: Live,
    memory: Memory,
    metrics: Metrics,
    queue_hooks: QueueHooks,
    /// How this process tells people of tasks' ends, beside its own tables.
    notifiers: Vec<Arc<dyn Notifier>>,
}

type SuccessHook = Arc<dyn Fn(&BulkTask) + Send + Sync>;
type FailureHook = Arc<dyn Fn(&Resource, &User, &Error) + Send + Sync>;

/// What an application wants to hear of bulk requests for the background.
#[derive(Clone, Default)]
pub(crate) struct QueueHooks {
    pub(crate) success: Option<SuccessHook>,
    pub(crate) failure: Option<FailureHook>,
}

type UserHook = Arc<dyn Fn(&axum::http::request::Parts) -> Option<User> + Send + Sync>;

/// Who asks. `User::new("7", "Ann").email("ann@example.org")` makes one.
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
    pub(crate) fn recorded_name(&self) -> Option<String> {
        self.id.as_ref().map(|_| self.name.chars().take(190).collect())
    }

    /// Refuses everybody who is not staff.
    ///
    /// # Errors
    /// [`Error::NotAllowed`].
    pub(crate) fn require_staff(&self) -> Result<()> {
        if self.is_staff { Ok(()) } else { Err(Error::NotAllowed("that is for staff only".into())) }
    }

    /// Whether this user may see and control a task of `owner`.
    pub fn may_see(&self, owner: Option<&str>) -> bool {
        self.is_staff || (self.id.is_some() && self.id.as_deref() == owner)
    }
}

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

    /// The database.
    pub fn database(&self) -> &Database {
        &self.inner.database
    }

    /// What the database said about itself when it was last asked.
    pub fn catalog(&self) -> &Catalog {
        &self.schema.catalog
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// All resources, by name.
    pub fn resources(&self) -> &[Arc<Resource>] {
        &self.schema.resources
    }

    /// The resource of that name. Where no name fits to the letter, one that differs only in capitals, underscores and blanks: a
    /// script that says `UnitPrice` works on a database that spells it `unit_price`.
    ///
    /// # Errors
    /// [`Error::UnknownResource`], with the names there are.
    pub fn resource(&self, name: &str) -> Result<&Arc<Resource>> {
        let resources = &self.schema.resources;
        resource::find_by_name(resources, name, |resource| &resource.name).ok_or_else(|| Error::UnknownResource {
            name: name.to_owned(),
            known: resources.iter().map(|resource| resource.name.clone()).collect(),
        })
    }

    /// Who asks: by the session that the router has found where PowerCRUD has the login, else by the application's hook; the operator
    /// where there is neither. `None` means nobody: not signed in.
    pub fn user(&self, parts: &axum::http::request::Parts) -> Option<User> {
        match &self.inner.users {
            _ if self.has_login() => parts.extensions.get::<SignedIn>().map(|signed_in| signed_in.0.clone()),
            Some(hook) => hook(parts),
            None => Some(User::operator()),
        }
    }

    /// Ends the event streams of open pages, so that a graceful shutdown need not wait for them; call it when the shutdown begins.
    /// The pages connect again by themselves, to the next process that answers.
    pub fn end_streams(&self) {
        self.inner.live.end();
    }

    /// Who wants to hear of bulk requests for the background.
    pub(crate) fn queue_hooks(&self) -> &QueueHooks {
        &self.inner.queue_hooks
    }

    /// What this process counts.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// How this process tells people of tasks' ends, beside its own tables.
    pub(crate) fn notifiers(&self) -> &[Arc<dyn Notifier>] {
        &self.inner.notifiers
    }

    /// What open pages watch.
    pub(crate) fn live(&self) -> &Live {
        &self.inner.live
    }

    /// Whether people may have to sign in here.
    pub(crate) fn has_login(&self) -> bool {
        self.inner.settings.login != LoginMode::Off
    }

    /// The bell that wakes this process's idle workers.
    pub(crate) fn bell(&self) -> &Notify {
        &self.inner.bell
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
    /// after the end; where its workers are elsewhere, [`PowerCrud::keep_delivering_notices`] does. It is called at least once: again
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
    pub async fn build(self) -> Result<PowerCrud> {
        let mut mistakes = Vec::new();
        if self.users.is_some() && self.settings.login != LoginMode::Off {
            let mistake = "login: either PowerCRUD has the login or the hook `user` says who asks, not both";
            mistakes.push(mistake.to_owned());
        }
        let hosts = Hosts::of(&self.settings, &mut |mistake| mistakes.push(mistake));
        let proxies = Proxies::of(&self.settings, &mut |mistake| mistakes.push(mistake));
        if self.migrate {
            own::migrate(&self.database).await?;
        }
        let catalog = Catalog::discover(&self.database).await?;
        let resources = resource::build(self.resources.clone(), &self.settings, &catalog, &mut mistakes);
        let notifiers = notify::set_up(&self.settings, self.task_end, &resources, &mut mistakes);
        if !mistakes.is_empty() {
            return Err(Error::Configuration(mistakes));
        }
        let schema = Arc::new(Schema::new(catalog, resources));
        Ok(PowerCrud {
            schema: Arc::clone(&schema),
            inner: Arc::new(Inner {
                database: self.database,
                memory: Memory::new(self.settings.request_memory),
                settings: self.settings,
                schemas: Schemas::new(schema, self.resources),
                hosts: Arc::new(hosts),
                proxies,
                users: self.users,
                token_users: self.token_users,
                bell: Notify::new(),
                live: Live::new(),
                metrics: Metrics::new(),
                queue_hooks: self.queue_hooks,
                notifiers,
            }),
        })
    }
}
