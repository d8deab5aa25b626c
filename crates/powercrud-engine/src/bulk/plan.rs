//! Everything that can be checked before a record is touched, checked once: a bulk edit sets the same values on all records.

mod rules;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{BulkRequest, RequestKey, Requested, Route, revert};
use crate::{
    bulk::operation::{ActionRun, Delete, Operation, Revert, Update},
    config::OnConflict,
    engine::Engine,
    error::{Error, FieldError, Result},
    form::{Assignment, CheckedChanges, LinkChange, check_action_changes, check_bulk_changes},
    query, record,
    resource::Resource,
    selection::Checked,
    task::{BulkTask, store},
    user::User,
};
use powercrud_db::{Fault, Held, Table};

/// A checked bulk request: it can be previewed and submitted.
#[derive(Clone)]
pub struct Plan {
    pub(crate) engine: Engine,
    pub(crate) resource: Arc<Resource>,
    pub(super) operation: Arc<dyn Operation>,
    pub(crate) selection: Checked,
    pub(crate) user: User,
    pub(crate) route: Route,
    pub(crate) parent_id: Option<uuid::Uuid>,
    pub(crate) request_key: Option<RequestKey>,
    pub(crate) on_conflict: Option<OnConflict>,
    /// How many records whoever asks has seen selected.
    pub(crate) expected_count: Option<u64>,
    /// The names of the records that the changes refer to, by field.
    pub(crate) names: BTreeMap<String, String>,
    /// Fields whose column takes no such value as they are set to.
    pub(crate) unfit: Vec<(String, Fault)>,
    /// Fields whose value this role may not try.
    pub(crate) untried: Vec<String>,
    /// The task that this one reverts.
    pub(crate) reverted: Option<Box<BulkTask>>,
}

/// Checks permission, as the policy gives it to the request's user, fields, types, NULLs, choices, references, lengths and the selection.
///
/// # Errors
/// [`Error::Invalid`] with one entry for each mistake; [`Error::ReadOnly`] or [`Error::NotAllowed`] where the resource does not take it,
/// [`Error::Forbidden`] where the user may not.
pub async fn plan(engine: &Engine, request: BulkRequest) -> Result<Plan> {
    let engine = &engine.for_user(&request.user);
    let resource = Arc::clone(engine.resource(&request.resource)?);
    resource.require_bulk()?;
    let plan = check(engine, Arc::clone(&resource), request).await;
    engine.unless_changed(&[&resource.table], plan).await
}

