//! PowerCRUD's own tables as a whole: which there are, what the database's role may not do with them, and how they go.

use sea_orm::{
    ConnectionTrait as _, Statement,
    sea_query::{Expr, ExprTrait as _, Query, Table},
};
use sea_orm_migration::SchemaManager;

use super::{
    Database, Dialect, Run as _,
    catalog::rights::{backticked, mysql_denies_delete, mysql_role},
    migrations::{MIGRATION_TABLE, tables},
};
use crate::{
    error::{Error, Result},
    task::Status,
};

/// Whether a table of that name is one of PowerCRUD's own.
pub(crate) fn own_name(name: &str) -> bool {
    name.starts_with("powercrud_")
}

/// The GRANT statements that the database's role lacks to use PowerCRUD's own tables, once they are there; empty where it lacks none.
///
/// # Errors
/// The database's.
pub async fn missing_grants(database: &Database) -> Result<Vec<String>> {
    match database.dialect() {
        Dialect::Sqlite => Ok(Vec::new()),
        Dialect::Postgres => postgres_grants(database).await,
        Dialect::Mysql => mysql_grants(database).await,
    }
}

const RIGHTS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

/// The table of migrations is only read, except by `powercrud migrate`.
fn needed(table: &str) -> &'static [&'static str] {
    if table == MIGRATION_TABLE { &RIGHTS[..1] } else { &RIGHTS }
}

async fn postgres_grants(database: &Database) -> Result<Vec<String>> {
    let connection = database.connection();
    let mut grants = Vec::new();
    let rights = RIGHTS.map(|right| format!("has_table_privilege(c.oid, '{right}')")).join(", ");
    let sql = format!(
        "SELECT c.relname::text, format('%I.%I', n.nspname, c.relname), quote_ident(current_user), {rights} \
         FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'p') AND c.relname LIKE 'powercrud\\_%' AND pg_table_is_visible(c.oid) ORDER BY 1"
    );
    for row in connection.query_all_raw(Statement::from_string(connection.get_database_backend(), sql)).await? {
        let (name, table, role): (String, String, String) =
            (row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        let mut missing = Vec::new();
        for (place, right) in needed(&name).iter().enumerate() {
            if !row.try_get_by_index::<bool>(3 + place)? {
                missing.push(*right);
            }
        }
        if !missing.is_empty() {
            grants.push(format!("GRANT {} ON {table} TO {role};", missing.join(", ")));
        }
    }
    Ok(grants)
}

async fn mysql_grants(database: &Database) -> Result<Vec<String>> {
    let connection = database.connection();
    let (schema, role) = mysql_role(database).await?;
    let mut grants = Vec::new();
    for name in tables::ALL.into_iter().chain([MIGRATION_TABLE]) {
        let table = format!("{schema}.{}", backticked(name));
        let mut select = Query::select();
        // A table that the role has no right to at all is not told of.
        let lacking = |right: &str| format!("COALESCE(SUM(FIND_IN_SET('{right}', privileges) = 0), 1) > 0");
        for right in &RIGHTS[..3] {
            select.expr(Expr::cust(format!("CAST({} AS SIGNED)", lacking(&right.to_lowercase()))));
        }
        select
            .from(("information_schema", "columns"))
            .and_where(Expr::cust("table_schema = DATABASE()"))
            .and_where(Expr::col("table_name").eq(name));
        let Some(row) = connection.row(&select).await? else { continue };
        let mut missing = Vec::new();
        for right in needed(name) {
            let lacks = match RIGHTS.iter().position(|one| one == right).unwrap_or_default() {
                3 => mysql_denies_delete(database, &table).await?,
                place => row.try_get_by_index::<i64>(place)? != 0,
            };
            if lacks {
                missing.push(*right);
            }
        }
        if !missing.is_empty() {
            grants.push(format!("GRANT {} ON {table} TO {role};", missing.join(", ")));
        }
    }
    Ok(grants)
}

/// The statements that would let the database's role make PowerCRUD's own tables.
pub(super) async fn grants_to_create(database: &Database) -> Result<Vec<String>> {
    let connection = database.connection();
    match database.dialect() {
        Dialect::Sqlite => Ok(Vec::new()),
        Dialect::Postgres => {
            // Where the role may use no schema of its search path, the first of them that there is.
            let sql = "SELECT quote_ident(COALESCE(current_schema(), 'public')), quote_ident(current_user)";
            let statement = Statement::from_string(connection.get_database_backend(), sql);
            let row = connection.query_one_raw(statement).await?;
            let row = row.ok_or_else(|| Error::Internal("the server does not tell who asks".into()))?;
            let (schema, role): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            Ok(vec![format!("GRANT USAGE, CREATE ON SCHEMA {schema} TO {role};")])
        }
        Dialect::Mysql => {
            let (schema, role) = mysql_role(database).await?;
            let rights = "CREATE, ALTER, INDEX, DROP, SELECT, INSERT, UPDATE, DELETE";
            Ok(vec![format!("GRANT {rights} ON {schema}.* TO {role};")])
        }
    }
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
    let connection = database.connection();
    let manager = SchemaManager::new(connection);
    let mut found = Uninstalled::default();
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
