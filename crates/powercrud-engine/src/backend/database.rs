//! The default backend: workers look into the database, and on PostgreSQL LISTEN/NOTIFY wakes them at once.

use futures_util::future::{BoxFuture, FutureExt as _};
use powercrud_db::QueryExt as _;
use sea_orm::{
    ConnectionTrait as _, Statement,
    sea_query::{Expr, Query},
};
#[cfg(feature = "postgres")]
use sqlx::postgres::PgListener;
use uuid::Uuid;

use super::{Backend, Listener};
use crate::{config::DATABASE_BACKEND, digest::digest, engine::Engine};

const CHANNEL: &str = "powercrud_bulk_task";

/// Who shares tables shares a channel. Its name is shorter than a schema's may be.
fn channel(engine: &Engine) -> String {
    let channel = engine.database().own_name(CHANNEL);
    match engine.database().own_schema() {
        Some(schema) => format!("{channel}_{}", &digest(schema)[..16]),
        None => channel,
    }
}

/// The backend that is always there, under the name `database`. What a database can't wake (SQLite, MySQL, MariaDB) finds tasks by looking.
pub struct Database;

impl Database {
    pub(super) const NAME: &str = DATABASE_BACKEND;
}

impl Backend for Database {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    /// Wakes the workers of other processes, where the database can.
    fn dispatch<'a>(&'a self, engine: &'a Engine, task_id: Uuid) -> BoxFuture<'a, Result<(), String>> {
        async move {
            let database = engine.database();
            if !database.dialect().notifies() {
                return Ok(());
            }
            let statement = Statement::from_sql_and_values(
                database.connection().get_database_backend(),
                "SELECT pg_notify($1, $2)",
                [channel(engine).into(), task_id.to_string().into()],
            );
            database.connection().execute_raw(statement).await.map(|_| ()).map_err(|error| error.to_string())
        }
        .boxed()
    }

    fn listen<'a>(&'a self, engine: &'a Engine) -> BoxFuture<'a, Result<Box<dyn Listener>, String>> {
        async move {
            let database = engine.database();
            if !database.dialect().notifies() {
                return Ok(Box::new(Silence) as Box<dyn Listener>);
            }
            notified(engine).await
        }
        .boxed()
    }

    fn health<'a>(&'a self, engine: &'a Engine) -> BoxFuture<'a, Result<(), String>> {
        async move {
            let one = Query::select().expr(Expr::val(1)).take();
            engine.database().connection().number(&one).await.map(|_| ()).map_err(|error| error.to_string())
        }
        .boxed()
    }
}

#[cfg(feature = "postgres")]
async fn notified(engine: &Engine) -> Result<Box<dyn Listener>, String> {
    let listening = async {
        let pool = engine.database().connection().get_postgres_connection_pool();
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(&channel(engine)).await?;
        Ok::<_, sqlx::Error>(listener)
    };
    Ok(Box::new(listening.await.map_err(|error| error.to_string())?))
}

/// Without PostgreSQL no database wakes anybody.
#[cfg(not(feature = "postgres"))]
async fn notified(_: &Engine) -> Result<Box<dyn Listener>, String> {
    Ok(Box::new(Silence))
}

#[cfg(feature = "postgres")]
impl Listener for PgListener {
    fn heard(&mut self) -> BoxFuture<'_, Result<(), String>> {
        async move { self.recv().await.map(|_| ()).map_err(|error| error.to_string()) }.boxed()
    }
}

/// Of a database that can't wake anybody.
struct Silence;

impl Listener for Silence {
    fn heard(&mut self) -> BoxFuture<'_, Result<(), String>> {
        std::future::pending().boxed()
    }
}
