//! A database of PostgreSQL whose encoding is not UTF-8, dropped after the test that made it.

use std::panic::resume_unwind;

use sea_orm::ConnectionTrait as _;
use sqlx::{ConnectOptions as _, postgres::PgConnectOptions};

use super::TestDatabase;

/// Makes an empty database of that encoding beside the test's own for `test`, and drops it afterwards, also where the test fails.
pub(crate) async fn with_encoding<F>(database: &TestDatabase, encoding: &str, test: impl FnOnce(TestDatabase) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let options: PgConnectOptions = database.url.parse().expect("an address that was made here");
    let name = format!("{}_{}", options.get_database().unwrap_or_default(), encoding.to_lowercase());
    let server = database.connection();
    let create = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'");
    server.execute_unprepared(&create).await.expect("a database of that encoding");
    let other = TestDatabase::on(database.kind, options.database(&name).to_url_lossy().as_str()).await;
    let outcome = tokio::spawn(test(other)).await;
    server.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.expect("it goes");
    if let Err(error) = outcome {
        resume_unwind(error.into_panic());
    }
}
