//! How many of a task's records held what they were to hold already, and were not written.

use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, sea_orm::DbErr, sea_query::ColumnDef,
};

use super::{add_column, tables};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0016_unchanged"
    }
}

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let unchanged = ColumnDef::new("unchanged_records").big_integer().not_null().default(0).take();
        add_column(manager, tables::BULK_TASK, unchanged).await
    }
}
