//! The request that asked for a bulk task.

use sea_orm_migration::{async_trait::async_trait, sea_orm::DbErr, sea_query::ColumnDef};

use super::{OwnMigration, Schema, add_column, tables};

pub(super) struct Migration;

#[async_trait]
impl OwnMigration for Migration {
    fn name(&self) -> &str {
        "m0013_origins"
    }

    async fn up(&self, schema: &Schema<'_>) -> Result<(), DbErr> {
        // At most 128 characters, and 55 of a W3C traceparent. NULL where it was no request, or nobody traced it.
        let request_id = ColumnDef::new("request_id").string_len(128).take();
        add_column(schema, tables::BULK_TASK, request_id).await?;
        let traceparent = ColumnDef::new("traceparent").string_len(64).take();
        add_column(schema, tables::BULK_TASK, traceparent).await
    }
}
