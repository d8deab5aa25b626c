//! Discovery on PostgreSQL, from `pg_catalog`: `information_schema` hides what the user doesn't own and loses the order of keys.
//!
//! A partitioned table is listed once, as its parent; the partitions are how it is stored. Tables that merely inherit are tables
//! of their own. What an extension brought along and what the user may not read is left out without a word.

use std::collections::HashMap;

use sea_orm::QueryResult;

use super::{Discovered, checks, checks::Choices, constraint::Constraints, constraint::plain, rows, text};
use crate::{
    catalog::LeftOut,
    database::Database,
    dialect::Dialect,
    error::Result,
    table::{Column, ColumnType, Constraint, Equality, ForeignKey, ReferentialAction, Table, TableKind},
    tokens::tokenize,
};

pub(super) async fn discover(database: &Database) -> Result<Discovered> {
    let mut found = Discovered::default();
    let enums = enum_values(database).await?;
    let domains = domain_choices(database).await?;
    let mut columns = columns(database, &enums, &domains).await?;
    let mut keys = unique_keys(database).await?;
    let mut references = references(database).await?;
    let mut checks = table_checks(database).await?;
    let mut rules = rules(database).await?;
    let mut constraints = constraints(database).await?;
    let filled = filled_by_triggers(database).await?;
    for row in rows(database, TABLES).await? {
        let oid: i64 = row.try_get_by_index(0)?;
        let kind = match text(&row, 3)?.as_str() {
            "v" | "m" => TableKind::View,
            _ => TableKind::Table,
        };
        let mut table = Table::new(&text(&row, 2)?, kind);
        table.schema = row.try_get_by_index(1)?;
        table.sql_schema = Some(text(&row, 8)?);
        table.comment = text(&row, 4)?;
        table.estimated_rows =
            row.try_get_by_index::<Option<i64>>(5)?.filter(|_| kind == TableKind::Table).map(i64::unsigned_abs);
        table.inherited = row.try_get_by_index(7)?;
        table.unwritable = rules
            .remove(&oid)
            .filter(|_| kind == TableKind::Table)
            .map(|names| format!("its rules ({}) do something else instead of what they are told", names.join(", ")));
        if !row.try_get_by_index::<bool>(6)? {
            let name = table.schema.iter().chain([&table.name]).cloned().collect::<Vec<_>>().join(".");
            let reason = "the materialized view was never filled: run REFRESH MATERIALIZED VIEW".to_owned();
            found.left_out.push(LeftOut { name, reason });
            continue;
        }
        table.columns = columns.remove(&oid).unwrap_or_default();
        if table.columns.is_empty() {
            continue;
        }
        for check in checks.remove(&oid).unwrap_or_default() {
            super::checks::apply(check_choices(&check), &mut table.columns);
        }
        for key in keys.remove(&oid).unwrap_or_default() {
            // A column that may not be read can't tell rows apart.
            if key.columns.iter().any(|name| table.column(name).is_none()) {
                continue;
            }
            if key.deferrable {
                table.deferrable_keys.push(key.columns.clone());
            }
            if key.primary {
                table.primary_key = key.columns;
            } else {
                table.unique_keys.push(key.columns);
            }
        }
        table.foreign_keys = references.remove(&oid).unwrap_or_default();
        table.constraints = constraints.remove(&oid).unwrap_or_default();
        table.fills_new_rows = filled.contains(&oid);
        found.tables.push(table);
    }
    Ok(found)
}

