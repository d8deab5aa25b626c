//! Which notices a task's end gives rise to.

use std::collections::BTreeSet;

use email_address::EmailAddress;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait as _, Query},
};
use uuid::Uuid;

use super::{messages, outbox::NoticeStatus};
use crate::{
    config::{Channel, Notification},
    engine::Engine,
    error::Result,
    metrics::Delivery,
    own::{
        entity::{self, notice},
        tables,
    },
    resource::Resource,
    task::{BulkTask, store},
};
use powercrud_db::QueryExt as _;

/// The words that a task keeps of how people hear of its end: the resource's channels, and the callbacks that this process has the means
/// for. The process that ends the task may have others, or none.
pub(crate) fn words_of(engine: &Engine, resource: &Resource) -> String {
    let notification = resource.settings.bulk_async_notification.clone().unwrap_or_default();
    let mut words = notification.words();
    if notification.includes(Channel::Callback) {
        for recipient in callbacks(engine) {
            words = format!("{words},{recipient}");
        }
    }
    words
}

/// The recipients of callbacks that this process can tell.
fn callbacks(engine: &Engine) -> impl Iterator<Item = &'static str> {
    let addresses = engine.notifiers().iter().map(|notifier| notifier.address());
    addresses.filter(|address| address.channel == Channel::Callback).filter_map(|address| address.recipient)
}

/// Writes the notices of a task as part of the transaction that ends it. `answered`: whoever submitted it gets the outcome as the answer
/// to that very request.
pub(crate) async fn write<C: ConnectionTrait>(
    engine: &Engine,
    transaction: &C,
    task_id: Uuid,
    answered: bool,
) -> Result<()> {
    let engine = &engine.for_everybody();
    let task = store::load_from(transaction, task_id).await?;
    let resource = engine.resource(&task.resource).ok();
    let when = resource.and_then(|resource| resource.settings.bulk_notify_when).unwrap_or_default();
    if answered || !when.includes(task.status, task.completed_at.unwrap_or(task.created_at) - task.created_at) {
        return Ok(());
    }
    let select = Query::select()
        .columns(["notification", "user_email"])
        .from(tables::BULK_TASK)
        .and_where(Expr::col("id").eq(task_id))
        .take();
    let Some(row) = transaction.row(&select).await? else { return Ok(()) };
    let (words, address): (String, Option<String>) = row.try_get_many_by_index()?;
    let notices = Notices { engine, transaction, task: &task };
    for channel in Notification::from_words(&words).channels() {
        match channel {
            // The page is always there.
            Channel::StatusPage => {}
            Channel::Messages => {
                notices.insert(*channel, messages::recipient(&task), NoticeStatus::Sent, "").await?;
                messages::write(engine, transaction, &task).await?;
                // It arrives with the transaction that ends the task, of which little but its COMMIT is left.
                engine.metrics().notice(*channel, Delivery::Sent);
            }
            Channel::Email => match mail_recipient(&task, address.as_deref()) {
                Ok(address) => notices.insert(*channel, address, NoticeStatus::Waiting, "").await?,
                Err(why) => {
                    notices.insert(*channel, messages::recipient(&task), NoticeStatus::Skipped, &why).await?;
                }
            },
            Channel::Callback => {
                // Those that the process that submitted it can tell, beside this one's.
                let wanted = words.split(',').filter(|word| word.parse::<Channel>().is_err());
                let mut recipients: BTreeSet<&str> = wanted.collect();
                for recipient in callbacks(engine) {
                    recipients.insert(recipient);
                }
                for recipient in recipients {
                    notices.insert(*channel, recipient, NoticeStatus::Waiting, "").await?;
                }
            }
        }
    }
    Ok(())
}

/// The address that a task's mail goes to.
///
/// # Errors
/// Why there is none.
fn mail_recipient<'a>(task: &BulkTask, address: Option<&'a str>) -> Result<&'a str, String> {
    let who = task.user_name.as_deref().or(task.user_id.as_deref()).unwrap_or("the operator");
    match address {
        None | Some("") => Err(format!("{who} has no email address")),
        Some(address) if !EmailAddress::is_valid(address) => Err(format!("the email address of {who} is not valid")),
        Some(address) => Ok(address),
    }
}

/// Writes the notices of one task.
struct Notices<'a, C> {
    engine: &'a Engine,
    transaction: &'a C,
    task: &'a BulkTask,
}

impl<C: ConnectionTrait> Notices<'_, C> {
    async fn insert(&self, channel: Channel, recipient: &str, status: NoticeStatus, why: &str) -> Result<()> {
        let now = self.engine.database().dialect().now();
        let is_sent = status == NoticeStatus::Sent;
        let insert = entity::insert::<notice::Entity, _>([
            (notice::Column::Id, Uuid::now_v7().into()),
            (notice::Column::TaskId, self.task.id.into()),
            (notice::Column::Channel, channel.as_str().into()),
            (notice::Column::Recipient, recipient.into()),
            (notice::Column::Status, status.as_str().into()),
            (notice::Column::Attempts, i64::from(is_sent).into()),
            (notice::Column::NextAttemptAt, now.clone()),
            (notice::Column::LastError, why.into()),
            (notice::Column::CreatedAt, now.clone()),
            (notice::Column::SentAt, if is_sent { now } else { Expr::val(None::<i64>) }),
        ]);
        self.transaction.insert(&insert).await?;
        Ok(())
    }
}
