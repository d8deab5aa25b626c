//! `/metrics`: what this process has counted and what the database knows, for those who may read it.

use axum::{
    Router,
    extract::{FromRequestParts as _, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};

use super::{
    Web,
    api::Caller,
    error::{Problem, WebResult},
    home,
};
use powercrud_engine::{config::MetricsAccess, metrics::CONTENT_TYPE};

/// The address.
pub(super) const PATH: &str = "/metrics";

/// The three addresses that tell an operator how this process does.
pub(super) fn routes() -> Router<Web> {
    Router::new().route(PATH, get(serve)).route("/healthz", get(home::healthz)).route("/readyz", get(home::readyz))
}

async fn serve(State(web): State<Web>, request: Request) -> WebResult<Response> {
    match web.app.settings().metrics {
        MetricsAccess::Anyone => {}
        MetricsAccess::Staff => {
            let (mut parts, _) = request.into_parts();
            let caller = Caller::from_request_parts(&mut parts, &web).await?;
            if !caller.user().is_staff {
                let message = "The metrics are for staff, and for tokens that act as staff.";
                return Err(Problem::new(StatusCode::FORBIDDEN, "NOT_ALLOWED", "Not allowed", message).into());
            }
        }
        MetricsAccess::Nobody => {
            return Err(Problem::not_found("The metrics are not served here (the setting metrics).").into());
        }
    }
    let text = web.app.metrics_text().await?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE))], text).into_response())
}
