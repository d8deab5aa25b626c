//! Whether a server can be reached at all, told apart from a pool all of whose connections are in use.
//!
//! A pool tries again where it is refused a connection, until its time is up, and says only that it is. So a connection of our own is tried
//! beside it, one a second for all who want to know.

use std::{sync::Arc, time::Duration};

use sea_orm::{ConnAcquireErr, DatabaseConnection, DbErr, RuntimeErr};
#[cfg(any(feature = "postgres", feature = "mysql"))]
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::{sync::Mutex, time::Instant};

use crate::dialect::Dialect;

/// For how long what was seen is believed.
const FRESH: Duration = Duration::from_secs(1);

/// After how long work that is in a hurry asks whether anybody is there.
const HURRY: Duration = Duration::from_secs(1);

/// How long a server may take to let a connection in.
const PATIENCE: Duration = Duration::from_secs(3);

tokio::task_local! {
    static PROMPTLY: ();
}

/// Work that rather fails than waits for a server that refuses connections: somebody waits for its answer. Other work waits for as long as
/// the pool tries, so that a server that comes up again is no trouble to it.
pub async fn promptly<T>(work: impl Future<Output = T>) -> T {
    PROMPTLY.scope((), work).await
}

/// What a try to connect came to.
#[derive(Clone, Debug)]
enum Seen {
    /// The server answered, be it with a refusal of its own.
    Answers,
    /// Nobody is there.
    Unreachable(String),
    /// Nobody has answered yet.
    Silent,
}

/// What is known of a server's reach.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach(Arc<Mutex<Option<(Instant, Seen)>>>);

impl Reach {
    /// Fails at once where the pool would have to connect first and nobody is there, for work that is in a hurry.
    pub(crate) async fn check(&self, connection: &DatabaseConnection) -> Result<(), DbErr> {
        let is_hurried = PROMPTLY.try_with(|()| ()).is_ok();
        if !is_hurried || has_idle(connection) {
            return Ok(());
        }
        match self.look(connection).await {
            Seen::Unreachable(why) => Err(unreachable(&why)),
            Seen::Answers | Seen::Silent => Ok(()),
        }
    }

    /// What `work` comes to. A pool may hold connections that died with their server, and tries to replace them for as long as it may: work that
    /// is in a hurry fails once it has waited for a second and nobody is there.
    pub(crate) async fn unless_gone<T>(
        &self,
        connection: &DatabaseConnection,
        work: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, DbErr> {
        if PROMPTLY.try_with(|()| ()).is_err() || Dialect::of(connection.get_database_backend()) == Dialect::Sqlite {
            return work.await;
        }
        let mut work = std::pin::pin!(work);
        if let Ok(done) = tokio::time::timeout(HURRY, &mut work).await {
            return done;
        }
        match self.look(connection).await {
            Seen::Unreachable(why) => Err(unreachable(&why)),
            Seen::Answers | Seen::Silent => work.await,
        }
    }

    /// The same error, or, where it says only that time was up, why.
    pub(crate) async fn explain(&self, connection: &DatabaseConnection, error: DbErr) -> DbErr {
        if !matches!(error, DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)) {
            return error;
        }
        match self.look(connection).await {
            Seen::Unreachable(why) => unreachable(&why),
            Seen::Silent => unreachable("nobody answers there"),
            Seen::Answers => error,
        }
    }

    async fn look(&self, connection: &DatabaseConnection) -> Seen {
        let mut known = self.0.lock().await;
        match &*known {
            Some((at, seen)) if at.elapsed() < FRESH => return seen.clone(),
            _ => {}
        }
        let seen = match tokio::time::timeout(PATIENCE, connect(connection)).await {
            Err(_) => Seen::Silent,
            Ok(Err(sqlx::Error::Io(error))) => Seen::Unreachable(error.to_string()),
            Ok(_) => Seen::Answers,
        };
        *known = Some((Instant::now(), seen.clone()));
        seen
    }
}

/// Whether a connection is there that need not be made; a file needs none.
fn has_idle(connection: &DatabaseConnection) -> bool {
    match Dialect::of(connection.get_database_backend()) {
        #[cfg(feature = "postgres")]
        Dialect::Postgres => connection.get_postgres_connection_pool().num_idle() > 0,
        #[cfg(feature = "mysql")]
        Dialect::Mysql => connection.get_mysql_connection_pool().num_idle() > 0,
        _ => true,
    }
}

async fn connect(connection: &DatabaseConnection) -> sqlx::Result<()> {
    match Dialect::of(connection.get_database_backend()) {
        #[cfg(feature = "postgres")]
        Dialect::Postgres => {
            let options = connection.get_postgres_connection_pool().connect_options();
            options.connect().await?.close().await
        }
        #[cfg(feature = "mysql")]
        Dialect::Mysql => {
            let options = connection.get_mysql_connection_pool().connect_options();
            options.connect().await?.close().await
        }
        _ => Ok(()),
    }
}

fn unreachable(why: &str) -> DbErr {
    DbErr::Conn(RuntimeErr::Internal(why.to_owned()))
}
