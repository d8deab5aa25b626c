//! Tables and columns get the names that the field has for them. Where they were made since, they have them already.

use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager,
    async_trait::async_trait,
    sea_orm::DbErr,
    sea_query::{Alias, Table},
};

use super::tables;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0025_names"
    }
}

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rename_table(manager, "powercrud_turn", tables::MODEL_MUTEX).await?;
        rename_column(manager, tables::MODEL_MUTEX, "turns", "acquisitions").await?;
        rename_table(manager, "powercrud_bulk_task_block", tables::KEY_RANGE).await?;
        rename_table(manager, "powercrud_bulk_task_taken", tables::CASCADE).await?;
        rename_column(manager, tables::CASCADE, "taken_by", "cascaded_from").await
    }
}

/// Where an earlier try was interrupted, it is done already.
async fn rename_table(manager: &SchemaManager<'_>, from: &str, to: &str) -> Result<(), DbErr> {
    if !manager.has_table(from).await? {
        return Ok(());
    }
    manager.rename_table(Table::rename().table(Alias::new(from), Alias::new(to)).take()).await
}

async fn rename_column(manager: &SchemaManager<'_>, table: &str, from: &str, to: &str) -> Result<(), DbErr> {
    if !manager.has_column(table, from).await? {
        return Ok(());
    }
    let rename = Table::alter().table(Alias::new(table)).rename_column(Alias::new(from), Alias::new(to)).take();
    manager.alter_table(rename).await
}
