//! PowerCRUD's own tables as a whole: which there are, what the database's role may not do with them, and how they come and go.

pub mod entity;
mod migrations;

use powercrud_db::{
    Database, Fault, QueryExt as _, close, dependents,
    grants::{self, Needed},
    is_denied, is_missing_table,
};
use sea_orm::{
    ConnectionTrait as _,
    sea_query::{Expr, ExprTrait as _, Query, UnionType},
};
use sea_orm_migration::SchemaManager;

use crate::{
    config::Settings,
    error::{Error, Result},
    status::Status,
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

/// The same database, with PowerCRUD's own tables where the settings `tables_schema` and `namespace` say.
///
/// # Errors
/// Those of [`with_tables_in`] and [`with_namespace`].
pub fn with_settings(mut database: Database, settings: &Settings) -> Result<Database> {
    if let Some(schema) = &settings.tables_schema {
        database = with_tables_in(database, schema)?;
    }
    match &settings.namespace {
        Some(namespace) => with_namespace(database, namespace),
        None => Ok(database),
    }
}

/// The same database, with PowerCRUD's own tables under names of their own, `powercrud_NAMESPACE_…`: two applications share a database so, each
/// with tasks, locks, workers, users and an audit trail of its own.
///
/// # Errors
/// [`Error::Configuration`] where no table can have such a name.
pub fn with_namespace(database: Database, namespace: &str) -> Result<Database> {
    let mistake = |reason| Error::Configuration(vec![format!("namespace: {reason}")]);
    database.naming_own_tables(namespace, &tables::WITH_MIGRATIONS).map_err(mistake)
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
/// while bulk tasks have not ended; nothing is, where others depend on the tables or the role may not drop all of them.
///
/// # Errors
/// [`Error::NotAllowed`] where bulk tasks are active or others depend on the tables, [`Error::MissingRights`]; the database's.
pub async fn uninstall(database: &Database, dry_run: bool, force: bool) -> Result<Uninstalled> {
    let mut found = Uninstalled::default();
    if !database.has_own_schema().await? {
        return Ok(found);
    }
    let (connection, at_home) = (database.connection(), database.at_own_tables().await?);
    let manager = SchemaManager::new(&at_home);
    for name in tables::ALL.into_iter().rev().chain([MIGRATION_TABLE]) {
        let name = database.own_name(name);
        if manager.has_table(&name).await? {
            found.tables.push(name);
        }
    }
    if found.tables.contains(&database.own_name(tables::BULK_TASK)) {
        let active = Status::ALL.iter().filter(|status| !status.is_final()).map(|status| status.as_str());
        let select = Query::select()
            .expr(Expr::cust("COUNT(*)"))
            .from(tables::BULK_TASK)
            .and_where(Expr::col("status").is_in(active))
            .take();
        found.active_tasks = connection.number(&select).await?;
    }
    if dry_run || found.tables.is_empty() {
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
    let names: Vec<_> = found.tables.iter().map(String::as_str).collect();
    let dependents = dependents::of_tables(database, &names).await?;
    if !dependents.is_empty() {
        return Err(Error::NotAllowed(format!(
            "nothing was removed, since others depend on PowerCRUD's tables: {}; remove those first",
            dependents.join(", ")
        )));
    }
    let transaction = database.begin().await?;
    let mut dropped = Ok(());
    for statement in dependents::drop_statements(database, &found.tables) {
        dropped = transaction.execute(&statement).await.map(drop);
        if dropped.is_err() {
            break;
        }
    }
    let denied = dropped.as_ref().err().filter(|error| is_denied(error)).map(|error| Fault::classify(error).message);
    match (close::<_, Error>(transaction, dropped.map_err(Error::from)).await, denied) {
        (Err(_), Some(denied)) => Err(Error::MissingRights {
            what: format!("remove PowerCRUD's own tables ({denied}); nothing was removed"),
            grants: grants::to_drop(database, &found.tables).await?,
        }),
        (closed, _) => closed.map(|()| found),
    }
}

/// Those of PowerCRUD's tables that are not there, once all migrations were applied.
///
/// # Errors
/// The database's.
pub async fn missing_tables(database: &Database) -> Result<Vec<&'static str>> {
    let nothing_of =
        |table: &'static str| Query::select().expr(Expr::val(1)).from(table).and_where(Expr::cust("1 = 0")).take();
    let mut all = nothing_of(tables::BULK_TASK);
    for &table in &tables::ALL[1..] {
        all.union(UnionType::All, nothing_of(table));
    }
    match database.connection().query_all(&all).await {
        Ok(_) => return Ok(Vec::new()),
        // Whoever may not look learns from the rights that are missing.
        Err(error) if is_denied(&error) => return Ok(Vec::new()),
        Err(error) if !is_missing_table(&error) => return Err(error.into()),
        Err(_) => {}
    }
    let mut missing = Vec::new();
    for table in tables::ALL {
        match database.connection().query_all(&nothing_of(table)).await {
            Err(error) if is_missing_table(&error) => missing.push(table),
            Err(error) if !is_denied(&error) => return Err(error.into()),
            _ => {}
        }
    }
    Ok(missing)
}

/// What to do about [`missing_tables`].
pub fn told_missing(tables: &[&str]) -> String {
    format!(
        "the migrations were applied, but {} {} gone; `powercrud uninstall --yes` removes what is left of PowerCRUD's tables, and \
         `powercrud migrate` makes them anew",
        tables.join(", "),
        if tables.len() == 1 { "is" } else { "are" }
    )
}
