//! What every part of the engine works with: one database, its resources and settings.

mod memory;
mod schema;

use std::sync::Arc;

use tokio::sync::Notify;

use crate::{
    config::Settings,
    error::{Error, Result},
    metrics::Metrics,
    notify::{Notifier, QueueHooks},
    own,
    resource::{self, Resource, ResourceBuilder},
};
use memory::Memory;
use powercrud_db::{Catalog, Database};
use schema::{Schema, Schemas};

pub use memory::Held;

/// One database with its resources and settings. Cheap to clone. It keeps the tables as they were when it was cloned; a clone knows them
/// as they were read last ([`Engine::reload_catalog`]).
pub struct Engine {
    inner: Arc<Inner>,
    schema: Arc<Schema>,
}

struct Inner {
    database: Database,
    settings: Settings,
    schemas: Schemas,
    memory: Memory,
    /// Rung when this process has queued a task, so that its own workers start at once.
    bell: Notify,
    metrics: Metrics,
    queue_hooks: QueueHooks,
    /// How this process tells people of tasks' ends, beside its own tables.
    notifiers: Vec<Arc<dyn Notifier>>,
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
    /// [`Error::UnknownResource`], with the names there are.
    pub fn resource(&self, name: &str) -> Result<&Arc<Resource>> {
        let resources = &self.schema.resources;
        resource::find_by_name(resources, name, |resource| &resource.name).ok_or_else(|| Error::UnknownResource {
            name: name.to_owned(),
            known: resources.iter().map(|resource| resource.name.clone()).collect(),
        })
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

    /// The bell that wakes this process's idle workers.
    pub(crate) fn bell(&self) -> &Notify {
        &self.inner.bell
    }
}

/// An engine in the making: its tables are read, its notifiers are still to come.
pub struct EngineBuilder {
    database: Database,
    settings: Settings,
    named: Vec<ResourceBuilder>,
    schema: Schema,
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
        let catalog = Catalog::discover(&database).await?;
        let resources = resource::build(named.clone(), &settings, &catalog, mistakes);
        Ok(Self { database, settings, named, schema: Schema::new(catalog, resources) })
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
        Engine {
            schema: Arc::clone(&schema),
            inner: Arc::new(Inner {
                database: self.database,
                memory: Memory::new(self.settings.request_memory),
                settings: self.settings,
                schemas: Schemas::new(schema, self.named),
                bell: Notify::new(),
                metrics: Metrics::new(),
                queue_hooks,
                notifiers,
            }),
        }
    }
}
