//! The application's own pages within the frame of these, and what else stands in the menu.

use std::{collections::BTreeSet, sync::Arc};

use axum::Router;

use super::{Builder, PowerCrud, login_page::Address};
use powercrud_engine::{resource::Resource, user::User, words};

type May = Arc<dyn Fn(&User) -> bool + Send + Sync>;

/// A page of the application's own, or several, under `/pages/NAME`: with the menu, the theme, the user and the messages of PowerCRUD's, and
/// for no stranger. [`crate::page`] has an example.
#[derive(Clone)]
#[must_use]
pub struct Page {
    pub(crate) name: String,
    pub(crate) router: Router,
    pub(crate) label: Option<String>,
    /// The resource whose selection it works on.
    selection: Option<String>,
    pub(crate) access: Access,
}

/// An entry of the menu that leads elsewhere. [`crate::page`] has an example.
#[derive(Clone)]
#[must_use]
pub struct Link {
    pub(crate) label: String,
    url: String,
    is_within: bool,
    access: Access,
}

/// For whom it is.
#[derive(Clone, Default)]
pub(crate) struct Access {
    may: Vec<May>,
    resource: Option<String>,
}

/// What the application has put into the menu, in its order.
#[derive(Clone)]
pub(super) enum Entry {
    Page(Page),
    Link(Link),
}

