//! The mutex of each model: one row, which transactions that want to lock records of it update one after the other.

use sea_orm_migration::{async_trait::async_trait, sea_orm::DbErr, sea_query::Table};

use super::{OwnMigration, Schema, create_tables, number, tables, word};

pub(super) struct Migration;

#[async_trait]
impl OwnMigration for Migration {
    fn name(&self) -> &str {
        "m0010_turns"
    }

    async fn up(&self, schema: &Schema<'_>) -> Result<(), DbErr> {
        let mutex = Table::create()
            .table(tables::MODEL_MUTEX)
            .col(word("unique_model_key").primary_key())
            .col(number("acquisitions"))
            .take();
        create_tables(schema, [mutex]).await
    }
}
