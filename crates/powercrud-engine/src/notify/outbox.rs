//! The outbox: notices wait here until a process that can delivers them.
//!
//! Every worker looks for notices that are due. It takes one by a conditional UPDATE that counts the try and puts the next one off by a
//! lease, so that of several only one delivers it now. What it writes afterwards names that try: whoever was frozen past its lease, while
//! another delivered, changes nothing. A process that dies in between is replaced when the lease lapses, and the notice is delivered
//! again, under the same id.
//!
//! After a failure the next try is put off by four times as much as the last: a quarter of a minute at first, most of a day at the end.

use std::{sync::Arc, time::Duration};

use sea_orm::sea_query::{Cond, Expr, ExprTrait as _, Order, Query};
use serde::Serialize;
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{Address, Failure, Notice, Notifier};
use crate::{
    config::Channel,
    engine::Engine,
    error::Result,
    metrics::Delivery,
    own::{
        entity::{self, notice},
        tables,
    },
    retry::{nobody, retry},
    task::BulkTask,
    words::rfc3339,
};
use powercrud_db::{QueryExt as _, with_timeout};

/// How often a notice is tried before it has failed.
pub const TRIES: i64 = 8;

/// How long the second try is put off. Eight tries, each put off by four times as much, take a little less than a day.
const FIRST_PAUSE: Duration = Duration::from_secs(15);

/// How much longer each pause is than the last.
const GROWTH: u32 = 4;

/// Deliveries of one notifier at a time in one process: a slow receiver keeps no other waiting for long.
const AT_ONCE: usize = 4;

/// How much longer a lease is than its delivery may take.
const SPARE: Duration = Duration::from_secs(30);

/// How long deliveries may still take once their process was told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Longer reasons are cut.
const LONGEST_REASON: usize = 500;

/// After so long without a single try, nobody will have the means: in milliseconds.
const FORGOTTEN: i64 = 3 * 24 * 60 * 60 * 1000;

/// Where a notice stands: it waits for a try, is being sent, has arrived, is given up, or can't reach its recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::EnumString, strum::IntoStaticStr)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum NoticeStatus {
    /// It is to be delivered, now or later.
    Waiting,
    /// A process delivers it, as long as its lease lasts.
    Sending,
    /// It has arrived.
    Sent,
    /// It could not be delivered and is not tried again.
    Failed,
    /// There is no way to reach its recipient.
    Skipped,
}

impl NoticeStatus {
    /// The word in the table.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One who is told of a task's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Notice))]
pub struct NoticeState {
    /// How: `messages` (under the bell), `email` or `callback`.
    pub channel: String,
    /// Who: of mail the address, of a callback `webhook` or `function`, else the id of the user, or `operator`.
    pub recipient: String,
    /// Where it stands.
    pub status: NoticeStatus,
    /// How often it was tried.
    pub attempts: u64,
    /// Why the last try failed, or why there is none; empty where neither is so.
    pub last_error: String,
    /// When the task ended.
    #[serde(serialize_with = "rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<chrono::DateTime<chrono::Utc>>))]
    pub created_at: i64,
    /// When it is tried next, where it waits for that.
    #[serde(serialize_with = "rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<chrono::DateTime<chrono::Utc>>))]
    pub next_attempt_at: Option<i64>,
    /// When it arrived.
    #[serde(serialize_with = "rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<chrono::DateTime<chrono::Utc>>))]
    pub sent_at: Option<i64>,
}

/// The notices of a task, oldest first; none before it has ended.
pub async fn of_task(engine: &Engine, task: &BulkTask) -> Result<Vec<NoticeState>> {
    // They are written by the transaction that ends it.
    if !task.status.is_final() {
        return Ok(Vec::new());
    }
    let select = entity::select::<notice::Entity>()
        .and_where(Expr::col("task_id").eq(task.id))
        .order_by("id", Order::Asc)
        .take();
    let rows = engine.database().connection().rows(&select).await?;
    let notices = rows.iter().map(|row| {
        let row: notice::Model = entity::read(row)?;
        // A word that this version does not know is of one that delivers it.
        let status = row.status.parse().unwrap_or(NoticeStatus::Waiting);
        Ok(NoticeState {
            channel: row.channel,
            recipient: row.recipient,
            status,
            attempts: row.attempts.try_into().unwrap_or_default(),
            next_attempt_at: (status == NoticeStatus::Waiting).then_some(row.next_attempt_at),
            last_error: row.last_error,
            created_at: row.created_at,
            sent_at: row.sent_at,
        })
    });
    notices.collect()
}

impl Engine {
    /// Delivers the notices of ended tasks that are due and that this process has the means for (mail, a webhook, the function of
    /// `powercrud::Builder::on_task_end`), and returns how many it tried. What fails is tried again later.
    ///
    /// # Errors
    /// The database's. A receiver's failure is none: it is noted at the notice, which the task's page shows.
    pub async fn deliver_notices(&self) -> Result<u64> {
        let mut tried = 0;
        for notifier in self.notifiers() {
            while let Some(notice) = take(self, notifier.as_ref()).await? {
                attempt(self, notifier.as_ref(), &notice).await?;
                tried += 1;
            }
        }
        Ok(tried)
    }

