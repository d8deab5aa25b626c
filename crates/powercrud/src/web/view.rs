//! What templates are given: plain structs, made from the core's answers, with every word and address ready to print.

mod bidi;
mod cell;
mod natural;
mod notices;
mod task;
mod time;
mod timeline;
mod widget;
mod words;

use serde::Serialize;

pub(super) use bidi::isolated;
pub(super) use cell::{CellView, cell_view, to_scale};
pub(super) use natural::natural;
pub(super) use notices::{NoticeView, are_under_way, notices};
pub(super) use task::{TaskView, task_view, task_view_at};
pub(super) use time::{Timestamp, day_start, duration};
pub(super) use timeline::{Line, timeline};
pub(super) use widget::{ChoiceView, Widget, element_id, widget};
pub(super) use words::left;

use super::paths::Paths;
use powercrud_engine::{
    query::Count,
    resource::{Resource, grouped},
};

/// What stands around every page.
#[derive(Serialize)]
pub(super) struct Frame {
    pub(super) site: String,
    pub(super) base: String,
    /// The page about the JSON API, where that is beside the pages.
    pub(super) api_href: Option<String>,
    pub(super) title: String,
    pub(super) home_href: String,
    pub(super) menu: Vec<MenuItem>,
    /// Whether the user is known.
    pub(super) known: bool,
    pub(super) user: FrameUser,
    /// Of the bulk tasks that this user may see.
    pub(super) active: ActiveTasks,
    pub(super) tasks_href: String,
    pub(super) tasks_badge_href: String,
    /// Where a page hears of tasks that begin and end, where its user is known.
    pub(super) news_href: Option<String>,
    /// The pages for staff, where the user is staff.
    pub(super) staff_href: Option<String>,
    /// Under which messages wait, where it stands on the page or comes along.
    pub(super) bell: Option<Bell>,
    /// Messages that come up now.
    pub(super) messages: Vec<MessageView>,
    pub(super) htmx_config: String,
}

/// How many bulk tasks run and how many wait, for the badge.
#[derive(Default, Serialize)]
pub(super) struct ActiveTasks {
    running: u64,
    total: u64,
    /// "1 running, 2 waiting"; empty where there are none.
    label: String,
}

impl ActiveTasks {
    pub(super) fn new(running: u64, waiting: u64) -> Self {
        let parts = [(running, "running"), (waiting, "waiting")];
        let parts = parts.into_iter().filter(|(number, _)| *number > 0);
        let parts: Vec<_> = parts.map(|(number, word)| format!("{} {word}", grouped(number))).collect();
        Self { running, total: running + waiting, label: parts.join(", ") }
    }
}

/// How many messages wait.
#[derive(Serialize)]
pub(super) struct Bell {
    pub(super) href: String,
    pub(super) unseen: u64,
    pub(super) label: String,
}

/// How one of the user's tasks ended.
#[derive(Serialize)]
pub(super) struct MessageView {
    pub(super) id: String,
    /// What the task did, in words; empty where that is not kept.
    pub(super) what: String,
    pub(super) text: String,
    pub(super) tone: String,
    /// The task.
    pub(super) href: String,
    pub(super) at: Option<Timestamp>,
    pub(super) seen: bool,
    pub(super) shown_href: String,
    pub(super) seen_href: String,
}

#[derive(Serialize)]
pub(super) struct FrameUser {
    pub(super) name: String,
    pub(super) signed_in: bool,
    /// Where PowerCRUD has the login.
    pub(super) account_href: Option<String>,
    /// Where tokens can be made.
    pub(super) tokens_href: Option<String>,
    /// Where one signs out, where there is such an address.
    pub(super) logout_href: Option<String>,
    /// Whether that is a link; else it is posted to.
    pub(super) logout_is_link: bool,
}

#[derive(Serialize)]
pub(super) struct MenuItem {
    pub(super) label: String,
    pub(super) href: String,
    /// Whether the page is one of this resource.
    pub(super) current: bool,
}

#[derive(Clone, Serialize)]
pub(super) struct Link {
    pub(super) label: String,
    pub(super) href: String,
}

/// A timestamp, in milliseconds since 1970 UTC, seen from now.
pub(super) fn timestamp_of(at: i64) -> Option<Timestamp> {
    time::timestamp(at, time::now())
}

/// A hidden input.
#[derive(Clone, Serialize)]
pub(super) struct Pair {
    pub(super) name: String,
    pub(super) value: String,
}

/// Hidden inputs.
pub(super) fn pairs(pairs: &[(String, String)]) -> Vec<Pair> {
    pairs.iter().map(|(name, value)| Pair { name: name.clone(), value: value.clone() }).collect()
}

/// A resource as its pages name it.
#[derive(Serialize)]
pub(super) struct ResourceView {
    pub(super) label: String,
    pub(super) label_plural: String,
    pub(super) href: String,
    pub(super) new_href: Option<String>,
    pub(super) read_only: Option<String>,
}

impl ResourceView {
    pub(super) fn new(resource: &Resource, paths: &Paths) -> Self {
        Self {
            label: resource.label.clone(),
            label_plural: capitalized(&resource.label_plural),
            href: paths.list(&resource.name),
            new_href: resource.can_create().then(|| paths.under(&resource.name, "new")),
            read_only: resource.read_only.clone(),
        }
    }
}

/// Something wrong with one record, as tables of errors show it.
#[derive(Serialize)]
pub(super) struct RecordErrorView {
    pub(super) key: String,
    pub(super) href: Option<String>,
    pub(super) field: Option<String>,
    pub(super) message: String,
    /// The record's name, where it has one and there is still such a record.
    pub(super) name: String,
}

/// With a capital at the start.
pub(super) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

/// A count in words: "12,304 books", or "more than 10,000 books" where counting was not finished.
pub(super) fn count_in_words(resource: &Resource, count: Count) -> String {
    match count {
        Count::Exact(number) => resource.count_in_words(number),
        Count::Estimated(number) => format!("{} {}", number_in_words(Count::Estimated(number)), resource.label_plural),
    }
}

/// A count that may not be finished, without what is counted.
pub(super) fn number_in_words(count: Count) -> String {
    match count {
        Count::Exact(number) => grouped(number),
        Count::Estimated(number) => format!("more than {}", grouped(number)),
    }
}
