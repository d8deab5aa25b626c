//! Who changed a record, when, and from what to what: one by one, as the [audit trail](crate::audit) says, and in bulk tasks.
//!
//! Bulk changes are known for as long as the results of their tasks are kept (`bulk_results_days`), what was there before for as long as
//! it is kept for reverts (`bulk_revert_days`).

use crate::{
    audit::{self, Action, AuditEntry},
    bulk::{
        KeptValues, kept_values,
        key_ranges::{self, Touched},
    },
    change::Changes,
    engine::Engine,
    error::Result,
    query::{self, Cell},
    resource::{Field, Resource},
    task::BulkTask,
    user::User,
};
use powercrud_db::{Column, Value};

/// One change of a record.
#[derive(Clone, Debug)]
pub struct HistoryEntry {
    /// When, in milliseconds since 1970 UTC; of a bulk task, when it ended.
    pub at: i64,
    /// Who, by the name at the time; `None` where whoever asks may not know.
    pub who: Option<String>,
    /// What was done.
    pub what: Done,
    /// The fields that changed, in the resource's order; of fields that the resource does not have nothing is told.
    pub changes: Vec<ChangedField>,
    /// What was done to many-to-many fields, in words.
    pub links: Vec<String>,
}

/// What was done to a record.
#[derive(Clone, Debug)]
pub enum Done {
    /// It was created.
    Created,
    /// It was changed.
    Changed,
    /// It was deleted.
    Deleted,
    /// A bulk task had it among its records.
    InBulk(Box<BulkTask>),
    /// A bulk task that whoever asks may not see.
    InHiddenBulk,
}

/// What a field held and holds; `None` where that is not known.
#[derive(Clone, Debug)]
pub struct ChangedField {
    /// The field, by name.
    pub field: String,
    /// Before.
    pub from: Option<Cell>,
    /// After.
    pub to: Option<Cell>,
}

/// The latest changes of a record, newest first, at most `limit`; whether there are more. Who may not see another's task learns that
/// and when it changed the record, and no more.
///
/// # Errors
/// The database's.
pub async fn history(
    engine: &Engine,
    user: &User,
    resource: &Resource,
    key: &str,
    limit: usize,
) -> Result<(Vec<HistoryEntry>, bool)> {
    let engine = &engine.for_user(user);
    let resource = engine.seen(resource)?;
    if resource.table.scope.is_some() && !query::is_there(engine, resource, key).await? {
        return Ok((Vec::new(), false));
    }
    let database = engine.database();
    let own = query::own_key(database.connection(), database.dialect(), resource, key).await;
    let own = own.unwrap_or_else(|_| key.to_owned());
    let mut keys = vec![own.clone(), key.to_owned()];
    keys.dedup();
    let singles = audit::of_record(engine, resource, &own, limit as u64 + 1).await?;
    let touched = key_ranges::touching(engine, resource, &keys).await?;
    let timestamp = |touched: &Touched| touched.task.completed_at.unwrap_or(touched.task.created_at);
    let singles = singles.into_iter().map(|entry| (entry.at, Source::Single(Box::new(entry))));
    let bulk = touched.into_iter().map(|touched| (timestamp(&touched), Source::Bulk(Box::new(touched))));
    let mut all: Vec<_> = singles.chain(bulk).collect();
    all.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let more = all.len() > limit;
    all.truncate(limit);
    let mut entries = Vec::with_capacity(all.len());
    for (at, source) in all {
        entries.push(match source {
            Source::Single(entry) => single(resource, *entry),
            Source::Bulk(touched) if user.may_see(touched.task.user_id.as_deref()) => {
                in_bulk(engine, resource, &keys, at, *touched).await?
            }
            Source::Bulk(_) => {
                HistoryEntry { at, who: None, what: Done::InHiddenBulk, changes: Vec::new(), links: Vec::new() }
            }
        });
    }
    name_references(engine, resource, &mut entries).await?;
    Ok((entries, more))
}

enum Source {
    Single(Box<AuditEntry>),
    Bulk(Box<Touched>),
}

