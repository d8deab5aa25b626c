//! The audit trail on a page.

use axum::{extract::RawQuery, http::StatusCode, response::Response};
use serde::Serialize;

use super::{Staff, person};
use crate::web::{
    context::RequestContext,
    error::WebResult,
    parameters::{self, Parts},
    paths::{parse_query, with_query},
    view::{self, ChoiceView, Link, Timestamp},
};
use powercrud_engine::{
    audit::{self, Action, AuditEntry, AuditFilter, FieldChange},
    resource::{Resource, grouped},
    words::listed,
};

const PAGE_SIZE: u64 = 50;

/// Changes that a line shows at once; the rest is a click away.
const CHANGES_SHOWN: usize = 4;

/// The most characters of a value that a line shows.
const LONGEST: usize = 80;

#[derive(Serialize)]
struct AuditView {
    crumbs: Vec<Link>,
    action: String,
    form: Parameters,
    people: Vec<ChoiceView>,
    actions: Vec<ChoiceView>,
    resources: Vec<ChoiceView>,
    problems: Vec<String>,
    clear_href: Option<String>,
    entries: Vec<EntryView>,
    text: String,
    previous_href: Option<String>,
    next_href: Option<String>,
    empty: &'static str,
}

#[derive(Serialize)]
struct EntryView {
    at: Option<Timestamp>,
    who: String,
    action: &'static str,
    /// What it was done to.
    what: String,
    href: Option<String>,
    changes: Vec<String>,
    more_changes: Vec<String>,
    reason: String,
}

/// What the address asks for.
#[derive(Clone, Default, Serialize)]
struct Parameters {
    user: String,
    action: String,
    resource: String,
    key: String,
    from: String,
    to: String,
    page: u64,
}

impl Parameters {
    fn read(query: &str) -> Self {
        let mut parameters = Self { page: 1, ..Self::default() };
        for (name, value) in parse_query(query) {
            match name.as_str() {
                "user" => parameters.user = value,
                "action" => parameters.action = value,
                "resource" => parameters.resource = value,
                "key" => parameters.key = value,
                "from" => parameters.from = value,
                "to" => parameters.to = value,
                "page" => parameters.page = parameters::page_number(&value),
                _ => {}
            }
        }
        parameters
    }

    fn pairs(&self) -> Vec<(String, String)> {
        let named = [
            ("user", &self.user),
            ("action", &self.action),
            ("resource", &self.resource),
            ("key", &self.key),
            ("from", &self.from),
            ("to", &self.to),
        ];
        parameters::pairs(named, self.page)
    }

    /// The filter, and what is wrong with it.
    fn filter(&self, context: &RequestContext) -> (AuditFilter, Vec<String>) {
        let mut parts = Parts::default();
        let user = parts.user(&self.user);
        let action = Action::from_word(&self.action);
        if action.is_none() && !self.action.is_empty() {
            let allowed = listed(Action::ALL);
            parts.problems.push(format!("What: {:?} is not known; allowed are {allowed}.", self.action));
        }
        let resource = parts.resource(context, &self.resource);
        if !self.key.is_empty() && resource.is_none() {
            parts.problems.push("Key: say of which resource.".to_owned());
        }
        let filter = AuditFilter {
            user,
            action,
            resource: resource.map(|resource| resource.name.clone()),
            record_key: (!self.key.is_empty()).then(|| self.key.clone()),
            from: parts.from(&self.from),
            before: parts.to(&self.to),
            offset: (self.page - 1) * PAGE_SIZE,
            limit: PAGE_SIZE,
        };
        (filter, parts.problems)
    }
}

