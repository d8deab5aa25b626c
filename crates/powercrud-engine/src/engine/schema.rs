//! The database's tables as they were read last, and how a process that serves them learns that they have changed.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use powercrud_db::Catalog;
use tokio::sync::Mutex;

use super::Engine;
use crate::{
    error::Result,
    resource::{self, Resource, ResourceBuilder},
};

/// What the database says of its tables, and the resources made of that.
pub(super) struct Schema {
    pub(super) catalog: Catalog,
    pub(super) resources: Vec<Arc<Resource>>,
}

impl Schema {
    pub(super) fn new(catalog: Catalog, resources: Vec<Resource>) -> Self {
        Self { catalog, resources: resources.into_iter().map(Arc::new).collect() }
    }
}

/// The newest schema, and what it takes to make another.
pub(super) struct Schemas {
    newest: RwLock<Arc<Schema>>,
    named: Vec<ResourceBuilder>,
    /// Held while the catalog is read again.
    last: Mutex<Reading>,
}

/// When the catalog was read last.
struct Reading {
    at: Instant,
    /// Whether it was as before.
    in_vain: bool,
}

/// Whoever provokes errors that no change of the tables explains lets the catalog be read no more often than this.
const PAUSE: Duration = Duration::from_secs(2);

impl Schemas {
    pub(super) fn new(first: Arc<Schema>, named: Vec<ResourceBuilder>) -> Self {
        Self { newest: RwLock::new(first), named, last: Mutex::new(Reading { at: Instant::now(), in_vain: false }) }
    }

    fn newest(&self) -> Arc<Schema> {
        Arc::clone(&self.newest.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clone for Engine {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), schema: self.inner.schemas.newest() }
    }
}

impl Engine {
    /// Reads the catalog again, for tables that may have changed since this handle was made; clones of it then know them as they are
    /// now. Returns whether they differ from those that this handle knows. What the tables no longer fit is left out and logged.
    ///
    /// The router does so by itself when a statement meets a table or column that is not there, and workers before a task where the
    /// catalog is older than a minute.
    ///
    /// # Errors
    /// The database's.
    pub async fn reload_catalog(&self) -> Result<bool> {
        self.reload_unless(|_| false).await
    }

    /// As [`Engine::reload_catalog`], unless the catalog was read within the last `age`.
    pub(crate) async fn reload_where_older(&self, age: Duration) -> Result<bool> {
        self.reload_unless(|last| last.at.elapsed() < age).await
    }

    /// As [`Engine::reload_catalog`], where a request's error asks for it.
    pub async fn reload_after_error(&self) -> Result<bool> {
        self.reload_unless(|last| last.in_vain && last.at.elapsed() < PAUSE).await
    }

    async fn reload_unless(&self, is_recent: impl Fn(&Reading) -> bool) -> Result<bool> {
        let schemas = &self.inner.schemas;
        let mut last = schemas.last.lock().await;
        let newest = schemas.newest();
        // Somebody else was faster.
        if !Arc::ptr_eq(&newest, &self.schema) {
            return Ok(true);
        }
        if is_recent(&last) {
            return Ok(false);
        }
        let catalog = Catalog::discover(self.database()).await?;
        let in_vain = catalog.is_like(&newest.catalog);
        *last = Reading { at: Instant::now(), in_vain };
        if in_vain {
            return Ok(false);
        }
        let mut mistakes = Vec::new();
        let resources = resource::build(schemas.named.clone(), self.settings(), &catalog, &mut mistakes);
        tracing::warn!("the database's tables have changed; the catalog was read again");
        for mistake in mistakes {
            tracing::warn!(mistake, "the configuration does not fit the tables any more");
        }
        *schemas.newest.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Schema::new(catalog, resources));
        Ok(true)
    }
}
