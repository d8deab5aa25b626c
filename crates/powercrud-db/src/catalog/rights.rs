//! What the database's role may do: tables that it may not read are left out with the GRANT that is missing, columns that it may not
//! read are not there, and what it may not write is noted, so that nothing is offered that the database would refuse.

use std::collections::HashMap;

use super::{Discovered, rows, text};
use crate::connection::OWN_PREFIX;
use crate::{
    catalog::LeftOut,
    database::Database,
    denied::Denied,
    dialect::Dialect,
    error::{Error, Result},
    fault,
    table::{Table, TableKind},
};

/// Notes on each table found what the role may not do with it, and leaves out what it may not read.
pub(super) async fn apply(database: &Database, found: &mut Discovered) -> Result<()> {
    match database.dialect() {
        Dialect::Sqlite => {}
        Dialect::Postgres => postgres(database, found).await?,
        Dialect::Mysql => mysql(database, found).await?,
    }
    let reason = match database.read_only_reason() {
        Some(reason) => Some(reason.to_owned()),
        None => server_is_read_only(database).await?,
    };
    for table in &mut found.tables {
        table.denied.everything.clone_from(&reason);
        table.without_unread_columns();
    }
    Ok(())
}

impl Table {
    /// Keys and references over columns that may not be read tell nothing.
    fn without_unread_columns(&mut self) {
        let columns: Vec<_> = self.columns.iter().map(|column| column.name.clone()).collect();
        let is_read = |names: &[String]| names.iter().all(|name| columns.contains(name));
        if !is_read(&self.primary_key) {
            self.primary_key.clear();
        }
        // A key over such columns may not even be told of.
        let unread = &self.denied.select_columns;
        if self.primary_key.is_empty() && !unread.is_empty() {
            self.unusable_key = Some(format!(
                "the database's role may not read {}, and no key over the other columns tells its rows apart",
                unread.join(", ")
            ));
        }
        self.unique_keys.retain(|key| is_read(key));
        self.foreign_keys.retain(|key| key.columns.is_empty() || is_read_ignoring_case(&key.columns, &columns));
    }
}

/// SQLite spells a column in a reference as it likes.
fn is_read_ignoring_case(names: &[String], columns: &[String]) -> bool {
    names.iter().all(|name| columns.iter().any(|column| column.eq_ignore_ascii_case(name)))
}

/// A replica, or a connection that was told to write nothing.
async fn server_is_read_only(database: &Database) -> Result<Option<String>> {
    if database.dialect() != Dialect::Postgres {
        return Ok(None);
    }
    let sql = "SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on'";
    let rows = rows(database, sql).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(match (row.try_get_by_index(0)?, row.try_get_by_index(1)?) {
        (true, _) => Some("the database is a replica that can only be read".to_owned()),
        (_, true) => Some("the database's role only reads (default_transaction_read_only)".to_owned()),
        _ => None,
    })
}

