//! Which waits of a name that was guessed at are in the audit trail.

use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, sea_orm::DbErr, sea_query::ColumnDef,
};

use super::{add_column, tables};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0014_waits"
    }
}

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // After how many failures a try that had to wait was noted last; NULL where none was.
        let noted_failures = ColumnDef::new("noted_failures").big_integer().take();
        add_column(manager, tables::LOGIN_FAILURE, noted_failures).await
    }
}
