//! Whether the database still lets no two rows of a table have the same key, as the catalog said when it was read.

use sea_orm::Value as Parameter;

use super::rows;
use crate::{
    create_table::collation,
    database::Database,
    dialect::Dialect,
    error::Result,
    table::{Table, TableKind},
};

/// Whether a unique key of the database, by the equality that statements compare with, holds the key of `table`.
///
/// # Errors
/// The database's, where it does not let its own tables be read.
pub async fn is_key_unique(database: &Database, table: &Table) -> Result<bool> {
    if table.kind == TableKind::View || table.primary_key.is_empty() {
        return Ok(false);
    }
    match database.dialect() {
        Dialect::Sqlite => sqlite(database, table).await,
        Dialect::Postgres => postgres(database, table).await,
        Dialect::Mysql => mysql(database, table).await,
    }
}

/// As many marks as the key has columns, and the columns.
fn key(table: &Table, mark: impl Fn(usize) -> String) -> (String, Vec<Parameter>) {
    let marks: Vec<_> = (0..table.primary_key.len()).map(mark).collect();
    (marks.join(", "), table.primary_key.iter().map(|name| name.as_str().into()).collect())
}

async fn postgres(database: &Database, table: &Table) -> Result<bool> {
    let (marks, columns) = key(table, |place| format!("${}", place + 3));
    // Rows of children have keys of their own; where it was known that there are any, statements leave them alone.
    let sql = format!(
        "SELECT 1 FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indrelid
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relname = $2 AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
           AND NOT EXISTS (SELECT FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
             JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
             WHERE k.place <= i.indnkeyatts AND a.attname::text NOT IN ({marks}))
           AND ({} OR c.relkind = 'p'
             OR NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS h WHERE h.inhparent = c.oid)) LIMIT 1",
        table.inherited
    );
    let mut parameters = vec![table.sql_schema.clone().into(), table.name.as_str().into()];
    parameters.extend(columns);
    Ok(!rows(database, &sql, parameters).await?.is_empty())
}

async fn mysql(database: &Database, table: &Table) -> Result<bool> {
    let (marks, columns) = key(table, |_| "?".to_owned());
    let sql = format!(
        "SELECT 1 FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = ? AND non_unique = 0
         GROUP BY index_name HAVING SUM(COALESCE(column_name, '') NOT IN ({marks})) = 0 LIMIT 1"
    );
    let parameters = std::iter::once(table.name.as_str().into()).chain(columns).collect();
    Ok(!rows(database, &sql, parameters).await?.is_empty())
}

async fn sqlite(database: &Database, table: &Table) -> Result<bool> {
    let parameters = || vec![table.name.as_str().into()];
    let sql = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE";
    let created = rows(database, sql, parameters()).await?;
    let Some(created) = created.first().map(|row| row.try_get_by_index::<String>(0)).transpose()? else {
        return Ok(false);
    };
    // An INTEGER PRIMARY KEY is the row's own number, and needs no index.
    let sql = "SELECT COUNT(*) FROM pragma_table_info(?) WHERE pk > 0 AND lower(type) = 'integer' AND name = ?
        AND (SELECT COUNT(*) FROM pragma_table_info(?) WHERE pk > 0) = 1";
    if let [name] = &table.primary_key[..] {
        let named = vec![table.name.as_str().into(), name.as_str().into(), table.name.as_str().into()];
        let found = rows(database, sql, named).await?;
        if found.first().map(|row| row.try_get_by_index::<i64>(0)).transpose()? == Some(1) {
            return Ok(true);
        }
    }
    let sql = "SELECT i.name, x.name, COALESCE(x.coll, 'BINARY') FROM pragma_index_list(?) AS i JOIN pragma_index_xinfo(i.name) AS x
        WHERE i.\"unique\" AND NOT i.partial AND x.key ORDER BY i.name";
    let parts = rows(database, sql, parameters()).await?;
    let (mut proven, mut index) = (false, None);
    for row in &parts {
        let (name, column, by): (String, Option<String>, String) =
            (row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        let fits = column.is_some_and(|column| {
            let own = collation(&created, &column).unwrap_or_else(|| "BINARY".to_owned());
            let alike = own.eq_ignore_ascii_case("BINARY") || own.eq_ignore_ascii_case(&by);
            alike && table.primary_key.iter().any(|name| name.eq_ignore_ascii_case(&column))
        });
        if index.as_ref() != Some(&name) {
            if proven {
                return Ok(true);
            }
            (proven, index) = (true, Some(name));
        }
        proven &= fits;
    }
    Ok(proven)
}
