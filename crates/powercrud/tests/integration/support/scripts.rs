//! SQL scripts, as their clients would run them: psql's `COPY … FROM stdin` and `\c`, mysql's `DELIMITER`.

use std::path::Path;

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, MySqlConnection, PgConnection, Row as _,
    mysql::MySqlConnectOptions, postgres::PgConnectOptions, raw_sql, sqlite::SqliteConnectOptions,
};

use super::Kind;

/// Runs `script` in the database at `url`, whatever other database it wants to make and use.
pub(super) async fn run(kind: Kind, url: &str, script: &str) {
    let outcome = match kind {
        Kind::Sqlite => run_sqlite(url, script).await,
        Kind::Postgres => run_postgres(url, script).await,
        Kind::Mysql => run_mysql(url, script).await,
    };
    outcome.unwrap_or_else(|error| panic!("a script failed: {error}"));
}

/// Copies everything from the SQLite file at `path` into the empty database at `url`.
pub(super) async fn copy_sqlite(path: &Path, url: &str) {
    let options: SqliteConnectOptions = url.parse().expect("an address that was made here");
    let mut connection = options.foreign_keys(false).connect().await.expect("a file that was made here");
    let attach = format!("ATTACH '{}' AS source", path.display().to_string().replace('\'', "''"));
    raw_sql(AssertSqlSafe(attach)).execute(&mut connection).await.expect("a SQLite file");
    let schema = "SELECT sql, CASE type WHEN 'table' THEN 'INSERT INTO main.\"' || replace(name, '\"', '\"\"')
            || '\" SELECT * FROM source.\"' || replace(name, '\"', '\"\"') || '\"' ELSE '' END
        FROM source.sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY type <> 'table'";
    let mut script = String::from("BEGIN;");
    for row in raw_sql(schema).fetch_all(&mut connection).await.expect("a schema") {
        script += &format!("{};\n{};\n", row.get::<String, _>(0), row.get::<String, _>(1));
    }
    raw_sql(AssertSqlSafe(script + "COMMIT;")).execute(&mut connection).await.expect("a copy");
    connection.close().await.expect("nothing is open");
}

async fn run_sqlite(url: &str, script: &str) -> sqlx::Result<()> {
    let mut connection = url.parse::<SqliteConnectOptions>()?.foreign_keys(false).connect().await?;
    // One transaction, so that each statement does not wait for the disk.
    raw_sql(AssertSqlSafe(format!("BEGIN;\n{script}\n;COMMIT;"))).execute(&mut connection).await?;
    connection.close().await
}

async fn run_postgres(url: &str, script: &str) -> sqlx::Result<()> {
    let mut connection = url.parse::<PgConnectOptions>()?.connect().await?;
    let mut sql = String::new();
    let mut lines = script.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("COPY ") && line.ends_with(" FROM stdin;") {
            execute_postgres(&mut connection, &mut sql).await?;
            let mut copy = connection.copy_in_raw(line.trim_end_matches(';')).await?;
            let data: String = lines.by_ref().take_while(|line| *line != "\\.").flat_map(|line| [line, "\n"]).collect();
            copy.send(data.into_bytes()).await?;
            copy.finish().await?;
        } else if !["\\c ", "CREATE DATABASE", "DROP DATABASE"].iter().any(|start| line.starts_with(start)) {
            sql.push_str(line);
            sql.push('\n');
        }
    }
    execute_postgres(&mut connection, &mut sql).await?;
    connection.close().await
}

async fn execute_postgres(connection: &mut PgConnection, sql: &mut String) -> sqlx::Result<()> {
    raw_sql(AssertSqlSafe(std::mem::take(sql))).execute(connection).await?;
    Ok(())
}

async fn run_mysql(url: &str, script: &str) -> sqlx::Result<()> {
    let mut connection = url.parse::<MySqlConnectOptions>()?.connect().await?;
    let mut delimiter = ";".to_owned();
    let mut statement = String::new();
    for line in script.lines() {
        if let Some(new) = line.strip_prefix("DELIMITER ") {
            new.trim().clone_into(&mut delimiter);
            continue;
        }
        if line.starts_with("--") {
            continue;
        }
        statement.push_str(line);
        statement.push('\n');
        if let Some(whole) = statement.trim_end().strip_suffix(&delimiter) {
            execute_mysql(&mut connection, whole).await?;
            statement.clear();
        }
    }
    assert_eq!(statement.trim(), "", "the last statement has no end");
    connection.close().await
}

async fn execute_mysql(connection: &mut MySqlConnection, statement: &str) -> sqlx::Result<()> {
    let skipped = ["CREATE DATABASE", "DROP DATABASE", "CREATE SCHEMA", "DROP SCHEMA", "USE "];
    let words = statement.rsplit_once("*/").map_or(statement, |(_, words)| words).trim_start();
    if !words.is_empty() && !skipped.iter().any(|start| words.starts_with(start)) {
        raw_sql(AssertSqlSafe(statement.to_owned())).execute(connection).await?;
    }
    Ok(())
}
