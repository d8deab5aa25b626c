//! Tells people that a task has ended.
//!
//! Notices are rows first, written in the transaction that ends the task: a task that ended has its notices, one that did not has none,
//! and (task, channel, recipient) is a unique key, so that nobody is told twice. What is a table of this database, [`messages`], is
//! delivered by that same transaction.
//!
//! Who asked in the request and got the answer there is not told again.

pub(crate) mod messages;
mod words;

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait as _, Query},
};
use uuid::Uuid;

pub(crate) use words::outcome;

use crate::{
    app::PowerCrud,
    config::{Channel, Notification},
    db::{Run as _, migrations::tables},
    error::Result,
    metrics::Delivery,
    task::{BulkTask, store},
};

/// Where a notice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoticeStatus {
    /// It has arrived.
    Sent,
}

impl NoticeStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
        }
    }
}

/// Writes the notices of a task as part of the transaction that ends it. `answered`: whoever submitted it gets the outcome as the answer
/// to that very request.
pub(crate) async fn write<C: ConnectionTrait>(
    app: &PowerCrud,
    transaction: &C,
    task_id: Uuid,
    answered: bool,
) -> Result<()> {
    let task = store::load_from(transaction, task_id).await?;
    let resource = app.resource(&task.resource).ok();
    let when = resource.and_then(|resource| resource.settings.bulk_notify_when).unwrap_or_default();
    if answered || !when.includes(&task) {
        return Ok(());
    }
    let select =
        Query::select().column("notification").from(tables::BULK_TASK).and_where(Expr::col("id").eq(task_id)).take();
    let words: String = match transaction.row(&select).await? {
        Some(row) => row.try_get_by_index(0)?,
        None => return Ok(()),
    };
    for channel in Notification::from_words(&words).channels() {
        match channel {
            // The page is always there.
            Channel::StatusPage => {}
            Channel::Messages => {
                insert_sent(app, transaction, &task, *channel, messages::recipient(&task)).await?;
                messages::write(app, transaction, &task).await?;
                // It arrives with the transaction that ends the task, of which little but its COMMIT is left.
                app.metrics().notice(*channel, Delivery::Sent);
            }
        }
    }
    Ok(())
}

async fn insert_sent<C: ConnectionTrait>(
    app: &PowerCrud,
    transaction: &C,
    task: &BulkTask,
    channel: Channel,
    recipient: &str,
) -> Result<()> {
    let now = app.database().dialect().now();
    let mut insert = Query::insert();
    insert
        .into_table(tables::NOTICE)
        .columns([
            "id",
            "task_id",
            "channel",
            "recipient",
            "status",
            "attempts",
            "next_attempt_at",
            "last_error",
            "created_at",
            "sent_at",
        ])
        .values_panic([
            Uuid::now_v7().into(),
            task.id.into(),
            channel.as_str().into(),
            recipient.into(),
            NoticeStatus::Sent.as_str().into(),
            1i64.into(),
            now.clone(),
            "".into(),
            now.clone(),
            now,
        ]);
    transaction.insert(&insert).await?;
    Ok(())
}
