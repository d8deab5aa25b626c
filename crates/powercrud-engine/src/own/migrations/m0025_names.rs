//! Tables and columns get the names that the field has for them. Where they were made since, they have them already.

use sea_orm_migration::{
    async_trait::async_trait,
    sea_orm::DbErr,
    sea_query::{Alias, Table},
};

use super::{OwnMigration, Schema, tables};

pub(super) struct Migration;

#[async_trait]
impl OwnMigration for Migration {
    fn name(&self) -> &str {
        "m0025_names"
    }

    async fn up(&self, schema: &Schema<'_>) -> Result<(), DbErr> {
        rename_table(schema, "powercrud_turn", tables::MODEL_MUTEX).await?;
        rename_column(schema, tables::MODEL_MUTEX, "turns", "acquisitions").await?;
        rename_table(schema, "powercrud_bulk_task_block", tables::KEY_RANGE).await?;
        rename_table(schema, "powercrud_bulk_task_taken", tables::CASCADE).await?;
        rename_column(schema, tables::CASCADE, "taken_by", "cascaded_from").await
    }
}

/// Where an earlier try was interrupted, it is done already.
async fn rename_table(schema: &Schema<'_>, from: &str, to: &str) -> Result<(), DbErr> {
    if !schema.has_table(from).await? {
        return Ok(());
    }
    schema.run(Table::rename().table(Alias::new(from), Alias::new(to)).take()).await
}

async fn rename_column(schema: &Schema<'_>, table: &str, from: &str, to: &str) -> Result<(), DbErr> {
    if !schema.has_column(table, from).await? {
        return Ok(());
    }
    let rename = Table::alter().table(Alias::new(table)).rename_column(Alias::new(from), Alias::new(to)).take();
    schema.run(rename).await
}
