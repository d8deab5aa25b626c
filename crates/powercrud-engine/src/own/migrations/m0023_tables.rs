//! Which table a task is about, as its database names it: several processes may share these tables and mean other tables by the same name.

use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, sea_orm::DbErr, sea_query::ColumnDef,
};

use super::{add_column, tables};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0023_tables"
    }
}

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // NULL of tasks from before this was kept.
        add_column(manager, tables::BULK_TASK, ColumnDef::new("sql_table").text().take()).await
    }
}
