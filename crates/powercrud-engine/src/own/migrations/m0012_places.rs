//! Where the records of an ended task lie in its frozen selection, so that the tasks that changed a record are found.

use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager,
    async_trait::async_trait,
    sea_orm::DbErr,
    sea_query::{ColumnDef, Index, Table, TableCreateStatement},
};

use super::{create_index, create_tables, moment, number, tables, uuid};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0012_places"
    }
}

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_tables(manager, [block()]).await?;
        create_index(manager, "powercrud_bulk_task_resource", tables::BULK_TASK, &["model_name", "completed_at"]).await
    }
}

/// A block is some places of a frozen selection, with the smallest and the largest key among them: as numbers where all keys of the
/// resource are, else as text.
fn block() -> TableCreateStatement {
    Table::create()
        .table(tables::BLOCK)
        .col(uuid("task_id"))
        .col(number("first_seq"))
        .col(number("last_seq"))
        .col(moment("low_number"))
        .col(moment("high_number"))
        .col(ColumnDef::new("low_text").text())
        .col(ColumnDef::new("high_text").text())
        .primary_key(Index::create().col("task_id").col("first_seq"))
        .take()
}
