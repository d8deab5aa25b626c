//! The default backend: workers look into the database, and on PostgreSQL LISTEN/NOTIFY wakes them at once. Notifications are an
//! optimisation; workers poll as well.

use sea_orm::{ConnectionTrait as _, Statement};
use sqlx::postgres::PgListener;
use uuid::Uuid;

use crate::{digest::digest, engine::Engine};

const CHANNEL: &str = "powercrud_bulk_task";

/// Who shares tables shares a channel. Its name is shorter than a schema's may be.
fn channel(engine: &Engine) -> String {
    match engine.database().own_schema() {
        Some(schema) => format!("{CHANNEL}_{}", &digest(schema)[..16]),
        None => CHANNEL.to_owned(),
    }
}

/// Wakes the workers of other processes, where the database can.
pub(super) async fn notify(engine: &Engine, task_id: Uuid) {
    let database = engine.database();
    if !database.dialect().notifies() {
        return;
    }
    let backend = database.connection().get_database_backend();
    let statement = Statement::from_sql_and_values(
        backend,
        "SELECT pg_notify($1, $2)",
        [channel(engine).into(), task_id.to_string().into()],
    );
    if let Err(error) = database.connection().execute_raw(statement).await {
        tracing::debug!(%error, "workers could not be notified; they will find the task when they poll");
    }
}

/// Waits for other processes' notifications, where the database has them.
pub(crate) struct Listener {
    postgres: Option<PgListener>,
}

impl Listener {
    /// Starts to listen; a database that can't, or a connection that fails, leaves a listener that hears nothing.
    pub(crate) async fn start(engine: &Engine) -> Self {
        let database = engine.database();
        if !database.dialect().notifies() {
            return Self { postgres: None };
        }
        let listening = async {
            let mut listener = PgListener::connect_with(database.connection().get_postgres_connection_pool()).await?;
            listener.listen(&channel(engine)).await?;
            Ok::<_, sqlx::Error>(listener)
        };
        match listening.await {
            Ok(listener) => Self { postgres: Some(listener) },
            Err(error) => {
                tracing::warn!(%error, "can't listen for new tasks; polling instead");
                Self { postgres: None }
            }
        }
    }

    /// Returns when something was heard; never where nothing can be.
    pub(crate) async fn heard(&mut self) {
        match &mut self.postgres {
            Some(listener) => {
                if let Err(error) = listener.recv().await {
                    tracing::debug!(%error, "the listening connection was lost; polling");
                    self.postgres = None;
                }
            }
            None => std::future::pending().await,
        }
    }
}
