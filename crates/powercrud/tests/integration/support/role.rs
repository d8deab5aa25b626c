//! A role of the server with few rights, dropped after the test that made it.

use std::panic::resume_unwind;

use sqlx::{ConnectOptions as _, mysql::MySqlConnectOptions, postgres::PgConnectOptions};

use super::{Kind, TestDatabase};

/// A role that may sign in and has no right but that.
#[derive(Clone)]
pub(crate) struct Role {
    /// Its name in SQL.
    pub(crate) name: String,
    /// The test's database as that role.
    pub(crate) url: String,
}

const PASSWORD: &str = "Few-rights-1";

/// Makes a role for `test`, and drops it afterwards, also where the test fails.
pub(crate) async fn with_role<F>(database: &TestDatabase, test: impl FnOnce(TestDatabase, Role) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let role = match database.kind {
        Kind::Sqlite => panic!("SQLite has no roles"),
        Kind::Postgres => {
            let options: PgConnectOptions = database.url.parse().expect("an address that was made here");
            let name = name_after(options.get_database().unwrap_or_default());
            database.execute(&format!("CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}';")).await;
            Role { url: options.username(&name).password(PASSWORD).to_url_lossy().to_string(), name }
        }
        Kind::Mysql => {
            let options: MySqlConnectOptions = database.url.parse().expect("an address that was made here");
            let name = name_after(options.get_database().unwrap_or_default());
            database.execute(&format!("CREATE USER '{name}'@'%' IDENTIFIED BY '{PASSWORD}';")).await;
            let url = options.username(&name).password(PASSWORD).to_url_lossy().to_string();
            Role { name: format!("'{name}'@'%'"), url }
        }
    };
    let outcome = tokio::spawn(test(database.clone(), role.clone())).await;
    database
        .execute(&match database.kind {
            Kind::Mysql => format!("DROP USER {};", role.name),
            _ => format!("DROP OWNED BY {0} CASCADE; DROP ROLE {0};", role.name),
        })
        .await;
    if let Err(error) = outcome {
        resume_unwind(error.into_panic());
    }
}

/// "powercrud_test_1764_12_3" gives "powercrud_role_12_3".
fn name_after(database: &str) -> String {
    let mut parts = database.rsplitn(3, '_');
    let (last, process) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!("powercrud_role_{process}_{last}")
}
