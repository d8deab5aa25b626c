//! By which kinds of values a task's records were frozen: a key of another kind finds other records.

use sea_orm_migration::{async_trait::async_trait, sea_orm::DbErr, sea_query::ColumnDef};

use super::{OwnMigration, Schema, add_column, tables};

pub(super) struct Migration;

#[async_trait]
impl OwnMigration for Migration {
    fn name(&self) -> &str {
        "m0026_key_types"
    }

    async fn up(&self, schema: &Schema<'_>) -> Result<(), DbErr> {
        // NULL of tasks from before this was kept.
        add_column(schema, tables::BULK_TASK, ColumnDef::new("key_types").text().take()).await
    }
}
