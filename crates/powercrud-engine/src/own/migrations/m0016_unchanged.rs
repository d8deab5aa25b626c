//! How many of a task's records held what they were to hold already, and were not written.

use sea_orm_migration::{async_trait::async_trait, sea_orm::DbErr, sea_query::ColumnDef};

use super::{OwnMigration, Schema, add_column, tables};

pub(super) struct Migration;

#[async_trait]
impl OwnMigration for Migration {
    fn name(&self) -> &str {
        "m0016_unchanged"
    }

    async fn up(&self, schema: &Schema<'_>) -> Result<(), DbErr> {
        let unchanged = ColumnDef::new("unchanged_records").big_integer().not_null().default(0).take();
        add_column(schema, tables::BULK_TASK, unchanged).await
    }
}
