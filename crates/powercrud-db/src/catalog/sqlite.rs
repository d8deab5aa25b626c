//! Discovery on SQLite, through its pragmas as table-valued functions.
//!
//! Virtual tables (full-text and spatial indexes) and their shadow tables are left out: their rows are another table's business.
//! SQLite keeps no comments, and CHECK constraints only in the text of the CREATE TABLE.

use std::collections::HashMap;

use sea_orm::QueryResult;

use super::{Discovered, checks, rows, text};
use crate::{
    catalog::LeftOut,
    create_table::collation,
    database::Database,
    dialect::Dialect,
    error::Result,
    table::{Column, ColumnType, Constraint, Equality, ForeignKey, ReferentialAction, Table, TableKind},
    tokens::{Token, tokenize},
};

pub(super) async fn discover(database: &Database) -> Result<Discovered> {
    let mut found = Discovered::default();
    let mut columns = table_columns(database).await?;
    let mut keys = unique_keys(database).await?;
    let mut references = references(database).await?;
    let estimates = estimates(database).await?;
    for row in rows(database, TABLES).await? {
        let (name, kind, sql) = (text(&row, 0)?, text(&row, 1)?, text(&row, 2)?);
        let (mut table, declared) = if kind == "view" {
            match view_columns(database, &name).await {
                Ok(columns) => (Table::new(&name, TableKind::View), columns),
                // A view over a table that is gone breaks nobody but itself.
                Err(error) => {
                    found.left_out.push(LeftOut { name, reason: error.to_string() });
                    continue;
                }
            }
        } else {
            (Table::new(&name, TableKind::Table), columns.remove(&name).unwrap_or_default())
        };
        table.primary_key = primary_key(&declared);
        let own_keys = keys.remove(&name).unwrap_or_default();
        let rowid = rowid_alias(&declared, &table.primary_key, &own_keys, row.try_get_by_index(3)?);
        // Else statements, which compare by the columns' collations, would mean several rows by one key.
        let tells_apart = |key: &&UniqueKey| key.origin != "pk" || key.tells_apart(&sql);
        if !own_keys.iter().all(|key| tells_apart(&key)) {
            let key = table.primary_key.join(", ");
            let why = "compares by another collation than its columns, by which its rows can't be told apart";
            table.unusable_key = Some(format!("its primary key ({key}) {why}"));
            table.primary_key.clear();
        }
        table.columns = declared.into_iter().map(|declared| declared.into_column(rowid.as_deref())).collect();
        let others = own_keys.into_iter().filter(|key| key.origin != "pk" && key.whole && key.has_own_collations(&sql));
        table.unique_keys = others.map(|key| key.columns).collect();
        table.foreign_keys = references.remove(&name).unwrap_or_default();
        table.estimated_rows = estimates.get(&name).copied();
        apply_checks(&sql, &mut table.columns);
        table.replaces = replaces(&sql);
        table.constraints = constraints(&sql, &table.columns);
        found.tables.push(table);
    }
    Ok(found)
}

const TABLES: &str = "SELECT m.name, m.type, COALESCE(m.sql, ''), COALESCE(l.wr, 0) \
    FROM sqlite_schema AS m JOIN pragma_table_list(m.name) AS l ON l.schema = 'main' \
    WHERE m.type IN ('table', 'view') AND l.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' \
    ORDER BY m.name";

/// A column as `pragma_table_xinfo` tells of it.
struct Declared {
    name: String,
    declared_type: String,
    not_null: bool,
    default: Option<String>,
    /// The place in the primary key from 1, 0 where it has none.
    key_place: i64,
    generated: bool,
}

impl Declared {
    fn read(row: &QueryResult, first: usize) -> Result<Self> {
        Ok(Self {
            name: text(row, first)?,
            declared_type: text(row, first + 1)?,
            not_null: row.try_get_by_index::<i64>(first + 2)? != 0,
            default: row.try_get_by_index(first + 3)?,
            key_place: row.try_get_by_index(first + 4)?,
            // 2 is a virtual, 3 a stored generated column.
            generated: matches!(row.try_get_by_index::<i64>(first + 5)?, 2 | 3),
        })
    }

    fn into_column(self, rowid: Option<&str>) -> Column {
        let identity = rowid == Some(self.name.as_str());
        Column {
            column_type: column_type(&self.declared_type),
            parameter_type: self.declared_type.clone(),
            database_type: self.declared_type,
            dialect: Dialect::Sqlite,
            nullable: !self.not_null && !identity,
            default: self.default,
            generated: self.generated,
            identity,
            any_value: !identity,
            choices: Vec::new(),
            comment: String::new(),
            equality: Equality::default(),
            loose_collation: false,
            computed: None,
            name: self.name,
        }
    }
}

