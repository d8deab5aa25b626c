//! What happened to each bulk task, its children found by their parent, the names of the records that its changes refer to, and when
//! its results were purged.

use sea_orm_migration::{
    async_trait::async_trait,
    sea_orm::DbErr,
    sea_query::{ColumnDef, Table, TableCreateStatement},
};

use super::{OwnMigration, Schema, create_index, create_tables, number, tables, timestamp, uuid, word};

pub(super) struct Migration;

#[async_trait]
impl OwnMigration for Migration {
    fn name(&self) -> &str {
        "m0007_task_events"
    }

    async fn up(&self, schema: &Schema<'_>) -> Result<(), DbErr> {
        create_tables(schema, [task_event()]).await?;
        create_index(schema, "powercrud_task_event_task", tables::TASK_EVENT, &["task_id", "created_at"]).await?;
        create_index(schema, "powercrud_bulk_task_parent", tables::BULK_TASK, &["parent_id"]).await?;
        for mut column in [timestamp("results_purged_at"), ColumnDef::new("names").text().take()] {
            if !schema.has_column(tables::BULK_TASK, column.get_column_name()).await? {
                schema.run(Table::alter().table(tables::BULK_TASK).add_column(&mut column).take()).await?;
            }
        }
        Ok(())
    }
}

fn task_event() -> TableCreateStatement {
    Table::create()
        .table(tables::TASK_EVENT)
        .col(uuid("id").primary_key())
        .col(uuid("task_id"))
        .col(word("event"))
        .col(word("status"))
        .col(number("attempt"))
        .col(number("processed_records"))
        .col(ColumnDef::new("user_id").string_len(190))
        .col(ColumnDef::new("user_name").string_len(190))
        .col(ColumnDef::new("worker_id").uuid())
        .col(number("created_at"))
        .take()
}
