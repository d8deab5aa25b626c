//! What migrations make and alter tables by: each name is, in the database, as the namespace has it.

use powercrud_db::Database;
use sea_orm_migration::{
    SchemaManager,
    sea_orm::{ConnectionTrait as _, DbBackend, DbErr, StatementBuilder},
};

/// The tables of one database.
pub(super) struct Schema<'a> {
    manager: &'a SchemaManager<'a>,
    database: &'a Database,
}

impl<'a> Schema<'a> {
    pub(super) fn new(manager: &'a SchemaManager<'a>, database: &'a Database) -> Self {
        Self { manager, database }
    }

    pub(super) fn get_database_backend(&self) -> DbBackend {
        self.manager.get_database_backend()
    }

    /// Runs a statement about own tables.
    pub(super) async fn run(&self, statement: impl StatementBuilder) -> Result<(), DbErr> {
        let mut statement = self.get_database_backend().build(&statement);
        statement.sql = self.database.with_own_names(&statement.sql);
        self.manager.get_connection().execute_raw(statement).await.map(drop)
    }

    pub(super) async fn has_table(&self, table: &str) -> Result<bool, DbErr> {
        self.manager.has_table(self.database.own_name(table)).await
    }

    pub(super) async fn has_column(&self, table: &str, column: impl AsRef<str>) -> Result<bool, DbErr> {
        self.manager.has_column(self.database.own_name(table), column).await
    }

    pub(super) async fn has_index(&self, table: &str, index: &str) -> Result<bool, DbErr> {
        self.manager.has_index(self.database.own_name(table), self.database.own_name(index)).await
    }
}
