//! The request that asked for a bulk task.

use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, sea_orm::DbErr, sea_query::ColumnDef,
};

use super::{add_column, tables};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0013_origins"
    }
}

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // At most 128 characters, and 55 of a W3C traceparent. NULL where it was no request, or nobody traced it.
        let request_id = ColumnDef::new("request_id").string_len(128).take();
        add_column(manager, tables::BULK_TASK, request_id).await?;
        let traceparent = ColumnDef::new("traceparent").string_len(64).take();
        add_column(manager, tables::BULK_TASK, traceparent).await
    }
}