async fn table_columns(database: &Database) -> Result<HashMap<String, Vec<Declared>>> {
    let sql = "SELECT m.name, x.name, x.type, x.\"notnull\", x.dflt_value, x.pk, x.hidden \
        FROM sqlite_schema AS m JOIN pragma_table_list(m.name) AS l ON l.schema = 'main' AND l.type = 'table' \
        JOIN pragma_table_xinfo(m.name) AS x WHERE m.type = 'table' ORDER BY m.name, x.cid";
    let mut columns: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows(database, sql).await? {
        columns.entry(text(&row, 0)?).or_default().push(Declared::read(&row, 1)?);
    }
    Ok(columns)
}

/// The columns of one view, which fails where the view does.
async fn view_columns(database: &Database, view: &str) -> Result<Vec<Declared>> {
    let sql = format!(
        "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo('{}') ORDER BY cid",
        view.replace('\'', "''")
    );
    rows(database, &sql).await?.iter().map(|row| Declared::read(row, 0)).collect()
}

fn primary_key(columns: &[Declared]) -> Vec<String> {
    let mut key: Vec<_> = columns.iter().filter(|column| column.key_place > 0).collect();
    key.sort_by_key(|column| column.key_place);
    key.into_iter().map(|column| column.name.clone()).collect()
}

/// The column that is another name of the row's id: of type INTEGER exactly, the whole primary key, and without an index of its
/// own, which `INTEGER PRIMARY KEY DESC` has. <https://www.sqlite.org/lang_createtable.html#rowid>
fn rowid_alias(columns: &[Declared], key: &[String], indexes: &[UniqueKey], without_rowid: i64) -> Option<String> {
    let [name] = key else { return None };
    let column = columns.iter().find(|column| column.name == *name)?;
    let alias = column.declared_type.eq_ignore_ascii_case("INTEGER")
        && without_rowid == 0
        && indexes.iter().all(|index| index.origin != "pk");
    alias.then(|| name.clone())
}

/// A unique index.
struct UniqueKey {
    /// `pk`, `u` or `c`.
    origin: String,
    /// Whether it holds for all rows and over columns only.
    whole: bool,
    columns: Vec<String>,
    /// Of each column in the index, which may not be the column's own.
    collations: Vec<String>,
}

impl UniqueKey {
    /// Whether no two rows are alike in its columns, as these compare by themselves. Whatever a collation tells apart, bytes do.
    fn tells_apart(&self, create_table: &str) -> bool {
        self.each(create_table, |own, collation| is_binary(own) || own.eq_ignore_ascii_case(collation))
    }

    /// Whether it compares as its columns do by themselves.
    fn has_own_collations(&self, create_table: &str) -> bool {
        self.each(create_table, |own, collation| own.eq_ignore_ascii_case(collation))
    }

    fn each(&self, create_table: &str, fits: impl Fn(&str, &str) -> bool) -> bool {
        let own = |column: &String| collation(create_table, column).unwrap_or_else(|| "BINARY".to_owned());
        self.columns.iter().zip(&self.collations).all(|(column, collation)| fits(&own(column), collation))
    }
}

fn is_binary(collation: &str) -> bool {
    collation.eq_ignore_ascii_case("BINARY")
}

/// Whether a constraint of a CREATE TABLE says REPLACE.
fn replaces(create_table: &str) -> bool {
    let tokens = tokenize(create_table, Dialect::Sqlite);
    tokens
        .windows(3)
        .any(|words| words.iter().zip(["ON", "CONFLICT", "REPLACE"]).all(|(token, word)| token.is_word(word)))
}

