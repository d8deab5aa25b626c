//! A table with its neighbours and rows.

use std::fmt::Write as _;

use rand::{RngExt as _, rngs::StdRng};

use super::{
    one_in, pick,
    rules::{ACTIONS, Rules},
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
        let refers_to_itself = key > 0 && one_in(random, 3);
        let mut schema = Self { kind, table, columns, key, rows: 0, refers_to_itself, script: String::new() };
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
        let rules = Rules::choose(self, random);
        if rules.refers {
            script += "CREATE TABLE upper_one (id integer PRIMARY KEY, note varchar(20));\n";
            script += "INSERT INTO upper_one VALUES (1, 'one'), (2, 'two');\n";
        }
        let end = if kind == Kind::Sqlite && self.key > 0 && one_in(random, 4) {
            " WITHOUT ROWID"
        } else {
            Default::default()
        };
        let mut parts: Vec<_> =
            self.columns.iter().enumerate().map(|(at, column)| self.column_sql(at, column, random)).collect();
        // Without a key, and without what could be one.
        parts.push(if self.key > 0 { "tag integer NOT NULL UNIQUE" } else { "tag integer" }.to_owned());
        if self.refers_to_itself {
            parts.push("parent_tag integer".to_owned());
        }
        parts.extend(rules.columns());
        if self.key > 0 {
            let key: Vec<_> = self.columns[..self.key].iter().map(|column| quote(kind, &column.name)).collect();
            parts.push(format!("PRIMARY KEY ({})", key.join(", ")));
        }
        if self.refers_to_itself {
            let action = pick(random, ACTIONS);
            parts.push(format!("FOREIGN KEY (parent_tag) REFERENCES {name} (tag) ON DELETE {action}"));
        }
        parts.extend(rules.constraints());
        let _ = writeln!(script, "CREATE TABLE {name} ({}){end};", parts.join(", "));
        let has_neighbour = self.key > 0 && one_in(random, 2);
        if has_neighbour {
            let action = pick(random, ACTIONS);
            let _ = writeln!(
                script,
                "CREATE TABLE neighbour (id integer PRIMARY KEY, t_tag integer, note varchar(20), FOREIGN KEY (t_tag) REFERENCES {name} (tag) ON DELETE {action});"
            );
        }
        self.columns.extend(rules.fields());
        let rows = self.rows(&rules, random);
        let mut columns: Vec<_> = self.columns.iter().map(|column| quote(kind, &column.name)).collect();
        columns.push("tag".to_owned());
        if self.refers_to_itself {
            columns.push("parent_tag".to_owned());
        }
        let _ = writeln!(script, "INSERT INTO {name} ({}) VALUES\n{};", columns.join(", "), rows.join(",\n"));
        if has_neighbour {
            for id in 1..=4 {
                let tag = random.random_range(1..=self.rows);
                let _ = writeln!(script, "INSERT INTO neighbour VALUES ({id}, {tag}, 'n');");
            }
        }
        if self.key > 0 && one_in(random, 3) {
            script += &self.trigger(random);
        }
        self.script = script;
    }

    fn column_sql(&self, at: usize, column: &Column, random: &mut StdRng) -> String {
        let is_open = column.nullable || (at < self.key && self.kind == Kind::Sqlite && one_in(random, 2));
        let null = if is_open { "" } else { " NOT NULL" };
        let sql = if at >= self.key || is_open { column.of.sql } else { column.of.sql.trim_end_matches(" NULL") };
        format!("{} {sql}{null}", quote(self.kind, &column.name))
    }

    /// The rows as SQL, in the order of the columns, then `tag` and `parent_tag`.
    fn rows(&mut self, rules: &Rules, random: &mut StdRng) -> Vec<String> {
        let mut values = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..random.random_range(3..40) {
            let mut cells: Vec<_> = self.columns.iter().map(|column| self.cell(column, random)).collect();
            let key: Vec<_> = cells[..self.key].iter().map(|cell| folded(cell)).collect();
            if self.key > 0 && !seen.insert(key) {
                continue;
            }
            self.rows += 1;
            if rules.unique {
                // The last of the columns: some have a value, each another.
                let value = if one_in(random, 2) { format!("{}", 100 + self.rows) } else { "NULL".to_owned() };
                *cells.last_mut().expect("a column") = value;
            }
            cells.push(self.rows.to_string());
            if self.refers_to_itself {
                let parent = random.random_range(-3..self.rows.max(2));
                cells.push(if parent > 0 && parent < self.rows { parent.to_string() } else { "NULL".to_owned() });
            }
            values.push(format!("({})", cells.join(", ")));
        }
        values
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

/// The same for literals that some type or collation takes for equal: then they are equal enough.
fn folded(literal: &str) -> String {
    let text = literal.trim_matches('\'').trim_end().to_lowercase();
    match text.parse::<f64>() {
        Ok(number) => number.to_string(),
        Err(_) => text.replace('ä', "a").replace('é', "e").replace('ß', "s"),
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
