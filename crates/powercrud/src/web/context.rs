//! The context of one request: its user, the kind of answer that is wanted, and how pages are rendered.

use std::{net::IpAddr, sync::OnceLock};

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{Html, IntoResponse as _, Redirect, Response},
};
use serde::Serialize;
use uuid::Uuid;

use super::{
    Web,
    auth::LookupFailed,
    client,
    error::{Problem, WebError, WebResult},
    htmx::{self, Htmx},
    live, messages,
    paths::{Paths, parse_query, with_query},
    refusal, request_id, span, tasks, view,
};
use crate::app::{Address, MenuLink, PowerCrud};
use powercrud_engine::{error::Result, resource::grouped, user::User};

/// The cookie by which the server finds what somebody has ticked.
const SELECTION_COOKIE: &str = "powercrud_selection";

/// The header, or the parameter, that tells tabs of one browser apart.
const TAB_HEADER: &str = "x-powercrud-tab";
const TAB: &str = "tab";

/// Letters and digits, as the page's script makes them; anything else is no tab.
fn tab(parts: &Parts) -> Option<String> {
    let given = text(&parts.headers, TAB_HEADER).map(str::to_owned).or_else(|| {
        let pairs = parse_query(parts.uri.query().unwrap_or_default());
        pairs.into_iter().find(|(name, _)| name == TAB).map(|(_, value)| value)
    });
    given.filter(|tab| (1..=16).contains(&tab.len()) && tab.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// What a handler knows of its request.
#[derive(Clone)]
pub(super) struct RequestContext {
    /// What is everybody's; handlers work with `seen`.
    web: Web,
    /// PowerCRUD as the user sees it, once it was asked for.
    seen: OnceLock<PowerCrud>,
    pub(super) paths: Paths,
    /// The path asked for, with the base that the router is nested at.
    path: String,
    pub(super) htmx: Htmx,
    pub(super) user: User,
    /// Whether somebody is known to ask; else `user` is nobody.
    pub(super) signed_in: bool,
    pub(super) request_id: String,
    /// From which address, where that is known.
    pub(super) client: Option<IpAddr>,
    /// Where selections are kept, once something was ticked.
    selection_cookie: Option<Uuid>,
    /// The browser's tab, which has a selection of its own; a browser without scripts says none.
    tab: Option<String>,
}

/// What templates get: `frame` for what stands around every page, `view` for its own content.
#[derive(Serialize)]
struct Context<'a, V> {
    frame: &'a view::Frame,
    /// The template that the content extends.
    layout: &'static str,
    /// Whether the content goes into the page's dialog.
    dialog: bool,
    view: &'a V,
}

impl FromRequestParts<Web> for RequestContext {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> WebResult<Self> {
        if let Some(failed) = parts.extensions.get::<LookupFailed>() {
            return Err(failed.0.clone());
        }
        let context = Self::of(web, parts);
        if !context.signed_in {
            return Err(Problem::nobody(&web.app).into());
        }
        span::note_user(&context.user);
        refusal::note_user(&parts.extensions, &context.user);
        Ok(context)
    }
}

impl RequestContext {
    /// Of any request, also one by nobody, who gets nothing but error pages.
    pub(super) fn of(web: &Web, parts: &Parts) -> Self {
        let user = web.app.user(parts);
        let paths = Paths::of_request(&parts.extensions, &parts.uri);
        Self {
            web: web.clone(),
            seen: OnceLock::new(),
            path: format!("{}{}", paths.base(), parts.uri.path()),
            paths,
            htmx: Htmx::of(&parts.headers),
            client: client::address(&web.app, &parts.extensions, &parts.headers),
            signed_in: user.is_some(),
            user: user.unwrap_or_default(),
            request_id: text(&parts.headers, request_id::HEADER.as_str()).unwrap_or_default().to_owned(),
            selection_cookie: cookie(&parts.headers, SELECTION_COOKIE).and_then(|id| Uuid::parse_str(id).ok()),
            tab: tab(parts),
        }
    }

    /// PowerCRUD as the user sees it: whatever a handler reads or writes by it is the user's to read or write.
    pub(super) fn app(&self) -> &PowerCrud {
        self.seen.get_or_init(|| self.web.app.for_user(&self.user))
    }

    /// The same request by somebody else.
    pub(super) fn act_as(&mut self, user: User) {
        self.seen = OnceLock::new();
        (self.user, self.signed_in) = (user, true);
    }

    /// Under whose name this browser's selections are kept; `None` before anything was ticked.
    pub(super) fn selection_owner(&self) -> Option<String> {
        let cookie = self.selection_cookie?;
        let browser = match &self.tab {
            Some(tab) => format!("{cookie}.{tab}"),
            None => cookie.to_string(),
        };
        Some(match &self.user.id {
            // Whoever signs in next on the same browser starts with nothing ticked.
            Some(id) => format!("{browser}:{id}"),
            None => browser,
        })
    }

    /// An address of what is done with the selection, for the tab that asks: it may be opened as a page of its own.
    pub(super) fn of_tab(&self, href: String) -> String {
        match &self.tab {
            Some(tab) => with_query(&href, &[(TAB.to_owned(), tab.clone())]),
            None => href,
        }
    }

    /// The owner, with a cookie made where there is none yet, and the header that sets it.
    pub(super) fn make_selection_owner(&mut self) -> (String, Option<HeaderValue>) {
        let new = self.selection_cookie.is_none();
        let cookie = *self.selection_cookie.get_or_insert_with(Uuid::new_v4);
        let path = if self.paths.base().is_empty() { "/" } else { self.paths.base() };
        let set = self.cookie_of(SELECTION_COOKIE, &cookie.to_string(), path, "");
        (self.selection_owner().unwrap_or_default(), set.filter(|_| new))
    }

    /// The header that sets a cookie: scripts don't see it, and where the settings say so browsers send it by https only. Without an `age`
    /// the browser forgets it when it is closed.
    pub(super) fn cookie_of(&self, name: &str, value: &str, path: &str, age: &str) -> Option<HeaderValue> {
        let secure = if self.app().settings().secure_cookies { "; Secure" } else { "" };
        HeaderValue::from_str(&format!("{name}={value}; Path={path}; HttpOnly; SameSite=Lax{secure}{age}")).ok()
    }

    /// The whole page, or its content alone where htmx asks.
    pub(super) async fn page(&self, template: &str, title: &str, view: &impl Serialize) -> WebResult<Response> {
        if self.htmx.partial {
            return self.part(template, view);
        }
        let mut frame = self.frame(title);
        if self.signed_in {
            frame.active = tasks::count_active(self).await?;
            frame.messages = messages::show(self).await?;
            frame.bell = Some(messages::bell(self).await?);
        }
        self.render(template, &frame, "base.html", view)
    }

    /// A piece of a page, for htmx.
    pub(super) fn part(&self, template: &str, view: &impl Serialize) -> WebResult<Response> {
        self.render(template, &self.frame(""), "fragment.html", view)
    }

    /// The text of a piece that is the same for everybody who may see it.
    pub(super) fn fragment(&self, template: &str, view: &impl Serialize) -> Result<String> {
        self.web.templates.render(template, view)
    }

    /// Leaves for another page: htmx by its own header, since it would follow a redirect into a part of the page.
    pub(super) fn leave_for(&self, href: &str) -> Response {
        if !self.htmx.partial {
            return Redirect::to(href).into_response();
        }
        let mut response = StatusCode::OK.into_response();
        htmx::set(&mut response, "hx-redirect", href);
        response
    }

    /// A piece that shows how many tasks run, and the messages.
    pub(super) fn part_with_news(
        &self,
        template: &str,
        active: view::ActiveTasks,
        bell: view::Bell,
        messages: Vec<view::MessageView>,
    ) -> WebResult<Response> {
        let frame = view::Frame { active, bell: Some(bell), messages, ..self.frame("") };
        self.render(template, &frame, "fragment.html", &())
    }

    fn render(
        &self,
        template: &str,
        frame: &view::Frame,
        layout: &'static str,
        view: &impl Serialize,
    ) -> WebResult<Response> {
        let context = Context { frame, layout, dialog: self.htmx.in_dialog(), view };
        let html = self.web.templates.render_for(self.resource_here(), template, &context)?;
        let mut response = Html(html).into_response();
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("HX-Request, HX-Target"));
        Ok(response)
    }

    /// Whether a page is that of the list at `href`, or below it.
    fn is_below(&self, href: &str) -> bool {
        self.path.strip_prefix(href).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The resource whose pages this one is among.
    fn resource_here(&self) -> Option<&str> {
        let resources = if self.signed_in { self.app().resources() } else { &[] };
        let here = resources.iter().find(|resource| self.is_below(&self.paths.list(&resource.name)));
        here.map(|resource| resource.name.as_str())
    }

    /// The page about the JSON API, where that is beside the pages.
    pub(super) fn api_href(&self) -> Option<String> {
        self.web.has_api.then(|| self.paths.api())
    }

    /// What the application has put into the menu, for whom it is.
    fn own_menu(&self) -> Vec<view::MenuItem> {
        if !self.signed_in {
            return Vec::new();
        }
        let links = self.app().menu_links(&self.user).map(|link| {
            let (label, href) = match link {
                MenuLink::Page(page) => (page.label.as_deref().unwrap_or_default(), self.paths.own_page(&page.name)),
                MenuLink::Within(label, path) => (label, format!("{}{path}", self.paths.base())),
                MenuLink::Outside(label, address) => (label, address.href(self.paths.prefix())),
            };
            view::MenuItem { label: label.to_owned(), current: self.is_below(&href), href }
        });
        links.collect()
    }

    fn frame(&self, title: &str) -> view::Frame {
        let has_name = self.signed_in && self.user.id.is_some();
        let has_account = has_name && self.app().has_login();
        let menu = if self.signed_in { self.app().resources() } else { &[] };
        let mut menu: Vec<_> = menu
            .iter()
            .map(|resource| {
                let href = self.paths.list(&resource.name);
                let label = view::capitalized(&resource.label_plural);
                view::MenuItem { label, current: self.is_below(&href), href }
            })
            .collect();
        menu.sort_by(|one, other| view::natural(&one.label, &other.label));
        menu.splice(0..0, self.own_menu());
        view::Frame {
            site: self.app().settings().title.clone(),
            base: self.paths.base().to_owned(),
            api_href: self.api_href(),
            title: title.to_owned(),
            home_href: self.paths.home(),
            menu,
            known: self.signed_in,
            user: view::FrameUser {
                name: self.user.name.clone(),
                signed_in: has_name,
                account_href: has_account.then(|| self.paths.account()),
                tokens_href: (has_name && self.app().knows_users_of_tokens()).then(|| self.paths.tokens()),
                logout_href: match self.app().logout_page() {
                    Some(page) => self.signed_in.then(|| page.href(self.paths.prefix())),
                    None => has_account.then(|| self.paths.logout()),
                },
                logout_is_link: matches!(self.app().logout_page(), Some(Address::Elsewhere(_))),
            },
            active: view::ActiveTasks::default(),
            bell: None,
            messages: Vec::new(),
            tasks_href: self.paths.tasks(),
            tasks_badge_href: self.paths.tasks_badge(),
            news_href: self.signed_in.then(|| live::news_href(&self.paths, live::Place::Strip, &[], None)),
            staff_href: (self.signed_in && self.user.is_staff).then(|| self.paths.staff()),
            htmx_config: htmx::config(),
        }
    }
}

/// A submitted form: its pairs in order, names may repeat.
pub(super) struct FormData(pub(super) Vec<(String, String)>);

impl FormData {
    /// The first value of that name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// All values of that name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// The most inputs of a form: the largest page has a thousand records, each with two.
const MOST_INPUTS: usize = 10_000;

impl FromRequest<Web> for FormData {
    type Rejection = WebError;

    async fn from_request(request: Request, web: &Web) -> WebResult<Self> {
        match axum::Form::<Vec<(String, String)>>::from_request(request, web).await {
            Ok(form) if form.0.len() > MOST_INPUTS => {
                let message = format!("A form of more than {} inputs is not taken.", grouped(MOST_INPUTS as u64));
                Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "TOO_MANY", "Not accepted", message).into())
            }
            Ok(form) => Ok(Self(form.0)),
            Err(rejection) => Err(Problem::of_status(rejection.status(), rejection.body_text()).into()),
        }
    }
}

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(other, _)| *other == name)
        .map(|(_, value)| value)
}
