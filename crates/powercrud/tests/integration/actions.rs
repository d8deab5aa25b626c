//! Actions: named sets of changes, statements over chunks, and code for each record; from code, pages and API alike.

mod api;
mod crash;
mod each_record;
mod pages;
mod refused;
mod sets;
mod statements;

use powercrud::{Action, PowerCrud, Resource, ResourceBuilder};

use crate::support::TestDatabase;

/// `item` with these actions, and every other table.
async fn with_actions<const N: usize>(database: &TestDatabase, actions: [Action; N]) -> PowerCrud {
    let resource = actions.into_iter().fold(Resource::table("item").bulk_revert(true), ResourceBuilder::action);
    PowerCrud::builder(database.clone())
        .open_to_everybody()
        .resource(resource)
        .discover(true)
        .build()
        .await
        .expect("no mistakes")
}
