//! What plain SQL does: each record by a statement of its own, in the order of the table's tags, so that a refusal is that record's.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    connection::Connection,
    dump::quoted as quote,
    step::{Action, Assignment},
    support::Kind,
};

/// Why plain SQL did not do it to one record.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// What kind of rule was broken, in PowerCRUD's word, where the database's driver tells.
    pub(crate) code: Option<&'static str>,
    /// What the database said.
    #[expect(dead_code, reason = "told where PowerCRUD and plain SQL disagree")]
    pub(crate) message: String,
}

/// The outcome of the selected records.
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
    /// Whether what is done to the tables can be undone.
    pub(crate) has_transactions: bool,
}

impl Judge {
    pub(crate) async fn new(kind: Kind, mut plain: Connection) -> Self {
        let without = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() \
             AND table_type = 'BASE TABLE' AND engine <> 'InnoDB' AND table_name NOT LIKE 'powercrud%'";
        let has_transactions = kind != Kind::Mysql || plain.texts(without).await.is_empty();
        Self { kind, plain, has_transactions }
    }

    /// The table's name as SQL; `schema.table` where it has a schema. The records of a table that others inherit from are its own rows.
    async fn table(&mut self, name: &str) -> String {
        let quoted = name.split('.').map(|part| quote(self.kind, part)).collect::<Vec<_>>().join(".");
        if self.kind == Kind::Postgres {
            let parents = format!(
                "SELECT 'a parent' FROM pg_inherits JOIN pg_class ON pg_class.oid = inhparent \
                 WHERE relkind = 'r' AND inhparent = '{}'::regclass",
                quoted.replace('\'', "''")
            );
            if !self.plain.texts(&parents).await.is_empty() {
                return format!("ONLY {quoted}");
            }
        }
        quoted
    }

    /// Tags of the rows that a condition selects, in order.
    pub(crate) async fn tags(&mut self, table: &str, condition: &str) -> Result<Vec<i64>, String> {
        let text = if self.kind == Kind::Mysql { "CHAR" } else { "TEXT" };
        let table = self.table(table).await;
        let sql = format!("SELECT CAST(tag AS {text}) FROM {table} WHERE {condition} ORDER BY tag + 0");
        let rows = self.plain.texts(&sql).await;
        Ok(rows.into_iter().filter_map(|row| row[0].as_deref()?.parse().ok()).collect())
    }

    /// The deed, in SQL.
    async fn statement(&mut self, table: &str, action: &Action, condition: &str) -> String {
        let table = self.table(table).await;
        match action {
            Action::Delete => format!("DELETE FROM {table} WHERE {condition}"),
            Action::Update(changes) => {
                let set = |change: &Assignment| format!("{} = {}", quote(self.kind, &change.column), change.sql);
                let sets: Vec<_> = changes.iter().map(set).collect();
                format!("UPDATE {table} SET {} WHERE {condition}", sets.join(", "))
            }
        }
    }

    /// Those of `tags` whose rows hold all the new values already: what is as it should be is not written, so no trigger hears of it.
    pub(crate) async fn holding(
        &mut self,
        table: &str,
        action: &Action,
        tags: &[i64],
    ) -> Result<BTreeSet<i64>, String> {
        let Action::Update(changes) = action else { return Ok(BTreeSet::new()) };
        let mut conditions = vec!["1 = 1".to_owned()];
        for change in changes {
            let (column, value) = (quote(self.kind, &change.column), &change.sql);
            let column_type = self.column_type(table, &change.column).await;
            let is_text = ["char", "text", "enum", "set"].iter().any(|part| column_type.contains(part));
            conditions.push(match self.kind {
                // Whatever the collation takes for equal.
                Kind::Sqlite => format!("{column} IS {value} COLLATE BINARY"),
                Kind::Mysql if is_text => format!("CAST({column} AS BINARY) <=> CAST({value} AS BINARY)"),
                Kind::Mysql => format!("{column} <=> {value}"),
                Kind::Postgres => {
                    format!("CAST({column} AS text) IS NOT DISTINCT FROM CAST(CAST({value} AS {column_type}) AS text)")
                }
            });
        }
        let (table, condition) = (self.table(table).await, conditions.join(" AND "));
        let text = if self.kind == Kind::Mysql { "CHAR" } else { "TEXT" };
        // A value that the column can't hold is held by none.
        let held = self.plain.try_texts(&format!("SELECT CAST(tag AS {text}) FROM {table} WHERE {condition}")).await;
        let held = held.unwrap_or_default().into_iter().filter_map(|row| row[0].as_deref()?.parse().ok());
        Ok(held.filter(|tag| tags.contains(tag)).collect())
    }

