//! Carries out a case and compares.

mod checks;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use powercrud::{
    Error,
    task::{BulkTask, RecordError, Status},
};

use checks::{UNFINDABLE, UNFINDABLE_WORDS, check_counts, compare_tags, named, reasons};

use crate::{
    connection::Connection,
    dump::dump,
    judge::{Judge, Verdict},
    step::{Action, Assignment, Bulk, Case, Selected, Step},
    subject::{Subject, Told},
    support::Kind,
    with_two,
};

/// How often what was done and compared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(pub(crate) BTreeMap<&'static str, u64>);

impl Tally {
    fn add(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (what, times) in &other.0 {
            *self.0.entry(what).or_default() += times;
        }
    }

    pub(crate) fn get(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }
}

/// No operation of a case takes longer, however busy the machine is.
const LIMIT: Duration = Duration::from_secs(90);

/// What came of a case: how much was compared, or where PowerCRUD and plain SQL differ.
pub(crate) type Outcome = Result<Tally, String>;

/// Runs these cases in two databases, until one fails, which may leave anything behind. What came of those that were run; nothing where
/// there is no server.
pub(crate) async fn run_batch(kind: Kind, cases: Vec<Case>) -> Vec<Outcome> {
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&outcomes);
    with_two(kind, move |subject, copy| async move {
        for case in cases {
            let outcome = run(&case, subject.url.clone(), copy.url.clone()).await;
            let failed = outcome.is_err();
            told.lock().expect("nobody panics while it is held").push(outcome);
            if failed {
                break;
            }
        }
    })
    .await;
    std::mem::take(&mut *outcomes.lock().expect("nobody panics while it is held"))
}

async fn run(case: &Case, subject: String, copy: String) -> Outcome {
    let owned = case.clone();
    let ran = tokio::spawn(async move { carry_out(&owned, &subject, &copy).await });
    let outcome = ran.await.unwrap_or_else(|error| {
        let why = error.into_panic();
        let why = why.downcast_ref::<String>().cloned();
        Err(format!("a panic: {}", why.unwrap_or_else(|| "without a text".to_owned())))
    });
    outcome.map_err(|difference| describe(case, &difference))
}

async fn carry_out(case: &Case, subject: &str, copy: &str) -> Result<Tally, String> {
    for url in [subject, copy] {
        let mut plain = Connection::open(case.kind, url).await;
        plain.clean().await;
        plain.execute(&case.script).await.map_err(|error| format!("the case itself is wrong: {error}"))?;
    }
    Trial::begin(case, &with_role(subject, case.role), &with_role(copy, case.role)).await?.run(case).await
}

fn with_role(url: &str, role: Option<&str>) -> String {
    match role {
        None => url.to_owned(),
        Some(role) => {
            let separator = if url.contains('?') { '&' } else { '?' };
            format!("{url}{separator}options=-c%20role%3D{role}")
        }
    }
}

fn describe(case: &Case, difference: &str) -> String {
    format!("=== {} on {:?}\n{difference}\n--- schema and rows\n{}\n", case.name, case.kind, case.script)
}

struct Trial {
    subject: Subject,
    /// Looks at what PowerCRUD left.
    left: Connection,
    judge: Judge,
    tally: Tally,
    /// Whether a trigger may end the judge's transaction.
    autocommit: bool,
}

impl Trial {
    async fn begin(case: &Case, subject: &str, judge: &str) -> Result<Self, String> {
        let mut chunks = BTreeMap::new();
        for step in &case.steps {
            if let Step::Bulk(bulk) = step {
                chunks.insert(bulk.table.clone(), bulk.chunk_size);
            }
        }
        let left = Connection::open(case.kind, subject).await;
        let judge = Judge::new(case.kind, Connection::open(case.kind, judge).await).await;
        let subject = Subject::build(subject, &chunks).await;
        let subject = subject.map_err(|error| format!("PowerCRUD can't be built: {error}"))?;
        let autocommit = case.script.contains("ROLLBACK") || !judge.has_transactions;
        Ok(Self { subject, left, judge, tally: Tally::default(), autocommit })
    }

