//! What a [`Notifier`] promises, put to one.

use std::{pin::pin, sync::Arc, time::Duration};

use sea_orm::sea_query::{Expr, Query};
use tokio::time::timeout;
use uuid::Uuid;

use super::{BrokenPromises, Findings, PATIENCE};
use crate::engine::{Address, Engine, Failure, Notice, Notifier};
use powercrud_db::QueryExt as _;

const ADDRESS: &str = "its address is one of its own, and always the same";
const DELIVERS: &str = "a notice is delivered, or it is said why not";
const ARRIVES: &str = "a notice that counts as delivered has arrived";
const AGAIN: &str = "a notice may be delivered again under the same id";
const NO_TASK: &str = "a notice of a task that is no more ends like any other";
const DROPPED: &str = "it may be dropped while it delivers, and delivers afterwards";
const NO_CONNECTION: &str = "it holds no connection of the database while it waits for somebody else's machine";
const SAYS_SO: &str = "what can't be reached is told: by deliver, as what may pass, and by health_check";
const HEALTHY: &str = "health_check says nothing against it while notices can be delivered";
const SECRET: &str = "neither endpoint nor error tells a secret";

/// A suite for a notifier; see [`notifier`].
#[must_use = "nothing is checked before `check`"]
pub struct NotifierSuite<'a> {
    engine: &'a Engine,
    task_id: Uuid,
    notifier: &'a dyn Notifier,
    received: Option<Box<dyn Fn() -> usize + Send + Sync + 'a>>,
    unreachable: Option<&'a dyn Notifier>,
    silent: Option<&'a dyn Notifier>,
    secrets: Vec<String>,
    patience: Duration,
}

/// Checks what [`Notifier`] promises, by notices of a task that has ended. What it is told really is delivered, several times.
///
/// ```no_run
/// # async fn test(engine: &powercrud_engine::Engine, task_id: uuid::Uuid, chat: &dyn powercrud_engine::notify::Notifier) {
/// powercrud_engine::testing::notifier(engine, task_id, chat).check().await.unwrap();
/// # }
/// ```
pub fn notifier<'a>(engine: &'a Engine, task_id: Uuid, notifier: &'a dyn Notifier) -> NotifierSuite<'a> {
    NotifierSuite {
        engine,
        task_id,
        notifier,
        received: None,
        unreachable: None,
        silent: None,
        secrets: Vec::new(),
        patience: PATIENCE,
    }
}

/// Those that a configured PowerCRUD delivers by.
pub fn notifiers(engine: &Engine) -> &[Arc<dyn Notifier>] {
    engine.notifiers()
}

impl<'a> NotifierSuite<'a> {
    /// How many notices have arrived at the other end so far.
    pub fn received(mut self, received: impl Fn() -> usize + Send + Sync + 'a) -> Self {
        self.received = Some(Box::new(received));
        self
    }

    /// The same to an end that can't be reached: it has to say so.
    pub fn unreachable(mut self, notifier: &'a dyn Notifier) -> Self {
        self.unreachable = Some(notifier);
        self
    }

    /// The same to an end that takes what it is sent and never answers. Meanwhile the database has to answer to others, which is told best
    /// by a pool of one connection.
    pub fn silent(mut self, notifier: &'a dyn Notifier) -> Self {
        self.silent = Some(notifier);
        self
    }

    /// What no error and no endpoint may tell, such as a password.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// How long to wait for what has no time limit of its own.
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Checks it.
    ///
    /// # Errors
    /// What it does not keep.
    pub async fn check(self) -> Result<(), BrokenPromises> {
        let mut findings = Findings::new(self.patience);
        self.address(&mut findings);
        self.delivers(&mut findings).await;
        if let Some(Err(error)) = findings.within(HEALTHY, "health_check", self.notifier.health_check()).await {
            findings.broken(HEALTHY, error);
        }
        if let Some(silent) = self.silent {
            self.holds_nothing(&mut findings, silent).await;
        }
        let endpoints = [Some(self.notifier), self.unreachable, self.silent];
        for endpoint in endpoints.into_iter().flatten().filter_map(|notifier| notifier.endpoint()) {
            self.keeps_secrets(&mut findings, &endpoint);
        }
        if let Some(unreachable) = self.unreachable {
            self.says_so(&mut findings, unreachable).await;
        }
        findings.end()
    }

