//! The rules of a PostgreSQL table, from `pg_catalog`.

use super::{Check, OF_PARTS, POLICIES, REWRITES, Rules, TRIGGERS, Unknown, WriteKind, rows};
use crate::{catalog::columns_in, database::Database, dialect::Dialect, error::Result, table::Table};

/// The table's oid: `$1` is its schema, `$2` its name.
const OID: &str =
    "(SELECT c.oid FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relname = $2 AND n.nspname = $1)";

pub(super) async fn read(database: &Database, table: &Table, write_kind: WriteKind) -> Result<Rules> {
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
    // A bit of a trigger's type, and a rule's event.
    let (bit, event) = match write_kind {
        WriteKind::Update => (16, '2'),
        WriteKind::Insert => (4, '3'),
        WriteKind::Delete => (8, '4'),
    };
    let sql = format!(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal
                        AND t.tgenabled NOT IN ('D', 'R') AND t.tgtype & {bit} <> 0),
            row_security_active(c.oid),
            EXISTS (SELECT FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = c.oid AND r.ev_type = '{event}'),
            EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.contype = 'x' AND k.conrelid = c.oid),
            EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = c.oid)
        FROM pg_catalog.pg_class AS c WHERE c.oid = {OID}"
    );
    const UNKNOWN: [&str; 5] = [TRIGGERS, POLICIES, REWRITES, "exclusion constraints", OF_PARTS];
    for row in rows(database, &sql, parameters()).await? {
        for (index, what) in UNKNOWN.into_iter().enumerate() {
            let concerns = write_kind != WriteKind::Delete || index < 3;
            if concerns && row.try_get_by_index::<bool>(index)? {
                rules.add_unknown(what);
            }
        }
    }
    if write_kind != WriteKind::Insert {
        rules.unknown.extend(unseen_referrers(database, table, write_kind).await?);
    }
    if write_kind == WriteKind::Update {
        let sql = format!(
            "SELECT a.attname::text, pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attribute AS a
            JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE a.attgenerated <> '' AND a.attrelid = {OID}"
        );
        for row in rows(database, &sql, parameters()).await? {
            let expression = columns_in(&row.try_get_by_index::<String>(1)?, &table.columns, Dialect::Postgres);
            rules.computed.push((row.try_get_by_index(0)?, expression));
        }
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

/// References from rows that this role may not read, to the table or to what a delete takes along: nobody can look whether there are any.
async fn unseen_referrers(database: &Database, table: &Table, write_kind: WriteKind) -> Result<Option<Unknown>> {
    let takes_along = write_kind == WriteKind::Delete;
    let sql = format!(
        "WITH RECURSIVE reached (id) AS (
            SELECT {OID} UNION
            SELECT k.conrelid FROM pg_catalog.pg_constraint AS k JOIN reached ON k.confrelid = reached.id
            WHERE k.contype = 'f' AND k.confdeltype = 'c' AND {takes_along})
        SELECT CAST(array_to_json(ARRAY(
            SELECT a.attname FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey))) AS text)
        FROM pg_catalog.pg_constraint AS k JOIN reached ON k.confrelid = reached.id
        JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
        WHERE k.contype = 'f' AND k.conparentid = 0
          AND NOT (has_schema_privilege(c.relnamespace, 'USAGE')
                   AND (SELECT bool_and(has_column_privilege(k.conrelid, n, 'SELECT')) FROM unnest(k.conkey) AS n))"
    );
    let mut referenced = Vec::new();
    for row in rows(database, &sql, vec![table.sql_schema.clone().into(), table.name.as_str().into()]).await? {
        referenced.extend(names(&row.try_get_by_index::<String>(0)?));
    }
    let columns = (!takes_along).then(|| referenced.clone());
    let what = "records that this role may not see".to_owned();
    Ok((!referenced.is_empty()).then_some(Unknown { what, columns }))
}

fn names(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_default()
}