async fn check(engine: &Engine, resource: Arc<Resource>, request: BulkRequest) -> Result<Plan> {
    let mut errors = Vec::new();
    let mut reverted = None;
    let mut tried = Tried::default();
    let operation: Arc<dyn Operation> = match &request.operation {
        Requested::Revert(task_id) => {
            let task = store::load(engine, *task_id).await?;
            let images = revert::check(&resource, &task)?;
            let changes = task.changes.clone();
            reverted = Some(Box::new(task));
            Arc::new(Revert::new(images, changes))
        }
        Requested::Delete => {
            resource.require_bulk_delete()?;
            Arc::new(Delete)
        }
        Requested::Update(asked) => {
            resource.require_bulk_update()?;
            if !resource.can_bulk_edit() {
                let message = format!("{} has no fields that bulk edit may change", resource.name);
                // A role may be granted what it lacks; of the resource itself it is asked what it never takes.
                if resource.table.denied.update {
                    return Err(Error::NotAllowed(message));
                }
                return Err(Error::Invalid(vec![FieldError { field: None, code: "NO_BULK_FIELDS".into(), message }]));
            }
            let mut changes;
            (changes, errors) = check_bulk_changes(&resource, asked);
            if asked.is_empty() {
                let allowed = resource.bulk_names().join(", ");
                let message = format!("choose at least one field to change; allowed are: {allowed}");
                errors.push(FieldError { field: None, code: "NO_CHANGES".into(), message });
            }
            tried = try_changes(engine, &resource, &mut changes, &mut errors).await?;
            Arc::new(Update::new(changes))
        }
        Requested::Action { name, values } => {
            let action = Arc::clone(resource.action(name)?);
            let retried = match request.parent_id {
                Some(parent) => Some(store::load(engine, parent).await?),
                None => None,
            };
            let origin = retried.as_ref().map(|task| task.origin_id.unwrap_or(task.id));
            let retried = retried.filter(BulkTask::sets_fields).map(|task| task.changes);
            let (given, mistaken) = action.values(values);
            errors = mistaken;
            match action.changes() {
                Some(asked) => {
                    resource.require_updatable()?;
                    // A retry sets what the first task set, whatever the action sets by now.
                    let asked = retried.as_ref().unwrap_or(asked);
                    let (mut changes, more) = check_action_changes(&resource, asked);
                    errors.extend(more);
                    tried = try_changes(engine, &resource, &mut changes, &mut errors).await?;
                    Arc::new(ActionRun::set(action, changes, origin))
                }
                None => Arc::new(ActionRun::run(action, given, origin)),
            }
        }
    };
    let selection = match request.selection.check(engine, &resource).await {
        Ok(selection) => selection,
        Err(Error::Invalid(more)) => {
            errors.extend(more);
            return Err(Error::Invalid(errors));
        }
        Err(error) if errors.is_empty() => return Err(error),
        Err(_) => return Err(Error::Invalid(errors)),
    };
    let plan = Plan {
        engine: engine.clone(),
        resource,
        operation,
        selection,
        user: request.user,
        route: request.route,
        parent_id: request.parent_id,
        request_key: None,
        on_conflict: request.on_conflict,
        expected_count: None,
        names: BTreeMap::new(),
        unfit: tried.unfit,
        untried: tried.untried,
        reverted,
    };
    errors.extend(plan.repeated_values().await?);
    if errors.is_empty() {
        errors = plan.refused_by_rules().await;
    }
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    let names = query::names_of_changes(engine, &plan.resource, plan.changes()).await?;
    Ok(Plan { names, ..plan })
}

impl Plan {
    /// The resource.
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// Names the request, so that it can be sent again without being done again: its id is noted with the task.
    #[must_use]
    pub fn request_key(mut self, key: RequestKey) -> Self {
        self.request_key = Some(key);
        self
    }

    /// Holds only for so many records: where the selection has more or fewer by then, nothing is done.
    #[must_use]
    pub fn expecting(mut self, records: u64) -> Self {
        self.expected_count = Some(records);
        self
    }

    /// The new values of an update's fields, none for anything else.
    pub(crate) fn changes(&self) -> &[Assignment] {
        self.operation.changes().map_or(&[], |changes| &changes.fields)
    }

    /// What an update does to many-to-many fields, nothing for anything else.
    pub(crate) fn links(&self) -> &[LinkChange] {
        self.operation.changes().map_or(&[], |changes| &changes.links)
    }

    /// The tables that it writes to.
    pub(crate) fn tables(&self) -> Vec<&Table> {
        self.operation.tables(&self.resource)
    }

    /// Whether it waits where something is in its way.
    pub(crate) fn queues_conflicts(&self) -> bool {
        match self.on_conflict {
            Some(on_conflict) => on_conflict == OnConflict::Queue,
            None => self.resource.queues_conflicts(),
        }
    }

    /// One value on all the columns of a unique key fits one record at most.
    async fn repeated_values(&self) -> Result<Vec<FieldError>> {
        let set =
            |column: &String| self.changes().iter().any(|change| change.field == *column && !change.value.is_null());
        let keys: Vec<_> = self.resource.table.unique_keys.iter().filter(|key| key.iter().all(set)).collect();
        if keys.is_empty() || self.selection.count(&self.engine, &self.resource).await? <= 1 {
            return Ok(Vec::new());
        }
        let message = "must be unique, so it can't be set to the same value on several records";
        Ok(keys.into_iter().flatten().map(|column| FieldError::new(column, "UNIQUE", message)).collect())
    }
}

