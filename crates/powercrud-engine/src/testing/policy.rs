//! What a [`Policy`] promises, put to one.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use sea_orm::sea_query::{Alias, Expr, Query};

use super::{BrokenPromises, Findings, PATIENCE, read};
use crate::{
    engine::Engine,
    error::Result,
    policy::{Fields, Permission, Policy, Rows},
    resource::Resource,
    user::User,
};
use powercrud_db::{QueryExt as _, Table};

const NO_PANIC: &str = "it does not panic";
const SAME: &str = "it says the same whenever it is asked";
const AT_ONCE: &str = "it answers at once";
const FITS: &str = "rows fit the resource's table";
const ALIAS: &str = "a condition on rows names its columns by what it is given, since the table may have another name";
const STRANGER: &str = "a user of whom it knows nothing gets nothing";
const RESTRICTS: &str = "nothing is kept from a user of whom restricts says so";

/// Asked for every resource at every request, an answer may take no longer.
const MOMENT: Duration = Duration::from_millis(20);

/// A suite for a policy; see [`policy`].
#[must_use = "nothing is checked before `check`"]
pub struct PolicySuite<'a> {
    engine: &'a Engine,
    policy: &'a dyn Policy,
    users: Vec<User>,
    strangers: Vec<User>,
    public: Vec<String>,
    patience: Duration,
}

/// Checks what [`Policy`] promises, over the resources of the engine, whichever policy that has. Of users it knows only those that it is
/// told, and one whom nobody knows.
///
/// ```
/// # async fn test(engine: &powercrud_engine::Engine, own_shop: &dyn powercrud_engine::policy::Policy) {
/// use powercrud_engine::{testing, user::User};
///
/// let (ann, ben) = (User::new("1", "Ann").role("manager"), User::new("2", "Ben").attribute("shop", "7"));
/// testing::policy(engine, own_shop).users([ann, ben]).public(["country"]).check().await.unwrap();
/// # }
/// ```
pub fn policy<'a>(engine: &'a Engine, policy: &'a dyn Policy) -> PolicySuite<'a> {
    let stranger = User::new("powercrud-conformance", "Nobody knows me");
    let with_role = stranger.clone().role("powercrud-conformance");
    let (users, public) = (Vec::new(), Vec::new());
    PolicySuite { engine, policy, users, strangers: vec![stranger, with_role], public, patience: PATIENCE }
}

