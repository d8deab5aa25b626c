//! What stands in the way of dropping tables.

use sea_orm::{ConnectionTrait as _, Statement};

use crate::{database::Database, dialect::Dialect, error::Result};

/// What else depends on these tables, so that they can't be dropped: "the view v reads t", "the table s refers to t".
///
/// # Errors
/// The database's.
pub async fn of_tables(database: &Database, tables: &[&str]) -> Result<Vec<String>> {
    let names = tables.iter().map(|name| format!("'{}'", name.replace('\'', "''"))).collect::<Vec<_>>().join(", ");
    let sql = match database.dialect() {
        // Views that read a dropped table stay, here and on MySQL.
        Dialect::Sqlite => format!(
            "SELECT 'the table ' || m.name || ' refers to ' || f.\"table\" FROM sqlite_schema m, pragma_foreign_key_list(m.name) f
             WHERE m.type = 'table' AND f.\"table\" IN ({names}) AND m.name NOT IN ({names}) ORDER BY 1"
        ),
        Dialect::Postgres => format!(
            "WITH own AS (SELECT oid, relname FROM pg_class WHERE relname IN ({names}) AND pg_table_is_visible(oid))
             SELECT DISTINCT 'the view ' || r.ev_class::regclass::text || ' reads ' || own.relname
             FROM own JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = own.oid AND d.classid = 'pg_rewrite'::regclass
               JOIN pg_rewrite r ON r.oid = d.objid WHERE r.ev_class <> own.oid
             UNION SELECT 'the table ' || k.conrelid::regclass::text || ' refers to ' || own.relname
             FROM own JOIN pg_constraint k ON k.confrelid = own.oid AND k.contype = 'f' WHERE k.conrelid NOT IN (SELECT oid FROM own)
             ORDER BY 1"
        ),
        Dialect::Mysql => format!(
            "SELECT DISTINCT CAST(CONCAT('the table ', table_schema, '.', table_name, ' refers to ', referenced_table_name) AS CHAR)
             FROM information_schema.key_column_usage
             WHERE referenced_table_schema = DATABASE() AND referenced_table_name IN ({names})
               AND NOT (table_schema = DATABASE() AND table_name IN ({names})) ORDER BY 1"
        ),
    };
    let connection = database.connection();
    let rows = connection.query_all_raw(Statement::from_string(connection.get_database_backend(), sql)).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<std::result::Result<_, _>>()?)
}
