//! What somebody was refused because of their rights stands in the audit trail.

use std::sync::{Arc, OnceLock};

use axum::{
    extract::Request,
    http::{Extensions, StatusCode, Uri},
};

use super::{Web, error::Problem, paths};
use powercrud_engine::{
    audit::{Action, AuditEvent},
    error::Error,
    user::User,
};

/// Who a request turns out to be by: a layer around the handlers asks, and they know.
#[derive(Clone, Default)]
pub(super) struct Asker(Arc<OnceLock<User>>);

impl Asker {
    /// Goes with the request.
    pub(super) fn of(request: &mut Request) -> Self {
        let asker = Self::default();
        request.extensions_mut().insert(asker.clone());
        asker
    }
}

/// Notes who the request is by.
pub(super) fn note_user(extensions: &Extensions, user: &User) {
    if let Some(asker) = extensions.get::<Asker>() {
        let _ = asker.0.set(user.clone());
    }
}

/// Writes down what was refused to a user: what they may not do (403), and what there is not for them (404). That a record is not theirs is
/// told to nobody: it is not looked for.
pub(super) async fn note(web: &Web, asker: &Asker, method: &str, uri: &Uri, problem: &Problem) {
    let Some(user) = asker.0.get() else { return };
    let resource = resource(web, uri);
    let is_forbidden =
        problem.status == StatusCode::FORBIDDEN && problem.code == Error::Forbidden(String::new()).code();
    let is_hidden = problem.status == StatusCode::NOT_FOUND
        && resource.as_ref().is_some_and(|name| web.app.for_user(user).resource(name).is_err());
    if !(is_forbidden || is_hidden) || web.app.database().read_only_reason().is_some() {
        return;
    }
    let mut event = AuditEvent::new(Action::Refused).about(format!("{method} {}", path_of(uri)));
    if let Some(name) = &resource {
        event = event.on_resource(name);
    }
    let database = web.app.database();
    if let Err(error) = event.write(database.connection(), database.dialect(), user).await {
        tracing::error!(%error, "what a user was refused could not be noted in the audit trail");
    }
}

/// The most letters of an address that are kept.
const LONGEST: usize = 150;

/// Without the query, which may hold values.
fn path_of(uri: &Uri) -> String {
    uri.path().chars().take(LONGEST).collect()
}

/// The resource that the address is about, where there is one for anybody.
fn resource(web: &Web, uri: &Uri) -> Option<String> {
    let segment = uri.path().split('/').skip_while(|segment| *segment != "resources").nth(1)?;
    let decoded = paths::decode(segment);
    let name = paths::unmark(&decoded);
    web.app.has_resource(name).then(|| name.to_owned())
}
