//! The version that a record had when it was selected, where its resource names a version field.

use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager,
    async_trait::async_trait,
    sea_orm::DbErr,
    sea_query::{ColumnDef, Table},
};

use super::tables;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0006_record_version"
    }
}

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.has_column(tables::SELECTED, "record_version").await? {
            return Ok(());
        }
        let mut table = Table::alter();
        table.table(tables::SELECTED).add_column(ColumnDef::new("record_version").text().null());
        manager.alter_table(table).await
    }
}
