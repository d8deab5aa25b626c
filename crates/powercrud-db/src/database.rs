//! A connection pool that knows which database it talks to.

use std::time::Duration;

use sea_orm::{ConnectOptions, DatabaseConnection};
use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};

use crate::{
    connection::{Connection, Wording},
    dialect::Dialect,
    error::{Error, Result},
    fault::Fault,
    fault::{connection_reason, is_of_server},
    reach::Reach,
    sqlite,
    url::{mask_password, normalize_url, without_password},
    writers::Writers,
};

/// A connection pool that knows which database it talks to. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    pub(crate) connection: Connection,
    pub(crate) dialect: Dialect,
    /// The address, password masked; empty where the connection was handed in.
    url: String,
    /// Whether each connection was told at its start what sessions of ours need.
    pub(crate) is_strict: bool,
    /// Why nothing can be written, where the connection was made for reading only.
    read_only: Option<String>,
}

impl Database {
    /// Connects to `url` (`sqlite:`, `postgres:`, `mysql:`), fails within ten seconds where nobody answers.
    ///
    /// # Errors
    /// [`Error::Connection`], with the password masked, for a bad address, a server that is not there, a wrong password or a
    /// file that can't be opened.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::open(url, false).await
    }

    /// Connects to have a look: as [`Database::connect`], and on SQLite nothing is written, neither the file nor others beside it.
    ///
    /// # Errors
    /// As [`Database::connect`].
    pub async fn connect_to_look(url: &str) -> Result<Self> {
        Self::open(url, true).await
    }

    async fn open(url: &str, to_look: bool) -> Result<Self> {
        let masked = mask_password(url);
        let given = url;
        let refuse = |reason: String| Error::Connection { url: masked.clone(), reason };
        let url = normalize_url(url).map_err(|reason| refuse(without_password(&reason, given)))?;
        if let Some(feature) = missing_feature(&url) {
            let why = format!(
                "this program was built without the feature {feature:?} of PowerCRUD, which such an address needs"
            );
            return Err(refuse(why));
        }
        let mut options = ConnectOptions::new(&url);
        options
            .sqlx_logging(false)
            .max_connections(16)
            .connect_timeout(Duration::from_secs(10))
            .acquire_timeout(Duration::from_secs(10))
            // By a ping of our own, which has an end: one idle connection that fell silent would use up all of the time above.
            .test_before_acquire(false);
        #[cfg(feature = "postgres")]
        options.map_sqlx_postgres_pool_opts(|pool| {
            pool.before_acquire(|connection, _| Box::pin(ping(connection))).after_connect(|connection, _| {
                Box::pin(async { sqlx::Executor::execute(connection, crate::sql::AS_IT_IS).await.map(|_| ()) })
            })
        });
        #[cfg(feature = "mysql")]
        options.map_sqlx_mysql_pool_opts(|pool| {
            pool.before_acquire(|connection, _| Box::pin(ping(connection))).after_connect(|connection, _| {
                Box::pin(async { sqlx::Executor::execute(connection, crate::sql::KNOWN_SESSION).await.map(|_| ()) })
            })
        });
        #[cfg(feature = "sqlite")]
        let read_only = {
            let file = sqlite::File::of_url(&url, to_look);
            if let Some(reason) = &file.unreadable {
                return Err(refuse(reason.clone()));
            }
            let read_only = file.read_only.clone();
            options.map_sqlx_sqlite_opts(move |sqlite| sqlite::options(sqlite, &file));
            read_only
        };
        #[cfg(not(feature = "sqlite"))]
        let (read_only, _) = (None, to_look);
        // SeaORM would name the address with its password in a span of the level trace.
        let connecting = sea_orm::Database::connect(options).with_subscriber(NoSubscriber::default());
        let connection = connecting.await.map_err(|error| match connection_reason(&error) {
            // What the server says is not about the address, and may hold a word that is also the password.
            reason if is_of_server(&error) => refuse(reason),
            reason => refuse(without_password(&reason, given)),
        })?;
        let mut database = Self::from_connection(connection);
        database.url = masked;
        database.is_strict = true;
        database.read_only = read_only;
        Ok(database)
    }

    /// Uses a connection that the application already has.
    pub fn from_connection(connection: DatabaseConnection) -> Self {
        let dialect = Dialect::of(connection.get_database_backend());
        Self {
            connection: Connection {
                inner: connection,
                wording: Wording::default(),
                reach: Reach::default(),
                writers: Writers::of(dialect),
            },
            dialect,
            url: String::new(),
            is_strict: false,
            read_only: None,
        }
    }

    /// Prepares each statement anew from now on, because tables are not what they were when it was prepared.
    pub fn forget_prepared(&self) {
        self.connection.wording.renew();
    }

    /// Which database this is.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The address with its password masked, empty where the connection was handed in.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Why nothing can be written, where the file or the address allows only to read.
    pub fn read_only_reason(&self) -> Option<&str> {
        self.read_only.as_deref()
    }

    /// The SeaORM connection, which finds PowerCRUD's own tables wherever they are.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// The feature that an address needs and that this program was built without.
fn missing_feature(url: &str) -> Option<&'static str> {
    let scheme = url.split(':').next().unwrap_or_default();
    let (feature, is_there) = match scheme {
        "sqlite" => ("sqlite", cfg!(feature = "sqlite")),
        "postgres" | "postgresql" => ("postgres", cfg!(feature = "postgres")),
        "mysql" | "mariadb" => ("mysql", cfg!(feature = "mysql")),
        _ => return None,
    };
    (!is_there).then_some(feature)
}

/// Whether an idle connection still answers. An error makes the pool drop it and take another.
#[cfg(any(feature = "postgres", feature = "mysql"))]
async fn ping(connection: &mut impl sqlx::Connection) -> std::result::Result<bool, sqlx::Error> {
    match tokio::time::timeout(PING, connection.ping()).await {
        Ok(answer) => answer.map(|()| true),
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// How long an idle connection may take to answer.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const PING: Duration = Duration::from_secs(2);

/// How long the database may take to answer what it answers in milliseconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Waits for an answer no longer than a connection may seem to be slow before it must be dead.
pub async fn with_timeout<T, E: From<Fault>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    match tokio::time::timeout(ANSWER_TIMEOUT, work).await {
        Ok(result) => result,
        Err(_) => Err(Fault::silent_connection().into()),
    }
}

impl From<DatabaseConnection> for Database {
    fn from(connection: DatabaseConnection) -> Self {
        Self::from_connection(connection)
    }
}
