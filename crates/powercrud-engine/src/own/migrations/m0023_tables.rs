//! Which table a task is about, as its database names it: several processes may share these tables and mean other tables by the same name.

use sea_orm_migration::{async_trait::async_trait, sea_orm::DbErr, sea_query::ColumnDef};

use super::{OwnMigration, Schema, add_column, tables};

pub(super) struct Migration;

#[async_trait]
impl OwnMigration for Migration {
    fn name(&self) -> &str {
        "m0023_tables"
    }

    async fn up(&self, schema: &Schema<'_>) -> Result<(), DbErr> {
        // NULL of tasks from before this was kept.
        add_column(schema, tables::BULK_TASK, ColumnDef::new("sql_table").text().take()).await
    }
}
