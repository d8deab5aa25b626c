//! Bulk tasks with their frozen selections and errors, locks, workers, and what was ticked on list pages.

use sea_orm_migration::{
    async_trait::async_trait,
    sea_orm::{DbBackend, DbErr},
    sea_query::{ColumnDef, Index, Table, TableCreateStatement},
};

use super::{OwnMigration, Schema, create_index, create_tables, number, tables, text, timestamp, uuid, word};

pub(super) struct Migration;

#[async_trait]
impl OwnMigration for Migration {
    fn name(&self) -> &str {
        "m0001_bulk_tasks"
    }

    async fn up(&self, schema: &Schema<'_>) -> Result<(), DbErr> {
        let selected_id = selected_id(schema.get_database_backend());
        let tables = [bulk_task(), selected_id, task_error(), lock(), worker(), selection(), selection_key()];
        create_tables(schema, tables).await?;
        create_index(schema, "powercrud_bulk_task_status", tables::BULK_TASK, &["status", "created_at"]).await
    }
}

fn bulk_task() -> TableCreateStatement {
    Table::create()
        .table(tables::BULK_TASK)
        .col(uuid("id").primary_key())
        .col(ColumnDef::new("parent_id").uuid())
        .col(ColumnDef::new("user_id").string_len(190))
        .col(word("model_name"))
        .col(word("unique_model_key"))
        .col(word("operation"))
        .col(text("changes"))
        .col(text("selection"))
        .col(word("task_key"))
        .col(word("status"))
        .col(number("total_records"))
        .col(number("processed_records"))
        .col(number("succeeded_records"))
        .col(number("failed_records"))
        .col(number("missing_records"))
        .col(number("first_seq"))
        .col(number("cursor"))
        .col(word("atomicity"))
        .col(word("backend"))
        .col(word("notification"))
        .col(number("attempt"))
        .col(ColumnDef::new("worker_id").uuid())
        .col(timestamp("lease_expires_at"))
        .col(number("created_at"))
        .col(timestamp("started_at"))
        .col(timestamp("completed_at"))
        .col(text("error_message"))
        .take()
}

/// The frozen selections. A row stands for `run_length` records whose keys are whole numbers one after the other, from `record_key` on;
/// for one record where keys are anything else. A task's places are dense, from its `first_seq` on: 1 where the places are numbered by the statement that
/// freezes them; on SQLite the database numbers them, which is three times as fast there as `ROW_NUMBER()`, and dense because there is
/// one writer at a time.
fn selected_id(backend: DbBackend) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(tables::SELECTED).col(uuid("task_id"));
    match backend {
        DbBackend::Sqlite => table.col(ColumnDef::new("seq").integer().not_null().primary_key().auto_increment()),
        _ => table.col(number("seq")).primary_key(Index::create().col("task_id").col("seq")),
    };
    table.col(text("record_key"));
    table.col(ColumnDef::new("run_length").big_integer().not_null().default(1)).take()
}

fn task_error() -> TableCreateStatement {
    Table::create()
        .table(tables::TASK_ERROR)
        .col(uuid("task_id"))
        .col(number("seq"))
        .col(text("record_key"))
        .col(ColumnDef::new("field").string_len(190))
        .col(word("code"))
        .col(text("message"))
        .primary_key(Index::create().col("task_id").col("seq"))
        .take()
}

fn lock() -> TableCreateStatement {
    Table::create()
        .table(tables::LOCK)
        .col(ColumnDef::new("lock_key").string_len(700).not_null().primary_key())
        .col(uuid("task_id"))
        .take()
}

fn worker() -> TableCreateStatement {
    Table::create()
        .table(tables::WORKER)
        .col(uuid("id").primary_key())
        .col(word("host"))
        .col(number("pid"))
        .col(word("backend"))
        .col(number("started_at"))
        .col(number("last_seen_at"))
        .take()
}

/// What somebody has ticked on a list page: all that match `filter` where it is not NULL, and the keys added, without the keys excluded.
fn selection() -> TableCreateStatement {
    Table::create()
        .table(tables::SELECTION)
        .col(uuid("id").primary_key())
        .col(word("owner"))
        .col(word("resource"))
        .col(ColumnDef::new("filter").text())
        .col(number("updated_at"))
        .index(Index::create().unique().name("powercrud_selection_owner").col("owner").col("resource"))
        .take()
}

fn selection_key() -> TableCreateStatement {
    Table::create()
        .table(tables::SELECTION_KEY)
        .col(uuid("selection_id"))
        .col(ColumnDef::new("record_key").string_len(700).not_null())
        .col(ColumnDef::new("excluded").boolean().not_null())
        .primary_key(Index::create().col("selection_id").col("record_key"))
        .take()
}
