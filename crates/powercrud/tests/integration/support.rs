//! A database for each test: made before it, dropped after it, also where it fails.
//!
//! `each_database! { name }` runs the function `name` on SQLite, PostgreSQL and MySQL/MariaDB as the tests `name::sqlite`,
//! `name::postgres` and `name::mysql`. Servers are found at `POWERCRUD_TEST_POSTGRES_URL` and `POWERCRUD_TEST_MYSQL_URL`. What is
//! missing is skipped with a word on standard error; with `CI=true` it fails the test.

mod answer;
mod data;
mod encoding;
mod private;
mod role;
mod scripts;
mod server;

use std::{
    ops::Deref,
    panic::{AssertUnwindSafe, resume_unwind},
};

use futures_util::FutureExt as _;

pub(crate) use answer::Answer;
pub(crate) use data::{chinook, oddities, sakila};
pub(crate) use encoding::with_encoding;
pub(crate) use private::Server;
pub(crate) use role::{Role, with_role};
pub(crate) use server::Kind;

use powercrud::db::Database;

/// Runs each named `async fn(TestDatabase)` on the three databases, or on those in brackets before the names.
macro_rules! each_database {
    (@test sqlite $name:ident) => { crate::support::each_database! { @test sqlite $name Sqlite } };
    (@test postgres $name:ident) => { crate::support::each_database! { @test postgres $name Postgres } };
    (@test mysql $name:ident) => { crate::support::each_database! { @test mysql $name Mysql } };
    (@test $database:ident $name:ident $kind:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $database() {
            crate::support::run(crate::support::Kind::$kind, super::$name).await;
        }
    };
    (@module $name:ident [$($database:ident)+]) => {
        mod $name {
            $(crate::support::each_database! { @test $database $name })+
        }
    };
    (@each $databases:tt $($name:ident)+) => {
        $(crate::support::each_database! { @module $name $databases })+
    };
    ([$($database:ident)+] $($name:ident),+ $(,)?) => {
        crate::support::each_database! { @each [$($database)+] $($name)+ }
    };
    ($($name:ident),+ $(,)?) => {
        crate::support::each_database! { @each [sqlite postgres mysql] $($name)+ }
    };
}
pub(crate) use each_database;

/// An empty database that is this test's own.
#[derive(Clone)]
pub(crate) struct TestDatabase {
    /// Which of the three.
    pub(crate) kind: Kind,
    /// Its address, for a second connection or another process.
    pub(crate) url: String,
    database: Database,
}

impl Deref for TestDatabase {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

impl From<TestDatabase> for Database {
    fn from(test: TestDatabase) -> Self {
        test.database
    }
}

impl From<&TestDatabase> for Database {
    fn from(test: &TestDatabase) -> Self {
        test.database.clone()
    }
}

impl TestDatabase {
    /// A database on a server that the test has started itself.
    pub(crate) async fn on(kind: Kind, url: &str) -> Self {
        let database = Database::connect(url).await.expect("the server answers");
        Self { kind, url: url.to_owned(), database }
    }

    /// Runs a script of several statements.
    pub(crate) async fn execute(&self, sql: &str) {
        scripts::run(self.kind, &self.url, sql).await;
    }
}

/// Gives `test` a database of its own.
///
/// The test's future need not be `Send`: to prove that of each of them took most of the time that the tests take to compile.
pub(crate) async fn run<F: Future<Output = ()>>(kind: Kind, test: impl FnOnce(TestDatabase) -> F) {
    let Some(home) = server::create(kind).await else { return };
    let database = Database::connect(&home.url).await.expect("the database that was just made answers");
    // On the heap: a test's stack is small, and its future is not.
    let test = Box::pin(test(TestDatabase { kind, url: home.url.clone(), database: database.clone() }));
    let outcome = AssertUnwindSafe(test).catch_unwind().await;
    // Connections that a failed test left in the middle of something are cut by the server when the database goes.
    let closing = database.connection().clone().close();
    let _ = tokio::time::timeout(std::time::Duration::from_secs(1), closing).await;
    server::drop(home).await;
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

/// Says that something is left out, which a CI run may not do.
pub(crate) fn skip(what: &str, why: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "with CI=true nothing may be skipped, but {what}: {why}");
    eprintln!("skipped: {what}: {why}");
}
