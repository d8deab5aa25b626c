//! Schemas to run against: real ones from the folder of shared data where that is there, and our own with the same oddities.

use std::path::{Path, PathBuf};

use super::{Kind, TestDatabase, scripts, skip};

/// Loads our own schemas: odd names, keys, references, types, and rows of each.
pub(crate) async fn oddities(database: &TestDatabase) {
    let script = match database.kind {
        Kind::Sqlite => include_str!("oddities/sqlite.sql"),
        Kind::Postgres => include_str!("oddities/postgres.sql"),
        // Zero dates are what an older, laxer server let in.
        Kind::Mysql => concat!("SET sql_mode = '';\n", include_str!("oddities/mysql.sql")),
    };
    database.execute(script).await;
}

/// Loads Chinook, a music shop; false where its files are not there.
pub(crate) async fn chinook(database: &TestDatabase) -> bool {
    let file = match database.kind {
        Kind::Sqlite => "chinook/Chinook_Sqlite_AutoIncrementPKs.sqlite",
        Kind::Postgres => "chinook/Chinook_PostgreSql_SerialPKs.sql",
        Kind::Mysql => "chinook/Chinook_MySql_AutoIncrementPKs.sql",
    };
    let Some(path) = shared(file) else { return false };
    match database.kind {
        Kind::Sqlite => scripts::copy_sqlite(&path, &database.url).await,
        Kind::Postgres | Kind::Mysql => database.execute(&read(&path)).await,
    }
    true
}

/// Loads Sakila, a film rental: full of rows on PostgreSQL, a few rows of our own elsewhere; false where its files are not there.
pub(crate) async fn sakila(database: &TestDatabase) -> bool {
    let files: &[&str] = match database.kind {
        Kind::Sqlite => &["sakila/sqlite-sakila-schema.sql"],
        Kind::Postgres => &["sakila/postgres-sakila-schema.sql", "sakila/postgres-sakila-insert-data-using-copy.sql"],
        Kind::Mysql => &["sakila/mysql-sakila-schema.sql"],
    };
    for file in files {
        let Some(path) = shared(file) else { return false };
        // Some views of the MySQL script name the database that it makes.
        database.execute(&read(&path).replace("sakila.", "")).await;
    }
    let rows = include_str!("sakila.sql");
    match database.kind {
        Kind::Sqlite => database.execute(rows).await,
        // Store and manager refer to each other.
        Kind::Mysql => database.execute(&format!("SET foreign_key_checks = 0;\n{rows}")).await,
        Kind::Postgres => {}
    }
    true
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file of the shared data: in `POWERCRUD_TEST_DATA`, or in `shared/data` beside the repository or one folder further up.
fn shared(file: &str) -> Option<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folders = match std::env::var_os("POWERCRUD_TEST_DATA") {
        Some(folder) => vec![PathBuf::from(folder)],
        None => ["../shared/data", "../../shared/data"].map(|folder| repository.join(folder)).to_vec(),
    };
    let found = folders.into_iter().map(|folder| folder.join(file)).find(|path| path.exists());
    if found.is_none() {
        skip(file, "there is no shared/data beside the repository and POWERCRUD_TEST_DATA names none that has it");
    }
    found
}
