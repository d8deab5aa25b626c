//! The pages: a router that can be nested anywhere. Only this folder knows HTTP.
//!
//! A handler asks the core, shapes the answer into a plain view (`view`) and renders a template with it. What htmx asks for gets the
//! part of the page that changes; anybody else gets the whole page, so that everything but live progress works without scripts.

mod account;
mod api;
mod ask;
mod asked;
mod assets;
mod auth;
mod bulk;
mod client;
mod detail;
mod error;
mod error_page;
mod filter;
mod form;
mod history;
mod home;
mod hosts;
mod htmx;
mod list;
mod live;
mod memory;
mod messages;
mod metrics;
mod outdated;
mod paths;
mod request_id;
mod results;
mod revert;
mod selection;
mod span;
mod staff;
mod task_page;
mod tasks;
mod tokens;
mod view;

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderValue, StatusCode, header},
    middleware,
    response::Response,
    routing::{get, post},
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    csrf::CsrfLayer,
    limit::RequestBodyLimitLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    timeout::TimeoutLayer,
    trace::TraceLayer,
};

use crate::{app::PowerCrud, templates::Templates};

/// What every handler needs.
#[derive(Clone)]
struct Web {
    app: PowerCrud,
    templates: Arc<Templates>,
    /// Whether there was a user when somebody last asked.
    has_users: Arc<AtomicBool>,
}

/// Nothing a page does takes long: what does runs as a bulk task.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Scripts, styles and pictures come from here alone, nothing is run from the page itself, and no other page may frame this one.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

impl PowerCrud {
    /// The pages, to be served as they are or nested under any path of an axum application.
    pub fn router(&self) -> Router {
        let mut router = Router::new()
            .route("/", get(home::page))
            .route("/running", get(home::running))
            .route("/resources/{resource}", get(list::page))
            .route("/resources/{resource}/filter", get(filter::add))
            .route("/resources/{resource}/filter/form", get(filter::form))
            .route("/resources/{resource}/count", get(list::count))
            .route("/resources/{resource}/running", get(list::running))
            .route("/resources/{resource}/selection", post(selection::change))
            .route("/resources/{resource}/bulk-edit", get(bulk::edit_dialog).post(bulk::edit))
            .route("/resources/{resource}/bulk-edit/preview", post(bulk::preview))
            .route("/resources/{resource}/bulk-delete", get(bulk::delete_dialog).post(bulk::delete))
            .route("/resources/{resource}/choices/{field}", get(form::choices))
            .route("/resources/{resource}/new", get(form::new).post(form::create))
            .route("/resources/{resource}/records/{key}", get(detail::page))
            .route("/resources/{resource}/records/{key}/edit", get(form::edit).post(form::update))
            .route("/resources/{resource}/records/{key}/delete", get(detail::confirm_delete).post(detail::delete))
            .route("/tasks", get(tasks::list))
            .route("/tasks/events", get(live::events))
            .route("/tasks/badge", get(messages::badge))
            .route("/tasks/{id}", get(task_page::page))
            .route("/tasks/{id}/progress", get(task_page::progress))
            .route("/tasks/{id}/notices", get(task_page::notices))
            .route("/tasks/{id}/strip", get(task_page::strip))
            .route("/tasks/{id}/results/{file}", get(results::download))
            .route("/tasks/{id}/pause", post(tasks::pause))
            .route("/tasks/{id}/resume", post(tasks::resume))
            .route("/tasks/{id}/cancel", post(tasks::cancel))
            .route("/tasks/{id}/retry", post(tasks::retry))
            .route("/tasks/{id}/revert", get(revert::dialog).post(revert::revert))
            .route("/messages", get(messages::page))
            .route("/messages/seen", post(messages::all_seen))
            .route("/messages/{id}/seen", post(messages::seen))
            .route("/messages/{id}/shown", post(messages::shown))
            .route("/tokens", get(tokens::list).post(tokens::create))
            .route("/tokens/new", get(tokens::new))
            .route("/tokens/{id}/revoke", post(tokens::revoke))
            .route("/staff", get(staff::page))
            .route("/staff/audit", get(staff::audit))
            .route("/staff/purge", get(staff::ask_days).post(staff::delete))
            .route("/staff/tasks/{id}/{deed}", get(staff::ask_why).post(staff::do_it))
            .route("/assets/{*file}", get(assets::serve));
        if self.has_login() {
            router = router
                .route("/login", get(auth::page).post(auth::sign_in))
                .route("/logout", post(auth::sign_out))
                .route("/account", get(account::page).post(account::change_password));
        }
        self.layered(router.merge(api::routes(self)).merge(metrics::routes()))
    }

    /// Only `/metrics`, `/healthz` and `/readyz`, which [`PowerCrud::router`] has too: for a process that works without pages.
    pub fn operator_router(&self) -> Router {
        self.layered(metrics::routes())
    }

    /// What every request goes through.
    fn layered(&self, router: Router<Web>) -> Router {
        let templates = Arc::new(Templates::new(self.settings().templates_dir.clone(), assets::extend));
        let body_limit = self.settings().body_limit;
        let web = Web { app: self.clone(), templates, has_users: Arc::default() };
        router
            .fallback(error_page::not_found)
            .method_not_allowed_fallback(error_page::method_not_allowed)
            .with_state(web.clone())
            // From the inside to the outside.
            .layer(DefaultBodyLimit::disable())
            .layer(RequestBodyLimitLayer::new(body_limit))
            .layer(CsrfLayer::new())
            .layer(middleware::from_fn_with_state(web.clone(), memory::count))
            .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIMEOUT))
            .layer(CatchPanicLayer::new())
            .layer(middleware::from_fn_with_state(web.clone(), outdated::reload))
            .layer(middleware::from_fn_with_state(web.clone(), error_page::render))
            .layer(middleware::from_fn_with_state(web, auth::identify))
            // Those that stand around the handlers too: what an application's hook does, the server outlives.
            .layer(CatchPanicLayer::new())
            .layer(middleware::from_fn_with_state(Arc::clone(self.hosts()), hosts::check))
            .layer(middleware::map_response(security_headers))
            .layer(CompressionLayer::new())
            .layer(middleware::from_fn(request_id::hand_on))
            .layer(PropagateRequestIdLayer::new(request_id::HEADER))
            .layer(TraceLayer::new_for_http().make_span_with(span::of_requests(self.clone())))
            .layer(SetRequestIdLayer::new(request_id::HEADER, MakeRequestUuid))
            .layer(middleware::map_request(request_id::check))
    }
}

async fn security_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Pages show data: nobody keeps them but the one who asked. Assets say for themselves how long they last.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
