//! Connections that find a program's own tables where they are kept.
//!
//! Statements name own tables plainly. Each goes through a [`Connection`] or a [`crate::Transaction`], and those put the schema before a
//! name where it stands for a table, and the namespace into it; columns are led by the table's name without the schema, which means the same. Text
//! that is sent unprepared, which is for the session, is sent as it is.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sea_orm::{DatabaseConnection, DbBackend, DbErr, Statement};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    dialect::Dialect,
    reach::Reach,
    tokens::{Token, spans},
    writers::Writers,
};

/// Tables of that prefix are PowerCRUD's own, and in no catalog.
pub const OWN_PREFIX: &str = "powercrud_";

/// Where own tables are kept and how they are called there, and which tables those are.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    /// The schema or database, with its name in quotes; `None` where it is the connection's own.
    pub(crate) schema: Option<(Arc<str>, Arc<str>)>,
    /// What stands in the tables' names after [`OWN_PREFIX`].
    pub(crate) namespace: Option<Arc<str>>,
    pub(crate) tables: &'static [&'static str],
    pub(crate) dialect: Dialect,
}

impl Home {
    /// An own name as it is in the database: of a table, or of an index on one.
    pub(crate) fn own_name(&self, name: &str) -> String {
        match (&self.namespace, name.strip_prefix(OWN_PREFIX)) {
            (Some(namespace), Some(rest)) => format!("{OWN_PREFIX}{namespace}_{rest}"),
            _ => name.to_owned(),
        }
    }

    /// Puts the namespace into each own name that `sql` quotes, also of what is no table.
    pub(crate) fn rename_all(&self, sql: &str) -> String {
        let (mut renamed, mut copied) = (String::with_capacity(sql.len() + 64), 0);
        for (token, span) in spans(sql, self.dialect) {
            if let Token::Quoted { name, .. } = token
                && name.starts_with(OWN_PREFIX)
            {
                renamed.push_str(&sql[copied..span.start]);
                renamed.push_str(&sql[span.clone()].replacen(&name, &self.own_name(&name), 1));
                copied = span.end;
            }
        }
        renamed.push_str(&sql[copied..]);
        renamed
    }

    /// Puts the schema before each own table, and the namespace into its name.
    fn qualify(&self, sql: &str) -> String {
        let tokens = spans(sql, self.dialect);
        let is_dot = |place: Option<usize>| {
            place.and_then(|place| tokens.get(place)).is_some_and(|(token, _)| *token == Token::Symbol('.'))
        };
        let (mut qualified, mut copied) = (String::with_capacity(sql.len() + 64), 0);
        for (place, (token, span)) in tokens.iter().enumerate() {
            let (Token::Quoted { name, .. } | Token::Word(name)) = token else { continue };
            if !self.tables.contains(&name.as_str()) || is_dot(place.checked_sub(1)) {
                continue;
            }
            qualified.push_str(&sql[copied..span.start]);
            if let Some((_, quoted)) = self.schema.as_ref().filter(|_| !is_dot(Some(place + 1))) {
                qualified.push_str(quoted);
                qualified.push('.');
            }
            qualified.push_str(&sql[span.clone()].replacen(name.as_str(), &self.own_name(name), 1));
            copied = span.end;
        }
        qualified.push_str(&sql[copied..]);
        qualified
    }
}

/// How statements are worded when they are sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wording {
    pub(crate) home: Option<Home>,
    /// How often tables were found to have changed. PostgreSQL's prepared statements keep the types of their parameters and columns, and each
    /// connection of the pool has its own, by their text: another text is prepared anew.
    version: Arc<AtomicU64>,
}

impl Wording {
    /// A statement as it is sent.
    pub(crate) fn sent(&self, mut statement: Statement) -> Statement {
        let home = self.home.as_ref();
        if let Some(home) = home.filter(|home| home.tables.iter().any(|table| statement.sql.contains(table))) {
            statement.sql = home.qualify(&statement.sql);
        }
        let version = self.version.load(Ordering::Relaxed);
        if version > 0 && statement.db_backend == DbBackend::Postgres {
            statement.sql = format!("{} /* {version} */", statement.sql);
        }
        statement
    }

    /// Leaves the statements that were prepared until now to themselves.
    pub(crate) fn renew(&self) {
        self.version.fetch_add(1, Ordering::Relaxed);
    }
}

/// A connection that finds the program's own tables where they are kept.
#[derive(Clone, Debug)]
pub struct Connection {
    pub(crate) inner: DatabaseConnection,
    pub(crate) wording: Wording,
    pub(crate) reach: Reach,
    pub(crate) writers: Writers,
}

/// What it does not do by itself does not know of own tables.
impl Deref for Connection {
    type Target = DatabaseConnection;

    fn deref(&self) -> &DatabaseConnection {
        &self.inner
    }
}

impl From<Connection> for DatabaseConnection {
    fn from(connection: Connection) -> Self {
        connection.inner
    }
}

impl Connection {
    /// Closes all connections of the pool.
    ///
    /// # Errors
    /// The database's.
    pub async fn close(self) -> std::result::Result<(), DbErr> {
        self.inner.close().await
    }

