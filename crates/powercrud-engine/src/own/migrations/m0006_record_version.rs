//! The version that a record had when it was selected, where its resource names a version field.

use sea_orm_migration::{
    async_trait::async_trait,
    sea_orm::DbErr,
    sea_query::{ColumnDef, Table},
};

use super::{OwnMigration, Schema, tables};

pub(super) struct Migration;

#[async_trait]
impl OwnMigration for Migration {
    fn name(&self) -> &str {
        "m0006_record_version"
    }

    async fn up(&self, schema: &Schema<'_>) -> Result<(), DbErr> {
        if schema.has_column(tables::SELECTED, "record_version").await? {
            return Ok(());
        }
        let mut table = Table::alter();
        table.table(tables::SELECTED).add_column(ColumnDef::new("record_version").text().null());
        schema.run(table).await
    }
}
