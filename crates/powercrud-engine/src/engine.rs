//! What every part of the engine works with: one database, its resources and settings.

mod backend;
mod embedded;
mod hooks;
mod memory;
mod notifier;
mod schema;
mod unchanged;
mod viewer;

use std::sync::Arc;

use tokio::sync::Notify;

use crate::{
    chunk_hook::ChunkHook,
    config::{DATABASE_BACKEND, IN_PROCESS_BACKEND, Settings},
    error::{Error, Result},
    extensions::Extensions,
    metrics::Metrics,
    own,
    policy::{Policy, Roles},
    resource::{self, Resource, ResourceBuilder},
    user::User,
    validate::Validate,
    words::why_no_name,
};
use embedded::Embedded;
use memory::Memory;
use powercrud_db::{Catalog, Database};
use schema::{Schema, Schemas};

pub use backend::{Backend, Listener};
pub use hooks::{FailureHook, QueueHooks, SuccessHook};
pub use memory::Held;
pub use notifier::{Address, Failure, Notice, Notifier};
pub use viewer::{UserLookup, WhoIs};

/// One database with its resources and settings. Cheap to clone. It keeps the tables as they were when it was cloned; a clone knows them
/// as they were read last ([`Engine::reload_catalog`]).
///
/// It knows all records. [`Engine::for_user`] makes the engine as a certain user sees it.
pub struct Engine {
    inner: Arc<Inner>,
    /// The tables, and their resources as they are for everybody.
    whole: Arc<Schema>,
    /// The same, with the resources as `viewer` sees them.
    schema: Arc<Schema>,
    /// For whom the resources are narrowed.
    viewer: Option<Arc<User>>,
}

struct Inner {
    database: Database,
    settings: Settings,
    schemas: Schemas,
    memory: Memory,
    /// Rung when this process has queued a task, so that its own workers start at once.
    wake_up: Notify,
    embedded: Embedded,
    metrics: Metrics,
    queue_hooks: QueueHooks,
    policy: Arc<dyn Policy>,
    users: Option<UserLookup>,
    /// What the application adds to what is done to records of all resources.
    extensions: Extensions,
    /// How this process tells people of tasks' ends, beside its own tables.
    notifiers: Vec<Arc<dyn Notifier>>,
    backends: Vec<Arc<dyn Backend>>,
}

impl Engine {
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
    /// [`Error::UnknownResource`], with the names there are; [`Error::Unreadable`] where its table is there and can't be read.
    pub fn resource(&self, name: &str) -> Result<&Arc<Resource>> {
        let resources = &self.schema.resources;
        resource::find_by_name(resources, name, |resource| &resource.name).ok_or_else(|| self.why_unknown(name))
    }

    fn why_unknown(&self, name: &str) -> Error {
        let settings = self.settings();
        let is_meant =
            settings.discover || settings.resources.contains_key(name) || self.inner.schemas.names_table(name);
        let is_meant = is_meant && self.viewer.is_none();
        let mut left_out = self.schema.catalog.left_out.iter().filter(|_| is_meant);
        match left_out.find(|left_out| left_out.name == name) {
            Some(left_out) => {
                Error::Unreadable { name: name.to_owned(), reason: left_out.reason_in_short().to_owned() }
            }
            None => Error::UnknownResource {
                name: name.to_owned(),
                known: self.schema.resources.iter().map(|resource| resource.name.clone()).collect(),
            },
        }
    }

    /// What the application adds to what is done to the resource's records.
    pub(crate) fn extensions(&self, resource: &Resource) -> Extensions {
        self.inner.extensions.and(&resource.extensions)
    }

    /// Who wants to hear of bulk requests for the background.
    pub(crate) fn queue_hooks(&self) -> &QueueHooks {
        &self.inner.queue_hooks
    }

    /// What this process counts.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// How this process tells people of tasks' ends, beside its own tables.
    pub(crate) fn notifiers(&self) -> &[Arc<dyn Notifier>] {
        &self.inner.notifiers
    }

    /// The application's own ways to tell workers of tasks, beside the database.
    pub(crate) fn backends(&self) -> &[Arc<dyn Backend>] {
        &self.inner.backends
    }

    /// The worker for tasks of the backend `in_process`.
    pub(crate) fn embedded(&self) -> &Embedded {
        &self.inner.embedded
    }

    /// Wakes this process's idle workers.
    pub(crate) fn wake_up(&self) -> &Notify {
        &self.inner.wake_up
    }
}

