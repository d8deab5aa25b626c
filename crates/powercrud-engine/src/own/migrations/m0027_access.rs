//! What users are here, which a policy goes by: with each user, and with each task as it was when it was asked for.

use sea_orm_migration::{async_trait::async_trait, sea_orm::DbErr, sea_query::ColumnDef};

use super::{OwnMigration, Schema, add_column, tables};

pub(super) struct Migration;

#[async_trait]
impl OwnMigration for Migration {
    fn name(&self) -> &str {
        "m0027_access"
    }

    async fn up(&self, schema: &Schema<'_>) -> Result<(), DbErr> {
        // NULL of users without a role.
        add_column(schema, tables::USER, ColumnDef::new("role").string_len(190).take()).await?;
        // An object of name to text, as JSON; NULL where there are none.
        add_column(schema, tables::USER, ColumnDef::new("attributes").text().take()).await?;
        // NULL of the operator's tasks, and of those from before this was kept.
        add_column(schema, tables::BULK_TASK, ColumnDef::new("user_access").text().take()).await
    }
}
