//! `/metrics`: what this process has counted and what the database knows, for those who may read it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::{FromRequestParts as _, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};

use super::{
    Web,
    api::Caller,
    context::text,
    error::{Problem, WebResult},
    home,
    routes::{Table, table},
};
use powercrud_engine::{config::MetricsAccess, digest::digest, metrics::CONTENT_TYPE};

/// The address.
pub(super) const PATH: &str = "/metrics";

/// The three addresses that tell an operator how this process does.
pub(super) fn routes() -> Table {
    table! {
        "/metrics" => get serve;
        "/healthz" => get home::healthz;
        "/readyz" => get home::readyz;
    }
}

async fn serve(State(web): State<Web>, request: Request) -> WebResult<Response> {
    match web.app.settings().metrics {
        MetricsAccess::Anyone => {}
        MetricsAccess::Staff => {
            let (mut parts, _) = request.into_parts();
            let credentials = credentials(&parts.headers);
            match Caller::from_request_parts(&mut parts, &web).await {
                Ok(caller) if caller.user().is_staff => web.scrapers.let_in(credentials),
                Ok(_) => {
                    let message = "The metrics are for staff, and for tokens that act as staff.";
                    return Err(Problem::new(StatusCode::FORBIDDEN, "NOT_ALLOWED", "Not allowed", message).into());
                }
                // That the database is away is what the metrics are to tell.
                Err(error)
                    if error.0.status == StatusCode::SERVICE_UNAVAILABLE && web.scrapers.was_let_in(&credentials) => {}
                Err(error) => return Err(error),
            }
        }
        MetricsAccess::Nobody => {
            return Err(Problem::not_found("The metrics are not served here (the setting metrics).").into());
        }
    }
    let text = web.app.metrics_text().await?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE))], text).into_response())
}

/// Who has read the metrics within the last hour, by a digest of what they sent: they may while the database can't say whether they still
/// may, since it tells counts only.
#[derive(Default)]
pub(super) struct Scrapers(Mutex<HashMap<String, Instant>>);

/// How long somebody is remembered.
const REMEMBERED: Duration = Duration::from_secs(3600);

impl Scrapers {
    fn let_in(&self, credentials: String) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, at| at.elapsed() < REMEMBERED);
        known.insert(credentials, Instant::now());
    }

    fn was_let_in(&self, credentials: &str) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(credentials).is_some_and(|at| at.elapsed() < REMEMBERED)
    }
}

/// A digest of the headers by which a user is told.
fn credentials(headers: &HeaderMap) -> String {
    let sent = [header::AUTHORIZATION, header::COOKIE].map(|name| text(headers, name.as_str()).unwrap_or_default());
    digest(&sent.join("\0"))
}
