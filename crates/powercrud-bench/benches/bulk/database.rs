//! A database of this run's own, with a table of items.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use powercrud::{PowerCrud, Resource, Settings, db::Database};
use sea_orm::ConnectionTrait as _;

/// A kind of database.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
    Mysql,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::Mysql];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }
}

/// A database that is dropped at the end.
pub(crate) struct Bench {
    pub(crate) kind: Kind,
    pub(crate) url: String,
    pub(crate) database: Database,
    server: Option<Database>,
    pub(crate) name: String,
}

impl Bench {
    /// Makes an empty database.
    pub(crate) async fn create(kind: Kind) -> Result<Self> {
        let name = format!("powercrud_bench_{}", std::process::id());
        let (server, url) = match kind {
            Kind::Sqlite => (None, format!("sqlite:{}?mode=rwc", file(&name).display())),
            Kind::Postgres => {
                server("POWERCRUD_TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres", &name).await?
            }
            Kind::Mysql => server("POWERCRUD_TEST_MYSQL_URL", "mysql://root@127.0.0.1:3306/test", &name).await?,
        };
        let database = Database::connect(&url).await?;
        Ok(Self { kind, url, database, server, name })
    }

    /// Drops it.
    pub(crate) async fn drop(self) -> Result<()> {
        self.database.connection().clone().close().await?;
        match &self.server {
            Some(server) => {
                server.connection().execute_unprepared(&format!("DROP DATABASE {}", self.name)).await?;
            }
            None => {
                for suffix in ["", "-wal", "-shm"] {
                    let path = file(&format!("{}{suffix}", self.name));
                    if path.exists() {
                        std::fs::remove_file(&path).with_context(|| format!("can't remove {}", path.display()))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Runs SQL that every database understands.
    pub(crate) async fn execute(&self, sql: &str) -> Result<()> {
        self.database.connection().execute_unprepared(sql).await.with_context(|| sql.to_owned())?;
        Ok(())
    }

    /// Makes the table anew with so many rows: a hundred categories, an index by category and title, and one by title.
    pub(crate) async fn fill(&self, table: &str, rows: u64) -> Result<()> {
        // One script, so one connection: another may still believe in the indexes of the table before. The numbers come from joining
        // digits with themselves, which all databases do alike and fast.
        self.execute(&format!(
            "DROP TABLE IF EXISTS {table}; DROP TABLE IF EXISTS digit; \
             CREATE TABLE {table} (id INTEGER PRIMARY KEY, title VARCHAR(80) NOT NULL, category INTEGER NOT NULL, \
             status VARCHAR(20) NOT NULL, price DECIMAL(10, 2) NOT NULL, stock INTEGER NOT NULL, note VARCHAR(200), listed DATE); \
             CREATE TABLE digit (d INTEGER PRIMARY KEY); \
             INSERT INTO digit VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9); \
             INSERT INTO {table} SELECT n, CONCAT('Item ', n % 9973, ' of the catalogue'), n % 100, 'listed', \
             (n % 9000) / 100.0, n % 50, CONCAT('A note of some length on item number ', n), '2026-01-31' FROM \
             (SELECT 1 + a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d + 100000 * f.d AS n FROM digit a CROSS JOIN \
             digit b CROSS JOIN digit c CROSS JOIN digit d CROSS JOIN digit e CROSS JOIN digit f) numbers WHERE n <= {rows}; \
             DROP TABLE digit; \
             CREATE INDEX {table}_category_title ON {table} (category, title); \
             CREATE INDEX {table}_title ON {table} (title)"
        ))
        .await?;
        self.settle(table).await
    }

    /// Makes a table that refers to the items, with references to so many tenths of them, spread evenly.
    pub(crate) async fn refer(&self, tenths: u64) -> Result<()> {
        self.execute(&format!(
            "CREATE TABLE sale (id INTEGER PRIMARY KEY, item_id INTEGER NOT NULL, FOREIGN KEY (item_id) REFERENCES item (id)); \
             CREATE INDEX sale_item ON sale (item_id); \
             INSERT INTO sale SELECT id, id FROM item WHERE id % 10 < {tenths}"
        ))
        .await?;
        self.settle("sale").await
    }

    /// Drops the table that refers to the items.
    pub(crate) async fn unrefer(&self) -> Result<()> {
        self.execute("DROP TABLE IF EXISTS sale").await
    }

    /// Lets the database tidy up, so that it does not do so while something is measured.
    pub(crate) async fn settle(&self, table: &str) -> Result<()> {
        match self.kind {
            Kind::Sqlite => self.execute("PRAGMA wal_checkpoint(TRUNCATE); ANALYZE").await,
            Kind::Postgres => self.execute(&format!("VACUUM ANALYZE {table}")).await,
            Kind::Mysql => {
                self.execute(&format!("ANALYZE TABLE {table}")).await?;
                tokio::time::sleep(Duration::from_millis(500)).await;
                Ok(())
            }
        }
    }

    /// A PowerCRUD over the items, as an application would build it.
    pub(crate) async fn powercrud(&self) -> Result<PowerCrud> {
        powercrud(self.database.clone()).await
    }
}

/// A PowerCRUD over the items.
pub(crate) async fn powercrud(database: Database) -> Result<PowerCrud> {
    let builder = PowerCrud::builder(database).all_settings(Settings::default());
    Ok(builder.resource(Resource::table("item")).build().await?)
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

async fn server(variable: &str, default: &str, name: &str) -> Result<(Option<Database>, String)> {
    let url = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
    let server = Database::connect(&url).await?;
    server.connection().execute_unprepared(&format!("CREATE DATABASE {name}")).await?;
    let (place, _) = url.rsplit_once('/').with_context(|| format!("{variable} names no database"))?;
    Ok((Some(server), format!("{place}/{name}")))
}
