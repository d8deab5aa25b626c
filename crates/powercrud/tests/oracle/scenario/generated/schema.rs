//! A table with its neighbours and rows.

use std::fmt::Write as _;

use rand::{RngExt as _, rngs::StdRng};

use super::{
    one_in, pick,
    types::{Type, types},
};
use crate::{dump::quoted as quote, support::Kind};

/// A column of the table.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) of: &'static Type,
    pub(super) nullable: bool,
}

pub(super) struct Schema {
    pub(super) kind: Kind,
    pub(super) table: String,
    /// All but `tag` and the references.
    pub(super) columns: Vec<Column>,
    /// How many of the columns make the key, the first ones.
    pub(super) key: usize,
    /// Rows have the tags from 1 to this.
    pub(super) rows: i64,
    /// Whether rows refer to rows of the same table by `parent_tag`.
    pub(super) refers_to_itself: bool,
    pub(super) script: String,
}

const NAMES: &[&str] = &[
    "t0",
    "order",
    "select",
    "Größe",
    "it's",
    "a b",
    "x%y",
    "q?",
    "$1",
    "a\"b",
    "group",
    "CamelCase",
    "tab\tbed",
    "user",
    "a__gt",
    "naïve",
    "表",
];
const COLUMNS: &[&str] = &[
    "a", "b", "c", "Name", "select", "from", "a b", "it's", "p%", "q?", "$2", "größe", "x__y", "order", "page", "q",
    "d\"e", "`tick`", "ordering", "名",
];

impl Schema {
    pub(super) fn generate(kind: Kind, random: &mut StdRng) -> Self {
        let types = types(kind);
        let table = pick(random, NAMES).to_string();
        let mut names: Vec<_> = COLUMNS.to_vec();
        let mut take = |random: &mut StdRng| names.swap_remove(random.random_range(0..names.len())).to_owned();
        // Sometimes no key at all.
        let key = [1, 1, 1, 1, 1, 2, 2, 3, 0][random.random_range(0..9)];
        let mut columns = Vec::new();
        for _ in 0..key {
            let keys: Vec<_> = types.iter().filter(|of| of.key).collect();
            let name = take(random);
            let &of = pick(random, &keys);
            columns.push(Column { name, of, nullable: false });
        }
        for _ in 0..random.random_range(2..5) {
            columns.push(Column { name: take(random), of: pick(random, types), nullable: !one_in(random, 3) });
        }
        let mut schema =
            Self { kind, table, columns, key, rows: 0, refers_to_itself: one_in(random, 3), script: String::new() };
        schema.write(random);
        schema
    }

    fn write(&mut self, random: &mut StdRng) {
        let kind = self.kind;
        let name = quote(kind, &self.table);
        let mut script = String::new();
        if kind == Kind::Postgres {
            script += "CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'Happy');\n";
        }
        let mut parts = Vec::new();
        for (at, column) in self.columns.iter().enumerate() {
            let null = if column.nullable || (at < self.key && kind == Kind::Sqlite && one_in(random, 2)) {
                ""
            } else {
                " NOT NULL"
            };
            let sql = if at >= self.key || !null.is_empty() {
                column.of.sql
            } else {
                column.of.sql.trim_end_matches(" NULL")
            };
            parts.push(format!("{} {sql}{null}", quote(kind, &column.name)));
            if at + 1 == self.key.max(1) {
                parts.push("tag integer NOT NULL UNIQUE".to_owned());
            }
        }
        if self.key > 0 {
            let key: Vec<_> = self.columns[..self.key].iter().map(|column| quote(kind, &column.name)).collect();
            parts.push(format!("PRIMARY KEY ({})", key.join(", ")));
        } else {
            // Without a key, and without what could be one.
            parts.iter_mut().for_each(|part| *part = part.replace("tag integer NOT NULL UNIQUE", "tag integer"));
        }
        let with_tag = self.key > 0;
        if !with_tag {
            self.refers_to_itself = false;
        }
        if self.refers_to_itself {
            let action = pick(random, &["CASCADE", "SET NULL", "RESTRICT", "NO ACTION"]);
            parts.push("parent_tag integer".to_owned());
            parts.push(format!("FOREIGN KEY (parent_tag) REFERENCES {name} (tag) ON DELETE {action}"));
            if kind == Kind::Sqlite {
                // Table constraints come last there.
                parts.sort_by_key(|part| part.starts_with("PRIMARY KEY") || part.starts_with("FOREIGN KEY"));
            }
        }
        let mut end = String::new();
        if kind == Kind::Sqlite && self.key > 0 && one_in(random, 4) {
            end.push_str(" WITHOUT ROWID");
        }
        let _ = writeln!(script, "CREATE TABLE {name} ({}){end};", parts.join(", "));
        if with_tag && one_in(random, 2) {
            let action = pick(random, &["CASCADE", "SET NULL", "RESTRICT", "NO ACTION"]);
            let _ = writeln!(
                script,
                "CREATE TABLE neighbour (id integer PRIMARY KEY, t_tag integer, note varchar(20), FOREIGN KEY (t_tag) REFERENCES {name} (tag) ON DELETE {action});"
            );
        }
        self.rows = 0;
        let mut values = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..random.random_range(3..40) {
            let cells: Vec<_> = self.columns.iter().map(|column| self.cell(column, random)).collect();
            // Equal under any collation is equal enough.
            let key: Vec<_> =
                cells[..self.key].iter().map(|cell| cell.trim_end_matches([' ', '\'']).to_lowercase()).collect();
            if self.key > 0 && !seen.insert(key) {
                continue;
            }
            self.rows += 1;
            let mut all = cells;
            all.insert(self.key.max(1), self.rows.to_string());
            if self.refers_to_itself {
                let parent = random.random_range(-3..self.rows.max(2));
                all.push(if parent > 0 && parent < self.rows { parent.to_string() } else { "NULL".to_owned() });
            }
            values.push(format!("({})", all.join(", ")));
        }
        let _ = writeln!(script, "INSERT INTO {name} VALUES\n{};", values.join(",\n"));
        if script.contains("CREATE TABLE neighbour") {
            for id in 1..=4 {
                let _ = writeln!(
                    script,
                    "INSERT INTO neighbour VALUES ({id}, {}, 'n');",
                    random.random_range(1..=self.rows)
                );
            }
        }
        if with_tag && one_in(random, 3) {
            script += &self.trigger(random);
        }
        self.script = script;
    }