    /// Waits for the turn of a statement that writes by itself, where only one can write. Where that takes too long the database is asked
    /// all the same, and says so.
    pub(crate) async fn turn(&self, sql: &str) -> Option<OwnedSemaphorePermit> {
        let writes = |word: &str| sql.get(..word.len()).is_some_and(|first| first.eq_ignore_ascii_case(word));
        match ["INSERT", "UPDATE", "DELETE"].into_iter().any(writes) {
            true => self.writers.turn().await.ok().flatten(),
            false => None,
        }
    }

    /// Runs what takes a connection of the pool; where there is none, the error says why.
    pub(crate) async fn reaching<T>(
        &self,
        work: impl Future<Output = std::result::Result<T, DbErr>>,
    ) -> std::result::Result<T, DbErr> {
        self.reach.check(&self.inner).await?;
        match self.reach.unless_gone(&self.inner, work).await {
            Err(error) => Err(self.reach.explain(&self.inner, error).await),
            done => done,
        }
    }
}

/// Sends the statements of what has an `inner` connection in its `wording`.
macro_rules! send_worded {
    ($of:ty) => {
        #[sea_orm::prelude::async_trait::async_trait]
        impl sea_orm::ConnectionTrait for $of {
            fn get_database_backend(&self) -> sea_orm::DbBackend {
                self.inner.get_database_backend()
            }

            async fn execute_raw(
                &self,
                statement: sea_orm::Statement,
            ) -> std::result::Result<sea_orm::ExecResult, sea_orm::DbErr> {
                let _turn = self.turn(&statement.sql).await;
                self.reaching(self.inner.execute_raw(self.wording.sent(statement))).await
            }

            async fn execute_unprepared(&self, sql: &str) -> std::result::Result<sea_orm::ExecResult, sea_orm::DbErr> {
                self.reaching(self.inner.execute_unprepared(sql)).await
            }

            async fn query_one_raw(
                &self,
                statement: sea_orm::Statement,
            ) -> std::result::Result<Option<sea_orm::QueryResult>, sea_orm::DbErr> {
                let _turn = self.turn(&statement.sql).await;
                self.reaching(self.inner.query_one_raw(self.wording.sent(statement))).await
            }

            async fn query_all_raw(
                &self,
                statement: sea_orm::Statement,
            ) -> std::result::Result<Vec<sea_orm::QueryResult>, sea_orm::DbErr> {
                let _turn = self.turn(&statement.sql).await;
                self.reaching(self.inner.query_all_raw(self.wording.sent(statement))).await
            }
        }
    };
}

pub(crate) use send_worded;

send_worded!(Connection);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_qualified_and_columns_and_texts_are_not() {
        let of = |dialect, quoted: &str| Home {
            schema: Some(("o\"f`us".into(), quoted.into())),
            namespace: None,
            tables: &["own", "own_other"],
            dialect,
        };
        for (dialect, quoted, sql, expected) in [
            (
                Dialect::Postgres,
                r#""o""f`us""#,
                r#"SELECT "own"."a", "x"."own" FROM "own" JOIN "own_other" AS "own_2" ON "own_2"."a" = $1 WHERE 'own' <> "b"."own""#,
                r#"SELECT "own"."a", "x"."own" FROM "o""f`us"."own" JOIN "o""f`us"."own_other" AS "own_2" ON "own_2"."a" = $1 WHERE 'own' <> "b"."own""#,
            ),
            (
                Dialect::Mysql,
                r#"`o"f``us`"#,
                r"DELETE FROM `own` WHERE `own`.`a` = 'it\'s `own`' AND `own`.`b` IN (SELECT 1 FROM `item`)",
                r#"DELETE FROM `o"f``us`.`own` WHERE `own`.`a` = 'it\'s `own`' AND `own`.`b` IN (SELECT 1 FROM `item`)"#,
            ),
        ] {
            assert_eq!(of(dialect, quoted).qualify(sql), expected);
        }
    }

    #[test]
    fn a_namespace_is_put_into_names_of_tables_and_into_no_others() {
        let home = |schema: Option<&str>| Home {
            schema: schema.map(|schema| (schema.into(), format!("\"{schema}\"").into())),
            namespace: Some("shop".into()),
            tables: &["powercrud_lock", "powercrud_lock_task"],
            dialect: Dialect::Postgres,
        };
        let sql = r#"SELECT "powercrud_lock"."key", "powercrud_kept"."powercrud_lock" FROM "powercrud_lock" JOIN powercrud_lock_task ON 'powercrud_lock' = $1"#;
        assert_eq!(
            home(None).qualify(sql),
            r#"SELECT "powercrud_shop_lock"."key", "powercrud_kept"."powercrud_lock" FROM "powercrud_shop_lock" JOIN powercrud_shop_lock_task ON 'powercrud_lock' = $1"#
        );
        assert_eq!(
            home(Some("own")).qualify(r#"DELETE FROM "powercrud_lock" WHERE "powercrud_lock"."key" = $1"#),
            r#"DELETE FROM "own"."powercrud_shop_lock" WHERE "powercrud_shop_lock"."key" = $1"#
        );
        assert_eq!(
            home(None).rename_all(r#"CREATE INDEX "powercrud_lock_task" ON "powercrud_lock" ("task_id")"#),
            r#"CREATE INDEX "powercrud_shop_lock_task" ON "powercrud_shop_lock" ("task_id")"#
        );
    }
}
