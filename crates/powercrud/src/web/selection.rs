//! What is ticked on a list: kept on the server, found by a cookie, shown in a bar over the table.

use std::collections::HashSet;

use axum::{
    extract::Path,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Serialize;

use super::{
    context::{FormData, RequestContext},
    error::{Problem, WebResult},
    list,
    paths::{self, parse_query, unmark},
    view::Link,
};
use powercrud_engine::{
    error::Error,
    query::{self, Count, ListParams},
    resource::{Resource, grouped},
    selection::StoredSelection,
};

#[derive(Serialize)]
pub(super) struct SelectionView {
    /// How many records are selected, on this page and elsewhere.
    total: u64,
    on_page: u64,
    all_on_page: bool,
    text: String,
    /// Words for those that are selected but not seen here; empty where there are none.
    elsewhere: String,
    announcement: String,
    /// The offer to select all that match, where that is more than is selected now.
    select_all: String,
    /// Where ticks are sent.
    href: String,
    edit_href: Option<String>,
    delete_href: Option<String>,
    /// What else can be done.
    actions: Vec<Link>,
    /// The list's state, as a query string.
    list: String,
    /// How many match, as the list counted them.
    matching: String,
    page_keys: Vec<PageKey>,
}

#[derive(Serialize)]
struct PageKey {
    key: String,
    selected: bool,
}

/// Whether records of `resource` can be ticked: there must be something to do with them.
pub(super) fn is_offered(context: &RequestContext, resource: &Resource) -> bool {
    let is_written = resource.read_only.is_none()
        && (resource.can_bulk_delete() || resource.can_bulk_edit() || !resource.actions.is_empty());
    is_written
        || (!resource.table.primary_key.is_empty()
            && context.app().selection_pages(resource, &context.user).next().is_some())
}

/// What this browser has ticked, if anything ever.
pub(super) async fn find(context: &RequestContext, resource: &Resource) -> WebResult<Option<StoredSelection>> {
    Ok(stored(context, resource).await?)
}

/// As [`find`].
pub(super) async fn stored(context: &RequestContext, resource: &Resource) -> Result<Option<StoredSelection>, Error> {
    match context.selection_owner() {
        Some(owner) => StoredSelection::find(context.app(), resource, &owner).await,
        None => Ok(None),
    }
}

impl SelectionView {
    pub(super) async fn new(
        context: &RequestContext,
        resource: &Resource,
        params: &ListParams,
        matching: Count,
        page_keys: &[String],
        stored: Option<StoredSelection>,
    ) -> WebResult<Self> {
        let (total, selected) = match &stored {
            Some(stored) => {
                let total = stored.count(context.app(), resource).await?;
                let selected = match total {
                    0 => HashSet::new(),
                    _ => stored.selected_among(context.app(), resource, page_keys).await?,
                };
                (total, selected)
            }
            None => (0, HashSet::new()),
        };
        let on_page = selected.len() as u64;
        let elsewhere = total.saturating_sub(on_page);
        let is_all = stored.as_ref().is_some_and(|stored| {
            stored.excluded == 0
                && stored.filter.as_ref().is_some_and(|filter| filter.filter_pairs() == params.filter_pairs())
        });
        let more_match = matching.number() > page_keys.len() as u64;
        let text = format!("{} selected", resource.count_in_words(total));
        Ok(Self {
            total,
            on_page,
            all_on_page: on_page > 0 && on_page == page_keys.len() as u64,
            elsewhere: match (on_page, elsewhere) {
                (_, 0) => String::new(),
                (0, _) => "none of them on this page".to_owned(),
                (_, elsewhere) => format!("including {} on other pages", grouped(elsewhere)),
            },
            announcement: if total == 0 { "Nothing selected".to_owned() } else { text.clone() },
            text,
            select_all: match matching {
                _ if is_all || !more_match || !params.refused.is_empty() => String::new(),
                count => select_all(count),
            },
            href: context.of_tab(context.paths.under(&resource.name, "selection")),
            edit_href: resource
                .can_bulk_edit()
                .then(|| context.of_tab(context.paths.under(&resource.name, "bulk-edit"))),
            delete_href: resource
                .can_bulk_delete()
                .then(|| context.of_tab(context.paths.under(&resource.name, "bulk-delete"))),
            actions: actions(context, resource),
            list: paths::query(&params.to_pairs()),
            matching: match matching {
                // Nothing is offered by it with the next tick.
                _ if !params.refused.is_empty() => "0".to_owned(),
                Count::Exact(number) => number.to_string(),
                Count::Estimated(number) => format!("{ABOUT}{number}"),
            },
            page_keys: page_keys
                .iter()
                .map(|key| PageKey { key: key.clone(), selected: selected.contains(key) })
                .collect(),
        })
    }

    /// The keys of this page that are selected.
    pub(super) fn selected(&self) -> impl Iterator<Item = &str> {
        self.page_keys.iter().filter(|key| key.selected).map(|key| key.key.as_str())
    }
}

/// What can be done to what is selected, beside edit and delete.
fn actions(context: &RequestContext, resource: &Resource) -> Vec<Link> {
    let href = |name: &str| context.of_tab(context.paths.under(&resource.name, &format!("actions/{name}")));
    let actions = resource.actions.iter().map(|action| Link { label: action.label.clone(), href: href(&action.name) });
    let pages = context.app().selection_pages(resource, &context.user).map(|page| Link {
        label: page.label_or_name(),
        href: context.of_tab(format!("{}/pages/{}", context.paths.base(), page.name)),
    });
    actions.chain(pages).collect()
}

/// The offer to select all that match, with the number that the list shows.
pub(super) fn select_all(matching: Count) -> String {
    match matching {
        Count::Exact(matching) => format!("Select all {} matching", grouped(matching)),
        Count::Estimated(matching) => format!("Select all matching, more than {}", grouped(matching)),
    }
}

/// Stands before a count that is a guess.
const ABOUT: char = '~';

/// The list's own count comes back with each tick, so that a tick does not count all over again. It is only shown: what is frozen in the
/// end is counted by the database.
fn read_count(text: &str) -> Count {
    match text.strip_prefix(ABOUT) {
        Some(guess) => Count::Estimated(guess.parse().unwrap_or(0)),
        None => Count::Exact(text.parse().unwrap_or(0)),
    }
}

/// Ticks (`add`, `remove` with `key`), the whole page (`add_page`, `remove_page`; `page_set` as the form's boxes say), `all` that match, or
/// `clear`. Answers with the bar.
pub(super) async fn change(
    mut context: RequestContext,
    Path(resource): Path<String>,
    form: FormData,
) -> WebResult<Response> {
    let resource = context.app().resource(unmark(&resource))?.clone();
    if !is_offered(&context, &resource) {
        return Err(Problem::not_found(format!("Nothing can be selected on {}.", resource.name)).into());
    }
    let params = list::read_shown(&context, &resource, &parse_query(form.get("list").unwrap_or_default())).await?;
    let page_keys: Vec<String> = form.all("page_key").map(str::to_owned).collect();
    let keys: Vec<String> = form.all("key").map(str::to_owned).collect();
    let (owner, cookie) = context.make_selection_owner();
    let app = context.app();
    let mut stored = StoredSelection::of_owner(app, &resource, &owner).await?;
    match form.all("action").last().unwrap_or_default() {
        "add" => stored.tick(app, &resource, &keys, true).await?,
        "remove" => stored.tick(app, &resource, &keys, false).await?,
        "add_page" => stored.tick(app, &resource, &page_keys, true).await?,
        "remove_page" => stored.tick(app, &resource, &page_keys, false).await?,
        "page_set" => {
            let keys: HashSet<&String> = keys.iter().collect();
            let (ticked, unticked): (Vec<_>, Vec<_>) = page_keys.iter().cloned().partition(|key| keys.contains(key));
            stored.tick(app, &resource, &unticked, false).await?;
            stored.tick(app, &resource, &ticked, true).await?;
        }
        // Who asked for fewer records does not get all of them because of a slip of the finger.
        "all" => {
            let fitting = query::set_aside(app, &resource, &params).await?;
            if !fitting.refused.is_empty() {
                return Err(Error::Invalid(fitting.refused.into_iter().map(|refused| refused.error).collect()).into());
            }
            stored.select_matching(app, &params).await?;
        }
        "clear" => stored.clear(app).await?,
        other => return Err(Problem::not_found(format!("{other:?} is not something to do with a selection.")).into()),
    }
    let mut response = if context.htmx.partial {
        #[derive(Serialize)]
        struct Bar {
            selection: SelectionView,
        }
        let matching = read_count(form.get("matching").unwrap_or_default());
        let selection = SelectionView::new(&context, &resource, &params, matching, &page_keys, Some(stored)).await?;
        context.part("selection_answer.html", &Bar { selection })?
    } else {
        Redirect::to(&context.paths.list_with(&resource.name, &params.to_pairs())).into_response()
    };
    set_cookie(&mut response, cookie);
    Ok(response)
}

fn set_cookie(response: &mut Response, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
}
