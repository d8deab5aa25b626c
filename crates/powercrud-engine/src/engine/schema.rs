//! The database's tables as they were read last, and how a process that serves them learns that they have changed.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use powercrud_db::Catalog;
use tokio::sync::{Mutex, MutexGuard};

use super::Engine;
use crate::{
    config::Settings,
    error::Result,
    form,
    resource::{self, Resource, ResourceBuilder},
};

/// What the database says of its tables, and the resources made of that.
pub(super) struct Schema {
    pub(super) catalog: Arc<Catalog>,
    pub(super) resources: Vec<Arc<Resource>>,
}

impl Schema {
    pub(super) fn new(catalog: Catalog, resources: Vec<Resource>) -> Self {
        Self { catalog: Arc::new(catalog), resources: resources.into_iter().map(Arc::new).collect() }
    }

    /// The same tables, with resources as somebody sees them.
    pub(super) fn narrowed(&self, resources: Vec<Resource>) -> Self {
        Self { catalog: Arc::clone(&self.catalog), resources: resources.into_iter().map(Arc::new).collect() }
    }
}

/// The resources of a catalog, with the actions that fit them; what is wrong joins `mistakes`.
pub(super) fn resources(
    named: Vec<ResourceBuilder>,
    settings: &Settings,
    catalog: &Catalog,
    mistakes: &mut Vec<String>,
) -> Vec<Resource> {
    let mut resources = resource::build(named, settings, catalog, mistakes);
    for resource in &mut resources {
        form::check_actions(resource, mistakes);
    }
    resources
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
    took: Duration,
    /// The database's number of its tables' changes, where it has one.
    version: Option<i64>,
}

/// Whoever provokes errors that no change of the tables explains lets the catalog be read no more often than this, and waits for it.
const PAUSE: Duration = Duration::from_secs(1);
/// Nor does what is refused for other reasons, where the catalog takes long to be read, let it be read most of the time.
const SHARE: u32 = 10;

impl Schemas {
    pub(super) fn new(first: Arc<Schema>, named: Vec<ResourceBuilder>, version: Option<i64>) -> Self {
        let first_reading = Reading { at: Instant::now(), in_vain: false, took: Duration::ZERO, version };
        Self { newest: RwLock::new(first), named, last: Mutex::new(first_reading) }
    }

    /// Whether the application names the table.
    pub(super) fn names_table(&self, name: &str) -> bool {
        self.named.iter().any(|resource| resource.table == name)
    }

    fn newest(&self) -> Arc<Schema> {
        Arc::clone(&self.newest.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clone for Engine {
    fn clone(&self) -> Self {
        let newest = self.inner.schemas.newest();
        match &self.viewer {
            // What was read last is what this handle knows.
            _ if Arc::ptr_eq(&newest, &self.whole) => self.same(),
            Some(viewer) => self.seen_by(Arc::clone(viewer), newest),
            None => self.unseen(newest),
        }
    }
}

impl Engine {
    /// Reads the catalog again, for tables that may have changed since this handle was made; clones of it then know them as they are
    /// now. Returns whether they differ from those that this handle knows. What the tables no longer fit is left out and logged.
    ///
    /// The router does so by itself when a statement meets a table or column that is not there or of another type, or a value is refused,
    /// and workers before a task where the catalog is older than two seconds, and where they could not carry out the task.
    ///
    /// # Errors
    /// The database's.
    pub async fn reload_catalog(&self) -> Result<bool> {
        self.reload_unless(|_| false).await
    }

    /// As [`Engine::reload_catalog`], unless the catalog was read within the last `age`.
    pub(crate) async fn reload_where_older(&self, age: Duration) -> Result<bool> {
        self.reload_unless(|last| last.at.elapsed() < Ord::max(age, last.took * SHARE)).await
    }

    /// As [`Engine::reload_catalog`], where a statement met a table or column that is not as it was known to be. Where the last reading
    /// was in vain, this waits for its time; whoever meets such an error meanwhile shares the reading.
    pub async fn reload_after_error(&self) -> Result<bool> {
        let met = Instant::now();
        let last = self.inner.schemas.last.lock().await;
        let pause = if last.in_vain { PAUSE.saturating_sub(last.at.elapsed()) } else { Duration::ZERO };
        if last.at < met && self.is_newest() {
            tokio::time::sleep(pause).await;
            self.database().forget_prepared();
        }
        self.reload(last, |last| last.at > met).await
    }

    /// As [`Engine::reload_catalog`], where a request was refused for what may be true no longer: a value is not of its column's type, or
    /// there is no such table.
    pub async fn reload_after_refusal(&self) -> Result<bool> {
        self.reload_unless(|last| last.in_vain && last.at.elapsed() < Ord::max(PAUSE, last.took * SHARE)).await
    }

    /// As [`Engine::reload_catalog`], where the database can tell at next to no cost whether tables have changed, and they have (SQLite).
    pub async fn reload_where_told(&self) -> Result<bool> {
        match self.database().schema_version().await? {
            None => Ok(false),
            version => self.reload_unless(|last| last.version == version).await,
        }
    }

    fn is_newest(&self) -> bool {
        Arc::ptr_eq(&self.inner.schemas.newest(), &self.whole)
    }

    async fn reload_unless(&self, is_recent: impl Fn(&Reading) -> bool) -> Result<bool> {
        let last = self.inner.schemas.last.lock().await;
        self.reload(last, is_recent).await
    }

    async fn reload(&self, mut last: MutexGuard<'_, Reading>, is_recent: impl Fn(&Reading) -> bool) -> Result<bool> {
        let schemas = &self.inner.schemas;
        let newest = schemas.newest();
        // Somebody else was faster.
        if !self.is_newest() {
            return Ok(true);
        }
        if is_recent(&last) {
            return Ok(false);
        }
        let at = Instant::now();
        // Before the rest, so that what changes meanwhile is seen the next time.
        let version = self.database().schema_version().await?;
        let catalog = Catalog::discover(self.database()).await?;
        let in_vain = catalog.is_like(&newest.catalog);
        *last = Reading { at, in_vain, took: at.elapsed(), version };
        if in_vain {
            return Ok(false);
        }
        let mut mistakes = Vec::new();
        let resources = resources(schemas.named.clone(), self.settings(), &catalog, &mut mistakes);
        tracing::warn!("the database's tables have changed; the catalog was read again");
        for mistake in mistakes {
            tracing::warn!(mistake, "the configuration does not fit the tables any more");
        }
        self.database().forget_prepared();
        *schemas.newest.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Schema::new(catalog, resources));
        Ok(true)
    }
}
