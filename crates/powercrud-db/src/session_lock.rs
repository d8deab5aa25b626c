//! One process after another through work that no transaction holds together: on MySQL and MariaDB each change of a schema commits by itself.

use std::time::Duration;

use crate::database::Database;
#[cfg(feature = "mysql")]
use crate::dialect::Dialect;

/// Held until it is dropped, or its session ends.
#[derive(Debug)]
pub struct SessionLock {
    /// A session of its own: the lock goes with it.
    #[cfg(feature = "mysql")]
    _session: Option<sqlx::MySqlPool>,
}

impl Database {
    /// Waits until no other session holds the lock of that name on the server, for `wait` at most.
    ///
    /// It keeps others away on MySQL and MariaDB alone; elsewhere changes of a schema are within transactions. Where the server has no such
    /// locks, as in some clusters, or does not answer, nothing is held, and whoever loses the race has to try again.
    #[cfg(feature = "mysql")]
    pub async fn session_lock(&self, name: &str, wait: Duration) -> SessionLock {
        let nothing = SessionLock { _session: None };
        if self.dialect != Dialect::Mysql {
            return nothing;
        }
        let options = self.connection.inner.get_mysql_connection_pool().connect_options();
        let session = sqlx::mysql::MySqlPoolOptions::new().max_connections(1).connect_with((*options).clone());
        let Ok(session) = session.await else { return nothing };
        let asked = sqlx::query("SELECT GET_LOCK(?, ?)").bind(name).bind(wait.as_secs());
        match asked.execute(&session).await {
            Ok(_) => SessionLock { _session: Some(session) },
            Err(error) => {
                tracing::debug!(%error, name, "the server has no such locks");
                nothing
            }
        }
    }

    /// Nobody has to be kept away: changes of a schema are within transactions.
    #[cfg(not(feature = "mysql"))]
    #[expect(clippy::unused_async, reason = "with the feature mysql it waits")]
    pub async fn session_lock(&self, _name: &str, _wait: Duration) -> SessionLock {
        SessionLock {}
    }
}
