//! What suites have in common that put something to the records of a resource.

use std::{sync::Arc, time::Duration};

use super::{Findings, PATIENCE};
use crate::{engine::Engine, resource::Resource};

const RESOURCE: &str = "the suite is told a resource that there is";

/// A suite for rules or hooks, by the records of a resource; see [`validate`](super::validate()) and [`chunk_hook`](super::chunk_hook()).
#[must_use = "nothing is checked before `check`"]
pub struct RecordsSuite<'a, T: ?Sized> {
    engine: &'a Engine,
    resource: &'a str,
    pub(super) subject: &'a T,
    pub(super) records: u64,
    pub(super) patience: Duration,
}

impl<'a, T: ?Sized> RecordsSuite<'a, T> {
    pub(super) fn new(engine: &'a Engine, resource: &'a str, subject: &'a T, records: u64) -> Self {
        Self { engine, resource, subject, records, patience: PATIENCE }
    }

    /// How many records at most it is put to (100 for rules, 50 for hooks).
    pub fn records(mut self, most: u64) -> Self {
        self.records = most;
        self
    }

    /// How long a call may take.
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The engine as everybody sees it, and the resource there.
    pub(super) fn resource(&self, findings: &mut Findings) -> Option<(Engine, Arc<Resource>)> {
        let engine = self.engine.for_everybody();
        let resource = engine.resource(self.resource).map(Arc::clone);
        let resource = resource.map_err(|error| findings.broken(RESOURCE, error)).ok()?;
        Some((engine, resource))
    }
}
