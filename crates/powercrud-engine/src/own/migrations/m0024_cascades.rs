//! Which records of a delete went with which other record of it.

use sea_orm_migration::{
    async_trait::async_trait,
    sea_orm::DbBackend,
    sea_orm::DbErr,
    sea_query::{ColumnDef, Index, Table},
};

use super::{OwnMigration, Schema, create_tables, tables, text, uuid, word};

pub(super) struct Migration;

#[async_trait]
impl OwnMigration for Migration {
    fn name(&self) -> &str {
        "m0024_taken"
    }

    async fn up(&self, schema: &Schema<'_>) -> Result<(), DbErr> {
        let mut table = Table::create();
        // The SHA-256 of the record's key, which may be longer than an index takes.
        table.table(tables::CASCADE).col(uuid("task_id")).col(word("record_hash"));
        match schema.get_database_backend() {
            // Its text ends at 64 KB.
            DbBackend::MySql => table.col(ColumnDef::new("cascaded_from").custom("longtext").not_null()),
            _ => table.col(text("cascaded_from")),
        };
        create_tables(schema, [table.primary_key(Index::create().col("task_id").col("record_hash")).take()]).await
    }
}
