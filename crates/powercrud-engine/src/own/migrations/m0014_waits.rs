//! Which waits of a name that was guessed at are in the audit trail.

use sea_orm_migration::{async_trait::async_trait, sea_orm::DbErr, sea_query::ColumnDef};

use super::{OwnMigration, Schema, add_column, tables};

pub(super) struct Migration;

#[async_trait]
impl OwnMigration for Migration {
    fn name(&self) -> &str {
        "m0014_waits"
    }

    async fn up(&self, schema: &Schema<'_>) -> Result<(), DbErr> {
        // After how many failures a try that had to wait was noted last; NULL where none was.
        let noted_failures = ColumnDef::new("noted_failures").big_integer().take();
        add_column(schema, tables::LOGIN_FAILURE, noted_failures).await
    }
}
