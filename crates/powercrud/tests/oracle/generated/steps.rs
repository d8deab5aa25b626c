//! What is done to a generated table.

use rand::{RngExt as _, rngs::StdRng};

use super::{one_in, pick, rules::breaking, schema::Schema, types::Compare};
use crate::{
    dump::quoted as quote,
    step::{Action, Assignment, Bulk, Selected, Step},
    support::Kind,
};

pub(super) fn generate(schema: &Schema, random: &mut StdRng) -> Vec<Step> {
    let table = &schema.table;
    let mut steps = vec![Step::Pages { table: table.clone(), page_size: random.random_range(1..9) }];
    for _ in 0..random.random_range(4..9) {
        let tag = random.random_range(1..=schema.rows);
        if one_in(random, 4) {
            let change = assignment(schema, random);
            steps.push(Step::Edit { table: table.clone(), tag, change });
            continue;
        }
        let action = if one_in(random, 4) { Action::Delete } else { Action::Update(assignments(schema, random)) };
        let selection = selection(schema, matches!(action, Action::Delete), random);
        steps.push(Step::Bulk(Bulk {
            table: table.clone(),
            action,
            selection,
            background: !one_in(random, 3),
            chunk_size: random.random_range(1..8),
        }));
    }
    // All-or-nothing is for a request; one table has one size of chunks.
    let size = random.random_range(1..8);
    for step in &mut steps {
        if let Step::Bulk(bulk) = step {
            bulk.chunk_size = size;
        }
    }
    steps
}

fn assignments(schema: &Schema, random: &mut StdRng) -> Vec<Assignment> {
    let mut all = vec![assignment(schema, random)];
    if one_in(random, 3) {
        let other = assignment(schema, random);
        if other.column != all[0].column {
            all.push(other);
        }
    }
    all
}

fn assignment(schema: &Schema, random: &mut StdRng) -> Assignment {
    let column = pick(random, &schema.columns[schema.key..]);
    if column.nullable && one_in(random, 5) {
        return Assignment { column: column.name.clone(), text: None, sql: "NULL".to_owned() };
    }
    let value = match breaking(&column.name) {
        Some(value) if one_in(random, 3) => value,
        _ => *pick(random, column.of.values),
    };
    Assignment { column: column.name.clone(), text: Some(value.to_owned()), sql: schema.sql(column, value) }
}

fn selection(schema: &Schema, few: bool, random: &mut StdRng) -> Selected {
    match random.random_range(0..10) {
        0 if !few => Selected::All,
        0..3 => {
            let count = random.random_range(1..8);
            let mut tags: Vec<_> = (0..count).map(|_| random.random_range(1..=schema.rows)).collect();
            tags.sort_unstable();
            tags.dedup();
            Selected::Tags(tags)
        }
        _ => {
            let mut filters = vec![filter(schema, random)];
            if few || one_in(random, 3) {
                filters.push(filter(schema, random));
            }
            let (conditions, parts): (Vec<_>, Vec<_>) = filters.into_iter().unzip();
            Selected::Filter { conditions, sql: parts.join(" AND ") }
        }
    }
}

/// A condition as PowerCRUD is told, and as SQL.
fn filter(schema: &Schema, random: &mut StdRng) -> (String, String) {
    let comparable: Vec<_> = schema.columns.iter().filter(|column| column.of.compare != Compare::Never).collect();
    if comparable.is_empty() || one_in(random, 6) {
        let number = random.random_range(1..=schema.rows);
        return if one_in(random, 2) {
            (format!("tag__gte={number}"), format!("tag >= {number}"))
        } else {
            (format!("tag__lt={number}"), format!("tag < {number}"))
        };
    }
    let &column = pick(random, &comparable);
    let name = quote(schema.kind, &column.name);
    let value = *pick(random, column.of.values);
    let sql = schema.sql(column, value);
    // `IS NULL` finds more on MariaDB.
    let is_null = if schema.kind == Kind::Mysql { format!("{name} <=> NULL") } else { format!("{name} IS NULL") };
    let told = |word: &str, value: &str| format!("{}__{word}={value}", column.name);
    let ordered = matches!(column.of.compare, Compare::Ordered | Compare::Text);
    match random.random_range(0..8) {
        0 => (told("isnull", "true"), is_null.clone()),
        1 => (told("isnull", "false"), format!("NOT ({is_null})")),
        2 => (told("ne", value), format!("({name} <> {sql} OR {is_null})")),
        3 if ordered => (told("gt", value), format!("{name} > {sql}")),
        4 if ordered => (told("lte", value), format!("{name} <= {sql}")),
        5 if column.of.compare == Compare::Text && value.is_ascii() && !value.is_empty() => {
            let lower = format!("lower({sql})");
            let part = match schema.kind {
                Kind::Postgres => format!("position({lower} IN lower({name} COLLATE \"C\")) > 0"),
                // Whatever the column's own collation. INSTR would count bytes, and so find no `a` in what the connection's takes for one.
                Kind::Mysql => {
                    let escaped = value.replace('!', "!!").replace('%', "!%").replace('_', "!_");
                    format!("CAST({name} AS CHAR) LIKE {} ESCAPE '!'", schema.sql(column, &format!("%{escaped}%")))
                }
                Kind::Sqlite => format!("instr(lower({name}), {lower}) > 0"),
            };
            (told("contains", value), part)
        }
        6 if !value.contains(',') && !value.is_empty() => {
            let other = *pick(random, column.of.values);
            if other.contains(',') || other.is_empty() {
                (told("exact", value), format!("{name} = {sql}"))
            } else {
                (told("in", &format!("{value},{other}")), format!("{name} IN ({sql}, {})", schema.sql(column, other)))
            }
        }
        _ => (told("exact", value), format!("{name} = {sql}")),
    }
}