/// Each table with what the role may do, its name in SQL, the role's name in SQL, and sequences of its defaults that it may not use.
const POSTGRES_TABLES: &str = r"
SELECT NULLIF(n.nspname, current_schema())::text, c.relname::text,
       COALESCE(has_any_column_privilege(c.oid, 'SELECT'), true), COALESCE(has_any_column_privilege(c.oid, 'INSERT'), true),
       COALESCE(has_any_column_privilege(c.oid, 'UPDATE'), true), COALESCE(has_table_privilege(c.oid, 'DELETE'), true),
       format('%I.%I', n.nspname, c.relname), quote_ident(current_user),
       (SELECT string_agg(format('%I.%I', m.nspname, s.relname), ', ')
        FROM pg_attrdef AS d
        JOIN pg_depend AS p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass
        JOIN pg_class AS s ON s.oid = p.refobjid AND s.relkind = 'S' JOIN pg_namespace AS m ON m.oid = s.relnamespace
        WHERE d.adrelid = c.oid
          -- Of what is no sequence the function fails, and the server chooses which condition it looks at first.
          AND CASE WHEN s.relkind = 'S' THEN NOT (has_sequence_privilege(s.oid, 'USAGE') OR has_sequence_privilege(s.oid, 'UPDATE')) END)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%' AND has_schema_privilege(n.oid, 'USAGE')
  AND NOT EXISTS (SELECT FROM pg_depend AS d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2";

/// Columns that may be read and not both given and changed.
const POSTGRES_COLUMNS: &str = r"
SELECT NULLIF(n.nspname, current_schema())::text, c.relname::text, a.attname::text,
       has_column_privilege(c.oid, a.attnum, 'INSERT'), has_column_privilege(c.oid, a.attnum, 'UPDATE')
FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
  AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%' AND has_schema_privilege(n.oid, 'USAGE')
  AND has_column_privilege(c.oid, a.attnum, 'SELECT')
  AND NOT (has_column_privilege(c.oid, a.attnum, 'INSERT') AND has_column_privilege(c.oid, a.attnum, 'UPDATE'))
ORDER BY a.attrelid, a.attnum";

/// Columns that may not be read, of tables of which others may.
const POSTGRES_UNREAD: &str = r"
SELECT NULLIF(n.nspname, current_schema())::text, c.relname::text, a.attname::text
FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
  AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%' AND has_schema_privilege(n.oid, 'USAGE')
  AND NOT has_column_privilege(c.oid, a.attnum, 'SELECT')
ORDER BY a.attrelid, a.attnum";

/// Schemas with tables that the role may not look into.
const POSTGRES_SCHEMAS: &str = r"
SELECT n.nspname::text, quote_ident(n.nspname), quote_ident(current_user) FROM pg_namespace AS n
WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%' AND NOT has_schema_privilege(n.oid, 'USAGE')
  AND EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f'))
ORDER BY 1";

type Name = (Option<String>, String);

async fn postgres(database: &Database, found: &mut Discovered) -> Result<()> {
    let mut denied: HashMap<Name, Denied> = HashMap::new();
    for row in rows(database, POSTGRES_COLUMNS).await? {
        let name = (row.try_get_by_index(0)?, text(&row, 1)?);
        let (insert, update) = (row.try_get_by_index(3)?, row.try_get_by_index(4)?);
        denied.entry(name).or_default().column(&text(&row, 2)?, insert, update);
    }
    for row in rows(database, POSTGRES_UNREAD).await? {
        let name = (row.try_get_by_index(0)?, text(&row, 1)?);
        denied.entry(name).or_default().select_columns.push(text(&row, 2)?);
    }
    let mut rights: HashMap<Name, Denied> = HashMap::new();
    for row in rows(database, POSTGRES_TABLES).await? {
        let name: Name = (row.try_get_by_index(0)?, text(&row, 1)?);
        let (table, role) = (text(&row, 6)?, text(&row, 7)?);
        if !row.try_get_by_index::<bool>(2)? {
            let qualified = name.0.iter().chain([&name.1]).cloned().collect::<Vec<_>>().join(".");
            found.leave_out(qualified, &name.1, format!("GRANT SELECT ON {table} TO {role};"));
            continue;
        }
        let mut one = denied.remove(&name).unwrap_or_default();
        one.insert = !row.try_get_by_index::<bool>(3)?;
        one.update = !row.try_get_by_index::<bool>(4)?;
        one.delete = !row.try_get_by_index::<bool>(5)?;
        one.settle(&table, &role);
        if let Some(sequences) = row.try_get_by_index::<Option<String>>(8)? {
            one.insert = true;
            one.grants.push(format!("GRANT USAGE ON SEQUENCE {sequences} TO {role};"));
        }
        rights.insert(name, one);
    }
    for row in rows(database, POSTGRES_SCHEMAS).await? {
        let reason = format!(
            "the database's role may not use the schema: GRANT USAGE ON SCHEMA {} TO {};",
            text(&row, 1)?,
            text(&row, 2)?
        );
        found.left_out.push(LeftOut { name: format!("schema {}", text(&row, 0)?), reason });
    }
    for table in &mut found.tables {
        if let Some(denied) = rights.remove(&(table.schema.clone(), table.name.clone()))
            && table.kind == TableKind::Table
        {
            table.denied = denied;
        }
    }
    Ok(())
}

impl Discovered {
    /// Names a table that the role may not read, unless it is one of PowerCRUD's own.
    fn leave_out(&mut self, qualified: String, name: &str, grant: String) {
        if !name.starts_with(OWN_PREFIX) {
            let reason = format!("the database's role may not read it: {grant}");
            self.left_out.push(LeftOut { name: qualified, reason });
        }
    }
}

/// What may be done with each column, by the server's own reckoning with grants on the server, the database, tables, columns and roles.
const MYSQL_COLUMNS: &str = "SELECT CAST(table_name AS CHAR), CAST(column_name AS CHAR), CAST(privileges AS CHAR) \
    FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position";

async fn mysql(database: &Database, found: &mut Discovered) -> Result<()> {
    let (schema, role) = mysql_role(database).await?;
    let mut columns: HashMap<String, Vec<(String, String)>> = HashMap::new();
    for row in rows(database, MYSQL_COLUMNS).await? {
        columns.entry(text(&row, 0)?).or_default().push((text(&row, 1)?, text(&row, 2)?));
    }
    for mut table in std::mem::take(&mut found.tables) {
        let quoted = format!("{schema}.{}", backticked(&table.name));
        let rights = columns.remove(&table.name).unwrap_or_default();
        let may = |name: &str, right: &str| {
            rights.iter().any(|(column, rights)| column == name && rights.split(',').any(|one| one == right))
        };
        table.columns.retain(|column| may(&column.name, "select"));
        if table.columns.is_empty() && !rights.is_empty() {
            found.leave_out(table.name.clone(), &table.name, format!("GRANT SELECT ON {quoted} TO {role};"));
            continue;
        }
        if table.kind == TableKind::Table {
            let denied = &mut table.denied;
            for (column, _) in &rights {
                denied.column(column, may(column, "insert"), may(column, "update"));
            }
            let unread = rights.iter().map(|(column, _)| column).filter(|column| !may(column, "select"));
            denied.select_columns = unread.cloned().collect();
            denied.insert = denied.insert_columns.len() == rights.len();
            denied.update = denied.update_columns.len() == rights.len();
            denied.delete = mysql_denies_delete(database, &quoted).await?;
            denied.settle(&quoted, &role);
            // Columns without any right are not told of, nor are keys over them; only who may read all columns may ask for all.
            let all = format!("EXPLAIN SELECT * FROM {quoted}");
            if table.primary_key.is_empty() && mysql_denies(database, all).await? {
                table.unusable_key = Some(
                    "the database's role may not read all its columns, and no key over the others tells its rows apart"
                        .to_owned(),
                );
                table.denied.grants.push(format!("GRANT SELECT ON {quoted} TO {role};"));
            }
        }
        found.tables.push(table);
    }
    Ok(())
}

/// The connection's database and account in SQL.
pub(crate) async fn mysql_role(database: &Database) -> Result<(String, String)> {
    let rows = rows(database, "SELECT CAST(DATABASE() AS CHAR), CAST(CURRENT_USER() AS CHAR)").await?;
    let row = rows.first().ok_or_else(|| Error::Unexpected("the server does not tell who asks".into()))?;
    let account = text(row, 1)?;
    let (user, host) = account.rsplit_once('@').unwrap_or((&account, "%"));
    let quoted = |part: &str| format!("'{}'", part.replace('\'', "''"));
    Ok((backticked(&text(row, 0)?), format!("{}@{}", quoted(user), quoted(host))))
}

pub(crate) fn backticked(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Whether rows of the table, as SQL names it, may not be deleted. No table of `information_schema` reckons with roles and wildcards; to
/// plan a delete takes the right to it, and deletes nothing.
pub(crate) async fn mysql_denies_delete(database: &Database, table: &str) -> Result<bool> {
    mysql_denies(database, format!("EXPLAIN DELETE FROM {table} WHERE 0")).await
}

async fn mysql_denies(database: &Database, sql: String) -> Result<bool> {
    let connection = database.connection();
    let statement = sea_orm::Statement::from_string(sea_orm::ConnectionTrait::get_database_backend(connection), sql);
    match sea_orm::ConnectionTrait::query_all_raw(connection, statement).await {
        Ok(_) => Ok(false),
        Err(error) => Ok(fault::is_denied(&error)),
    }
}