pub(in crate::web) async fn page(Staff(context): Staff, RawQuery(raw): RawQuery) -> WebResult<Response> {
    let parameters = Parameters::read(&raw.unwrap_or_default());
    let (filter, problems) = parameters.filter(&context);
    let (total, entries) = match problems.is_empty() {
        true => (
            audit::count(context.app(), &context.user, &filter).await?,
            audit::list(context.app(), &context.user, &filter).await?,
        ),
        false => (0, Vec::new()),
    };
    let to =
        |page: u64| with_query(&context.paths.staff_under("audit"), &Parameters { page, ..parameters.clone() }.pairs());
    let unfiltered = parameters.pairs().iter().all(|(name, _)| name == "page");
    let last = (filter.offset + PAGE_SIZE).min(total);
    let resources = context.app().resources().iter();
    let view = AuditView {
        crumbs: vec![Link { label: "Staff".to_owned(), href: context.paths.staff() }],
        action: context.paths.staff_under("audit"),
        people: audit::people(context.app(), &context.user).await?.into_iter().map(person).collect(),
        actions: Action::ALL.iter().map(|&action| ChoiceView::new(action.as_str(), words(action))).collect(),
        resources: resources
            .map(|resource| ChoiceView::new(&resource.name, &view::capitalized(&resource.label_plural)))
            .collect(),
        clear_href: (!unfiltered).then(|| context.paths.staff_under("audit")),
        entries: entries.into_iter().map(|entry| entry_view(&context, entry)).collect(),
        text: format!("{}–{} of {}", grouped(filter.offset + 1), grouped(last), grouped(total)),
        previous_href: (parameters.page > 1).then(|| to(parameters.page - 1)),
        next_href: (filter.offset + PAGE_SIZE < total).then(|| to(parameters.page + 1)),
        empty: match (problems.is_empty(), unfiltered) {
            (false, _) => "Nothing is shown, because this address asks for something that is not there.",
            (true, true) => "Nothing has been recorded yet.",
            (true, false) => "Nothing fits.",
        },
        form: parameters,
        problems,
    };
    let mut response = context.page("staff_audit.html", "Audit trail", &view).await?;
    if !view.problems.is_empty() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

fn words(action: Action) -> &'static str {
    match action {
        Action::RecordCreated => "Created a record",
        Action::RecordUpdated => "Changed a record",
        Action::RecordDeleted => "Deleted a record",
        Action::TaskSubmitted => "Submitted a bulk task",
        Action::TaskRetried => "Retried a bulk task",
        Action::TaskReverted => "Reverted a bulk task",
        Action::TaskCancelled => "Cancelled a bulk task",
        Action::TaskPaused => "Paused a bulk task",
        Action::TaskResumed => "Resumed a bulk task",
        Action::TaskRequeued => "Queued a task again",
        Action::TaskReleased => "Ended a dead task",
        Action::TaskDeleted => "Deleted an old task",
        Action::TokenMade => "Made a token",
        Action::TokenRevoked => "Revoked a token",
        Action::UserAdded => "Added a user",
        Action::PasswordChanged => "Changed a password",
        Action::UserActivated => "Let a user sign in again",
        Action::UserDeactivated => "Deactivated a user",
        Action::UserRemoved => "Removed a user",
        Action::SignedIn => "Signed in",
        Action::SignInFailed => "Failed to sign in",
        Action::SignInDelayed => "Had to wait to sign in",
        Action::SignedOut => "Signed out",
        Action::AccessChanged => "Changed a user's rights",
        Action::Refused => "Was refused",
        Action::Unknown => "Did what a newer version knows",
    }
}

fn entry_view(context: &RequestContext, entry: AuditEntry) -> EntryView {
    let resource = entry.resource.as_ref().and_then(|name| context.app().resource(name).ok()).map(AsRef::as_ref);
    let (what, href) = match (&entry.record_key, entry.task_id) {
        (Some(key), _) => {
            let label = resource.map_or_else(|| entry.resource.clone().unwrap_or_default(), |it| it.label.clone());
            let is_there = resource.filter(|_| entry.action != Action::RecordDeleted);
            let href = is_there.map(|resource| context.paths.record(&resource.name, key));
            (format!("{} {}", view::capitalized(&label), view::isolated(key)), href)
        }
        (None, Some(task)) => {
            let is_there = entry.action != Action::TaskDeleted;
            (view::capitalized(&entry.subject), is_there.then(|| context.paths.task(&task.to_string())))
        }
        // Which record it was is not for everybody.
        (None, None) if entry.subject.is_empty() => (entry.resource.clone().unwrap_or_default(), None),
        (None, None) => (view::capitalized(&entry.subject), None),
    };
    let mut changes = changes(resource, &entry);
    let more_changes = changes.split_off(changes.len().min(CHANGES_SHOWN));
    EntryView {
        at: view::timestamp_of(entry.at),
        who: match entry.action {
            // Whoever knows a name may try it.
            Action::SignInFailed | Action::SignInDelayed => "somebody".to_owned(),
            _ => entry.user_name.or(entry.user_id).unwrap_or_else(|| "operator".to_owned()),
        },
        action: words(entry.action),
        what,
        href,
        changes,
        more_changes,
        reason: entry.reason,
    }
}

/// "Stock: 5 → 9", in the order of the resource's fields.
fn changes(resource: Option<&Resource>, entry: &AuditEntry) -> Vec<String> {
    let place = |name: &str| resource.and_then(|it| it.fields.iter().position(|field| field.name == *name));
    let mut changes: Vec<_> = entry.changes.iter().collect();
    changes.sort_by_key(|(name, _)| place(name).unwrap_or(usize::MAX));
    let label = |name: &str| resource.map_or_else(|| name.to_owned(), |resource| resource.label_of(name));
    let is_shown = |name: &str| resource.is_none_or(|it| it.field(name).is_some() || it.many_to_many(name).is_some());
    // Of a field that is hidden now only the name is told.
    let words = |(name, change): (&String, &FieldChange)| match is_shown(name) {
        true => in_words(&label(name), change),
        false => name.clone(),
    };
    changes.into_iter().map(words).collect()
}

fn in_words(label: &str, change: &FieldChange) -> String {
    let side = |side: &Option<String>| match side {
        None => "empty".to_owned(),
        Some(text) if text.chars().count() > LONGEST => {
            view::isolated(&format!("{}…", text.chars().take(LONGEST).collect::<String>()))
        }
        Some(text) => view::isolated(text),
    };
    match (&change.from, &change.to) {
        (Some(from), Some(to)) => format!("{label}: {} → {}", side(from), side(to)),
        (Some(from), None) => format!("{label}: {}", side(from)),
        (None, Some(to)) => format!("{label} → {}", side(to)),
        (None, None) => label.to_owned(),
    }
}
