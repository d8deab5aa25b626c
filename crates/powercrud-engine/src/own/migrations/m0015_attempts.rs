//! How often a task was taken up in vain, and what came in the way.

use sea_orm_migration::{async_trait::async_trait, sea_orm::DbErr, sea_query::ColumnDef};

use super::{OwnMigration, Schema, add_column, tables};

pub(super) struct Migration;

#[async_trait]
impl OwnMigration for Migration {
    fn name(&self) -> &str {
        "m0015_attempts"
    }

    async fn up(&self, schema: &Schema<'_>) -> Result<(), DbErr> {
        // Attempts in a row that committed nothing, the one that is under way among them.
        let attempts = ColumnDef::new("stalled_attempts").big_integer().not_null().default(0).take();
        add_column(schema, tables::BULK_TASK, attempts).await?;
        // What the last of them met; NULL where its worker died without a word.
        let fault = ColumnDef::new("attempt_error").text().take();
        add_column(schema, tables::BULK_TASK, fault).await
    }
}
