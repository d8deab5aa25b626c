//! By which kinds of values a task's records were frozen: a key of another kind finds other records.

use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, sea_orm::DbErr, sea_query::ColumnDef,
};

use super::{add_column, tables};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0026_key_types"
    }
}

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // NULL of tasks from before this was kept.
        add_column(manager, tables::BULK_TASK, ColumnDef::new("key_types").text().take()).await
    }
}
