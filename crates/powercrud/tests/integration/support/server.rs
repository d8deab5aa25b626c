//! Making and dropping a test's database. Names tell when a database was made, so that what a killed run left behind can be swept.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, mysql::MySqlConnectOptions,
    postgres::PgConnectOptions, raw_sql,
};

use super::skip;

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file.
    Sqlite,
    /// A database on a PostgreSQL server.
    Postgres,
    /// A database on a MySQL or MariaDB server.
    Mysql,
}

/// A database that exists.
pub(super) struct Home {
    kind: Kind,
    name: String,
    pub(super) url: String,
}

const PREFIX: &str = "powercrud_test_";

/// Longer than any test runs.
const STALE_SECONDS: u64 = 3600;

/// Makes an empty database, or skips the test where there is no server.
pub(super) async fn create(kind: Kind) -> Option<Home> {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let name = format!("{PREFIX}{}_{}_{number}", seconds(), std::process::id());
    let made = match kind {
        Kind::Sqlite => Ok(create_file(&name)),
        Kind::Postgres => create_postgres(&name).await,
        Kind::Mysql => create_mysql(&name).await,
    };
    match made {
        Ok(url) => Some(Home { kind, name, url }),
        Err(sqlx::Error::Io(error)) => {
            skip(&format!("this test on {kind:?}"), &format!("no server answers: {error}"));
            None
        }
        Err(error) => panic!("can't make a database on {kind:?}: {error}"),
    }
}

/// Drops it with everything that is still connected to it.
pub(super) async fn drop(home: Home) {
    let dropped = match home.kind {
        Kind::Sqlite => std::fs::remove_dir_all(folder(&home.name)).map_err(sqlx::Error::Io),
        Kind::Postgres => drop_postgres(&home.name).await,
        Kind::Mysql => drop_mysql(&home.name).await,
    };
    dropped.unwrap_or_else(|error| panic!("can't drop {}: {error}", home.name));
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn create_file(name: &str) -> String {
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    for entry in std::fs::read_dir(&root).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(is_stale) {
            // Another test may sweep at the same moment.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    std::fs::create_dir_all(folder(name)).expect("the target folder can be written");
    format!("sqlite:{}?mode=rwc", folder(name).join("test.db").display())
}

/// The default leaves TLS out: a handshake takes 100 ms of a test that takes as long.
fn postgres_options() -> PgConnectOptions {
    options("POWERCRUD_TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable")
}

async fn create_postgres(name: &str) -> sqlx::Result<String> {
    let mut server = postgres_options().connect().await?;
    let rows = raw_sql("SELECT datname::text FROM pg_database WHERE NOT datistemplate").fetch_all(&mut server).await?;
    for stale in rows.iter().map(|row| row.get::<String, _>(0)).filter(|name| is_stale(name)) {
        raw_sql(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {stale} WITH (FORCE)"))).execute(&mut server).await?;
    }
    // Nobody connects to template0, so it can always be copied; the encoding is whatever the server's locale allows otherwise.
    let create = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'");
    raw_sql(AssertSqlSafe(create)).execute(&mut server).await?;
    server.close().await?;
    Ok(postgres_options().database(name).to_url_lossy().to_string())
}

async fn drop_postgres(name: &str) -> sqlx::Result<()> {
    let mut server = postgres_options().connect().await?;
    raw_sql(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).execute(&mut server).await?;
    server.close().await
}

fn mysql_options() -> MySqlConnectOptions {
    options("POWERCRUD_TEST_MYSQL_URL", "mysql://root@127.0.0.1:3306/test")
}

async fn create_mysql(name: &str) -> sqlx::Result<String> {
    let mut server = mysql_options().connect().await?;
    let names = "SELECT CAST(schema_name AS CHAR) FROM information_schema.schemata";
    for stale in raw_sql(names).fetch_all(&mut server).await?.iter().map(|row| row.get::<String, _>(0)) {
        if is_stale(&stale) {
            // Tests may have made others that begin alike, with names that need quotes.
            let drop = format!("DROP DATABASE IF EXISTS `{}`", stale.replace('`', "``"));
            raw_sql(AssertSqlSafe(drop)).execute(&mut server).await?;
        }
    }
    raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"))).execute(&mut server).await?;
    server.close().await?;
    Ok(mysql_options().database(name).to_url_lossy().to_string())
}

async fn drop_mysql(name: &str) -> sqlx::Result<()> {
    let mut server = mysql_options().connect().await?;
    // DROP DATABASE waits for every transaction on it, and a failed test may have left one open.
    let threads = format!("SELECT id FROM information_schema.processlist WHERE db = '{name}'");
    for row in raw_sql(AssertSqlSafe(threads)).fetch_all(&mut server).await? {
        let kill = format!("KILL CONNECTION {}", row.get_unchecked::<i64, _>(0));
        // It may have ended on its own.
        let _ = raw_sql(AssertSqlSafe(kill)).execute(&mut server).await;
    }
    raw_sql(AssertSqlSafe(format!("DROP DATABASE {name}"))).execute(&mut server).await?;
    server.close().await
}

fn options<O: std::str::FromStr<Err = sqlx::Error>>(variable: &str, default: &str) -> O {
    let url = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
    url.parse().unwrap_or_else(|error| panic!("{variable} is not an address: {error}"))
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Whether a database or folder of that name is a test's from long ago.
fn is_stale(name: &str) -> bool {
    let made = name.strip_prefix(PREFIX).and_then(|rest| rest.split('_').next()).and_then(|made| made.parse().ok());
    made.is_some_and(|made: u64| made + STALE_SECONDS < seconds())
}
