//! What stands in the way of dropping tables.

use sea_orm::{
    ConnectionTrait as _, Statement,
    sea_query::{Table, TableDropStatement},
};

use crate::{
    database::Database,
    dialect::Dialect,
    error::Result,
    tokens::{Token, tokenize},
};

/// What else depends on a program's own tables, so that they can't be dropped, or that would not work without them: "the view v reads t",
/// "the table s refers to t", "the trigger r on s names t".
///
/// # Errors
/// The database's.
pub async fn of_tables(database: &Database, tables: &[&str]) -> Result<Vec<String>> {
    let dialect = database.dialect();
    let names = tables.iter().map(|name| text(dialect, name)).collect::<Vec<_>>().join(", ");
    let mut found = Vec::new();
    for row in rows(database, references(database, &names)).await? {
        found.push(row.try_get_by_index(0)?);
    }
    for row in rows(database, texts(database, &names)).await? {
        let text = |place| row.try_get_by_index::<String>(place);
        let (own, plain) = (text(2)?, text(3)?);
        let table = named(&tokenize(&text(1)?, dialect), tables, |schema| schema.unwrap_or(&plain) == own);
        if let Some(table) = table {
            found.push(format!("{} {own}.{table}", text(0)?));
        }
    }
    Ok(found)
}

/// The statements that drop tables: all of them or none, in one transaction, or, where the server commits after each, in a single statement,
/// before which the server looks at the role's right to each.
pub fn drop_statements(database: &Database, tables: &[String]) -> Vec<TableDropStatement> {
    let drop = |tables: &[String]| {
        let mut drop = Table::drop();
        for table in tables {
            drop.table(table.clone());
        }
        drop
    };
    match database.dialect() {
        Dialect::Sqlite | Dialect::Postgres => tables.chunks(1).map(drop).collect(),
        Dialect::Mysql => vec![drop(tables)],
    }
}

async fn rows(database: &Database, sql: String) -> Result<Vec<sea_orm::QueryResult>> {
    // Past the connection that puts schemas before names: here they are told of.
    let connection = &database.connection().inner;
    Ok(connection.query_all_raw(Statement::from_string(connection.get_database_backend(), sql)).await?)
}

/// A text in SQL.
fn text(dialect: Dialect, text: &str) -> String {
    let text = text.replace('\'', "''");
    format!("'{}'", if dialect == Dialect::Mysql { text.replace('\\', "\\\\") } else { text })
}

/// What the server itself knows to depend on the tables `names`, in words.
fn references(database: &Database, names: &str) -> String {
    let dialect = database.dialect();
    let own = database.own_schema().map(|own| text(dialect, own));
    match dialect {
        Dialect::Sqlite => format!(
            "SELECT 'the table ' || m.name || ' refers to ' || f.\"table\" FROM sqlite_schema m, pragma_foreign_key_list(m.name) f
             WHERE m.type = 'table' AND f.\"table\" COLLATE NOCASE IN ({names}) AND m.name NOT IN ({names}) ORDER BY 1"
        ),
        Dialect::Postgres => {
            let there = own.map_or("pg_table_is_visible(c.oid)".to_owned(), |own| format!("n.nspname = {own}"));
            format!(
                "WITH own AS (SELECT c.oid, c.reltype, format('%I.%I', n.nspname, c.relname) AS name
                   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname IN ({names}) AND {there}),
                 other AS (SELECT c.oid, CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' ELSE 'table ' END
                     || format('%I.%I', n.nspname, c.relname) AS name
                   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid NOT IN (SELECT oid FROM own))
                 SELECT DISTINCT 'the ' || other.name || ' reads ' || own.name
                 FROM own JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = own.oid AND d.classid = 'pg_rewrite'::regclass
                   JOIN pg_rewrite r ON r.oid = d.objid JOIN other ON other.oid = r.ev_class
                 UNION SELECT 'the ' || other.name || ' refers to ' || own.name
                 FROM own JOIN pg_constraint k ON k.confrelid = own.oid AND k.contype = 'f' JOIN other ON other.oid = k.conrelid
                 UNION SELECT 'the ' || other.name || ' inherits ' || own.name
                 FROM own JOIN pg_inherits i ON i.inhparent = own.oid JOIN other ON other.oid = i.inhrelid
                 UNION SELECT 'the ' || pg_describe_object(d.classid, d.objid, d.objsubid) || ' needs ' || own.name
                 FROM own JOIN pg_depend d ON (d.refclassid = 'pg_class'::regclass AND d.refobjid = own.oid AND d.classid = 'pg_proc'::regclass)
                   OR (d.refclassid = 'pg_type'::regclass AND d.refobjid = own.reltype AND d.deptype = 'n')
                 ORDER BY 1"
            )
        }
        Dialect::Mysql => {
            let own = own.unwrap_or("DATABASE()".to_owned());
            format!(
                "SELECT DISTINCT CAST(CONCAT('the table ', table_schema, '.', table_name, ' refers to ', referenced_table_schema, '.',
                   referenced_table_name) AS CHAR)
                 FROM information_schema.key_column_usage
                 WHERE referenced_table_schema = {own} AND referenced_table_name IN ({names})
                   AND NOT (table_schema = {own} AND table_name IN ({names})) ORDER BY 1"
            )
        }
    }
}