    async fn run(mut self, case: &Case) -> Result<Tally, String> {
        self.same("before anything was done").await?;
        for step in &case.steps {
            let outcome = match tokio::time::timeout(LIMIT, self.step(step)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(format!("it was not done after {LIMIT:?}")),
            };
            outcome.map_err(|difference| format!("{step:#?}\n--- {difference}"))?;
        }
        let _ = self.subject.app.database().connection().clone().close().await;
        Ok(self.tally)
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Bulk(bulk) => self.bulk(bulk).await,
            Step::Edit { table, tag, change } => self.edit(table, *tag, change).await,
            Step::Pages { table, page_size } => self.pages(table, *page_size).await,
        }
    }

    /// Both databases hold the same, byte for byte.
    async fn same(&mut self, when: &str) -> Result<(), String> {
        let kind = self.judge.kind;
        let (got, expected) = (dump(kind, &mut self.left).await, dump(kind, &mut self.judge.plain).await);
        if got == expected {
            return Ok(());
        }
        let mut text = format!("the rows differ {when}\n");
        for (table, rows) in &expected {
            let others = got.get(table).map(Vec::as_slice).unwrap_or_default();
            for (whose, rows, others) in [("expected", rows.as_slice(), others), ("got     ", others, rows)] {
                for row in rows.iter().filter(|row| !others.contains(row)).take(10) {
                    let _ = writeln!(text, "{whose} {table}: {row}");
                }
            }
        }
        Err(text)
    }

    /// Each record of the list by its tag.
    async fn keys(&self, table: &str) -> Result<BTreeMap<i64, String>, String> {
        let (records, _) =
            self.subject.list(table, &[], 200).await.map_err(|error| format!("the list of {table}: {error}"))?;
        Ok(records.into_iter().map(|(key, tag)| (tag, key)).collect())
    }

    async fn pages(&mut self, table: &str, page_size: u64) -> Result<(), String> {
        let (records, count) =
            self.subject.list(table, &[], page_size).await.map_err(|error| format!("the list of {table}: {error}"))?;
        let expected = self.judge.tags(table, "1 = 1").await?;
        let mut got: Vec<_> = records.iter().map(|(_, tag)| *tag).collect();
        got.sort_unstable();
        compare_tags("the list's pages", &expected, &got)?;
        if count != expected.len() as u64 {
            return Err(format!("the count says {count}, there are {}", expected.len()));
        }
        self.tally.add("pages");
        Ok(())
    }

    async fn edit(&mut self, table: &str, tag: i64, change: &Assignment) -> Result<(), String> {
        if self.is_read_only(table)? {
            return Ok(());
        }
        let keys = self.keys(table).await?;
        let Some(key) = keys.get(&tag) else {
            // A step before may have deleted it.
            let there = self.judge.tags(table, &format!("tag = {tag}")).await?;
            return if there.is_empty() {
                Ok(())
            } else {
                Err(format!("the list does not show the record of tag {tag}"))
            };
        };
        let action = Action::Update(vec![change.clone()]);
        let holds = !self.judge.holding(table, &action, &[tag]).await?.is_empty()
            || self.judge.holds_number(table, change, tag).await;
        let told = self.subject.edit(table, key, change).await;
        if holds && told.is_ok() {
            return self.same("after one record was edited that held the value").await;
        }
        if let Err(error) = &told
            && UNFINDABLE_WORDS.iter().any(|words| error.to_string().contains(words))
        {
            self.tally.add("unfindable keys named");
            return self.same("though the record is said to be unfindable").await;
        }
        let done = self.judge.try_one_committed(table, &action, tag).await;
        match (&told, &done) {
            (Ok(()), Ok(true)) | (Err(_), Err(_)) | (Err(Error::RecordNotFound { .. }), Ok(false)) => {}
            // What the row held already.
            (Ok(()), Ok(false)) => {}
            _ => return Err(format!("PowerCRUD says {told:?}, plain SQL {done:?}")),
        }
        self.tally.add(if told.is_ok() { "edits" } else { "edits refused" });
        self.same("after one record was edited").await
    }

    fn is_read_only(&mut self, table: &str) -> Result<bool, String> {
        let resource = self.subject.resource(table).map_err(|error| error.to_string())?;
        match &resource.read_only {
            None => Ok(false),
            Some(reason) if reason.trim().is_empty() => Err(format!("{table} is read-only without a reason")),
            Some(_) => {
                self.tally.add("read-only");
                Ok(true)
            }
        }
    }

    async fn bulk(&mut self, bulk: &Bulk) -> Result<(), String> {
        let table = &bulk.table;
        let keys = self.keys(table).await?;
        let tags: BTreeMap<&str, i64> = keys.iter().map(|(tag, key)| (key.as_str(), *tag)).collect();
        let resource = self.subject.resource(table).map_err(|error| error.to_string())?;
        let is_shared = |tag: &i64, key: &str| tags[key] != *tag && !key.contains("~n") && resource.read_only.is_none();
        if let Some((tag, key)) = keys.iter().find(|(tag, key)| is_shared(tag, key)) {
            return Err(format!("the record of tag {tag} is not the only one with the key {key:?}"));
        }
        let mut selected = self.judge.tags(table, &bulk.selection.sql()).await?;
        if matches!(bulk.selection, Selected::Tags(_)) {
            // Whoever ticks records whose key is NULL has ticked one key.
            selected.retain(|tag| keys.get(tag).is_none_or(|key| tags[key.as_str()] == *tag));
        }
        if let Selected::Filter { conditions, .. } = &bulk.selection {
            match self.subject.list(table, conditions, 50).await {
                Ok((records, count)) => {
                    let mut got: Vec<_> = records.iter().map(|(_, tag)| *tag).collect();
                    got.sort_unstable();
                    compare_tags("the filter", &selected, &got)?;
                    if count != selected.len() as u64 {
                        return Err(format!("the filter's count is {count}, plain SQL selects {}", selected.len()));
                    }
                    self.tally.add("filters");
                }
                // Not every operator is there for every type.
                Err(Error::Invalid(errors)) if errors.iter().all(|error| error.code == "UNKNOWN_OPERATOR") => {
                    self.tally.add("operators refused");
                    return Ok(());
                }
                Err(error) => return Err(format!("the filter is refused: {error}")),
            }
        }
        if self.is_read_only(table)? {
            return match self.subject.bulk(bulk, &keys).await.map_err(|error| error.to_string())? {
                Told::Refused(_) => self.same("though the table is read-only").await,
                Told::Ended { task, .. } => Err(format!("the table is read-only, and yet {task:#?}")),
            };
        }
        let told = self.subject.bulk(bulk, &keys).await.map_err(|error| error.to_string())?;
        match told {
            Told::Refused(error) => self.refused(bulk, &selected, &error).await,
            Told::Ended { task, errors } => {
                self.tally.add(match bulk.action {
                    Action::Update(_) => "bulk updates",
                    Action::Delete => "bulk deletes",
                });
                self.ended(bulk, &selected, &task, &errors, &keys)
                    .await
                    .map_err(|difference| format!("{difference}\n--- the task\n{task:?}\n{errors:#?}"))
            }
        }
    }

    /// Nothing may have been done, and plain SQL does nothing of it either.
    async fn refused(&mut self, bulk: &Bulk, selected: &[i64], error: &Error) -> Result<(), String> {
        self.same(&format!("though the request was refused: {error}")).await?;
        if matches!(error, Error::NotAllowed(_)) && !self.judge.has_transactions {
            self.tally.add("tables without transactions");
            return Ok(());
        }
        self.judge.begin(self.autocommit).await;
        let verdict = self.judge.one_by_one(&bulk.table, &bulk.action, selected).await;
        self.judge.roll_back(self.autocommit).await;
        self.tally.add("requests refused");
        match error {
            Error::NothingSelected(_) if selected.is_empty() => Ok(()),
            // A unique value for several: one of them could have it, but nobody said which.
            Error::Invalid(errors) if errors.iter().all(|error| error.code == "UNIQUE") && selected.len() > 1 => Ok(()),
            Error::Invalid(_) if verdict.done.is_empty() && verdict.gone.is_empty() => Ok(()),
            _ => Err(format!("PowerCRUD refuses: {error:?}\nplain SQL: {verdict:#?}")),
        }
    }

    async fn ended(
        &mut self,
        bulk: &Bulk,
        selected: &[i64],
        task: &BulkTask,
        errors: &[RecordError],
        keys: &BTreeMap<i64, String>,
    ) -> Result<(), String> {
        let total = selected.len() as u64;
        let failed = named(errors, keys, selected)?;
        if task.total_records != total {
            return Err(format!("plain SQL selects {total}, the task {}", task.total_records));
        }
        if !bulk.background && total < 20 && task.status != Status::Success {
            return self.nothing_stayed(bulk, selected, task, &failed).await;
        }
        check_counts(task, &failed)?;
        // Those are named, which is all that PowerCRUD can do; they have to be as they were.
        let (unfindable, failed): (BTreeMap<_, _>, BTreeMap<_, _>) =
            failed.into_iter().partition(|(_, error)| UNFINDABLE.contains(&error.code.as_str()));
        if !unfindable.is_empty() {
            self.tally.add("unfindable keys named");
        }
        let holding = self.judge.holding(&bulk.table, &bulk.action, selected).await?;
        let selected: Vec<_> =
            selected.iter().copied().filter(|tag| !unfindable.contains_key(tag) && !holding.contains(tag)).collect();
        let selected = &selected[..];
        self.judge.begin(self.autocommit).await;
        let verdict = self.judge.one_by_one(&bulk.table, &bulk.action, selected).await;
        match self.agrees(task, &failed, &verdict).await {
            Ok(()) => {
                self.judge.commit(self.autocommit).await;
                Ok(())
            }
            // In another order or as one statement, plain SQL may do more: what refers to each other goes together.
            Err(difference) if !self.autocommit => {
                self.judge.roll_back(false).await;
                self.judge.begin(false).await;
                match self.as_told(bulk, selected, &failed).await {
                    Ok(()) => {
                        self.judge.commit(false).await;
                        self.tally.add("depend on the order");
                        Ok(())
                    }
                    Err(also) => {
                        self.judge.roll_back(false).await;
                        Err(format!("one by one: {difference}\nas the task says: {also}"))
                    }
                }
            }
            Err(difference) => Err(difference),
        }
    }

    /// All or nothing, and something failed.
    async fn nothing_stayed(
        &mut self,
        bulk: &Bulk,
        selected: &[i64],
        task: &BulkTask,
        failed: &BTreeMap<i64, RecordError>,
    ) -> Result<(), String> {
        self.same("though all or nothing failed").await?;
        if task.status != Status::Failure || task.succeeded_records != 0 || failed.is_empty() {
            return Err("all or nothing failed, and the task does not say so and why".to_owned());
        }
        self.judge.begin(self.autocommit).await;
        let verdict = self.judge.one_by_one(&bulk.table, &bulk.action, selected).await;
        self.judge.roll_back(self.autocommit).await;
        let innocent: Vec<_> = failed.keys().filter(|tag| !verdict.refused.contains_key(tag)).collect();
        if !innocent.is_empty() {
            return Err(format!("failed, though plain SQL takes them: {innocent:?}\n{verdict:#?}"));
        }
        self.tally.add("all or nothing failed");
        reasons(failed, &verdict)
    }

    async fn agrees(
        &mut self,
        task: &BulkTask,
        failed: &BTreeMap<i64, RecordError>,
        verdict: &Verdict,
    ) -> Result<(), String> {
        let (got, expected): (Vec<_>, Vec<_>) = (failed.keys().collect(), verdict.refused.keys().collect());
        if got != expected {
            return Err(format!("failed by the task: {got:?}; refused by plain SQL: {:#?}", verdict.refused));
        }
        if task.missing_records > 0 && verdict.gone.is_empty() {
            return Err(format!("{} records were gone already, says the task; none was", task.missing_records));
        }
        reasons(failed, verdict)?;
        self.same("after the task").await
    }

    /// What the task did is what one statement does, and each record that it names as failed is refused then.
    async fn as_told(
        &mut self,
        bulk: &Bulk,
        selected: &[i64],
        failed: &BTreeMap<i64, RecordError>,
    ) -> Result<(), String> {
        let done: BTreeSet<_> = selected.iter().copied().filter(|tag| !failed.contains_key(tag)).collect();
        match &bulk.action {
            Action::Update(_) => _ = self.judge.at_once(&bulk.table, &bulk.action, &done).await?,
            Action::Delete => {
                let left = self.judge.one_after_the_other(&bulk.table, &bulk.action, &done).await;
                if !left.is_empty() {
                    return Err(format!("plain SQL can't delete {left:?} in any order"));
                }
            }
        }
        self.same("after what the task says").await?;
        for &tag in failed.keys() {
            if let Ok(done) = self.judge.try_one(&bulk.table, &bulk.action, tag).await {
                return Err(format!("{tag} is named as failed; plain SQL takes it ({done})"));
            }
        }
        Ok(())
    }
}
