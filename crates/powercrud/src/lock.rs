//! Locks: rows whose primary key decides, so that of two requests at the same instant one wins.
//!
//! A task's locks are written in the transaction that submits it and go in the transaction that ends it; no timer releases them.

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait as _, Query},
};
use uuid::Uuid;

use crate::{
    app::PowerCrud,
    db::{Run as _, migrations::tables},
    error::Result,
};

/// The lock on a whole model with its suffix.
pub(crate) fn model_key(unique_model_key: &str) -> String {
    format!("model:{unique_model_key}")
}

/// The lock that refuses the same request twice while the first is active.
pub(crate) fn request_key(task_key: &str) -> String {
    format!("request:{task_key}")
}

/// Takes a lock.
///
/// # Errors
/// The database's unique violation, where another task holds it.
pub(crate) async fn take<C: ConnectionTrait>(transaction: &C, lock_key: &str, task_id: Uuid) -> Result<()> {
    let mut insert = Query::insert();
    insert.into_table(tables::LOCK).columns(["lock_key", "task_id"]).values_panic([lock_key.into(), task_id.into()]);
    transaction.insert(&insert).await?;
    Ok(())
}

/// Releases all locks of a task.
pub(crate) async fn release<C: ConnectionTrait>(transaction: &C, task_id: Uuid) -> Result<()> {
    let mut delete = Query::delete();
    delete.from_table(tables::LOCK).and_where(Expr::col("task_id").eq(task_id));
    transaction.delete(&delete).await?;
    Ok(())
}

/// The task that holds a lock.
pub(crate) async fn holder(app: &PowerCrud, lock_key: &str) -> Result<Option<Uuid>> {
    let mut select = Query::select();
    select.column("task_id").from(tables::LOCK).and_where(Expr::col("lock_key").eq(lock_key));
    let row = app.database().connection().row(&select).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
}