const TABLES: &str = r"
SELECT c.oid::bigint, NULLIF(n.nspname, current_schema())::text, c.relname::text, c.relkind::text,
       COALESCE(obj_description(c.oid, 'pg_class'), ''), CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint END,
       c.relispopulated, c.relkind <> 'p' AND EXISTS (SELECT FROM pg_inherits AS h WHERE h.inhparent = c.oid), n.nspname::text
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%' AND has_schema_privilege(n.oid, 'USAGE')
  AND NOT EXISTS (SELECT FROM pg_depend AS d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";

/// Each domain with itself and the domains it is made of (`member`), and what the last of them is over.
const DOMAINS: &str = "
WITH RECURSIVE chain AS (
  SELECT oid AS domain, oid AS member, typbasetype AS base, typtypmod AS modifier, typnotnull AS not_null
  FROM pg_type WHERE typtype = 'd'
  UNION ALL
  SELECT chain.domain, t.oid, t.typbasetype, CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE chain.modifier END,
         chain.not_null OR t.typnotnull
  FROM chain JOIN pg_type AS t ON t.oid = chain.base AND t.typtype = 'd'
)";

/// The base types of columns by how their values are the same: `own` where sorting and grouping go by an operator `=` that every
/// statement finds (of an array, where its elements do), `shown` where a type does not read the text that it writes, else `spelled`.
/// Boxes and circles have an operator `=` too, which compares their areas.
const EQUALITY: &str = r"
compared AS MATERIALIZED (
  SELECT DISTINCT o.oprleft AS oid
  FROM pg_operator AS o JOIN pg_amop AS p ON p.amopopr = o.oid JOIN pg_am AS m ON m.oid = p.amopmethod
  WHERE o.oprname = '=' AND o.oprleft = o.oprright AND pg_operator_is_visible(o.oid)
    AND (m.amname = 'btree' AND p.amopstrategy = 3 OR m.amname = 'hash' AND p.amopstrategy = 1)
), comparable AS MATERIALIZED (
  SELECT oid FROM compared
  UNION SELECT oid FROM pg_type WHERE typtype IN ('e', 'r', 'm')
  UNION SELECT k.castsource FROM pg_cast AS k JOIN compared ON compared.oid = k.casttarget
        WHERE k.castmethod = 'b' AND k.castcontext = 'i'
), lists AS MATERIALIZED (
  SELECT e.typarray AS oid FROM pg_type AS e LEFT JOIN chain ON chain.domain = e.oid
  WHERE e.typarray <> 0 AND COALESCE(chain.base, e.oid) IN (SELECT oid FROM comparable)
), equality AS MATERIALIZED (
  SELECT t.oid, CASE
    WHEN t.typnamespace = 'pg_catalog'::regnamespace AND (t.typname IN ('regclass', 'regproc', 'regoper', 'gtsvector', 'pg_node_tree',
      'pg_ndistinct', 'pg_dependencies', 'pg_mcv_list') OR t.typname LIKE 'pg\_brin\_%') THEN 'shown'
    WHEN t.oid IN (SELECT oid FROM comparable) OR t.oid IN (SELECT oid FROM lists) THEN 'own'
    ELSE 'spelled' END AS word
  FROM pg_type AS t
)";

async fn columns(
    database: &Database,
    enums: &HashMap<i64, Vec<String>>,
    domains: &HashMap<i64, Vec<String>>,
) -> Result<HashMap<i64, Vec<Column>>> {
    let sql = format!(
        r"{DOMAINS}, {EQUALITY}
SELECT a.attrelid::bigint, a.attname::text, format_type(a.atttypid, a.atttypmod), a.atttypid::bigint, b.oid::bigint,
       b.typname::text, b.typtype::text, COALESCE(chain.modifier, a.atttypmod), a.attnotnull OR COALESCE(chain.not_null, false),
       pg_get_expr(d.adbin, d.adrelid), a.attgenerated::text, a.attidentity::text, COALESCE(col_description(c.oid, a.attnum), ''), format_type(b.oid, -1),
       q.word, COALESCE(NOT l.collisdeterministic, false)
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
LEFT JOIN chain ON chain.domain = a.atttypid AND NOT EXISTS (SELECT FROM pg_type AS t WHERE t.oid = chain.base AND t.typtype = 'd')
JOIN pg_type AS b ON b.oid = COALESCE(chain.base, a.atttypid)
JOIN equality AS q ON q.oid = b.oid
LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege(c.oid, a.attnum, 'SELECT')
ORDER BY a.attrelid, a.attnum"
    );
    let mut columns: HashMap<i64, Vec<Column>> = HashMap::new();
    for row in rows(database, &sql).await? {
        let (declared, base): (i64, i64) = (row.try_get_by_index(3)?, row.try_get_by_index(4)?);
        let default: Option<String> = row.try_get_by_index(9)?;
        let (generated, identity) = (text(&row, 10)?, text(&row, 11)?);
        let kind = if text(&row, 6)? == "e" {
            ColumnType::Enum
        } else {
            column_type(&text(&row, 5)?, row.try_get_by_index(7)?)
        };
        let mut column = Column {
            name: text(&row, 1)?,
            choices: if kind == ColumnType::Enum { enums.get(&base).cloned().unwrap_or_default() } else { Vec::new() },
            column_type: kind,
            database_type: text(&row, 2)?,
            parameter_type: text(&row, 13)?,
            dialect: Dialect::Postgres,
            nullable: !row.try_get_by_index::<bool>(8)?,
            identity: !identity.is_empty() || default.as_ref().is_some_and(|default| default.starts_with("nextval(")),
            any_value: false,
            generated: !generated.is_empty() || identity == "a",
            // PostgreSQL keeps a generated column's expression where defaults are.
            default: default.filter(|_| generated.is_empty()),
            comment: text(&row, 12)?,
            equality: match text(&row, 14)?.as_str() {
                "own" => Equality::Own,
                "spelled" => Equality::Spelled,
                _ => Equality::Shown,
            },
            loose_collation: row.try_get_by_index(15)?,
            computed: None,
        };
        for check in domains.get(&declared).into_iter().flatten() {
            let found = check_choices(check).into_iter().filter(|found| found.column == "VALUE");
            let found = found.map(|found| Choices { column: column.name.clone(), ..found }).collect();
            checks::apply(found, std::slice::from_mut(&mut column));
        }
        columns.entry(row.try_get_by_index(0)?).or_default().push(column);
    }
    Ok(columns)
}

async fn enum_values(database: &Database) -> Result<HashMap<i64, Vec<String>>> {
    let sql = "SELECT enumtypid::bigint, enumlabel::text FROM pg_enum ORDER BY enumtypid, enumsortorder";
    grouped(rows(database, sql).await?)
}

/// The definitions of the checks of each domain and of the domains it is made of.
async fn domain_choices(database: &Database) -> Result<HashMap<i64, Vec<String>>> {
    let sql = format!(
        "{DOMAINS} SELECT chain.domain::bigint, pg_get_constraintdef(k.oid)
         FROM chain JOIN pg_constraint AS k ON k.contypid = chain.member AND k.contype = 'c' ORDER BY k.conname"
    );
    grouped(rows(database, &sql).await?)
}

async fn table_checks(database: &Database) -> Result<HashMap<i64, Vec<String>>> {
    let sql = "SELECT conrelid::bigint, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE contype = 'c' AND conrelid <> 0 ORDER BY conrelid, conname";
    grouped(rows(database, sql).await?)
}

/// Checks with the columns they are about, keys and indexes, and the checks of the domains that columns are of.
async fn constraints(database: &Database) -> Result<Constraints<i64>> {
    let sql = format!(
        "{DOMAINS}
        SELECT k.conrelid::bigint, k.conname::text, pg_get_constraintdef(k.oid),
               ARRAY(SELECT a.attname::text FROM pg_attribute AS a
                     WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey) ORDER BY a.attnum)
        FROM pg_constraint AS k WHERE k.contype IN ('c', 'x') AND k.conrelid <> 0
        UNION ALL
        SELECT a.attrelid::bigint, k.conname::text, pg_get_constraintdef(k.oid), ARRAY[a.attname::text]
        FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'f')
        JOIN chain ON chain.domain = a.atttypid JOIN pg_constraint AS k ON k.contypid = chain.member AND k.contype = 'c'
        WHERE a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT i.indrelid::bigint, c.relname::text, NULL,
               ARRAY(SELECT a.attname::text FROM pg_attribute AS a
                     WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::int2[]) ORDER BY a.attnum)
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
        WHERE i.indrelid IN (SELECT oid FROM pg_class WHERE relnamespace <> 'pg_catalog'::regnamespace AND relkind IN ('r', 'p'))"
    );
    let mut constraints = Constraints::new();
    for row in rows(database, &sql).await? {
        let definition: Option<String> = row.try_get_by_index(2)?;
        let rule = definition.map(|definition| match definition.strip_prefix("CHECK ") {
            Some(rule) => plain(rule.trim_end_matches(" NOT VALID").trim_end_matches(" NO INHERIT")),
            None => definition,
        });
        let constraint = Constraint { name: text(&row, 1)?, rule, columns: names(&row, 3)? };
        constraints.entry(row.try_get_by_index::<i64>(0)?).or_default().push(constraint);
    }
    Ok(constraints)
}