impl PolicySuite<'_> {
    /// Users whom it knows.
    pub fn users(mut self, users: impl IntoIterator<Item = User>) -> Self {
        self.users.extend(users);
        self
    }

    /// Resources that there are for everybody who is let in.
    pub fn public<S: Into<String>>(mut self, resources: impl IntoIterator<Item = S>) -> Self {
        self.public.extend(resources.into_iter().map(Into::into));
        self
    }

    /// Whom it knows nothing of; by default somebody without role or attributes, and somebody with a role that it can't know. Of roles,
    /// who has none may do everything.
    pub fn strangers(mut self, users: impl IntoIterator<Item = User>) -> Self {
        self.strangers = users.into_iter().collect();
        self
    }

    /// How long a count in the database may take.
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Checks it.
    ///
    /// # Errors
    /// What it does not keep.
    pub async fn check(self) -> std::result::Result<(), BrokenPromises> {
        let mut findings = Findings::new(self.patience);
        let known = self.users.iter().map(|user| (user, false));
        for (user, is_stranger) in known.chain(self.strangers.iter().map(|user| (user, true))) {
            for resource in self.engine.all_resources() {
                let place = format!("of {} and {}", user.name, resource.name);
                let Some(answers) = self.asked(&mut findings, user, resource, &place) else { continue };
                self.fits(&mut findings, &answers, resource, &place).await;
                if is_stranger && answers.may_view() && !self.public.contains(&resource.name) {
                    let count = self.count(&mut findings, &answers, resource).await;
                    findings.require(count == Some(0), STRANGER, format_args!("{place}: {count:?} rows"));
                }
            }
        }
        findings.end()
    }

    /// All that it says of a user and a resource; `None` where it panics.
    fn asked(&self, findings: &mut Findings, user: &User, resource: &Resource, place: &str) -> Option<Answers> {
        let ask = || {
            let begun = Instant::now();
            let actions = resource.actions.iter().map(|action| Permission::Action(action.asked_permission()));
            let may = Permission::ALL.into_iter().chain(actions);
            let answers = Answers {
                restricts: self.policy.restricts(user),
                may: may
                    .map(|permission| (permission.as_str().to_owned(), self.policy.may(user, permission, resource)))
                    .collect(),
                rows: self.policy.rows(user, resource),
                fields: self.policy.fields(user, resource),
            };
            (answers, begun.elapsed())
        };
        let mut fastest = Duration::MAX;
        let mut first: Option<Answers> = None;
        for _ in 0..3 {
            let Ok((answers, took)) = catch_unwind(AssertUnwindSafe(ask)) else {
                findings.broken(NO_PANIC, place);
                return None;
            };
            fastest = fastest.min(took);
            let told = answers.told(self.engine, resource);
            let is_same = first.as_ref().is_none_or(|first| first.told(self.engine, resource) == told);
            findings.require(is_same, SAME, format_args!("{place}: {told}"));
            first.get_or_insert(answers);
        }
        findings.require(fastest < MOMENT, AT_ONCE, format_args!("{place}: after {fastest:?}"));
        first
    }

    async fn fits(&self, findings: &mut Findings, answers: &Answers, resource: &Resource, place: &str) {
        let everything = answers.may.iter().all(|(_, may)| *may)
            && matches!(answers.rows, Rows::All)
            && answers.fields == Fields::all();
        let told = answers.told(self.engine, resource);
        findings.require(answers.restricts || everything, RESTRICTS, format_args!("{place}: {told}"));
        if let Some(mistake) = answers.rows.misfit(resource, self.engine.database().dialect()) {
            return findings.broken(FITS, format_args!("{place}: {mistake}"));
        }
        let table = answers.table(self.engine, resource);
        let (Some(condition), Some(aliased)) = (table.own_rows(), table.own_rows_as("conformance_one")) else { return };
        let mut plain = Query::select();
        plain.expr(Expr::cust("COUNT(*)")).from(table.table_ref()).and_where(condition);
        let mut joined = Query::select();
        joined.expr(Expr::cust("COUNT(*)")).from_as(table.table_ref(), Alias::new("conformance_one"));
        joined.cross_join(table.unscoped().table_ref()).and_where(aliased).limit(1);
        for (promise, select) in [(FITS, plain), (ALIAS, joined)] {
            let counted = self.engine.database().connection().number(&select);
            if let Some(Err(error)) = findings.within(promise, "a count", counted).await {
                return findings.broken(promise, format_args!("{place}: {error}"));
            }
        }
    }

    async fn count(&self, findings: &mut Findings, answers: &Answers, resource: &Resource) -> Option<u64> {
        let table = answers.table(self.engine, resource);
        let mut select = Query::select();
        select.expr(Expr::cust("COUNT(*)")).from(table.table_ref());
        if let Some(condition) = table.own_rows() {
            select.and_where(condition);
        }
        let counted: Result<u64> = self.engine.database().connection().number(&select).await.map_err(Into::into);
        read(findings, counted)
    }
}

/// What a policy says of a user and a resource.
struct Answers {
    restricts: bool,
    may: Vec<(String, bool)>,
    rows: Rows,
    fields: Fields,
}

impl Answers {
    fn may_view(&self) -> bool {
        self.may.iter().any(|(name, may)| name == Permission::View.as_str() && *may)
    }

    fn table(&self, engine: &Engine, resource: &Resource) -> Table {
        let scope = self.rows.clone().scope(resource, engine.database().dialect());
        Table { scope, ..resource.table.clone() }
    }

    /// All of it as one text.
    fn told(&self, engine: &Engine, resource: &Resource) -> String {
        let may: Vec<_> = self.may.iter().filter(|(_, may)| *may).map(|(name, _)| name.as_str()).collect();
        let condition = self.table(engine, resource).own_rows();
        let Fields { hidden, read_only } = &self.fields;
        format!(
            "restricts: {}, may: {}, rows: {condition:?}, hidden: {hidden:?}, read-only: {read_only:?}",
            self.restricts,
            may.join(", ")
        )
    }
}
