//! What plain SQL does: each record by a statement of its own, in the order of the table's tags, so that a refusal is that record's.

use std::collections::{BTreeMap, BTreeSet};

use super::step::{Assignment, Deed};
use crate::{connection::Connection, dump::quoted as quote, support::Kind};

/// Why plain SQL did not do it to one record.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// What kind of rule was broken, in PowerCRUD's word, where the database's driver tells.
    pub(crate) code: Option<&'static str>,
    /// What the database said.
    #[expect(dead_code, reason = "told where PowerCRUD and plain SQL disagree")]
    pub(crate) message: String,
}

/// What became of the selected records.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) done: BTreeSet<i64>,
    pub(crate) refused: BTreeMap<i64, Refusal>,
    /// Gone when their turn came: deleted with another.
    pub(crate) gone: BTreeSet<i64>,
}

pub(crate) struct Judge {
    pub(crate) kind: Kind,
    pub(crate) plain: Connection,
}

impl Judge {
    /// The table's name as SQL; `schema.table` where it has a schema.
    pub(crate) fn table(&self, name: &str) -> String {
        name.split('.').map(|part| quote(self.kind, part)).collect::<Vec<_>>().join(".")
    }

    /// Tags of the rows that a condition selects, in order.
    pub(crate) async fn tags(&mut self, table: &str, condition: &str) -> Result<Vec<i64>, String> {
        let text = if self.kind == Kind::Mysql { "CHAR" } else { "TEXT" };
        let sql = format!("SELECT CAST(tag AS {text}) FROM {} WHERE {condition} ORDER BY tag + 0", self.table(table));
        let rows = self.plain.texts(&sql).await;
        Ok(rows.into_iter().filter_map(|row| row[0].as_deref()?.parse().ok()).collect())
    }

    /// The deed, in SQL.
    fn statement(&self, table: &str, deed: &Deed, condition: &str) -> String {
        let table = self.table(table);
        match deed {
            Deed::Delete => format!("DELETE FROM {table} WHERE {condition}"),
            Deed::Update(changes) => {
                let set = |change: &Assignment| format!("{} = {}", quote(self.kind, &change.column), change.sql);
                let sets: Vec<_> = changes.iter().map(set).collect();
                format!("UPDATE {table} SET {} WHERE {condition}", sets.join(", "))
            }
        }
    }

    /// Does it to each of `tags` alone.
    pub(crate) async fn one_by_one(&mut self, table: &str, deed: &Deed, tags: &[i64]) -> Verdict {
        let mut verdict = Verdict::default();
        for &tag in tags {
            match self.try_one(table, deed, tag).await {
                Ok(true) => _ = verdict.done.insert(tag),
                Ok(false) => _ = verdict.gone.insert(tag),
                Err(refusal) => _ = verdict.refused.insert(tag, refusal),
            }
        }
        verdict
    }

    /// Does it to all of `tags` by one statement.
    pub(crate) async fn at_once(&mut self, table: &str, deed: &Deed, tags: &BTreeSet<i64>) -> Result<u64, String> {
        if tags.is_empty() {
            return Ok(0);
        }
        let tags: Vec<_> = tags.iter().map(ToString::to_string).collect();
        let sql = self.statement(table, deed, &format!("tag IN ({})", tags.join(", ")));
        self.plain.execute(&sql).await.map_err(|error| format!("{sql}: {error}"))
    }

    /// Does it to one record in a savepoint; whether the record was there.
    pub(crate) async fn try_one(&mut self, table: &str, deed: &Deed, tag: i64) -> Result<bool, Refusal> {
        let condition = format!("tag = {tag}");
        let sql = self.statement(table, deed, &condition);
        self.run("SAVEPOINT one").await;
        match self.plain.execute(&sql).await {
            Ok(rows) => {
                self.run("RELEASE SAVEPOINT one").await;
                let left = self.tags(table, &condition).await.expect("tags");
                match (deed, rows, left.is_empty()) {
                    (Deed::Update(_), 0, true) => Ok(false),
                    // A trigger or a rule kept it as it was, without a word.
                    (_, 0, false) => Err(Refusal { code: None, message: String::new() }),
                    (Deed::Delete, 0, true) => Ok(false),
                    (Deed::Delete, _, false) => Err(Refusal { code: None, message: String::new() }),
                    _ => Ok(true),
                }
            }
            Err(error) => {
                // SQLite's RAISE(ROLLBACK) has ended the transaction with all that was done in it; the judge needs none then.
                let _ = self.plain.execute("ROLLBACK TO SAVEPOINT one").await;
                let _ = self.plain.execute("RELEASE SAVEPOINT one").await;
                Err(refusal(&error))
            }
        }
    }

    /// As [`Judge::try_one`], for good.
    pub(crate) async fn try_one_committed(&mut self, table: &str, deed: &Deed, tag: i64) -> Result<bool, Refusal> {
        self.begin(false).await;
        let outcome = self.try_one(table, deed, tag).await;
        // A trigger may have ended it.
        let _ = self.plain.execute("COMMIT").await;
        outcome
    }

    /// Begins a transaction, where each record is not to have one of its own.
    pub(crate) async fn begin(&mut self, autocommit: bool) {
        if !autocommit {
            self.run("BEGIN").await;
        }
        if self.kind == Kind::Postgres {
            self.run("SET CONSTRAINTS ALL IMMEDIATE").await;
        }
    }

    pub(crate) async fn commit(&mut self, autocommit: bool) {
        if !autocommit {
            self.run("COMMIT").await;
        }
    }

    pub(crate) async fn roll_back(&mut self, autocommit: bool) {
        if !autocommit {
            self.run("ROLLBACK").await;
        }
    }

    async fn run(&mut self, sql: &str) {
        self.plain.execute(sql).await.unwrap_or_else(|error| panic!("the judge's {sql}: {error}"));
    }
}

fn refusal(error: &sqlx::Error) -> Refusal {
    use sqlx::error::ErrorKind;
    let sqlx::Error::Database(database) = error else {
        return Refusal { code: None, message: error.to_string() };
    };
    let code = match database.kind() {
        ErrorKind::UniqueViolation => Some("UNIQUE"),
        ErrorKind::ForeignKeyViolation => Some("FOREIGN_KEY"),
        ErrorKind::NotNullViolation => Some("NOT_NULL"),
        ErrorKind::CheckViolation => Some("CHECK"),
        _ => None,
    };
    Refusal { code, message: database.message().to_owned() }
}