/// The texts of an array. Where PostgreSQL is not built in, no row comes from it.
fn names(row: &QueryResult, index: usize) -> Result<Vec<String>> {
    #[cfg(feature = "postgres")]
    let names = row.try_get_by_index(index)?;
    #[cfg(not(feature = "postgres"))]
    let names = row.try_get_by_index::<Option<String>>(index)?.into_iter().collect();
    Ok(names)
}

/// The tables with a trigger that runs before a row is inserted.
async fn filled_by_triggers(database: &Database) -> Result<std::collections::HashSet<i64>> {
    // Of tgtype, 1 is FOR EACH ROW, 2 BEFORE, 4 INSERT.
    let sql = "SELECT DISTINCT tgrelid::bigint FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 7 = 7";
    rows(database, sql).await?.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
}

fn grouped(rows: Vec<QueryResult>) -> Result<HashMap<i64, Vec<String>>> {
    let mut groups: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        groups.entry(row.try_get_by_index(0)?).or_default().push(text(&row, 1)?);
    }
    Ok(groups)
}

fn check_choices(definition: &str) -> Vec<Choices> {
    let tokens = tokenize(definition, Dialect::Postgres);
    // A name in double quotes is a column here, always.
    checks::bodies(&tokens).into_iter().flat_map(|body| checks::choices(body, &|_| true)).collect()
}

