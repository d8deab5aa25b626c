//! Pages of the application's own, within the frame of these.

mod selected;

pub use selected::{ListSelection, Selected};

use axum::{
    Router,
    extract::{FromRequestParts, Request, State},
    http::{StatusCode, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{
    Web,
    context::RequestContext,
    error::{WebError, WebResult},
};
use crate::app::{Page, PowerCrud};
use powercrud_engine::{error::Error, user::User};

/// What stands around a page of the application's own ([`Page`]): an extractor for its handlers. Whoever asks is signed in, and the page is for
/// them. The module's documentation has an example.
#[derive(Clone)]
pub struct Frame(pub(super) RequestContext);

#[derive(Serialize)]
struct Content {
    content: String,
}

impl Frame {
    /// Who asks.
    pub fn user(&self) -> &User {
        &self.0.user
    }

    /// PowerCRUD as the user sees it: what is read and written by it is the user's to read and write.
    pub fn powercrud(&self) -> &PowerCrud {
        self.0.app()
    }

    /// The address of a path of PowerCRUD's own, such as `/resources/book`, wherever the router is nested.
    pub fn href(&self, path: &str) -> String {
        format!("{}{path}", self.0.paths.base())
    }

    /// What the user has selected on the list of that resource: ticked, or all that match a filter.
    ///
    /// # Errors
    /// [`Error::NothingSelected`], [`Error::UnknownResource`], or the database's.
    pub async fn selection(&self, resource: &str) -> Result<ListSelection, Error> {
        ListSelection::of(&self.0, resource).await
    }

    /// A page with that content, which is HTML and stands there as it is: escape what comes from records and people, or let a template do it
    /// ([`Frame::render`]). Scripts and styles come from files of this host alone (Content-Security-Policy).
    pub async fn html(&self, title: &str, content: impl Into<String>) -> Response {
        self.render(title, "own_page.html", &Content { content: content.into() }).await
    }

    /// A page by a template of the setting `templates_dir`, which begins with `{% extends layout %}`, has a block `content`, and finds `view` under
    /// that name, beside `frame` and the function `asset`, as every template does.
    pub async fn render(&self, title: &str, template: &str, view: &impl Serialize) -> Response {
        self.0.page(template, title, view).await.into_response()
    }
}

/// An error of a handler of the application's own page ([`Page`]): answered as PowerCRUD's own pages answer it, with the status that fits, within
/// the frame. What nobody is to see of it is only logged.
#[derive(Clone, Debug)]
pub struct PageError(WebError);

impl From<Error> for PageError {
    fn from(error: Error) -> Self {
        Self(error.into())
    }
}

impl From<sea_orm::DbErr> for PageError {
    fn from(error: sea_orm::DbErr) -> Self {
        Error::from(error).into()
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl<S: Sync> FromRequestParts<S> for Frame {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let missing = "the extractor Frame is for handlers of a Page that Builder::page was given\n";
        parts.extensions.get::<Self>().cloned().ok_or((StatusCode::INTERNAL_SERVER_ERROR, missing))
    }
}

/// All of them, each behind its guard.
pub(super) fn router(web: &Web) -> Router<Web> {
    web.app.own_pages().fold(Router::new(), |router, page| {
        let path = format!("/pages/{}", page.name);
        let guarded = middleware::from_fn_with_state((web.clone(), page.clone()), guard);
        router.merge(Router::new().nest(&path, page.router.clone().with_state(())).layer(guarded))
    })
}

/// Lets in whom the page is for, with what its handlers need.
async fn guard(State((web, page)): State<(Web, Page)>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match let_in(&web, &page, &mut parts).await {
        Ok(frame) => {
            parts.extensions.insert(frame);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(error) => error.into_response(),
    }
}

async fn let_in(web: &Web, page: &Page, parts: &mut Parts) -> WebResult<Frame> {
    let context = RequestContext::from_request_parts(parts, web).await?;
    if page.access.is_for(context.app(), &context.user) {
        return Ok(Frame(context));
    }
    let name = page.label.as_ref().unwrap_or(&page.name);
    Err(WebError::from(Error::Forbidden(format!("see the page {name}"))))
}
