//! PowerCRUD's own tables as a whole: which there are, what the database's role may not do with them, and how they come and go.

mod migrations;

use powercrud_db::{
    Database, QueryExt as _,
    grants::{self, Needed},
};
use sea_orm::{
    ConnectionTrait as _,
    sea_query::{Expr, ExprTrait as _, Query, Table},
};
use sea_orm_migration::SchemaManager;

use crate::{
    error::{Error, Result},
    task::Status,
};
use migrations::MIGRATION_TABLE;
pub use migrations::tables;
pub use migrations::{migrate, pending_migrations};

/// The GRANT statements that the database's role lacks to use PowerCRUD's own tables, once they are there; empty where it lacks none.
///
/// # Errors
/// The database's.
pub async fn missing_grants(database: &Database) -> Result<Vec<String>> {
    let mut needed = tables::ALL.map(|table| Needed { table, only_read: false }).to_vec();
    // The table of migrations is only read, except by a migration.
    needed.push(Needed { table: MIGRATION_TABLE, only_read: true });
    Ok(grants::missing(database, &needed).await?)
}

/// The same database, with PowerCRUD's own tables in a schema (PostgreSQL) or database (MySQL, MariaDB) of their own on the same server:
/// [`migrate`] makes it where it is missing.
///
/// # Errors
/// [`Error::Configuration`] on SQLite, which has no schemas, and where nothing can have that name.
pub fn with_tables_in(database: Database, schema: &str) -> Result<Database> {
    let mistake = |reason| Error::Configuration(vec![format!("tables_schema: {reason}")]);
    database.keeping_own_tables_in(schema, &tables::WITH_MIGRATIONS).map_err(mistake)
}

/// What [`uninstall`] found and removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uninstalled {
    /// PowerCRUD's tables that were there, in the order in which they go.
    pub tables: Vec<String>,
    /// Bulk tasks that have not ended.
    pub active_tasks: u64,
}

/// Removes PowerCRUD's own tables and nothing else. `dry_run` only tells which there are. Unless `force` is set, nothing is removed
/// while bulk tasks have not ended.
///
/// # Errors
/// [`Error::NotAllowed`] where bulk tasks are active; the database's.
pub async fn uninstall(database: &Database, dry_run: bool, force: bool) -> Result<Uninstalled> {
    let mut found = Uninstalled::default();
    if !database.has_own_schema().await? {
        return Ok(found);
    }
    let (connection, at_home) = (database.connection(), database.at_own_tables().await?);
    let manager = SchemaManager::new(&at_home);
    for name in tables::ALL.into_iter().rev().chain([MIGRATION_TABLE]) {
        if manager.has_table(name).await? {
            found.tables.push(name.to_owned());
        }
    }
    if found.tables.iter().any(|name| name == tables::BULK_TASK) {
        let active = Status::ALL.into_iter().filter(|status| !status.is_final()).map(Status::as_str);
        let select = Query::select()
            .expr(Expr::cust("COUNT(*)"))
            .from(tables::BULK_TASK)
            .and_where(Expr::col("status").is_in(active))
            .take();
        found.active_tasks = connection.number(&select).await?;
    }
    if dry_run {
        return Ok(found);
    }
    if found.active_tasks > 0 && !force {
        let tasks = if found.active_tasks == 1 {
            "1 bulk task has"
        } else {
            &format!("{} bulk tasks have", found.active_tasks)
        };
        return Err(Error::NotAllowed(format!("{tasks} not ended; cancel or wait for them, or force it")));
    }
    for name in &found.tables {
        connection.execute(&Table::drop().table(name.clone()).take()).await?;
    }
    Ok(found)
}