    fn notice(&self, task_id: Uuid, id: Uuid, attempt: i64) -> Notice {
        let recipient = self.notifier.address().recipient.unwrap_or("conformance@example.org").to_owned();
        Notice { id, task_id, recipient, attempt, at: 1_700_000_000_000 }
    }

    fn keeps_secrets(&self, findings: &mut Findings, text: &str) {
        let tells = self.secrets.iter().any(|secret| text.contains(secret));
        findings.require(!tells, SECRET, "one does");
    }

    fn address(&self, findings: &mut Findings) {
        let address = self.notifier.address();
        findings.require(address == self.notifier.address(), ADDRESS, "it was another the second time");
        let is_known = [Address::EMAIL, Address::WEBHOOK, Address::FUNCTION].contains(&address);
        if let Some(mistake) = address.why_not_own().filter(|_| !is_known) {
            findings.broken(ADDRESS, mistake);
        }
    }

    async fn delivers(&self, findings: &mut Findings) {
        let (limit, id) = (self.notifier.timeout(), Uuid::new_v4());
        let arrived = || self.received.as_ref().map(|received| received());
        for (attempt, promise) in [(1, DELIVERS), (2, AGAIN)] {
            let before = arrived();
            let notice = self.notice(self.task_id, id, attempt);
            let delivered = self.notifier.deliver(self.engine, &notice);
            match findings.before(limit, promise, "deliver", delivered).await {
                Some(Ok(())) => {
                    // Whether a second one under the same id counts is the receiver's to say.
                    let is_more = attempt == 2 || before.is_none() || arrived() > before;
                    findings.require(is_more, ARRIVES, "deliver is Ok, and nothing has arrived");
                }
                Some(Err(Failure { reason, .. })) => findings.broken(promise, reason),
                None => return,
            }
        }
        let notice = self.notice(Uuid::new_v4(), Uuid::new_v4(), 1);
        let delivered = self.notifier.deliver(self.engine, &notice);
        if let Some(Err(failure)) = findings.before(limit, NO_TASK, "deliver", delivered).await {
            findings.require(!failure.reason.trim().is_empty(), NO_TASK, "it gives no reason");
        }
        for micros in [0, 1, 50, 500] {
            let notice = self.notice(self.task_id, Uuid::new_v4(), 1);
            let _ = timeout(Duration::from_micros(micros), self.notifier.deliver(self.engine, &notice)).await;
        }
        let notice = self.notice(self.task_id, Uuid::new_v4(), 1);
        let delivered = self.notifier.deliver(self.engine, &notice);
        if let Some(Err(failure)) = findings.before(limit, DROPPED, "deliver", delivered).await {
            findings.broken(DROPPED, failure.reason);
        }
    }

    async fn holds_nothing(&self, findings: &mut Findings, silent: &dyn Notifier) {
        let notice = self.notice(self.task_id, Uuid::new_v4(), 1);
        let mut delivering = pin!(silent.deliver(self.engine, &notice));
        if timeout(Duration::from_millis(500), &mut delivering).await.is_ok() {
            return findings.broken(NO_CONNECTION, "the end that was said to be silent has answered");
        }
        let one = Query::select().expr(Expr::val(1)).take();
        let answer = self.engine.database().connection().number(&one);
        if let Some(Err(error)) = findings.within(NO_CONNECTION, "a query beside it", answer).await {
            findings.broken(NO_CONNECTION, error);
        }
    }

    async fn says_so(&self, findings: &mut Findings, unreachable: &dyn Notifier) {
        let notice = self.notice(self.task_id, Uuid::new_v4(), 1);
        let delivered = unreachable.deliver(self.engine, &notice);
        match findings.before(unreachable.timeout(), SAYS_SO, "deliver", delivered).await {
            Some(Ok(())) => findings.broken(SAYS_SO, "deliver is Ok"),
            Some(Err(Failure { reason, may_pass })) => {
                findings.require(may_pass, SAYS_SO, "deliver says that it would never go better");
                findings.require(!reason.trim().is_empty(), SAYS_SO, "deliver gives no reason");
                self.keeps_secrets(findings, &reason);
            }
            None => {}
        }
        match findings.within(SAYS_SO, "health_check", unreachable.health_check()).await {
            Some(Ok(())) => findings.broken(SAYS_SO, "health_check is Ok"),
            Some(Err(error)) => self.keeps_secrets(findings, &error),
            None => {}
        }
    }
}
