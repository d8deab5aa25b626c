//! The rules of a PostgreSQL table, from `pg_catalog`.

use super::{Check, Rules, TRIGGERS, Unknown, WriteKind, rows};
use crate::{database::Database, error::Result, table::Table};

/// The table's oid: `$1` is its schema, `$2` its name.
const OID: &str =
    "(SELECT c.oid FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relname = $2 AND n.nspname = $1)";

pub(super) async fn read(database: &Database, table: &Table, deed: WriteKind) -> Result<Rules> {
    let parameters = || vec![table.sql_schema.clone().into(), table.name.as_str().into()];
    let mut rules = Rules::default();
    let sql = format!(
        "SELECT k.conname::text, pg_get_expr(k.conbin, k.conrelid), CAST(array_to_json(ARRAY(
            SELECT a.attname FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey))) AS text)
        FROM pg_catalog.pg_constraint AS k WHERE k.contype = 'c' AND k.conrelid = {OID} ORDER BY k.conname"
    );
    for row in rows(database, &sql, parameters()).await? {
        rules.checks.push(Check {
            name: row.try_get_by_index(0)?,
            condition: row.try_get_by_index(1)?,
            columns: names(&row.try_get_by_index::<String>(2)?),
        });
    }
    // Bit 4 of a trigger's type is UPDATE, bit 3 is DELETE; '2' and '4' are a rule's.
    let (bit, event) = if deed == WriteKind::Update { (16, '2') } else { (8, '4') };
    let sql = format!(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal
                        AND t.tgenabled NOT IN ('D', 'R') AND t.tgtype & {bit} <> 0),
            row_security_active(c.oid),
            EXISTS (SELECT FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = c.oid AND r.ev_type = '{event}'),
            EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.contype = 'x' AND k.conrelid = c.oid),
            EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = c.oid)
        FROM pg_catalog.pg_class AS c WHERE c.oid = {OID}"
    );
    const UNKNOWN: [&str; 5] =
        [TRIGGERS, "row security", "rewrite rules", "exclusion constraints", "rules of partitions or child tables"];
    for row in rows(database, &sql, parameters()).await? {
        for (index, what) in UNKNOWN.into_iter().enumerate() {
            let concerns = deed == WriteKind::Update || index < 3;
            if concerns && row.try_get_by_index::<bool>(index)? {
                rules.add_unknown(what);
            }
        }
    }
    if deed == WriteKind::Update {
        let sql = format!(
            "SELECT i.indexrelid::regclass::text, CAST(array_to_json(ARRAY(
                SELECT a.attname FROM pg_catalog.pg_depend AS d
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid
                  AND d.refobjid = i.indrelid AND d.refobjsubid > 0)) AS text)
            FROM pg_catalog.pg_index AS i
            WHERE i.indisunique AND i.indrelid = {OID} AND (i.indpred IS NOT NULL OR i.indexprs IS NOT NULL
                  OR to_jsonb(i) ->> 'indnullsnotdistinct' = 'true')"
        );
        for row in rows(database, &sql, parameters()).await? {
            let name: String = row.try_get_by_index(0)?;
            let columns = names(&row.try_get_by_index::<String>(1)?);
            let columns = (!columns.is_empty()).then_some(columns);
            rules.unknown.push(Unknown { what: format!("the unique index {name}"), columns });
        }
    }
    Ok(rules)
}

fn names(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_default()
}
