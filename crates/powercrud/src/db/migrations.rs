//! PowerCRUD's own tables, in the application's database, so that a task and the data it changes share transactions.
//!
//! Moments are whole milliseconds since 1970 UTC by the database's clock: one type that all three databases compare alike.

use std::time::Duration;

use sea_orm_migration::{
    MigrationName, MigrationTrait, MigratorTrait, SchemaManager,
    async_trait::async_trait,
    sea_orm::{DbBackend, DbErr},
    sea_query::{ColumnDef, DynIden, Index, IntoIden, Table, TableCreateStatement},
};

use super::Database;
use crate::error::Result;

/// The names of the tables, in one place.
pub(crate) mod tables {
    pub(crate) const BULK_TASK: &str = "powercrud_bulk_task";
    pub(crate) const SELECTED: &str = "powercrud_bulk_task_selected_id";
    pub(crate) const TASK_ERROR: &str = "powercrud_bulk_task_error";
    pub(crate) const LOCK: &str = "powercrud_lock";
    pub(crate) const WORKER: &str = "powercrud_worker";
    pub(crate) const SELECTION: &str = "powercrud_selection";
    pub(crate) const SELECTION_KEY: &str = "powercrud_selection_key";
}

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(BulkTasks)]
    }

    fn migration_table_name() -> DynIden {
        "powercrud_migration".into_iden()
    }
}

/// Applies what is missing. Several processes may start at once: the one that loses the race looks again.
pub(crate) async fn migrate(database: &Database) -> Result<()> {
    let mut tries = 0;
    loop {
        match Migrator::up(database.connection(), None).await {
            Ok(()) => return Ok(()),
            Err(error) if tries == 5 => return Err(error.into()),
            Err(error) => {
                tracing::debug!(%error, "migrations failed, perhaps because another process runs them; trying again");
                tries += 1;
                tokio::time::sleep(Duration::from_millis(100 * tries)).await;
            }
        }
    }
}

/// How many migrations are still to be applied. Writes nothing but the (empty) migration table.
pub async fn pending_migrations(database: &Database) -> Result<usize> {
    Ok(Migrator::get_pending_migrations(database.connection()).await?.len())
}

struct BulkTasks;

impl MigrationName for BulkTasks {
    fn name(&self) -> &str {
        "m0001_bulk_tasks"
    }
}

#[async_trait]
impl MigrationTrait for BulkTasks {
    async fn up(&self, manager: &SchemaManager) -> std::result::Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for mut table in
            [bulk_task(), selected_id(backend), task_error(), lock(), worker(), selection(), selection_key()]
        {
            if backend == DbBackend::MySql {
                // Keys are compared byte by byte: "a" and "A" are two records.
                table.character_set("utf8mb4").collate("utf8mb4_bin");
            }
            manager.create_table(table.if_not_exists().to_owned()).await?;
        }
        let queue = "powercrud_bulk_task_status";
        if !manager.has_index(tables::BULK_TASK, queue).await? {
            let index = Index::create().name(queue).table(tables::BULK_TASK).col("status").col("created_at").to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().take()
}

fn word(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).string_len(190).not_null().take()
}

fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

fn moment(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().take()
}

fn uuid(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).uuid().not_null().take()
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
        .col(moment("lease_expires_at"))
        .col(number("created_at"))
        .col(moment("started_at"))
        .col(moment("completed_at"))
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
