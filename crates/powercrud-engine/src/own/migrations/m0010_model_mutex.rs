//! The mutex of each model: one row, which transactions that want to lock records of it update one after the other.

use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, sea_orm::DbErr, sea_query::Table,
};

use super::{create_tables, number, tables, word};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0010_turns"
    }
}

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mutex = Table::create()
            .table(tables::MODEL_MUTEX)
            .col(word("unique_model_key").primary_key())
            .col(number("acquisitions"))
            .take();
        create_tables(manager, [mutex]).await
    }
}
