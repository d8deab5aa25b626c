//! Messages: what a user is told on whatever page they are on, and finds under the bell until it was seen.
//!
//! A message is *shown* once it came up on a page, which happens once, and *seen* when the user put it away, looked at the task or said
//! so of all. Only seen ones leave the bell: a toast that nobody was looking at is not lost.

use sea_orm::{
    ConnectionTrait, QueryResult,
    sea_query::{Cond, Expr, ExprTrait as _, Order, Query, SelectStatement, UpdateStatement},
};
use uuid::Uuid;

use crate::{
    engine::Engine,
    error::Result,
    notify::outcome,
    own::{
        entity::{self, message},
        tables,
    },
    task::BulkTask,
    user::User,
};
use powercrud_db::QueryExt as _;

/// A message to one user about one task. Timestamps are milliseconds since 1970 UTC.
#[derive(Clone, Debug)]
pub struct Message {
    /// Names it.
    pub id: Uuid,
    /// The task.
    pub task_id: Uuid,
    /// How the task ended, in a sentence.
    pub text: String,
    /// `success`, `warning` or `error`.
    pub level: String,
    /// When the task ended.
    pub created_at: i64,
    /// When the user saw it.
    pub seen_at: Option<i64>,
}

/// So many come up on one page; the others are under the bell.
const SHOWN_AT_ONCE: u64 = 3;

/// Whose message about a task it is, in the outbox's words.
pub(crate) fn recipient(task: &BulkTask) -> &str {
    task.user_id.as_deref().unwrap_or("operator")
}

/// Writes the message as part of the transaction that ends the task.
pub(crate) async fn write<C: ConnectionTrait>(engine: &Engine, transaction: &C, task: &BulkTask) -> Result<()> {
    let resource = engine.resource(&task.resource).ok().map(AsRef::as_ref);
    let (level, text) = outcome(resource, task);
    let insert = entity::insert::<message::Entity, _>([
        (message::Column::Id, Uuid::now_v7().into()),
        (message::Column::UserId, task.user_id.clone().into()),
        (message::Column::TaskId, task.id.into()),
        (message::Column::Text, text.into()),
        (message::Column::Level, level.as_str().into()),
        (message::Column::CreatedAt, engine.database().dialect().now()),
    ]);
    transaction.insert(&insert).await?;
    Ok(())
}

/// A user's own messages: nobody reads those of others, staff neither.
fn of(user: &User) -> Cond {
    let owner = match &user.id {
        Some(id) => Expr::col("user_id").eq(id.as_str()),
        // Without an id there is the operator, or nobody.
        None if user.is_staff => Expr::col("user_id").is_null(),
        None => Expr::cust("1 = 0"),
    };
    Cond::all().add(owner)
}

fn select() -> SelectStatement {
    entity::select::<message::Entity>().order_by("created_at", Order::Desc).order_by("id", Order::Desc).take()
}

fn read(row: &QueryResult) -> Result<Message> {
    let row: message::Model = entity::read(row)?;
    Ok(Message {
        id: row.id,
        task_id: row.task_id,
        text: row.text,
        level: row.level,
        created_at: row.created_at,
        seen_at: row.seen_at,
    })
}

/// A user's messages, newest first.
pub async fn list(engine: &Engine, user: &User, offset: u64, limit: u64) -> Result<Vec<Message>> {
    let select = select().cond_where(of(user)).offset(offset).limit(limit).take();
    engine.database().connection().rows(&select).await?.iter().map(read).collect()
}

/// How many messages a user has, seen or not.
pub async fn count(engine: &Engine, user: &User) -> Result<u64> {
    let select = Query::select().expr(Expr::cust("COUNT(*)")).from(tables::MESSAGE).cond_where(of(user)).take();
    Ok(engine.database().connection().number(&select).await?)
}

/// How many messages a user has not seen.
pub async fn unseen(engine: &Engine, user: &User) -> Result<u64> {
    let select = Query::select()
        .expr(Expr::cust("COUNT(*)"))
        .from(tables::MESSAGE)
        .cond_where(of(user).add(Expr::col("seen_at").is_null()))
        .take();
    Ok(engine.database().connection().number(&select).await?)
}

/// The newest messages that have come up on no page yet.
pub async fn to_show(engine: &Engine, user: &User) -> Result<Vec<Message>> {
    let fresh = of(user).add(Expr::col("seen_at").is_null()).add(Expr::col("shown_at").is_null());
    let select = select().cond_where(fresh).limit(SHOWN_AT_ONCE).take();
    engine.database().connection().rows(&select).await?.iter().map(read).collect()
}

/// Notes that this message, and those before it, have come up on a page.
pub async fn mark_shown(engine: &Engine, user: &User, id: Uuid) -> Result<()> {
    let newest = Query::select()
        .column("created_at")
        .from(tables::MESSAGE)
        .cond_where(of(user).add(Expr::col("id").eq(id)))
        .take();
    let Some(row) = engine.database().connection().row(&newest).await? else { return Ok(()) };
    let created_at: i64 = row.try_get_by_index(0)?;
    let older = Expr::col("shown_at").is_null().and(Expr::col("created_at").lte(created_at));
    mark(engine, user, "shown_at", older).await
}

/// Notes that the user has seen one message.
pub async fn mark_seen(engine: &Engine, user: &User, id: Uuid) -> Result<()> {
    mark(engine, user, "seen_at", Expr::col("seen_at").is_null().and(Expr::col("id").eq(id))).await
}

/// Notes that the user has looked at a task that ended.
pub async fn mark_task_seen(engine: &Engine, user: &User, task_id: Uuid) -> Result<()> {
    mark(engine, user, "seen_at", Expr::col("seen_at").is_null().and(Expr::col("task_id").eq(task_id))).await
}

/// Notes that the user has seen all their messages up to the one given, which was the newest on their page.
pub async fn mark_all_seen(engine: &Engine, user: &User, newest: i64) -> Result<()> {
    mark(engine, user, "seen_at", Expr::col("seen_at").is_null().and(Expr::col("created_at").lte(newest))).await
}

async fn mark(engine: &Engine, user: &User, column: &'static str, which: Expr) -> Result<()> {
    // Mostly there is nothing to note, and whoever only looks waits for nobody who writes.
    let some = Query::select()
        .expr(Expr::cust("1"))
        .from(tables::MESSAGE)
        .cond_where(of(user).add(which.clone()))
        .limit(1)
        .take();
    if engine.database().connection().row(&some).await?.is_none() {
        return Ok(());
    }
    let update: UpdateStatement = Query::update()
        .table(tables::MESSAGE)
        .value(column, engine.database().dialect().now())
        .cond_where(of(user).add(which))
        .take();
    engine.database().connection().update(&update).await?;
    Ok(())
}
