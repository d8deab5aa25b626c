//! Finds a task's locks when it ends, where a record lock each would otherwise mean looking through all locks.

use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, sea_orm::DbErr};

use super::{create_index, tables};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0002_lock_task"
    }
}

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_index(manager, "powercrud_lock_task", tables::LOCK, &["task_id"]).await
    }
}
