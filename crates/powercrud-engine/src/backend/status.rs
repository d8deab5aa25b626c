//! Which backends there are, and whether they can be reached.

use super::{Database, InProcess};
use crate::engine::{Backend, Engine};

/// A backend, and whether tasks can be passed on by it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendStatus {
    /// Its name in `bulk_async_backend`.
    pub name: &'static str,
    /// The resources whose tasks it tells of.
    pub resources: Vec<String>,
    /// Why it can't be reached, without secrets; workers find tasks by looking into the database then.
    pub unreachable: Option<String>,
}

/// The backends that resources have, and those that were configured, each asked now for its health.
pub async fn status(engine: &Engine) -> Vec<BackendStatus> {
    let everybody = engine.for_everybody();
    let always: [&dyn Backend; 2] = [&Database, &InProcess];
    let own = engine.backends().iter().map(|backend| &**backend);
    let mut all = Vec::new();
    for (backend, is_own) in
        always.into_iter().map(|backend| (backend, false)).chain(own.map(|backend| (backend, true)))
    {
        let name = backend.name();
        let resources = everybody.resources().iter().filter(|resource| resource.backend() == name);
        let resources: Vec<_> = resources.map(|resource| resource.name.clone()).collect();
        if is_own || !resources.is_empty() {
            all.push(BackendStatus { name, resources, unreachable: backend.health(engine).await.err() });
        }
    }
    all
}