    fn cell(&self, column: &Column, random: &mut StdRng) -> String {
        if column.nullable && one_in(random, 4) {
            return "NULL".to_owned();
        }
        {
            let &value = pick(random, column.of.values);
            self.sql(column, value)
        }
    }

    /// The value as a literal.
    pub(super) fn sql(&self, column: &Column, value: &str) -> String {
        let bare =
            self.kind == Kind::Sqlite && ["integer", "real", "decimal(10,2)", "boolean"].contains(&column.of.sql);
        if bare { value.to_owned() } else { literal(self.kind, value) }
    }

    /// A trigger that refuses some rows, keeps them as they were, or has a thought of its own.
    fn trigger(&self, random: &mut StdRng) -> String {
        let name = quote(self.kind, &self.table);
        let when = pick(random, &["UPDATE", "DELETE"]);
        let (modulus, rest) = (random.random_range(2..6), random.random_range(0..2));
        let condition = format!("OLD.tag % {modulus} = {rest}");
        match self.kind {
            Kind::Sqlite => {
                let effect =
                    pick(random, &["RAISE(ABORT, 'not this one')", "RAISE(FAIL, 'not this one')", "RAISE(IGNORE)"]);
                format!("CREATE TRIGGER tr BEFORE {when} ON {name} WHEN {condition} BEGIN SELECT {effect}; END;\n")
            }
            Kind::Postgres => {
                let states = ["P0001", "23000", "42501", "P0002", "54000", "22012", "23514", "ABCDE"];
                let state = pick(random, &states);
                let raise = format!("RAISE EXCEPTION 'not this one' USING ERRCODE = '{state}';");
                let effect = pick(random, &[raise.as_str(), "RETURN NULL;"]).to_string();
                format!(
                    "CREATE FUNCTION tr() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {condition} THEN {effect} END IF;
                    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$;
                    CREATE TRIGGER tr BEFORE {when} ON {name} FOR EACH ROW EXECUTE FUNCTION tr();\n"
                )
            }
            Kind::Mysql => {
                let state = pick(random, &["45000", "23000", "42000", "HY000", "22012"]);
                format!(
                    "CREATE TRIGGER tr BEFORE {when} ON {name} FOR EACH ROW BEGIN IF {condition} THEN
                    SIGNAL SQLSTATE '{state}' SET MESSAGE_TEXT = 'not this one'; END IF; END;\n"
                )
            }
        }
    }
}

/// The text as a literal.
fn literal(kind: Kind, text: &str) -> String {
    let doubled = text.replace('\'', "''");
    match kind {
        Kind::Mysql => format!("'{}'", doubled.replace('\\', "\\\\")),
        _ => format!("'{doubled}'"),
    }
}