/// A unique index over columns, for all rows.
struct UniqueKey {
    primary: bool,
    deferrable: bool,
    columns: Vec<String>,
}

async fn unique_keys(database: &Database) -> Result<HashMap<i64, Vec<UniqueKey>>> {
    // Columns behind INCLUDE are stored with the key but are no part of it. Where a column's collation takes different texts for the
    // same, an index by another collation does not keep them apart.
    let sql = "SELECT i.indrelid::bigint, i.indexrelid::bigint, i.indisprimary, a.attname::text, i.indimmediate
        FROM pg_index AS i
        CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
        WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND k.place <= i.indnkeyatts
          AND NOT EXISTS (
            SELECT FROM unnest(i.indkey::int2[], i.indcollation::oid[]) AS part (number, compared_by)
            JOIN pg_attribute AS own ON own.attrelid = i.indrelid AND own.attnum = part.number
            JOIN pg_collation AS rule ON rule.oid = own.attcollation
            WHERE to_jsonb(rule) ->> 'collisdeterministic' = 'false' AND part.compared_by <> own.attcollation)
        ORDER BY i.indrelid, i.indexrelid, k.place";
    let mut keys: HashMap<i64, Vec<UniqueKey>> = HashMap::new();
    let mut last = None;
    for row in rows(database, sql).await? {
        let index: i64 = row.try_get_by_index(1)?;
        let keys = keys.entry(row.try_get_by_index(0)?).or_default();
        if last != Some(index) {
            let deferrable = !row.try_get_by_index::<bool>(4)?;
            keys.push(UniqueKey { primary: row.try_get_by_index(2)?, deferrable, columns: Vec::new() });
        }
        if let Some(key) = keys.last_mut() {
            key.columns.push(text(&row, 3)?);
        }
        last = Some(index);
    }
    Ok(keys)
}

/// The rules of each table that make something else of a statement, so that the rows it touched can't be counted.
async fn rules(database: &Database) -> Result<HashMap<i64, Vec<String>>> {
    let sql = "SELECT ev_class::bigint, rulename::text FROM pg_rewrite
        WHERE is_instead AND ev_type <> '1' AND ev_enabled <> 'D' ORDER BY ev_class, rulename";
    grouped(rows(database, sql).await?)
}