async fn unique_keys(database: &Database) -> Result<HashMap<String, Vec<UniqueKey>>> {
    let sql = "SELECT m.name, i.name, i.origin, i.partial, x.name, COALESCE(x.coll, 'BINARY') \
        FROM sqlite_schema AS m JOIN pragma_table_list(m.name) AS l ON l.schema = 'main' AND l.type = 'table' \
        JOIN pragma_index_list(m.name) AS i JOIN pragma_index_xinfo(i.name) AS x \
        WHERE m.type = 'table' AND i.\"unique\" AND x.key ORDER BY m.name, i.seq DESC, x.seqno";
    let mut keys: HashMap<String, Vec<UniqueKey>> = HashMap::new();
    let mut last = None;
    for row in rows(database, sql).await? {
        let (table, index) = (text(&row, 0)?, text(&row, 1)?);
        let keys = keys.entry(table.clone()).or_default();
        if last.as_ref() != Some(&(table.clone(), index.clone())) {
            let whole = row.try_get_by_index::<i64>(3)? == 0;
            keys.push(UniqueKey { origin: text(&row, 2)?, whole, columns: Vec::new(), collations: Vec::new() });
        }
        if let Some(key) = keys.last_mut() {
            match row.try_get_by_index::<Option<String>>(4)? {
                Some(column) => {
                    key.columns.push(column);
                    key.collations.push(text(&row, 5)?);
                }
                None => key.whole = false,
            }
        }
        last = Some((table, index));
    }
    Ok(keys)
}

async fn references(database: &Database) -> Result<HashMap<String, Vec<ForeignKey>>> {
    let sql = "SELECT m.name, f.id, f.\"table\", f.\"from\", f.\"to\", f.on_delete, f.on_update \
        FROM sqlite_schema AS m JOIN pragma_table_list(m.name) AS l ON l.schema = 'main' AND l.type = 'table' \
        JOIN pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table' ORDER BY m.name, f.id DESC, f.seq";
    let mut references: HashMap<String, Vec<ForeignKey>> = HashMap::new();
    let mut last = None;
    for row in rows(database, sql).await? {
        let (table, id): (String, i64) = (text(&row, 0)?, row.try_get_by_index(1)?);
        let keys = references.entry(table.clone()).or_default();
        if last.as_ref() != Some(&(table.clone(), id)) {
            keys.push(ForeignKey {
                name: String::new(),
                columns: Vec::new(),
                referenced_schema: None,
                referenced_table: text(&row, 2)?,
                referenced_columns: Vec::new(),
                on_delete: ReferentialAction::named(&text(&row, 5)?),
                on_update: ReferentialAction::named(&text(&row, 6)?),
                checks_each_row: text(&row, 5)? == "RESTRICT",
                // It reads MATCH clauses and does not heed them.
                matches_fully: false,
            });
        }
        if let Some(key) = keys.last_mut() {
            key.columns.push(text(&row, 3)?);
            // Left out, the target's primary key is meant, which `resolve_references` fills in.
            key.referenced_columns.extend(row.try_get_by_index::<Option<String>>(4)?);
        }
        last = Some((table, id));
    }
    Ok(references)
}

/// Row counts from the last ANALYZE: `sqlite_stat1.stat` begins with the number of rows.
async fn estimates(database: &Database) -> Result<HashMap<String, u64>> {
    let analyzed = rows(database, "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'").await?;
    if analyzed.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = "SELECT tbl, MAX(CAST(stat AS INTEGER)) FROM sqlite_stat1 WHERE tbl IS NOT NULL GROUP BY tbl";
    let mut estimates = HashMap::new();
    for row in rows(database, sql).await? {
        if let Some(count) = row.try_get_by_index::<Option<i64>>(1)? {
            estimates.insert(text(&row, 0)?, count.unsigned_abs());
        }
    }
    Ok(estimates)
}

fn apply_checks(create_table: &str, columns: &mut [Column]) {
    let tokens = tokenize(create_table, Dialect::Sqlite);
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let is_column = |name: &str| names.iter().any(|own| own.eq_ignore_ascii_case(name));
    for body in checks::bodies(&tokens) {
        checks::apply(checks::choices(body, &is_column), columns);
    }
}

/// The named checks of a CREATE TABLE; one without a name SQLite calls by its condition.
fn constraints(create_table: &str, columns: &[Column]) -> Vec<Constraint> {
    let tokens = tokenize(create_table, Dialect::Sqlite);
    let mut found = Vec::new();
    for (index, window) in tokens.windows(3).enumerate() {
        let [constraint, name, check] = window else { continue };
        let (true, true, Token::Word(name) | Token::Quoted { name, .. }) =
            (constraint.is_word("CONSTRAINT"), check.is_word("CHECK"), name)
        else {
            continue;
        };
        let Some(body) = checks::bodies(&tokens[index + 2..]).first().copied() else { continue };
        let rule = checks::in_words(body);
        found.push(Constraint::check(name, &rule, columns, Dialect::Sqlite));
    }
    found
}

