//! Every byte of every table, but for PowerCRUD's own.

use std::collections::BTreeMap;

use crate::{connection::Connection, support::Kind};

/// Rows as texts, sorted, by table.
pub(crate) type Dump = BTreeMap<String, Vec<String>>;

pub(crate) async fn dump(kind: Kind, connection: &mut Connection) -> Dump {
    let tables = connection.texts(tables(kind)).await;
    let mut dump = Dump::new();
    for table in tables {
        let [schema, name] = &table.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>()[..] else {
            unreachable!("two columns were asked for")
        };
        let columns = connection.texts(&columns(kind, schema, name)).await;
        let cells: Vec<_> = columns
            .iter()
            .map(|column| (column[0].clone().unwrap_or_default(), column[1].clone().unwrap_or_default()))
            .map(|(column, column_type)| cell(kind, &column, &column_type))
            .collect();
        let from = match kind {
            Kind::Sqlite => quoted(kind, name),
            Kind::Postgres => format!("ONLY {}.{}", quoted(kind, schema), quoted(kind, name)),
            Kind::Mysql => quoted(kind, name),
        };
        let rows = connection.texts(&format!("SELECT {} FROM {from}", cells.join(", "))).await;
        let mut rows: Vec<_> = rows
            .into_iter()
            .map(|row| {
                row.into_iter().map(|cell| cell.unwrap_or_else(|| "NULL".into())).collect::<Vec<_>>().join(" | ")
            })
            .collect();
        rows.sort_unstable();
        dump.insert(format!("{schema}.{name}"), rows);
    }
    dump
}

pub(crate) fn quoted(kind: Kind, name: &str) -> String {
    match kind {
        Kind::Mysql => format!("`{}`", name.replace('`', "``")),
        Kind::Sqlite | Kind::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn tables(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => {
            "SELECT 'main', name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' \
             AND name NOT LIKE 'powercrud%' AND name NOT LIKE 'seaql%'"
        }
        Kind::Postgres => {
            "SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \
             AND c.relname NOT LIKE 'powercrud%' AND c.relname NOT LIKE 'seaql%'"
        }
        Kind::Mysql => {
            "SELECT 'main', CAST(table_name AS CHAR) FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND table_name NOT LIKE 'powercrud%' \
             AND table_name NOT LIKE 'seaql%'"
        }
    }
}

fn columns(kind: Kind, schema: &str, table: &str) -> String {
    match kind {
        Kind::Sqlite => format!("SELECT name, type FROM pragma_table_xinfo({}) WHERE hidden <> 1", literal(table)),
        Kind::Postgres => format!(
            "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute \
             WHERE attrelid = {}::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            literal(&format!("{}.{}", quoted(kind, schema), quoted(kind, table)))
        ),
        Kind::Mysql => format!(
            "SELECT CAST(column_name AS CHAR), CAST(data_type AS CHAR) FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name = {} ORDER BY ordinal_position",
            literal(table)
        ),
    }
}

/// A cell as a text that differs where the cell does.
fn cell(kind: Kind, column: &str, column_type: &str) -> String {
    let column = quoted(kind, column);
    match kind {
        Kind::Sqlite => format!(
            "typeof({column}) || ':' || CASE typeof({column}) WHEN 'real' THEN printf('%!.20g', {column}) ELSE hex({column}) END"
        ),
        Kind::Postgres if column_type == "bytea" => format!("encode({column}, 'hex')"),
        Kind::Postgres => format!("{column}::text"),
        // A FLOAT is shown with six digits; as a DOUBLE it shows them all.
        Kind::Mysql if column_type == "float" => format!("CAST({column} + 0e0 AS CHAR)"),
        Kind::Mysql if column_type == "bit" => format!("HEX({column})"),
        Kind::Mysql => format!("HEX(CAST({column} AS BINARY))"),
    }
}
