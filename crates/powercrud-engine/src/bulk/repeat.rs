//! Requests that their sender may send again, for want of an answer: the same id and the same request lead to the same task, also
//! after that has ended.

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait as _, Query},
};
use uuid::Uuid;

use crate::{
    digest::digest,
    engine::Engine,
    error::{Error, Result},
    own::tables,
    task::{BulkTask, store},
    user::User,
};
use powercrud_db::{Dialect, QueryExt as _};

/// How long a request's id is known, in milliseconds: two days.
const KEPT: i64 = 2 * 24 * 60 * 60 * 1_000;

/// Whose request it is, under which id, and what it asks for.
#[derive(Clone, Debug)]
pub struct RequestKey {
    id: String,
    key: String,
    fingerprint: String,
}

impl RequestKey {
    /// The request that `user` names `id`; `content` says all that it asks for.
    pub fn new(user: &User, id: &str, content: &serde_json::Value) -> Self {
        let key = digest(&serde_json::json!([user.id, id]).to_string());
        Self { id: id.to_owned(), key, fingerprint: digest(&content.to_string()) }
    }

    /// The task that this very request became, where it was made before.
    ///
    /// # Errors
    /// [`Error::RequestIdReused`] where the id was given to another request.
    pub async fn find(&self, engine: &Engine) -> Result<Option<BulkTask>> {
        let select = Query::select()
            .columns(["fingerprint", "task_id"])
            .from(tables::API_REQUEST)
            .and_where(Expr::col("request_key").eq(self.key.as_str()))
            .take();
        let Some(row) = engine.database().connection().row(&select).await? else { return Ok(None) };
        let (fingerprint, task_id): (String, Uuid) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        if fingerprint != self.fingerprint {
            return Err(Error::RequestIdReused(self.id.clone()));
        }
        match store::load(engine, task_id).await {
            Ok(task) => Ok(Some(task)),
            // The task was cleared away: the id is free again.
            Err(Error::TaskNotFound(_)) => {
                let mut delete = Query::delete();
                delete.from_table(tables::API_REQUEST).and_where(Expr::col("request_key").eq(self.key.as_str()));
                engine.database().connection().delete(&delete).await?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Notes which task this request became.
    ///
    /// # Errors
    /// The database's unique violation, where the id is noted already.
    pub(crate) async fn note<C: ConnectionTrait>(&self, connection: &C, dialect: Dialect, task_id: Uuid) -> Result<()> {
        let mut insert = Query::insert();
        insert
            .into_table(tables::API_REQUEST)
            .columns(["request_key", "fingerprint", "task_id", "created_at"])
            .values_panic([self.key.as_str().into(), self.fingerprint.as_str().into(), task_id.into(), dialect.now()]);
        connection.insert(&insert).await?;
        Ok(())
    }
}

/// Forgets the ids that are older than anybody sends a request again.
pub(crate) async fn forget_old(engine: &Engine) -> Result<()> {
    let mut delete = Query::delete();
    delete
        .from_table(tables::API_REQUEST)
        .and_where(Expr::col("created_at").lt(engine.database().dialect().now().sub(KEPT)));
    engine.database().connection().delete(&delete).await?;
    Ok(())
}