/// What is known of values that were tried against their columns.
#[derive(Default)]
struct Tried {
    unfit: Vec<(String, Fault)>,
    untried: Vec<String>,
}

/// Checks changes against the database: what their columns would hold, and whether what they refer to is there.
async fn try_changes(
    engine: &Engine,
    resource: &Resource,
    changes: &mut CheckedChanges,
    errors: &mut Vec<FieldError>,
) -> Result<Tried> {
    let mut tried = Tried::default();
    errors.extend(record::refused_values(engine, resource, &changes.fields).await?);
    if errors.is_empty() {
        let (unfit, untried) = hold(engine, resource, &mut changes.fields).await?;
        tried = Tried { unfit, untried };
    }
    errors.extend(query::lost_references(engine, resource, &changes.fields).await?);
    errors.extend(name_targets(engine, resource, &mut changes.links).await?);
    Ok(tried)
}

/// Sets the changes to what their columns would hold, so that who holds it already is not changed. The fields whose column takes no such
/// value, and those that nobody may try.
async fn hold(
    engine: &Engine,
    resource: &Resource,
    changes: &mut [Assignment],
) -> Result<(Vec<(String, Fault)>, Vec<String>)> {
    let columns =
        changes.iter().filter_map(|change| resource.field(&change.field).map(|field| (&field.column, &change.value)));
    let held = engine.database().held(&resource.table, &columns.collect::<Vec<_>>()).await?;
    let (mut unfit, mut untried) = (Vec::new(), Vec::new());
    let known = changes.iter_mut().filter(|change| resource.field(&change.field).is_some());
    for (change, held) in known.zip(held) {
        match held {
            Held::AsGiven => {}
            Held::Otherwise(value) => change.value = value,
            Held::Refused(fault) => unfit.push((change.field.clone(), *fault)),
            Held::Unknown => untried.push(change.field.clone()),
        }
    }
    Ok((unfit, untried))
}

/// Gives the records that links lead to their names, and complains of those that are not there.
async fn name_targets(engine: &Engine, resource: &Resource, links: &mut [LinkChange]) -> Result<Vec<FieldError>> {
    let mut errors = Vec::new();
    for change in links.iter_mut().filter(|change| !change.targets.is_empty()) {
        let Some(field) = resource.many_to_many(&change.field) else { continue };
        let reference = &field.reference;
        let keys: Vec<_> = change.targets.iter().map(|target| target.key.clone()).collect();
        let names = query::names_of(engine, reference, &keys).await?;
        let mut lost = Vec::new();
        for target in &mut change.targets {
            match names.get(&target.key.to_text()) {
                Some(name) => target.name.clone_from(name),
                None => lost.push(target.key.to_text()),
            }
        }
        if !lost.is_empty() {
            let (table, column) = (&reference.table.name, &reference.column.name);
            let message = format!("there is no {table} with {column} {}", lost.join(", "));
            errors.push(FieldError::new(&change.field, "FOREIGN_KEY", message));
        }
    }
    tell_apart(links);
    Ok(errors)
}

/// Adds the key to the names that several records of one field have: "Music (1), Music (8)".
fn tell_apart(links: &mut [LinkChange]) {
    let mut keys: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for change in &*links {
        for target in &change.targets {
            let name = (change.field.clone(), target.name.clone());
            keys.entry(name).or_default().insert(target.key.to_text());
        }
    }
    for change in links {
        for target in &mut change.targets {
            let name = (change.field.clone(), target.name.clone());
            if keys.get(&name).is_some_and(|keys| keys.len() > 1) {
                target.name = format!("{} ({})", target.name, target.key.to_text());
            }
        }
    }
}
