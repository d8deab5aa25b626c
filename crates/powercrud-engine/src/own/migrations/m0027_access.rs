//! What users are here, which a policy goes by: with each user, and with each task as it was when it was asked for.

use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, sea_orm::DbErr, sea_query::ColumnDef,
};

use super::{add_column, tables};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0027_access"
    }
}

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // NULL of users without a role.
        add_column(manager, tables::USER, ColumnDef::new("role").string_len(190).take()).await?;
        // An object of name to text, as JSON; NULL where there are none.
        add_column(manager, tables::USER, ColumnDef::new("attributes").text().take()).await?;
        // NULL of the operator's tasks, and of those from before this was kept.
        add_column(manager, tables::BULK_TASK, ColumnDef::new("user_access").text().take()).await
    }
}
