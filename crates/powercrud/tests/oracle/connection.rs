//! A plain connection, for the judge and for the scripts.

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Executor as _, MySqlConnection, PgConnection, Row as _, SqliteConnection,
    mysql::{MySqlConnectOptions, MySqlRow},
    postgres::{PgConnectOptions, PgRow},
    raw_sql,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

use crate::{dump::quoted, support::Kind};

pub(crate) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    Mysql(MySqlConnection),
}

impl Connection {
    pub(crate) async fn open(kind: Kind, url: &str) -> Self {
        let opened = match kind {
            Kind::Sqlite => {
                let options: SqliteConnectOptions = url.parse().expect("an address that was made here");
                options.foreign_keys(true).connect().await.map(Self::Sqlite)
            }
            Kind::Postgres => {
                let options: PgConnectOptions = url.parse().expect("an address that was made here");
                options.connect().await.map(Self::Postgres)
            }
            Kind::Mysql => {
                let options: MySqlConnectOptions = url.parse().expect("an address that was made here");
                options.connect().await.map(Self::Mysql)
            }
        };
        opened.expect("a database that was made here")
    }

    /// Runs one statement; how many rows it matched.
    pub(crate) async fn execute(&mut self, sql: &str) -> sqlx::Result<u64> {
        let sql = raw_sql(AssertSqlSafe(sql.to_owned()));
        Ok(match self {
            Self::Sqlite(connection) => connection.execute(sql).await?.rows_affected(),
            Self::Postgres(connection) => connection.execute(sql).await?.rows_affected(),
            Self::Mysql(connection) => connection.execute(sql).await?.rows_affected(),
        })
    }

    /// Runs a SELECT whose columns are all texts.
    pub(crate) async fn texts(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.try_texts(sql).await.unwrap_or_else(|error| panic!("{error}: {sql}"))
    }

    /// As [`Connection::texts`], of what the database may refuse.
    pub(crate) async fn try_texts(&mut self, sql: &str) -> sqlx::Result<Vec<Vec<Option<String>>>> {
        macro_rules! read {
            ($connection:expr, $read:expr) => {
                $connection.fetch_all(raw_sql(AssertSqlSafe(sql.to_owned()))).await.map(|rows| {
                    let cells = |row: &_| (0..sqlx::Row::len(row)).map(|index| $read(row, index)).collect();
                    rows.iter().map(cells).collect()
                })
            };
        }
        let lossy = |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        match self {
            // A file may hold text that is none.
            Self::Sqlite(connection) => {
                read!(connection, |row: &SqliteRow, index| lossy(row.try_get_unchecked(index).expect("bytes")))
            }
            Self::Postgres(connection) => {
                read!(connection, |row: &PgRow, index| row.try_get_unchecked(index).expect("a text"))
            }
            Self::Mysql(connection) => {
                read!(connection, |row: &MySqlRow, index| lossy(row.try_get_unchecked(index).expect("bytes")))
            }
        }
    }

    /// The first column of a SELECT.
    pub(crate) async fn column(&mut self, sql: &str) -> Vec<String> {
        self.texts(sql).await.into_iter().map(|mut row| row.swap_remove(0).unwrap_or_default()).collect()
    }

    /// Drops what the case before has made; PowerCRUD's own tables stay.
    pub(crate) async fn clean(&mut self) {
        match self {
            Self::Sqlite(_) => {
                self.execute("PRAGMA foreign_keys = OFF").await.expect("a switch");
                for name in self.column("SELECT name FROM sqlite_schema WHERE type = 'view'").await {
                    self.drop_view(&quoted(Kind::Sqlite, &name)).await;
                }
                let names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' \
                    AND name NOT LIKE 'powercrud%' AND name NOT LIKE 'seaql%'";
                for name in self.column(names).await {
                    self.drop_table(&quoted(Kind::Sqlite, &name)).await;
                }
                self.execute("PRAGMA foreign_keys = ON").await.expect("a switch");
            }
            Self::Postgres(_) => {
                self.execute(CLEAN_POSTGRES).await.expect("a clean database");
            }
            Self::Mysql(_) => {
                self.execute("SET foreign_key_checks = 0").await.expect("a switch");
                let views =
                    "SELECT CAST(table_name AS CHAR) FROM information_schema.views WHERE table_schema = DATABASE()";
                for name in self.column(views).await {
                    self.drop_view(&quoted(Kind::Mysql, &name)).await;
                }
                let names = "SELECT CAST(table_name AS CHAR) FROM information_schema.tables WHERE table_schema = DATABASE() \
                    AND table_type = 'BASE TABLE' AND table_name NOT LIKE 'powercrud%' AND table_name NOT LIKE 'seaql%'";
                for name in self.column(names).await {
                    self.drop_table(&quoted(Kind::Mysql, &name)).await;
                }
                self.execute("SET foreign_key_checks = 1").await.expect("a switch");
            }
        }
    }

    async fn drop_table(&mut self, name: &str) {
        self.execute(&format!("DROP TABLE {name}")).await.expect("a table that was made here");
    }

    async fn drop_view(&mut self, name: &str) {
        self.execute(&format!("DROP VIEW {name}")).await.expect("a view that was made here");
    }
}

/// Sorted, so that every name is read before the first is dropped, which may take others with it.
const CLEAN_POSTGRES: &str = "DO $$ DECLARE r record; BEGIN
    FOR r IN SELECT c.oid::regclass::text AS name FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
        AND c.relkind IN ('r', 'p') AND c.relname NOT LIKE 'powercrud%' AND c.relname NOT LIKE 'seaql%' ORDER BY 1 LOOP
        EXECUTE format('DROP TABLE IF EXISTS %s CASCADE', r.name);
    END LOOP;
    FOR r IN SELECT p.oid::regprocedure::text AS name FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace ORDER BY 1 LOOP
        EXECUTE format('DROP FUNCTION IF EXISTS %s CASCADE', r.name);
    END LOOP;
    FOR r IN SELECT t.oid::regtype::text AS name FROM pg_type t WHERE t.typnamespace = 'public'::regnamespace AND t.typtype = 'd' ORDER BY 1 LOOP
        EXECUTE format('DROP DOMAIN IF EXISTS %s CASCADE', r.name);
    END LOOP;
    FOR r IN SELECT t.oid::regtype::text AS name FROM pg_type t WHERE t.typnamespace = 'public'::regnamespace AND t.typtype = 'e' ORDER BY 1 LOOP
        EXECUTE format('DROP TYPE IF EXISTS %s CASCADE', r.name);
    END LOOP;
    FOR r IN SELECT c.oid::regcollation::text AS name FROM pg_collation c WHERE c.collnamespace = 'public'::regnamespace ORDER BY 1 LOOP
        EXECUTE format('DROP COLLATION IF EXISTS %s CASCADE', r.name);
    END LOOP;
    FOR r IN SELECT nspname AS name FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('public', 'information_schema') ORDER BY 1 LOOP
        EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', r.name);
    END LOOP;
END $$";