    /// Goes on delivering notices until `stop` is cancelled. Every [`crate::worker::Worker`] does so by itself; an application that
    /// leaves its bulk tasks to workers elsewhere, and has a function for their ends, runs this.
    pub async fn keep_delivering_notices(&self, stop: CancellationToken) {
        let mut notifiers = JoinSet::new();
        for notifier in self.notifiers() {
            notifiers.spawn(keep_delivering(self.clone(), Arc::clone(notifier), stop.clone()));
        }
        while notifiers.join_next().await.is_some() {}
    }
}

async fn keep_delivering(engine: Engine, notifier: Arc<dyn Notifier>, stop: CancellationToken) {
    let free = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    while !stop.is_cancelled() {
        let permit = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            permit = Arc::clone(&free).acquire_owned() => permit,
        };
        match with_timeout(take(&engine, notifier.as_ref())).await {
            Ok(Some(notice)) => {
                let (engine, notifier) = (engine.clone(), Arc::clone(&notifier));
                running.spawn(async move {
                    if let Err(error) = attempt(&engine, notifier.as_ref(), &notice).await {
                        tracing::warn!(notice_id = %notice.id, %error, "the outcome of a notice can't be noted; it is delivered again");
                    }
                    drop(permit);
                });
                continue;
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the worker can't look for notices; trying again"),
        }
        drop(permit);
        while running.try_join_next().is_some() {}
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(engine.settings().poll_interval) => {}
        }
    }
    // What is cut off here is delivered again when its lease lapses.
    let _ = tokio::time::timeout(GRACE, async { while running.join_next().await.is_some() {} }).await;
}

/// Takes a notice that is due, the one that has been due for longest; `None` where there is none.
async fn take(engine: &Engine, notifier: &dyn Notifier) -> Result<Option<Notice>> {
    let dialect = engine.database().dialect();
    let connection = engine.database().connection();
    let open = [NoticeStatus::Waiting, NoticeStatus::Sending].map(NoticeStatus::as_str);
    let due = Cond::all().add(Expr::col("status").is_in(open)).add(Expr::col("next_attempt_at").lte(dialect.now()));
    let select = Query::select()
        .columns(["id", "task_id", "recipient", "attempts"])
        .expr(dialect.now())
        .from(tables::NOTICE)
        .cond_where(due.clone())
        .cond_where(of(notifier.address()))
        .order_by("next_attempt_at", Order::Asc)
        .limit(8)
        .take();
    for row in connection.rows(&select).await? {
        let (id, task_id, recipient, attempts, at): (_, _, _, i64, _) = row.try_get_many_by_index()?;
        let notice = Notice { id, task_id, recipient, attempt: attempts + 1, at };
        let is_last = notice.attempt > TRIES;
        let mut update = Query::update();
        update
            .table(tables::NOTICE)
            .and_where(Expr::col("id").eq(notice.id))
            .and_where(Expr::col("attempts").eq(notice.attempt - 1))
            .cond_where(due.clone());
        if is_last {
            // Every process that took it the last time has died of it.
            update
                .value("status", NoticeStatus::Failed.as_str())
                .value("last_error", format!("the last of {TRIES} tries was cut off"));
        } else {
            let lease = notifier.timeout() + SPARE;
            update
                .value("status", NoticeStatus::Sending.as_str())
                .value("attempts", notice.attempt)
                .value("next_attempt_at", dialect.now().add(lease.as_millis() as i64));
        }
        if connection.update(&update).await? == 1 && !is_last {
            return Ok(Some(notice));
        }
    }
    Ok(None)
}

fn of(address: Address) -> Cond {
    let channel = Cond::all().add(Expr::col("channel").eq(address.channel.as_str()));
    match address.recipient {
        Some(recipient) => channel.add(Expr::col("recipient").eq(recipient)),
        None => channel,
    }
}