fn single(resource: &Resource, entry: AuditEntry) -> HistoryEntry {
    let side =
        |field: &Field, value: &Option<Option<String>>| Some(cell(read(&field.column, value.as_ref()?.as_deref())));
    let changed = |field: &Field| {
        let change = entry.changes.get(&field.name)?;
        let (from, to) = (side(field, &change.from), side(field, &change.to));
        Some(ChangedField { field: field.name.clone(), from, to })
    };
    HistoryEntry {
        at: entry.at,
        what: match entry.action {
            Action::RecordCreated => Done::Created,
            Action::RecordDeleted => Done::Deleted,
            _ => Done::Changed,
        },
        changes: resource.fields.iter().filter_map(changed).collect(),
        links: Vec::new(),
        who: Some(entry.user_name.or(entry.user_id).unwrap_or_else(|| "operator".to_owned())),
    }
}

/// A value from the text that is kept of it.
fn read(column: &Column, text: Option<&str>) -> Value {
    let Some(text) = text else { return Value::Null };
    // What was allowed once may not be today.
    let column = Column { choices: Vec::new(), ..column.clone() };
    Value::parse(&column, text).unwrap_or_else(|_| Value::Raw(text.to_owned()))
}

fn cell(value: Value) -> Cell {
    Cell { value, display: None }
}

async fn in_bulk(
    engine: &Engine,
    resource: &Resource,
    keys: &[String],
    at: i64,
    touched: Touched,
) -> Result<HistoryEntry> {
    let kept = kept_values(engine, resource, &touched, keys).await?;
    let task = touched.task.as_shown(engine);
    let restores = task.reverts.is_some();
    let changes = match kept {
        Some(kept) => resource.fields.iter().filter_map(|field| was_kept(field, &kept, restores)).collect(),
        None if restores => Vec::new(),
        None => resource.fields.iter().filter_map(|field| was_set(field, &task)).collect(),
    };
    let links = BulkTask { changes: only_links(&task), ..task.clone() };
    Ok(HistoryEntry {
        at,
        who: Some(task.user_name.clone().or(task.user_id.clone()).unwrap_or_else(|| "operator".to_owned())),
        changes,
        links: links.changes_in_words(|name| resource.label_of(name), 60),
        what: Done::InBulk(Box::new(task)),
    })
}

/// What was kept of a field; a revert went the other way.
fn was_kept(field: &Field, kept: &[KeptValues], restores: bool) -> Option<ChangedField> {
    let kept = kept.iter().find(|kept| kept.column.name == field.name)?;
    let (before, after) = (Some(cell(kept.before.clone())), kept.after.clone().map(cell));
    let (from, to) = if restores { (after, before) } else { (before, after) };
    let nothing = |side: &Option<Cell>| side.as_ref().is_none_or(|cell| cell.value.is_null());
    let differs = match (&from, &to) {
        (Some(from), Some(to)) => from.value != to.value,
        _ => !(nothing(&from) && nothing(&to)),
    };
    differs.then(|| ChangedField { field: field.name.clone(), from, to })
}

/// What a task set a field to, where it did.
fn was_set(field: &Field, task: &BulkTask) -> Option<ChangedField> {
    let to = Some(cell(read(&field.column, task.changes.set_to(&field.name)?)));
    Some(ChangedField { field: field.name.clone(), from: None, to })
}

fn only_links(task: &BulkTask) -> Changes {
    let mut changes = task.changes.clone();
    changes.retain(|_, change| task.reverts.is_none() && change.links().is_some());
    changes
}

/// The names that records referred to have today, one query for each reference.
async fn name_references(engine: &Engine, resource: &Resource, entries: &mut [HistoryEntry]) -> Result<()> {
    for field in &resource.fields {
        let Some(reference) = field.reference.as_ref().filter(|reference| reference.display.is_some()) else {
            continue;
        };
        let own = |change: &&mut ChangedField| change.field == field.name;
        let mut values = Vec::new();
        for change in entries.iter_mut().flat_map(|entry| &mut entry.changes).filter(own) {
            for cell in change.from.iter().chain(&change.to) {
                if !cell.value.is_null() && !matches!(cell.value, Value::Raw(_)) && !values.contains(&cell.value) {
                    values.push(cell.value.clone());
                }
            }
        }
        if values.is_empty() {
            continue;
        }
        let names = query::names_of(engine, reference, &values).await?;
        for change in entries.iter_mut().flat_map(|entry| &mut entry.changes).filter(own) {
            for cell in change.from.iter_mut().chain(&mut change.to) {
                cell.display = names.get(&cell.value.to_text()).cloned();
            }
        }
    }
    Ok(())
}