/// Views and triggers that the server lets stand without the tables that they name: each in words, its SQL, the schema of own tables, and
/// the schema that names without one are of.
fn texts(database: &Database, names: &str) -> String {
    let dialect = database.dialect();
    let own = database.own_schema().map(|own| text(dialect, own));
    match dialect {
        Dialect::Sqlite => format!(
            "SELECT CASE type WHEN 'view' THEN 'the view ' || name || ' reads' ELSE 'the trigger ' || name || ' on ' || tbl_name || ' names' END,
               sql, 'main', 'main'
             FROM sqlite_schema WHERE type IN ('view', 'trigger') AND tbl_name NOT IN ({names}) ORDER BY 1"
        ),
        // It knows what views read, not what functions do.
        Dialect::Postgres => {
            let own = own.map_or("current_schema()::text".to_owned(), |own| format!("{own}::text"));
            format!(
                "SELECT format('the trigger %I on %I.%I names', t.tgname, n.nspname, c.relname), p.prosrc, {own}, {own}
                 FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                   JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal AND c.relname NOT IN ({names}) ORDER BY 1"
            )
        }
        Dialect::Mysql => {
            let own = own.unwrap_or("DATABASE()".to_owned());
            format!(
                "SELECT CAST(CONCAT('the view ', table_schema, '.', table_name, ' reads') AS CHAR), CAST(view_definition AS CHAR),
                   CAST({own} AS CHAR), CAST(table_schema AS CHAR)
                 FROM information_schema.views
                 UNION ALL
                 SELECT CAST(CONCAT('the trigger ', trigger_schema, '.', trigger_name, ' on ', event_object_table, ' names') AS CHAR),
                   CAST(action_statement AS CHAR), CAST({own} AS CHAR), CAST(trigger_schema AS CHAR)
                 FROM information_schema.triggers
                 WHERE NOT (event_object_schema = {own} AND event_object_table IN ({names})) ORDER BY 1"
            )
        }
    }
}

/// The first of the tables that SQL names, where `is_own` says so of the schema before its name.
fn named<'a>(tokens: &[Token], tables: &[&'a str], is_own: impl Fn(Option<&str>) -> bool) -> Option<&'a str> {
    let name = |place: usize| match tokens.get(place) {
        Some(Token::Word(name) | Token::Quoted { name, .. }) => Some(name.as_str()),
        _ => None,
    };
    (0..tokens.len()).find_map(|place| {
        let found = name(place)?;
        let table = tables.iter().find(|table| found.eq_ignore_ascii_case(table))?;
        let is_qualified = place >= 2 && tokens[place - 1] == Token::Symbol('.');
        is_own(if is_qualified { name(place - 2) } else { None }).then_some(*table)
    })
}
