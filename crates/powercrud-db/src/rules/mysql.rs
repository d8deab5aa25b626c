//! The rules of a MySQL or MariaDB table, from `information_schema`.

use super::{Check, Rules, TRIGGERS, Unknown, WriteKind, rows, spelt};
use crate::{
    catalog::{columns_in, unescape_check},
    database::Database,
    dialect::Dialect,
    error::Result,
    table::Table,
    tokens::{Token, tokenize},
};

pub(super) async fn read(database: &Database, table: &Table, write_kind: WriteKind) -> Result<Rules> {
    let parameters = || vec![table.name.as_str().into()];
    let mut rules = Rules::default();
    let version = rows(database, "SELECT CAST(VERSION() AS CHAR)", Vec::new()).await?;
    let version = version.first().map(|row| row.try_get_by_index::<String>(0)).transpose()?.unwrap_or_default();
    let is_mariadb = version.to_ascii_lowercase().contains("mariadb");
    let sql = if is_mariadb {
        "SELECT CAST(constraint_name AS CHAR), CAST(check_clause AS CHAR) FROM information_schema.check_constraints \
         WHERE constraint_schema = DATABASE() AND table_name = ?"
    } else {
        "SELECT CAST(c.constraint_name AS CHAR), CAST(c.check_clause AS CHAR) \
         FROM information_schema.check_constraints AS c JOIN information_schema.table_constraints AS t \
           ON t.constraint_schema = c.constraint_schema AND t.constraint_name = c.constraint_name \
         WHERE c.constraint_schema = DATABASE() AND t.constraint_type = 'CHECK' AND t.enforced = 'YES' AND t.table_name = ?"
    };
    for row in rows(database, sql, parameters()).await? {
        let condition: String = row.try_get_by_index(1)?;
        let condition = if is_mariadb { condition } else { unescape_check(&condition) };
        let mut columns: Vec<String> = Vec::new();
        for token in tokenize(&condition, Dialect::Mysql) {
            if let Token::Quoted { name, .. } = token
                && let Some(column) = spelt(table, &name)
                && !columns.contains(&column)
            {
                columns.push(column);
            }
        }
        rules.checks.push(Check { name: row.try_get_by_index(0)?, condition, columns });
    }
    let sql = format!(
        "SELECT 1 FROM information_schema.triggers WHERE event_object_schema = DATABASE() AND event_object_table = ? \
         AND event_manipulation = '{}' LIMIT 1",
        write_kind.word()
    );
    if !rows(database, &sql, parameters()).await?.is_empty() {
        rules.add_unknown(TRIGGERS);
    }
    if write_kind == WriteKind::Update {
        let sql = "SELECT CAST(column_name AS CHAR), CAST(generation_expression AS CHAR) FROM information_schema.columns \
            WHERE table_schema = DATABASE() AND table_name = ? AND generation_expression <> ''";
        for row in rows(database, sql, parameters()).await? {
            let expression = columns_in(&row.try_get_by_index::<String>(1)?, &table.columns, Dialect::Mysql);
            rules.computed.push((row.try_get_by_index(0)?, expression));
        }
        let sql = "SELECT CAST(index_name AS CHAR), CAST(column_name AS CHAR) FROM information_schema.statistics \
            WHERE table_schema = DATABASE() AND table_name = ? AND non_unique = 0 \
              AND (sub_part IS NOT NULL OR column_name IS NULL)";
        for row in rows(database, sql, parameters()).await? {
            let name: String = row.try_get_by_index(0)?;
            let columns = row.try_get_by_index::<Option<String>>(1)?.map(|column| vec![column]);
            rules.unknown.push(Unknown { what: format!("the unique index {name}"), columns });
        }
    }
    Ok(rules)
}
