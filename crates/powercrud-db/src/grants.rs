//! What the database's role may not do with tables that a program can't do without, as the statements that would grant it.

use sea_orm::{
    ConnectionTrait as _, Statement,
    sea_query::{Expr, ExprTrait as _, Query},
};

use crate::{
    catalog::rights::backticked,
    catalog::rights::mysql_denies_delete,
    catalog::rights::mysql_role,
    database::Database,
    dialect::Dialect,
    error::{Error, Result},
    query::QueryExt as _,
};

/// What a program does with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needed {
    /// Its name as the program has it.
    pub table: &'static str,
    /// Whether its rows are only read.
    pub only_read: bool,
}

const RIGHTS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

impl Needed {
    fn rights(self) -> &'static [&'static str] {
        if self.only_read { &RIGHTS[..1] } else { &RIGHTS }
    }
}

/// The GRANT statements that the database's role lacks to use those of the tables that are there; empty where it lacks none.
///
/// # Errors
/// The database's.
pub async fn missing(database: &Database, needed: &[Needed]) -> Result<Vec<String>> {
    match database.dialect() {
        Dialect::Sqlite => Ok(Vec::new()),
        Dialect::Postgres => postgres(database, needed).await,
        Dialect::Mysql => mysql(database, needed).await,
    }
}

async fn postgres(database: &Database, needed: &[Needed]) -> Result<Vec<String>> {
    let connection = database.connection();
    let rights = RIGHTS.map(|right| format!("has_table_privilege(c.oid, '{right}')")).join(", ");
    let sql = format!(
        "SELECT c.relname::text, format('%I.%I', n.nspname, c.relname), quote_ident(current_user), {rights} \
         FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'p') AND CASE WHEN $1 = '' THEN pg_table_is_visible(c.oid) ELSE n.nspname = $1 END ORDER BY 1"
    );
    let schema = database.own_schema().unwrap_or_default();
    let mut grants = Vec::new();
    if !schema.is_empty() {
        grants.extend(postgres_usage(database, schema).await?);
    }
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, [schema.into()]);
    for row in connection.query_all_raw(statement).await? {
        let (name, table, role): (String, String, String) =
            (row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        let Some(needed) = needed.iter().find(|needed| database.own_name(needed.table) == name) else { continue };
        let mut missing = Vec::new();
        for (place, right) in needed.rights().iter().enumerate() {
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

/// The right to name anything in a schema.
async fn postgres_usage(database: &Database, schema: &str) -> Result<Option<String>> {
    let connection = database.connection();
    let sql = "SELECT format('GRANT USAGE ON SCHEMA %I TO %I;', nspname, current_user) FROM pg_namespace \
               WHERE nspname = $1 AND NOT has_schema_privilege(oid, 'USAGE')";
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, [schema.into()]);
    let row = connection.query_one_raw(statement).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
}

async fn mysql(database: &Database, needed: &[Needed]) -> Result<Vec<String>> {
    let connection = database.connection();
    let (current, role) = mysql_role(database).await?;
    let schema = database.own_schema().map_or(current, backticked);
    let mut grants = Vec::new();
    for needed in needed {
        let name = database.own_name(needed.table);
        let table = format!("{schema}.{}", backticked(&name));
        let mut select = Query::select();
        // A table that the role has no right to at all is not told of.
        let lacking = |right: &str| format!("COALESCE(SUM(FIND_IN_SET('{right}', privileges) = 0), 1) > 0");
        for right in &RIGHTS[..3] {
            select.expr(Expr::cust(format!("CAST({} AS SIGNED)", lacking(&right.to_lowercase()))));
        }
        select
            .from(("information_schema", "columns"))
            .and_where(Expr::col("table_schema").eq(database.own_schema().map_or(Expr::cust("DATABASE()"), Expr::val)))
            .and_where(Expr::col("table_name").eq(name));
        let Some(row) = connection.row(&select).await? else { continue };
        let mut missing = Vec::new();
        for right in needed.rights() {
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

/// Why there is no schema to make tables in, where the connection's search path names none that there is (PostgreSQL).
///
/// # Errors
/// The database's.
pub async fn no_schema(database: &Database) -> Result<Option<String>> {
    if database.dialect() != Dialect::Postgres || database.own_schema().is_some() {
        return Ok(None);
    }
    let connection = database.connection();
    // Of one that is there and may not be used the missing right is told.
    let sql = "SELECT path FROM (SELECT current_setting('search_path') AS path) AS setting
               WHERE current_schema() IS NULL AND NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = ANY (string_to_array(
                 replace(replace(replace(path, '\"', ''), '$user', current_user), ', ', ','), ',')))";
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let path: Option<String> =
        connection.query_one_raw(statement).await?.map(|row| row.try_get_by_index(0)).transpose()?;
    Ok(path.map(|path| {
        format!(
            "no schema is selected: the connection's search_path is {path:?}, and there is no schema of such a name; make it, or set a \
             search_path that names one (ALTER ROLE … SET search_path, or ?options=-c%20search_path%3Dpublic in the address)"
        )
    }))
}

/// The statements that would let the database's role make tables.
///
/// # Errors
/// The database's.
pub async fn to_create_tables(database: &Database) -> Result<Vec<String>> {
    let connection = database.connection();
    match database.dialect() {
        Dialect::Sqlite => Ok(Vec::new()),
        Dialect::Postgres => {
            // Where the role may use no schema of its search path, the first of them that there is.
            let sql = "SELECT quote_ident(COALESCE(NULLIF($1, ''), current_schema(), 'public')), quote_ident(current_user), \
                       quote_ident(current_database())";
            let schema = database.own_schema().unwrap_or_default();
            let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, [schema.into()]);
            let row = connection.query_one_raw(statement).await?;
            let row = row.ok_or_else(|| Error::Unexpected("the server does not tell the current role".into()))?;
            let (schema, role): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            if !database.has_own_schema().await? {
                return Ok(vec![format!("GRANT CREATE ON DATABASE {} TO {role};", row.try_get_by_index::<String>(2)?)]);
            }
            Ok(vec![format!("GRANT USAGE, CREATE ON SCHEMA {schema} TO {role};")])
        }
        Dialect::Mysql => {
            let (current, role) = mysql_role(database).await?;
            let schema = database.own_schema().map_or(current, backticked);
            let rights = "CREATE, ALTER, INDEX, DROP, SELECT, INSERT, UPDATE, DELETE";
            Ok(vec![format!("GRANT {rights} ON {schema}.* TO {role};")])
        }
    }
}

/// The statements that would let the database's role drop these tables of its own; empty where only who owns them may.
///
/// # Errors
/// The database's.
pub async fn to_drop(database: &Database, tables: &[String]) -> Result<Vec<String>> {
    if database.dialect() != Dialect::Mysql {
        return Ok(Vec::new());
    }
    let (current, role) = mysql_role(database).await?;
    let schema = database.own_schema().map_or(current, backticked);
    Ok(tables.iter().map(|table| format!("GRANT DROP ON {schema}.{} TO {role};", backticked(table))).collect())
}