/// An engine in the making: its tables are read, its notifiers are still to come.
pub struct EngineBuilder {
    database: Database,
    settings: Settings,
    named: Vec<ResourceBuilder>,
    schema: Schema,
    /// The database's number of its tables' changes when they were read, where it has one.
    version: Option<i64>,
    policy: Arc<dyn Policy>,
    users: Option<UserLookup>,
    extensions: Extensions,
    backends: Vec<Arc<dyn Backend>>,
}

impl EngineBuilder {
    /// Migrates PowerCRUD's own tables where `migrate` says so, reads the catalog and makes the resources; what is wrong with them joins
    /// `mistakes`.
    ///
    /// # Errors
    /// [`Error::Database`] where the database fails.
    pub async fn discover(
        database: Database,
        settings: Settings,
        named: Vec<ResourceBuilder>,
        migrate: bool,
        mistakes: &mut Vec<String>,
    ) -> Result<Self> {
        if migrate {
            own::migrate(&database).await?;
        }
        let version = database.schema_version().await?;
        let catalog = Catalog::discover(&database).await?;
        let resources = schema::resources(named.clone(), &settings, &catalog, mistakes);
        resource::check_computed(&database, &resources, mistakes).await?;
        let schema = Schema::new(catalog, resources);
        let roles = Roles::read(&settings.roles, &schema.resources, database.dialect(), mistakes);
        let (policy, extensions) = (Arc::new(roles), Extensions::default());
        Ok(Self { database, settings, named, schema, version, policy, users: None, extensions, backends: Vec::new() })
    }

    /// Who may do what, instead of the roles of the settings.
    #[must_use]
    pub fn policy(self, policy: Arc<dyn Policy>) -> Self {
        Self { policy, ..self }
    }

    /// Rules and hooks for all resources.
    #[must_use]
    pub fn extensions(mut self, rules: Vec<Arc<dyn Validate>>, chunk_hooks: Vec<Arc<dyn ChunkHook>>) -> Self {
        self.extensions = Extensions { rules, chunk_hooks };
        self
    }

    /// The application's own ways to tell workers of tasks. What is wrong with them, and with resources that name others, joins `mistakes`.
    #[must_use]
    pub fn backends(mut self, backends: Vec<Arc<dyn Backend>>, mistakes: &mut Vec<String>) -> Self {
        let mut known = vec![DATABASE_BACKEND, IN_PROCESS_BACKEND];
        for name in backends.iter().map(|backend| backend.name()) {
            if let Some(mistake) = why_no_name("a backend", name, 40) {
                mistakes.push(format!("backend: {mistake}"));
            } else if known.contains(&name) {
                mistakes.push(format!("backend: there is one of the name {name:?} already; call it otherwise"));
            }
            known.push(name);
        }
        for resource in self.schema.resources.iter().filter(|resource| !known.contains(&resource.backend())) {
            let (resource, backend, known) = (&resource.name, resource.backend(), known.join(", "));
            let place = format!("resources.{resource}.bulk_async_backend");
            let hint = match backend {
                "redis" => "; redis needs redis_url",
                "celery" => "; celery needs celery_broker_url",
                _ => "",
            };
            mistakes.push(format!("{place}: there is no backend {backend:?}; allowed are: {known}{hint}"));
        }
        self.backends = backends;
        self
    }

    /// Tells who the user of an id is today, for workers, who carry out what users asked for a while ago.
    #[must_use]
    pub fn users(self, users: UserLookup) -> Self {
        Self { users: Some(users), ..self }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// All resources, by name.
    pub fn resources(&self) -> &[Arc<Resource>] {
        &self.schema.resources
    }

    /// The engine, which tells of tasks' ends by these notifiers, and of bulk requests by these hooks.
    pub fn build(self, notifiers: Vec<Arc<dyn Notifier>>, queue_hooks: QueueHooks) -> Engine {
        let schema = Arc::new(self.schema);
        let metrics = Metrics::new();
        for action in schema.resources.iter().flat_map(|resource| &resource.actions) {
            metrics.show(&action.operation());
        }
        Engine {
            schema: Arc::clone(&schema),
            whole: Arc::clone(&schema),
            viewer: None,
            inner: Arc::new(Inner {
                database: self.database,
                memory: Memory::new(self.settings.request_memory),
                settings: self.settings,
                schemas: Schemas::new(schema, self.named, self.version),
                wake_up: Notify::new(),
                embedded: Embedded::default(),
                metrics,
                queue_hooks,
                policy: self.policy,
                users: self.users,
                extensions: self.extensions,
                notifiers,
                backends: self.backends,
            }),
        }
    }
}
