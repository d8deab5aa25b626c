//! Finds a task's locks when it ends, where a record lock each would otherwise mean looking through all locks.

use sea_orm_migration::{async_trait::async_trait, sea_orm::DbErr};

use super::{OwnMigration, Schema, create_index, tables};

pub(super) struct Migration;

#[async_trait]
impl OwnMigration for Migration {
    fn name(&self) -> &str {
        "m0002_lock_task"
    }

    async fn up(&self, schema: &Schema<'_>) -> Result<(), DbErr> {
        create_index(schema, "powercrud_lock_task", tables::LOCK, &["task_id"]).await
    }
}
