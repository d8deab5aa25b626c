//! The pages: a router that can be nested anywhere. Only this folder knows HTTP.
//!
//! A handler asks the core, shapes the answer into a plain view (`view`) and renders a template with it. What htmx asks for gets the
//! part of the page that changes; anybody else gets the whole page, so that everything but live progress works without scripts.

mod account;
mod api;
mod assets;
mod auth;
mod bulk;
mod client;
mod context;
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
mod notice;
mod outdated;
mod own_pages;
mod parameters;
mod paths;
mod prefix;
mod refusal;
mod request_id;
mod results;
mod revert;
mod routes;
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
    extract::{DefaultBodyLimit, OriginalUri, Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{Redirect, Response},
    routing::any,
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

pub use own_pages::{Frame, ListSelection, PageError, Selected};

/// What every handler needs.
#[derive(Clone)]
struct Web {
    app: PowerCrud,
    /// Whether the JSON API is there beside the pages.
    has_api: bool,
    templates: Arc<Templates>,
    /// Whether there was a user when somebody last asked.
    has_users: Arc<AtomicBool>,
    /// Who was let in to the metrics lately.
    scrapers: Arc<metrics::Scrapers>,
}

/// Nothing a page does takes long: what does runs as a bulk task.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Scripts, styles and pictures come from here alone, nothing is run from the page itself, and no other page may frame this one.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

impl PowerCrud {
    /// Pages, JSON API and health checks, to be served as they are or nested under any path of an axum application, whatever its state: by
    /// [`PowerCrud::router_at`] or [`Router::nest_service`], which answer under the path with a slash at its end too, [`Router::nest`], which by
    /// axum's rules does not, or [`Router::fallback_service`]. [`PowerCrud::pages_router`], [`PowerCrud::api_router`] and
    /// [`PowerCrud::operator_router`] are its parts, for applications that serve them apart.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    ///
    /// # fn application(powercrud: powercrud::PowerCrud) -> Router {
    /// Router::new()
    ///     .route("/", get("The shop"))
    ///     .nest_service("/admin", powercrud.pages_router::<()>())
    ///     .nest_service("/programs", powercrud.api_router::<()>()) // its addresses: /programs/api/v1/…
    ///     .merge(powercrud.operator_router()) // /metrics, /healthz, /readyz
    /// # }
    /// ```
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        self.start_in_process();
        let web = self.web(cfg!(feature = "api"));
        let pages = routes::pages(self).router().merge(own_pages::router(&web));
        #[cfg(feature = "api")]
        let pages = pages.merge(api::page(self)).merge(api::routes(self));
        self.layered(self.with_fallbacks(pages.merge(metrics::routes().router())), web)
    }

    /// The pages of [`PowerCrud::router`] alone, with what they need: their assets, and `/healthz`, by which an open page learns that the
    /// server is back.
    pub fn pages_router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        self.start_in_process();
        let web = self.web(false);
        let pages = routes::pages(self).router().merge(own_pages::router(&web));
        self.layered(self.with_fallbacks(pages.merge(routes::health().router())), web)
    }

    /// The JSON API of [`PowerCrud::router`] alone, and its OpenAPI document: `/api/v1/…` and `/api/openapi.json`.
    #[cfg(feature = "api")]
    pub fn api_router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        self.start_in_process();
        self.layered(self.with_fallbacks(api::routes(self)), self.web(true))
    }

    /// The addresses that [`PowerCrud::router`] answers, save those of the application's own [pages](crate::page), each with its methods, as axum spells them: `/resources/{resource}`. The router is
    /// made of the same table.
    pub fn routes(&self) -> Vec<(String, Vec<String>)> {
        let own = [routes::pages(self).list(), metrics::routes().list()];
        let own = own.into_iter().flatten();
        #[cfg(feature = "api")]
        let own = own.chain(api::list(self));
        own.collect()
    }

    /// [`PowerCrud::router`] under a path, such as `/admin`, to be merged into an application's router.
    ///
    /// # Panics
    /// Where the path does not begin with a slash, as [`Router::nest`].
    pub fn router_at<S: Clone + Send + Sync + 'static>(&self, path: &str) -> Router<S> {
        let path = path.trim_end_matches('/');
        if path.is_empty() {
            return self.router();
        }
        let with_slash = format!("{path}/");
        let app = self.clone();
        let without_slash = async move |request: Request| without_slash(&app, &request);
        Router::new().nest(path, self.router()).route(&with_slash, any(without_slash))
    }

    /// Only `/metrics`, `/healthz` and `/readyz`, which [`PowerCrud::router`] has too: for a process that works without pages, or to be merged
    /// into an application's own router.
    pub fn operator_router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        self.layered(metrics::routes().router(), self.web(false))
    }

    /// The rules for browsers. Forms may lead to the application's login as well: browsers ask it of the redirects of a form, too.
    fn content_security_policy(&self) -> HeaderValue {
        let parts = std::iter::once(CONTENT_SECURITY_POLICY.to_owned()).chain(self.login_origins());
        let policy = parts.collect::<Vec<_>>().join(" ");
        HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(CONTENT_SECURITY_POLICY))
    }

    /// Refuses what pages of other sites send.
    fn csrf_layer(&self) -> CsrfLayer {
        self.trusted_origins().iter().fold(CsrfLayer::new(), |layer, origin| {
            // They are spelled as it wants them.
            layer.clone().add_trusted_origin(origin).unwrap_or(layer)
        })
    }

    /// Answers addresses and methods that there are not.
    fn with_fallbacks(&self, router: Router<Web>) -> Router<Web> {
        if self.is_closed() {
            let why = "pages and API refuse every request: the application does not say who its users are";
            tracing::warn!("{why}. {}", error::CLOSED_HINT);
        }
        router.fallback(error_page::not_found).method_not_allowed_fallback(error_page::method_not_allowed)
    }

    /// What the handlers of one router share.
    fn web(&self, has_api: bool) -> Web {
        let templates = Arc::new(Templates::new(self.settings().templates_dir.clone(), assets::extend));
        Web { app: self.clone(), has_api, templates, has_users: Arc::default(), scrapers: Arc::default() }
    }

    /// What every request goes through.
    fn layered<S: Clone + Send + Sync + 'static>(&self, router: Router<Web>, web: Web) -> Router<S> {
        let body_limit = self.settings().body_limit;
        let router = router
            .with_state(web.clone())
            // From the inside to the outside.
            .layer(DefaultBodyLimit::disable())
            .layer(RequestBodyLimitLayer::new(body_limit))
            .layer(self.csrf_layer())
            .layer(middleware::from_fn_with_state(web.clone(), memory::count))
            .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIMEOUT))
            .layer(CatchPanicLayer::new())
            .layer(middleware::from_fn_with_state(web.clone(), outdated::reload))
            .layer(middleware::from_fn_with_state(web.clone(), error_page::render))
            .layer(middleware::from_fn_with_state(web, auth::identify))
            // Somebody waits for the answer.
            .layer(middleware::from_fn(|request: Request, next: Next| powercrud_db::promptly(next.run(request))))
            // Those that stand around the handlers too: what an application's hook does, the server outlives.
            .layer(CatchPanicLayer::new())
            .layer(middleware::from_fn_with_state(Arc::clone(self.hosts()), hosts::check))
            .layer(middleware::map_response_with_state(self.content_security_policy(), security_headers))
            .layer(CompressionLayer::new())
            .layer(middleware::map_request_with_state(self.clone(), prefix::find))
            .layer(middleware::from_fn(request_id::hand_on))
            .layer(PropagateRequestIdLayer::new(request_id::HEADER));
        let router = match self.settings().access_log {
            true => router.layer(TraceLayer::new_for_http().make_span_with(span::of_requests(self.clone()))),
            false => router,
        };
        router
            .layer(SetRequestIdLayer::new(request_id::HEADER, MakeRequestUuid))
            .layer(middleware::map_request(request_id::check))
    }
}

/// To the same page, as the browser asked for it, without the slash at the end of the path.
fn without_slash(app: &PowerCrud, request: &Request) -> Redirect {
    let prefix = prefix::of(app, request.extensions(), request.headers());
    let uri = request.extensions().get::<OriginalUri>().map_or(request.uri(), |original| &original.0);
    let path = uri.path().trim_end_matches('/');
    match uri.query() {
        Some(query) => Redirect::permanent(&format!("{prefix}{path}?{query}")),
        None => Redirect::permanent(&format!("{prefix}{path}")),
    }
}

async fn security_headers(State(policy): State<HeaderValue>, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in [
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
