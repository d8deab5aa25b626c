//! Plain SQL does to a copy what PowerCRUD was asked for, record by record, each in a transaction of its own.

use std::collections::BTreeSet;

use crate::{
    case::{Case, Identity, Operation},
    connection::Connection,
    dump::NUMBER,
    support::Kind,
};

/// A selected record.
pub(crate) struct Record {
    /// The condition that finds its row.
    row: String,
    /// Its key as text, small letters.
    pub(crate) key: String,
}

/// What plain SQL did with a record.
#[derive(Debug)]
pub(crate) enum Fate {
    Applied,
    /// The database said no, so.
    #[expect(dead_code, reason = "told where PowerCRUD and plain SQL disagree")]
    Refused(String),
    /// The database said nothing, and the row is as it was.
    Kept,
    /// It went with a record before.
    Gone,
}

impl Fate {
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Kept)
    }
}

pub(crate) struct Judge<'a> {
    case: &'a Case,
    kind: Kind,
    connection: &'a mut Connection,
}

impl<'a> Judge<'a> {
    pub(crate) async fn new(case: &'a Case, kind: Kind, connection: &'a mut Connection) -> Self {
        if kind == Kind::Mysql {
            if case.identity == Identity::Row {
                let sql = format!(
                    "ALTER TABLE {} ADD COLUMN {NUMBER} BIGINT NOT NULL AUTO_INCREMENT UNIQUE INVISIBLE",
                    case.table
                );
                connection.execute("SET sql_mode = ''").await.expect("a session of the judge's own");
                connection.execute(&sql).await.unwrap_or_else(|error| panic!("{}: {error}", case.name));
            }
            let modes = "SET sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'";
            connection.execute(modes).await.expect("a session of the judge's own");
        }
        Self { case, kind, connection }
    }

    /// The records that the case selects, in the order of their keys.
    pub(crate) async fn selected(&mut self) -> Vec<Record> {
        let case = self.case;
        let key: Vec<_> = case.key.iter().map(|column| key_text(self.kind, column)).collect();
        let row = self.row();
        let select = format!(
            "SELECT {row}, {} FROM {} WHERE {} ORDER BY {}",
            key.join(", "),
            case.table,
            case.condition,
            case.key.join(", ")
        );
        let rows = self.connection.texts(&select).await;
        rows.into_iter()
            .map(|mut cells| {
                let row = cells.remove(0).expect("a condition");
                let mut parts: Vec<_> = cells.into_iter().map(Option::unwrap_or_default).collect();
                let key = match parts.len() {
                    1 => parts.remove(0),
                    _ => serde_json::json!(parts).to_string(),
                };
                Record { row, key: key.to_lowercase() }
            })
            .collect()
    }

    /// SQL that makes the condition by which a row is found again.
    fn row(&self) -> String {
        let by_key = |make: fn(&str) -> String, and: &str| {
            self.case.key.iter().map(|column| make(column)).collect::<Vec<_>>().join(and)
        };
        match (self.kind, self.case.identity) {
            (Kind::Sqlite, Identity::Row) => "'rowid = ' || rowid".into(),
            (Kind::Sqlite, Identity::Key) => {
                by_key(|column| format!("'{} IS ' || quote({column})", column.replace('\'', "''")), " || ' AND ' || ")
            }
            (Kind::Postgres, Identity::Row) => {
                "'ctid = ' || quote_literal(ctid::text) || ' AND tableoid = ' || tableoid::oid::text".into()
            }
            (Kind::Postgres, Identity::Key) => by_key(
                |column| format!("'{} = ' || quote_literal({column}::text)", column.replace('\'', "''")),
                " || ' AND ' || ",
            ),
            (Kind::Mysql, Identity::Row) => format!("CONCAT('{NUMBER} = ', {NUMBER})"),
            (Kind::Mysql, Identity::Key) => {
                let parts =
                    by_key(|column| format!("'{} = ', QUOTE({column})", column.replace('\'', "''")), ", ' AND ', ");
                format!("CONCAT({parts})")
            }
        }
    }

    /// Does to one record what the case says, and keeps it where the database takes it.
    pub(crate) async fn apply(&mut self, record: &Record) -> Fate {
        let Case { table, operation, .. } = self.case;
        let sql = match operation {
            Operation::Delete => format!("DELETE FROM {table} WHERE {}", record.row),
            Operation::Update(sets) => {
                let sets: Vec<_> = sets.iter().map(|set| format!("{} = {}", set.column, set.literal)).collect();
                format!("UPDATE {table} SET {} WHERE {}", sets.join(", "), record.row)
            }
        };
        self.connection.execute("BEGIN").await.expect("a transaction");
        let result = match self.connection.execute(&sql).await {
            Ok(rows) => self.connection.execute("COMMIT").await.map(|_| rows),
            Err(error) => Err(error),
        };
        match result {
            Ok(1) => Fate::Applied,
            Ok(0) => {
                let count = format!("SELECT CAST(COUNT(*) AS CHAR(9)) FROM {table} WHERE {}", record.row);
                if self.connection.column(&count).await == ["0"] { Fate::Gone } else { Fate::Kept }
            }
            Ok(rows) => panic!("{}: the judge's condition {} finds {rows} rows", self.case.name, record.row),
            Err(error) => {
                // Some errors end the transaction themselves.
                let _ = self.connection.execute("ROLLBACK").await;
                Fate::Refused(error.to_string())
            }
        }
    }

    /// Does it to all but `left_out`, again and again while that frees others; how each of the rest stands then.
    pub(crate) async fn apply_all<'r>(
        &mut self,
        records: &'r [Record],
        left_out: &BTreeSet<String>,
    ) -> Vec<(&'r Record, Fate)> {
        let mut left: Vec<_> = records.iter().filter(|record| !left_out.contains(&record.key)).collect();
        loop {
            let before = left.len();
            let mut refused = Vec::new();
            for record in left {
                let fate = self.apply(record).await;
                if fate.is_refusal() {
                    refused.push((record, fate));
                }
            }
            if refused.len() == before || refused.is_empty() {
                return refused;
            }
            left = refused.into_iter().map(|(record, _)| record).collect();
        }
    }
}

/// A part of a key as PowerCRUD tells it: text, bytes in hexadecimal.
fn key_text(kind: Kind, column: &str) -> String {
    match kind {
        Kind::Sqlite => format!("CASE typeof({column}) WHEN 'blob' THEN hex({column}) ELSE CAST({column} AS TEXT) END"),
        Kind::Postgres => format!(
            "CASE WHEN pg_typeof({column}) = 'bytea'::regtype THEN substr({column}::text, 3) ELSE {column}::text END"
        ),
        Kind::Mysql => format!("CAST({column} AS CHAR)"),
    }
}