async fn references(database: &Database) -> Result<HashMap<i64, Vec<ForeignKey>>> {
    // A reference to a partitioned table has children, one for each partition, that say the same again.
    let sql = "SELECT k.conrelid::bigint, k.oid::bigint, k.conname::text, NULLIF(n.nspname, current_schema())::text,
            c.relname::text, k.confdeltype::text, a.attname::text, b.attname::text, k.confmatchtype = 'f',
            k.confupdtype::text
        FROM pg_constraint AS k
        JOIN pg_class AS c ON c.oid = k.confrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS p (own, referenced, place)
        JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = p.own
        JOIN pg_attribute AS b ON b.attrelid = k.confrelid AND b.attnum = p.referenced
        WHERE k.contype = 'f' AND k.conparentid = 0
        ORDER BY k.conrelid, k.oid, p.place";
    let mut references: HashMap<i64, Vec<ForeignKey>> = HashMap::new();
    let mut last = None;
    for row in rows(database, sql).await? {
        let constraint: i64 = row.try_get_by_index(1)?;
        let keys = references.entry(row.try_get_by_index(0)?).or_default();
        if last != Some(constraint) {
            keys.push(ForeignKey {
                name: text(&row, 2)?,
                columns: Vec::new(),
                referenced_schema: row.try_get_by_index(3)?,
                referenced_table: text(&row, 4)?,
                referenced_columns: Vec::new(),
                on_delete: action(&text(&row, 5)?),
                on_update: action(&text(&row, 9)?),
                checks_each_row: false,
                matches_fully: row.try_get_by_index(8)?,
            });
        }
        if let Some(key) = keys.last_mut() {
            key.columns.push(text(&row, 6)?);
            key.referenced_columns.push(text(&row, 7)?);
        }
        last = Some(constraint);
    }
    Ok(references)
}

/// From the letter in `pg_constraint`.
fn action(letter: &str) -> ReferentialAction {
    match letter {
        "c" => ReferentialAction::Cascade,
        "n" => ReferentialAction::SetNull,
        "d" => ReferentialAction::SetDefault,
        _ => ReferentialAction::Restrict,
    }
}

/// The kind of values of a base type, from its name in `pg_type` and its modifier (-1 where it has none).
fn column_type(name: &str, modifier: i32) -> ColumnType {
    // Lengths are stored with four bytes of header added.
    let limit = u32::try_from(modifier - 4).ok().filter(|_| modifier >= 4);
    match name {
        "bool" => ColumnType::Boolean,
        "int2" => ColumnType::Integer { min: i16::MIN.into(), max: i16::MAX.into() },
        "int4" => ColumnType::Integer { min: i32::MIN.into(), max: i32::MAX.into() },
        "int8" => ColumnType::Integer { min: i64::MIN, max: i64::MAX },
        "oid" => ColumnType::Integer { min: 0, max: u32::MAX.into() },
        "numeric" => numeric(limit),
        "float4" | "float8" => ColumnType::Float,
        "varchar" | "bpchar" => ColumnType::Text { max_length: limit },
        "text" | "citext" => ColumnType::Text { max_length: None },
        "name" => ColumnType::Text { max_length: Some(63) },
        "char" => ColumnType::Text { max_length: Some(1) },
        "date" => ColumnType::Date,
        "time" => ColumnType::Time,
        "timestamp" => ColumnType::DateTime,
        "timestamptz" => ColumnType::DateTimeTz,
        "uuid" => ColumnType::Uuid,
        "json" | "jsonb" => ColumnType::Json,
        "bytea" => ColumnType::Bytes,
        _ => ColumnType::Other,
    }
}

/// `numeric(p, s)`: p in the upper 16 bits, s in the lower 11, signed since PostgreSQL 15.
fn numeric(limit: Option<u32>) -> ColumnType {
    let Some(limit) = limit else { return ColumnType::Decimal { precision: None, scale: None } };
    let (precision, scale) = (limit >> 16, ((limit & 0x7ff) as i32 ^ 1024) - 1024);
    match u32::try_from(scale) {
        Ok(scale) => ColumnType::Decimal { precision: Some(precision), scale: Some(scale) },
        // numeric(3, -2) holds five digits, the last two of them rounded to zeros.
        Err(_) => ColumnType::Decimal { precision: Some(precision + scale.unsigned_abs()), scale: Some(0) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modifiers_hold_lengths_and_digits() {
        assert_eq!(column_type("varchar", 24), ColumnType::Text { max_length: Some(20) });
        assert_eq!(column_type("varchar", -1), ColumnType::Text { max_length: None });
        let numeric = |modifier| column_type("numeric", modifier);
        let decimal = |precision, scale| ColumnType::Decimal { precision: Some(precision), scale: Some(scale) };
        assert_eq!(numeric((10 << 16 | 2) + 4), decimal(10, 2));
        assert_eq!(numeric((3 << 16 | (-2i32 & 0x7ff)) + 4), decimal(5, 0));
        assert_eq!(numeric(-1), ColumnType::Decimal { precision: None, scale: None });
    }
}