/// A link of the menu, for whom it is.
pub(crate) enum MenuLink<'a> {
    /// To the page of that name.
    Page(&'a Page),
    /// To a path of PowerCRUD's.
    Within(&'a str, &'a str),
    /// To a path of the application, or elsewhere.
    Outside(&'a str, Address),
}

impl Page {
    /// A page of that name, of letters, digits, `-` and `_`. The router's `/` is the page itself, `/pages/NAME`; what else it has is below
    /// that. Who is not signed in is led to the login, and whoever the page is not for is refused (403), before a handler is asked.
    pub fn new(name: impl Into<String>, router: Router) -> Self {
        Self { name: name.into(), router, label: None, selection: None, access: Access::default() }
    }

    /// Puts the page into the menu, under that name, for those whom it is for.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Who may see it; of several, all have to say so.
    pub fn may(mut self, may: impl Fn(&User) -> bool + Send + Sync + 'static) -> Self {
        self.access.may.push(Arc::new(may));
        self
    }

    /// It is for those who may see that resource.
    pub fn resource(mut self, name: impl Into<String>) -> Self {
        self.access.resource = Some(name.into());
        self
    }

    /// It is about what is selected on the list of that resource: it is offered in the list's selection bar rather than in the menu, and its
    /// handlers find the records by [`Frame::selection`](crate::page::Frame::selection) or the extractor
    /// [`Selected`](crate::page::Selected). It is for those who may see that resource.
    pub fn selection(mut self, resource: impl Into<String>) -> Self {
        let name = resource.into();
        self.selection = Some(name.clone());
        self.resource(name)
    }

    /// What people read on its link.
    pub(crate) fn label_or_name(&self) -> String {
        self.label.clone().unwrap_or_else(|| words::label(&self.name))
    }
}

impl Link {
    /// An entry that leads to a path of the application, such as `/reports`, or to an address elsewhere.
    pub fn new(label: impl Into<String>, url: impl Into<String>) -> Self {
        Self { label: label.into(), url: url.into(), is_within: false, access: Access::default() }
    }

    /// An entry that leads to one of PowerCRUD's own pages, wherever the router is nested: `/resources/product?stock=0`.
    pub fn within(label: impl Into<String>, path: impl Into<String>) -> Self {
        Self { is_within: true, ..Self::new(label, path) }
    }

    /// Who finds it in the menu; of several, all have to say so. What it leads to has to see to it by itself.
    pub fn may(mut self, may: impl Fn(&User) -> bool + Send + Sync + 'static) -> Self {
        self.access.may.push(Arc::new(may));
        self
    }

    /// It is for those who may see that resource.
    pub fn resource(mut self, name: impl Into<String>) -> Self {
        self.access.resource = Some(name.into());
        self
    }

    fn address(&self) -> Option<Address> {
        Address::parse(&self.url).filter(|address| !self.is_within || matches!(address, Address::Path(_)))
    }
}

impl Access {
    /// Whether it is for the user, as whom `app` is narrowed.
    pub(crate) fn is_for(&self, app: &PowerCrud, user: &User) -> bool {
        let sees = |name: &String| app.resources().iter().any(|resource| resource.name == *name);
        self.resource.as_ref().is_none_or(sees) && self.may.iter().all(|may| may(user))
    }
}

impl Entry {
    fn access(&self) -> &Access {
        match self {
            Self::Page(page) => &page.access,
            Self::Link(link) => &link.access,
        }
    }
}

/// Whether names and addresses are such, and resources are there; a mistake is told to `complain`.
pub(super) fn check(entries: &[Entry], resources: &[Arc<Resource>], complain: &mut dyn FnMut(String)) {
    let mut names = BTreeSet::new();
    for entry in entries {
        let what = match entry {
            Entry::Page(page) => {
                let name = &page.name;
                let is_plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
                if name.is_empty() || !name.bytes().all(is_plain) {
                    complain(format!(
                        "page {name:?}: the name is not allowed; allowed are letters, digits, \"-\" and \"_\""
                    ));
                } else if !names.insert(name) {
                    complain(format!("page {name:?}: there are two of that name"));
                }
                format!("page {name:?}")
            }
            Entry::Link(link) => {
                if link.address().is_none() {
                    let elsewhere = if link.is_within { "" } else { ", or an address such as \"https://example.org\"" };
                    complain(format!(
                        "link {:?}: {:?} is not allowed; allowed is a path such as \"/reports\"{elsewhere}, each without a fragment",
                        link.label, link.url
                    ));
                }
                format!("link {:?}", link.label)
            }
        };
        if let Some(name) = &entry.access().resource
            && !resources.iter().any(|resource| resource.name == *name)
        {
            complain(format!("{what}: there is no resource {name:?}"));
        }
    }
}

impl PowerCrud {
    /// The application's own pages.
    pub(crate) fn own_pages(&self) -> impl Iterator<Item = &Page> {
        self.web.entries.iter().filter_map(|entry| match entry {
            Entry::Page(page) => Some(page),
            Entry::Link(_) => None,
        })
    }

    /// The application's own pages about what is selected on a resource, for `user`, as whom this is narrowed.
    pub(crate) fn selection_pages<'a>(
        &'a self,
        resource: &'a Resource,
        user: &'a User,
    ) -> impl Iterator<Item = &'a Page> {
        let is_of = |page: &&Page| page.selection.as_ref() == Some(&resource.name) && page.access.is_for(self, user);
        self.own_pages().filter(is_of)
    }

    /// What the application has put into the menu of `user`, as whom this is narrowed.
    pub(crate) fn menu_links(&self, user: &User) -> impl Iterator<Item = MenuLink<'_>> {
        let seen = self.web.entries.iter().filter(|entry| entry.access().is_for(self, user));
        seen.filter_map(|entry| match entry {
            Entry::Page(page) if page.selection.is_some() => None,
            Entry::Page(page) => page.label.is_some().then_some(MenuLink::Page(page)),
            Entry::Link(link) if link.is_within => Some(MenuLink::Within(&link.label, &link.url)),
            Entry::Link(link) => Some(MenuLink::Outside(&link.label, link.address()?)),
        })
    }
}

impl Builder {
    /// Adds a page of the application's own within the frame: see [`crate::page`].
    #[must_use]
    pub fn page(mut self, page: Page) -> Self {
        self.entries.push(Entry::Page(page));
        self
    }

    /// Adds an entry to the menu, before the resources: see [`crate::page`].
    #[must_use]
    pub fn link(mut self, link: Link) -> Self {
        self.entries.push(Entry::Link(link));
        self
    }
}