/// Tries to deliver a notice that was taken, and notes its outcome.
async fn attempt(engine: &Engine, notifier: &dyn Notifier, notice: &Notice) -> Result<()> {
    let timeout = notifier.timeout();
    let delivered = match tokio::time::timeout(timeout, notifier.deliver(engine, notice)).await {
        Ok(delivered) => delivered,
        Err(_) => Err(Failure::passing(format!("there was no answer within {} s", timeout.as_secs()))),
    };
    retry(
        |_, tries| (tries < 5).then(|| Duration::from_millis(200 << tries)),
        nobody,
        || with_timeout(settle(engine, notifier.address().channel, notice, &delivered)),
    )
    .await
}

async fn settle(
    engine: &Engine,
    channel: Channel,
    notice: &Notice,
    delivered: &std::result::Result<(), Failure>,
) -> Result<()> {
    let now = || engine.database().dialect().now();
    let mut update = Query::update();
    update
        .table(tables::NOTICE)
        .and_where(Expr::col("id").eq(notice.id))
        .and_where(Expr::col("attempts").eq(notice.attempt))
        .and_where(Expr::col("status").eq(NoticeStatus::Sending.as_str()));
    let outcome = match delivered {
        Ok(()) => {
            update.value("status", NoticeStatus::Sent.as_str()).value("sent_at", now()).value("last_error", "");
            Delivery::Sent
        }
        Err(failure) => {
            let again = failure.may_pass && notice.attempt < TRIES;
            let status = if again { NoticeStatus::Waiting } else { NoticeStatus::Failed };
            update.value("status", status.as_str()).value("last_error", presentable(&failure.reason));
            if again {
                update.value("next_attempt_at", now().add(pause_after(notice.attempt).as_millis() as i64));
            }
            tracing::warn!(notice_id = %notice.id, task_id = %notice.task_id, attempt = notice.attempt, again, reason = %failure.reason, "a notice was not delivered");
            if again { Delivery::Retried } else { Delivery::Failed }
        }
    };
    if engine.database().connection().update(&update).await? == 1 {
        engine.metrics().notice(channel, outcome);
    }
    Ok(())
}

/// A reason on one line, not too long.
fn presentable(reason: &str) -> String {
    let one_line = reason.split(|c: char| c.is_control() || c == ' ').filter(|word| !word.is_empty());
    one_line.collect::<Vec<_>>().join(" ").chars().take(LONGEST_REASON).collect()
}

/// How long the try after `attempt` is put off, give or take a fifth, so that notices that failed together don't come back together.
fn pause_after(attempt: i64) -> Duration {
    let growth = GROWTH.saturating_pow(u32::try_from(attempt - 1).unwrap_or(u32::MAX));
    FIRST_PAUSE.saturating_mul(growth).mul_f64(rand::random_range(0.8..1.2))
}

/// Gives up notices that nobody has had the means to deliver for days, and returns how many.
///
/// # Errors
/// The database's.
pub(crate) async fn give_up_forgotten(engine: &Engine) -> Result<u64> {
    let mut update = Query::update();
    update
        .table(tables::NOTICE)
        .value("status", NoticeStatus::Failed.as_str())
        .value("last_error", "no process that could deliver it was running")
        .and_where(Expr::col("status").eq(NoticeStatus::Waiting.as_str()))
        .and_where(Expr::col("attempts").eq(0i64))
        .and_where(Expr::col("next_attempt_at").lt(engine.database().dialect().now().sub(FORGOTTEN)));
    Ok(engine.database().connection().update(&update).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_tries_take_about_a_day() {
        let hours = |pause: Duration| pause.as_secs_f64() / 3_600.0;
        let all: Duration = (1..TRIES).map(pause_after).sum();
        assert!((16.0..30.0).contains(&hours(all)), "{all:?}");
        for attempt in 1..TRIES {
            let usual = 15.0 * 4f64.powi(attempt as i32 - 1);
            let pause = pause_after(attempt).as_secs_f64();
            assert!((usual * 0.8..=usual * 1.2).contains(&pause), "after {attempt}: {pause} s");
        }
    }

    #[test]
    fn a_reason_is_one_short_line() {
        assert_eq!(presentable("550 no\r\n  such\tuser\n"), "550 no such user");
        assert_eq!(presentable(&"x".repeat(9_000)).len(), LONGEST_REASON);
    }
}
