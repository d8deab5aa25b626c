//! The start page, and the two addresses that tell an operator how this server does.

use std::time::Duration;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use tokio::time::timeout;

use super::{
    Web,
    context::RequestContext,
    error::WebResult,
    list::{self, Strips},
    view,
};
use powercrud_db::QueryExt as _;
use powercrud_engine::{backend, heartbeat, own::pending_migrations, resource::grouped};

#[derive(Serialize)]
struct HomeView {
    strips: Strips,
    resources: Vec<HomeResource>,
    /// Whether the database knows how many rows any of them has.
    counted: bool,
}

#[derive(Serialize)]
struct HomeResource {
    label: String,
    label_one: String,
    href: String,
    /// How many rows, where the database has a guess; counting them all would make this page slow.
    rows: String,
    about: String,
    read_only: Option<String>,
    new_href: Option<String>,
}

pub(super) async fn page(context: RequestContext) -> WebResult<Response> {
    let resources = context.app().resources().iter().map(|resource| {
        let plain = view::ResourceView::new(resource, &context.paths);
        HomeResource {
            label: plain.label_plural,
            label_one: plain.label,
            href: plain.href,
            rows: resource.table.estimated_rows.map(|rows| format!("about {}", grouped(rows))).unwrap_or_default(),
            about: resource.table.comment.clone(),
            read_only: plain.read_only,
            new_href: plain.new_href,
        }
    });
    let mut resources: Vec<_> = resources.collect();
    resources.sort_by(|one, other| view::natural(&one.label, &other.label));
    let counted = resources.iter().any(|resource| !resource.rows.is_empty());
    let view = HomeView { resources, counted, strips: list::strips(&context, None).await? };
    context.page("home.html", "Resources", &view).await
}

/// The strips of whatever runs, for htmx.
pub(super) async fn running(context: RequestContext) -> WebResult<Response> {
    list::running_part(&context, None).await
}

/// A balancer does not wait much longer.
const BACKENDS_ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// The process lives.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers and its migrations are applied; whether there are workers too, and which backends can't be reached.
pub(super) async fn readyz(State(web): State<Web>) -> Response {
    let health = |status: StatusCode, text: String| (status, [("x-powercrud-health", "1")], text).into_response();
    let refused = |text: String| health(StatusCode::SERVICE_UNAVAILABLE, text);
    let one = sea_orm::sea_query::Query::select().expr(sea_orm::sea_query::Expr::cust("1")).take();
    if let Err(error) = web.app.database().connection().number(&one).await {
        tracing::warn!(%error, "not ready: the database does not answer");
        return refused("the database does not answer\n".to_owned());
    }
    match pending_migrations(web.app.database()).await {
        // Pages work without a worker, and what they submit waits: no reason to send people elsewhere.
        Ok(0) => {
            let mut text = match heartbeat::alive(&web.app).await.map_or(0, |workers| workers.len()) {
                0 => "ready; no worker is alive: bulk tasks wait in the database\n".to_owned(),
                alive => format!("ready\nworkers alive: {alive}\n"),
            };
            // Why is not for everybody's eyes.
            let backends = timeout(BACKENDS_ANSWER_WITHIN, backend::status(&web.app)).await;
            for backend in backends.unwrap_or_default() {
                let is_reached = backend.unreachable.is_none();
                let reached = if is_reached { "reached" } else { "can't be reached; workers look into the database" };
                text.push_str(&format!("backend {}: {reached}\n", backend.name));
            }
            health(StatusCode::OK, text)
        }
        Ok(pending) => refused(format!("{pending} migrations are not applied\n")),
        Err(error) => {
            tracing::warn!(%error, "not ready: the migrations can't be read");
            refused("the migrations can't be read\n".to_owned())
        }
    }
}