/// The kind of values that a declared type announces: the usual names first, then SQLite's own rules of affinity
/// (<https://www.sqlite.org/datatype3.html#determination_of_column_affinity>). SQLite keeps 64 bits for any integer.
fn column_type(declared: &str) -> ColumnType {
    let upper = declared.to_ascii_uppercase();
    let (name, arguments) = upper.split_once('(').map_or((upper.as_str(), ""), |(name, rest)| (name.trim(), rest));
    let limits: Vec<u32> =
        arguments.trim_end_matches(')').split(',').filter_map(|limit| limit.trim().parse().ok()).collect();
    // sea-query declares `timestamp_text`, `varbinary_blob`, `real_money`, so that SQLite finds the affinity.
    let name = name.strip_suffix("_TEXT").or(name.strip_suffix("_BLOB")).unwrap_or(name);
    let decimal = || ColumnType::Decimal { precision: limits.first().copied(), scale: limits.get(1).copied() };
    match name {
        "BOOL" | "BOOLEAN" => ColumnType::Boolean,
        "TINYINT" if limits == [1] => ColumnType::Boolean,
        "DATE" => ColumnType::Date,
        "TIME" => ColumnType::Time,
        "DATETIME" | "TIMESTAMP" | "TIMESTAMP WITHOUT TIME ZONE" => ColumnType::DateTime,
        "TIMESTAMPTZ" | "TIMESTAMP WITH TIME ZONE" | "TIMESTAMP_WITH_TIMEZONE" => ColumnType::DateTimeTz,
        "DECIMAL" | "DEC" | "NUMERIC" | "NUMBER" | "MONEY" | "CURRENCY" | "REAL_DECIMAL" | "REAL_MONEY" => decimal(),
        // sea-query's decimal(10, 2).
        "REAL" if limits.len() == 2 => decimal(),
        "UUID" | "GUID" => ColumnType::Uuid,
        "JSON" | "JSONB" => ColumnType::Json,
        "STRING" => ColumnType::Text { max_length: limits.first().copied() },
        "BINARY" | "VARBINARY" | "BYTEA" => ColumnType::Bytes,
        "YEAR" => ColumnType::Integer { min: i64::MIN, max: i64::MAX },
        name if name.contains("INT") => ColumnType::Integer { min: i64::MIN, max: i64::MAX },
        name if ["CHAR", "CLOB", "TEXT"].iter().any(|part| name.contains(part)) => {
            ColumnType::Text { max_length: limits.first().copied() }
        }
        name if name.contains("BLOB") => ColumnType::Bytes,
        name if ["REAL", "FLOA", "DOUB"].iter().any(|part| name.contains(part)) => ColumnType::Float,
        _ => ColumnType::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_constraint_says_is_read_past_comments() {
        assert!(replaces("CREATE TABLE t (a UNIQUE ON /* so */ CONFLICT -- here\n replace)"));
        assert!(!replaces("CREATE TABLE t (a UNIQUE ON CONFLICT ABORT, b DEFAULT 'ON CONFLICT REPLACE')"));
    }

    #[test]
    fn declared_types_are_read_by_name_and_affinity() {
        let whole = ColumnType::Integer { min: i64::MIN, max: i64::MAX };
        for (declared, expected) in [
            ("INTEGER", whole.clone()),
            ("unsigned big int", whole.clone()),
            ("INT8", whole),
            ("tinyint(1)", ColumnType::Boolean),
            ("NVARCHAR(160)", ColumnType::Text { max_length: Some(160) }),
            ("text", ColumnType::Text { max_length: None }),
            ("NUMERIC(10, 2)", ColumnType::Decimal { precision: Some(10), scale: Some(2) }),
            ("real(16, 4)", ColumnType::Decimal { precision: Some(16), scale: Some(4) }),
            ("DECIMAL", ColumnType::Decimal { precision: None, scale: None }),
            ("DOUBLE PRECISION", ColumnType::Float),
            ("DATETIME", ColumnType::DateTime),
            ("timestamp_with_timezone_text", ColumnType::DateTimeTz),
            ("date_text", ColumnType::Date),
            ("uuid_text", ColumnType::Uuid),
            ("json_text", ColumnType::Json),
            ("varbinary_blob(16)", ColumnType::Bytes),
            ("BLOB", ColumnType::Bytes),
            ("", ColumnType::Other),
            ("ANY", ColumnType::Other),
            ("INET", ColumnType::Other),
        ] {
            assert_eq!(column_type(declared), expected, "{declared}");
        }
    }
}
