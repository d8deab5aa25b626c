//! Where the records of an ended task lie in its frozen selection, so that the tasks that changed a record are found.

use sea_orm_migration::{
    async_trait::async_trait,
    sea_orm::DbErr,
    sea_query::{ColumnDef, Index, Table, TableCreateStatement},
};

use super::{OwnMigration, Schema, create_index, create_tables, number, tables, timestamp, uuid};

pub(super) struct Migration;

#[async_trait]
impl OwnMigration for Migration {
    fn name(&self) -> &str {
        "m0012_places"
    }

    async fn up(&self, schema: &Schema<'_>) -> Result<(), DbErr> {
        create_tables(schema, [range()]).await?;
        create_index(schema, "powercrud_bulk_task_resource", tables::BULK_TASK, &["model_name", "completed_at"]).await
    }
}

/// A range is some places of a frozen selection, with the smallest and the largest key among them: as numbers where all keys of the
/// resource are, else as text.
fn range() -> TableCreateStatement {
    Table::create()
        .table(tables::KEY_RANGE)
        .col(uuid("task_id"))
        .col(number("first_seq"))
        .col(number("last_seq"))
        .col(timestamp("low_number"))
        .col(timestamp("high_number"))
        .col(ColumnDef::new("low_text").text())
        .col(ColumnDef::new("high_text").text())
        .primary_key(Index::create().col("task_id").col("first_seq"))
        .take()
}
