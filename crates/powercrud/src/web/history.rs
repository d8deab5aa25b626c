//! Who changed a record, on its page.

use serde::Serialize;

use super::{
    context::RequestContext,
    error::WebResult,
    view::{self, CellView, Link, Timestamp, cell_view},
};
use powercrud_engine::{
    history::{self, ChangedField, Done},
    resource::Resource,
};

/// Changes that the page shows.
const SHOWN: usize = 20;

/// Fields of one change that it shows at once; the rest is a click away.
const FIELDS_SHOWN: usize = 6;

#[derive(Serialize)]
pub(super) struct HistoryView {
    entries: Vec<EntryView>,
    /// Whether there are more than are shown.
    more: bool,
    /// The record's entries in the audit trail, for staff.
    audit_href: Option<String>,
}

#[derive(Serialize)]
struct EntryView {
    at: Option<Timestamp>,
    /// Empty if the user may not know.
    who: String,
    action: &'static str,
    /// The bulk task, if the user may see it.
    task: Option<Link>,
    changes: Vec<ChangeView>,
    more_changes: Vec<ChangeView>,
    links: Vec<String>,
}

#[derive(Serialize)]
struct ChangeView {
    label: String,
    from: Option<CellView>,
    to: Option<CellView>,
}

pub(super) async fn view(context: &RequestContext, resource: &Resource, key: &str) -> WebResult<HistoryView> {
    let (found, more) = history::history(context.app(), &context.user, resource, key, SHOWN).await?;
    let entries = found.into_iter().map(|entry| {
        let mut changes: Vec<_> =
            entry.changes.iter().filter_map(|change| change_view(context, resource, change)).collect();
        let more_changes = changes.split_off(changes.len().min(FIELDS_SHOWN));
        let task = match &entry.what {
            Done::InBulk(task) => Some(view::task_view(context.app(), &context.paths, task)),
            _ => None,
        };
        EntryView {
            at: view::timestamp_of(entry.at),
            who: view::isolated(&entry.who.unwrap_or_default()),
            action: match &entry.what {
                Done::Created => "Created",
                Done::Changed => "Changed",
                Done::Deleted => "Deleted",
                Done::InBulk(task) if task.operation == "delete" => "Deleted in bulk",
                Done::InBulk(task) if task.reverts.is_some() => "Restored in bulk",
                Done::InBulk(_) | Done::InHiddenBulk => "Changed in bulk",
            },
            task: task.map(|task| Link { label: task.title, href: task.href }),
            changes,
            more_changes,
            links: entry.links,
        }
    });
    let staff_link = || {
        let pairs = [("resource".to_owned(), resource.name.clone()), ("key".to_owned(), key.to_owned())];
        super::paths::with_query(&context.paths.staff_under("audit"), &pairs)
    };
    Ok(HistoryView { entries: entries.collect(), more, audit_href: context.user.is_staff.then(staff_link) })
}

fn change_view(context: &RequestContext, resource: &Resource, change: &ChangedField) -> Option<ChangeView> {
    let field = resource.field(&change.field)?;
    let shown = |cell: &_| cell_view(&context.paths, field, cell);
    Some(ChangeView {
        label: field.label.clone(),
        from: change.from.as_ref().map(shown),
        to: change.to.as_ref().map(shown),
    })
}
