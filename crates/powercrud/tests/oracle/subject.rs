//! PowerCRUD by its public functions, as an application calls it.

use std::collections::BTreeMap;

use powercrud::{
    Error, PowerCrud, Resource, Selection, User,
    bulk::{self, Answer, BulkRequest, Requested, Route},
    db::Database,
    query::{self, ListParams},
    record,
    task::{BulkTask, RecordError, store},
};
use tokio_util::sync::CancellationToken;

use crate::step::{Action, Assignment, Bulk, Selected};

/// What PowerCRUD told of a bulk operation.
#[derive(Debug)]
pub(crate) enum Told {
    /// It refused the request, and says that nothing was done.
    Refused(Error),
    /// It carried it out.
    Ended { task: Box<BulkTask>, errors: Vec<RecordError> },
}

pub(crate) struct Subject {
    pub(crate) app: PowerCrud,
}

impl Subject {
    /// Discovers all tables. Those of `chunks` have so many records a chunk.
    pub(crate) async fn build(url: &str, chunks: &BTreeMap<String, u64>) -> Result<Self, Error> {
        let database = Database::connect(url).await?;
        let mut builder = PowerCrud::builder(database).discover(true);
        for (table, size) in chunks {
            builder = builder.resource(Resource::table(table).bulk_chunk_size(*size));
        }
        Ok(Self { app: builder.build().await? })
    }

    pub(crate) fn resource(&self, table: &str) -> Result<&Resource, Error> {
        self.app.resource(table).map(AsRef::as_ref)
    }

    /// Key and tag of each record that the list shows, page by page.
    pub(crate) async fn list(
        &self,
        table: &str,
        conditions: &[String],
        page_size: u64,
    ) -> Result<(Vec<(String, i64)>, u64), Error> {
        let resource = self.resource(table)?;
        let mut params = ListParams::from_conditions(resource, conditions)?;
        params.page_size = page_size;
        let place = resource.list_fields().position(|field| field.name == "tag");
        let place = place.unwrap_or_else(|| panic!("the list of {table} does not show the tag"));
        let mut records = Vec::new();
        for page in 1.. {
            params.page = page;
            let found = query::list(&self.app, resource, &params).await?;
            for row in found.rows {
                let tag = row.cells[place].value.to_text();
                let tag = tag.parse().unwrap_or_else(|_| panic!("the tag of {} is {tag:?}", row.key));
                records.push((row.key, tag));
            }
            if !found.has_next {
                break;
            }
        }
        Ok((records, query::count(&self.app, resource, &params).await?))
    }

    /// Carries out a bulk operation to its end.
    pub(crate) async fn bulk(&self, bulk: &Bulk, keys: &BTreeMap<i64, String>) -> Result<Told, Error> {
        match self.try_bulk(bulk, keys).await {
            Ok(task) => {
                let errors = store::errors(&self.app, &powercrud::User::operator(), task.id, 0, 1_000_000).await?;
                Ok(Told::Ended { task: Box::new(task), errors })
            }
            Err(error) => Ok(Told::Refused(error)),
        }
    }

    async fn try_bulk(&self, bulk: &Bulk, keys: &BTreeMap<i64, String>) -> Result<BulkTask, Error> {
        let resource = self.resource(&bulk.table)?;
        let selection = match &bulk.selection {
            Selected::All => Selection::All,
            Selected::Filter { conditions, .. } => {
                Selection::Matching(ListParams::from_conditions(resource, conditions)?)
            }
            Selected::Tags(tags) => Selection::Keys(tags.iter().filter_map(|tag| keys.get(tag).cloned()).collect()),
        };
        let operation = match &bulk.action {
            Action::Delete => Requested::Delete,
            Action::Update(changes) => Requested::Update(changes.iter().map(input).collect()),
        };
        let request = BulkRequest {
            resource: resource.name.clone(),
            operation,
            selection,
            user: User::operator(),
            route: if bulk.background { Route::Background } else { Route::Auto },
            parent_id: None,
            on_conflict: None,
        };
        match bulk::run(&self.app, request).await? {
            Answer::Done(task) => Ok(task),
            Answer::Queued { task, .. } => self.app.worker().run_task(task.id, &CancellationToken::new()).await,
            Answer::Duplicate(task) => panic!("{task:?} is running already"),
        }
    }

    /// Edits one field of one record.
    pub(crate) async fn edit(&self, table: &str, key: &str, change: &Assignment) -> Result<(), Error> {
        record::update(&self.app, &User::operator(), self.resource(table)?, key, &[input(change)]).await.map(drop)
    }
}

fn input(change: &Assignment) -> (String, Option<String>) {
    (change.column.clone(), change.text.clone())
}
