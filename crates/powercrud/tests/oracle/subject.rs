//! PowerCRUD carries a case out.

use std::collections::BTreeMap;

use powercrud::{
    PowerCrud, Resource, Selection, User,
    bulk::{self, Answer, BulkRequest, Requested, Route},
    query::{self, ListParams},
    record,
    task::{BulkTask, store},
};
use tokio_util::sync::CancellationToken;

use crate::{
    case::{Case, Operation},
    support::TestDatabase,
};

/// What PowerCRUD says that it did.
pub(crate) enum Told {
    /// It offers no bulk work on the table, for this reason.
    ReadOnly(String),
    /// It refused the whole request, for this reason; nothing was done.
    Refused(String),
    /// A task ended.
    Ended { task: Box<BulkTask>, failed: BTreeMap<String, Failure> },
}

/// Why a record failed.
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) message: String,
}

pub(crate) async fn carry_out(case: &Case, database: &TestDatabase) -> Told {
    let resource = Resource::table(&case.resource).bulk_chunk_size(case.chunk_size).bulk_atomicity(case.atomicity);
    let built = PowerCrud::builder(database.clone()).resource(resource).discover(true).build().await;
    let app = built.unwrap_or_else(|error| panic!("{}: the server does not start: {error}", case.name));
    let resource = app.resource(&case.resource).expect("the resource that was named");
    lists_each_record_once(case, &app, resource).await;
    if let Some(reason) = &resource.read_only {
        return Told::ReadOnly(reason.clone());
    }
    let conditions: Vec<&str> = case.filters.iter().map(String::as_str).collect();
    let selection = match &conditions[..] {
        [] => Selection::All,
        conditions => match ListParams::from_conditions(resource, conditions) {
            Ok(params) => Selection::Matching(params),
            Err(error) => return Told::Refused(error.to_string()),
        },
    };
    let operation = match &case.operation {
        Operation::Delete => Requested::Delete,
        Operation::Update(sets) => {
            Requested::Update(sets.iter().map(|set| (set.field.clone(), set.typed.clone())).collect())
        }
    };
    let request = BulkRequest {
        resource: case.resource.clone(),
        operation,
        selection,
        user: User::operator(),
        route: Route::Background,
        parent_id: None,
        on_conflict: None,
    };
    let task = match bulk::run(&app, request).await {
        Ok(Answer::Queued { task, .. }) => {
            let worked = app.worker().run_task(task.id, &CancellationToken::new()).await;
            worked.unwrap_or_else(|error| panic!("{}: the worker gave up: {error}", case.name))
        }
        Ok(answer) => answer.task().clone(),
        Err(error) => return Told::Refused(error.to_string()),
    };
    assert!(task.status.is_final(), "{}: the task is still {:?}", case.name, task.status);
    let errors = store::errors(&app, task.id, 0, 1_000_000).await.expect("errors");
    let failed =
        errors.into_iter().map(|error| (error.record_key, Failure { code: error.code, message: error.message }));
    Told::Ended { task: Box::new(task), failed: failed.collect() }
}

/// Pages through the list: each record once, and found by its key.
async fn lists_each_record_once(case: &Case, app: &PowerCrud, resource: &Resource) {
    let mut keys = Vec::new();
    for page in 1.. {
        let params = ListParams { page, page_size: 7, ..ListParams::default() };
        let found = query::list(app, resource, &params).await;
        let found = found.unwrap_or_else(|error| panic!("{}: page {page} of the list: {error}", case.name));
        keys.extend(found.rows.into_iter().map(|row| row.key));
        if !found.has_next {
            break;
        }
    }
    let count = query::count(app, resource, &ListParams::default()).await.expect("a count");
    assert_eq!(keys.len() as u64, count, "{}: the list has another number of records than its count", case.name);
    if resource.table.primary_key.is_empty() {
        return;
    }
    let named = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), named, "{}: the list has a key twice", case.name);
    for key in keys.iter().take(20) {
        let found = record::get(app, resource, key).await;
        let found =
            found.unwrap_or_else(|error| panic!("{}: the list's key {key:?} finds nothing: {error}", case.name));
        assert_eq!(&found.key, key, "{}: the list's key finds another record", case.name);
    }
}