    /// Whether the row's number is the new one but for zeros at its end, which PostgreSQL keeps: who edits one record and says 0 of 0.00 changes
    /// nothing.
    pub(crate) async fn holds_number(&mut self, table: &str, change: &Assignment, tag: i64) -> bool {
        let column_type = self.column_type(table, &change.column).await;
        if self.kind != Kind::Postgres || !column_type.starts_with("numeric") {
            return false;
        }
        let (table, column) = (self.table(table).await, quote(self.kind, &change.column));
        let sql = format!(
            "SELECT CAST(tag AS TEXT) FROM {table} WHERE tag = {tag} AND {column} = CAST({} AS numeric)",
            change.sql
        );
        self.plain.try_texts(&sql).await.is_ok_and(|rows| !rows.is_empty())
    }

    async fn column_type(&mut self, table: &str, column: &str) -> String {
        let text = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
        let sql = match self.kind {
            Kind::Sqlite => return String::new(),
            Kind::Mysql => format!(
                "SELECT CAST(column_type AS CHAR) FROM information_schema.columns \
                 WHERE table_schema = DATABASE() AND table_name = {} AND column_name = {}",
                text(table),
                text(column)
            ),
            Kind::Postgres => format!(
                "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = {}::regclass AND attname = {}",
                text(self.table(table).await.trim_start_matches("ONLY ")),
                text(column)
            ),
        };
        self.plain.column(&sql).await.swap_remove(0)
    }

    /// Does it to each of `tags` alone.
    pub(crate) async fn one_by_one(&mut self, table: &str, action: &Action, tags: &[i64]) -> Verdict {
        let mut verdict = Verdict::default();
        for &tag in tags {
            match self.try_one(table, action, tag).await {
                Ok(true) => _ = verdict.done.insert(tag),
                Ok(false) => _ = verdict.gone.insert(tag),
                Err(refusal) => _ = verdict.refused.insert(tag, refusal),
            }
        }
        verdict
    }

    /// Does it to all of `tags` by one statement.
    pub(crate) async fn at_once(&mut self, table: &str, action: &Action, tags: &BTreeSet<i64>) -> Result<u64, String> {
        if tags.is_empty() {
            return Ok(0);
        }
        let tags: Vec<_> = tags.iter().map(ToString::to_string).collect();
        let sql = self.statement(table, action, &format!("tag IN ({})", tags.join(", "))).await;
        self.plain.execute(&sql).await.map_err(|error| format!("{sql}: {error}"))
    }

    /// Deletes all of `tags`, those first that no other refers to; those that are left can't be.
    pub(crate) async fn one_after_the_other(
        &mut self,
        table: &str,
        action: &Action,
        tags: &BTreeSet<i64>,
    ) -> BTreeSet<i64> {
        let mut left = tags.clone();
        loop {
            let verdict = self.one_by_one(table, action, &left.iter().copied().collect::<Vec<_>>()).await;
            if verdict.refused.is_empty() || verdict.done.is_empty() {
                return verdict.refused.into_keys().collect();
            }
            left = verdict.refused.into_keys().collect();
        }
    }

    /// Does it to one record in a savepoint; whether the record was there.
    pub(crate) async fn try_one(&mut self, table: &str, action: &Action, tag: i64) -> Result<bool, Refusal> {
        let condition = format!("tag = {tag}");
        let sql = self.statement(table, action, &condition).await;
        if self.has_transactions {
            self.run("SAVEPOINT one").await;
        }
        match self.plain.execute(&sql).await {
            Ok(rows) => {
                if self.has_transactions {
                    self.run("RELEASE SAVEPOINT one").await;
                }
                let left = self.tags(table, &condition).await.expect("tags");
                match (action, rows, left.is_empty()) {
                    (Action::Update(_), 0, true) => Ok(false),
                    // A trigger or a rule kept it as it was, without a word.
                    (_, 0, false) => Err(Refusal { code: None, message: String::new() }),
                    (Action::Delete, 0, true) => Ok(false),
                    (Action::Delete, _, false) => Err(Refusal { code: None, message: String::new() }),
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
    pub(crate) async fn try_one_committed(&mut self, table: &str, action: &Action, tag: i64) -> Result<bool, Refusal> {
        self.begin(false).await;
        let outcome = self.try_one(table, action, tag).await;
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
        // What SQLite says of RESTRICT.
        _ if database.message() == "FOREIGN KEY constraint failed" => Some("FOREIGN_KEY"),
        ErrorKind::UniqueViolation => Some("UNIQUE"),
        ErrorKind::ForeignKeyViolation => Some("FOREIGN_KEY"),
        ErrorKind::NotNullViolation => Some("NOT_NULL"),
        ErrorKind::CheckViolation => Some("CHECK"),
        _ => None,
    };
    Refusal { code, message: database.message().to_owned() }
}
