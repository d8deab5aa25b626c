//! What a [`ChunkHook`] promises, put to one.

use uuid::Uuid;

use super::{
    BrokenPromises, Findings, RecordsSuite,
    contents::{contents, difference, records},
    read,
};
use crate::{
    chunk_hook::{ChunkHook, ChunkOfTask},
    engine::Engine,
    error::Result,
    resource::Resource,
};
use powercrud_db::Transaction;

const ENDS: &str = "it waits for nobody else's machine, and does not panic";
const TRANSACTION: &str = "what it does goes through the chunk's transaction alone";
const AGAIN: &str = "it may be called again for records whose transaction did not stand, and does the same";

/// A suite for hooks around chunks; see [`chunk_hook`].
pub type ChunkHookSuite<'a> = RecordsSuite<'a, dyn ChunkHook>;

/// Checks what [`ChunkHook`] promises, by chunks of the records that the resource has, whose transactions are rolled back.
///
/// ```
/// # async fn test(engine: &powercrud_engine::Engine, journal: &dyn powercrud_engine::chunk_hook::ChunkHook) {
/// powercrud_engine::testing::chunk_hook(engine, "book", journal).check().await.unwrap();
/// # }
/// ```
pub fn chunk_hook<'a>(
    engine: &'a Engine,
    resource: &'a str,
    hook: &'a (dyn ChunkHook + 'static),
) -> ChunkHookSuite<'a> {
    RecordsSuite::new(engine, resource, hook, 50)
}

impl RecordsSuite<'_, dyn ChunkHook> {
    /// Checks it.
    ///
    /// # Errors
    /// What it does not keep.
    pub async fn check(self) -> std::result::Result<(), BrokenPromises> {
        let mut findings = Findings::new(self.patience);
        if let Some((engine, resource)) = self.resource(&mut findings) {
            let called = self.call(&mut findings, &engine, &resource).await;
            read(&mut findings, called);
        }
        findings.end()
    }

    async fn call(&self, findings: &mut Findings, engine: &Engine, resource: &Resource) -> Result<()> {
        let records = records(engine, resource, self.records).await?;
        let keys: Vec<String> = records.into_iter().map(|(key, _)| key).collect();
        let failed: Vec<String> = keys.iter().take(1).cloned().collect();
        let before = contents(engine, engine.database().connection()).await?;
        for (operation, failed) in
            [("update", &[][..]), ("update", &failed[..]), ("update", &keys[..]), ("delete", &[])]
        {
            let call = Call { task_id: Uuid::new_v4(), resource, operation, keys: &keys, failed };
            let mut told = Vec::new();
            for _ in 0..2 {
                let transaction = engine.database().begin_changing().await?;
                let said = self.one(findings, &call, &transaction).await;
                let seen = contents(engine, &transaction).await.ok();
                transaction.rollback().await?;
                let Some(said) = said else { return Ok(()) };
                // What an error of the database has left can't be looked at.
                told.push((said, seen));
                let after = contents(engine, engine.database().connection()).await?;
                if let Some(tables) = difference(&before, &after) {
                    findings.broken(TRANSACTION, format_args!("{tables} changed, and the transaction was rolled back"));
                    return Ok(());
                }
            }
            let [(first, seen), (again, seen_again)] = &told[..] else { continue };
            findings.require(first == again, AGAIN, format_args!("{operation}: {first}, then {again}"));
            let differing = seen.as_ref().zip(seen_again.as_ref()).and_then(|(seen, again)| difference(seen, again));
            if let Some(tables) = differing {
                findings.broken(AGAIN, format_args!("{operation}: {tables} differ the second time"));
            }
        }
        Ok(())
    }

    /// Both calls of a chunk, and what they say; `None` where one doesn't end as it should.
    async fn one(&self, findings: &mut Findings, call: &Call<'_>, transaction: &Transaction) -> Option<String> {
        let before = findings.within(ENDS, "before", self.subject.before(&call.chunk(&[], transaction))).await?;
        if before.is_err() {
            return Some(format!("before: {before:?}"));
        }
        let after = findings.within(ENDS, "after", self.subject.after(&call.chunk(call.failed, transaction))).await?;
        Some(format!("after: {after:?}"))
    }
}

struct Call<'a> {
    task_id: Uuid,
    resource: &'a Resource,
    operation: &'a str,
    keys: &'a [String],
    failed: &'a [String],
}

impl<'a> Call<'a> {
    fn chunk(&'a self, failed: &'a [String], transaction: &'a Transaction) -> ChunkOfTask<'a> {
        ChunkOfTask {
            task_id: self.task_id,
            resource: &self.resource.name,
            operation: self.operation,
            user_id: None,
            keys: self.keys,
            failed,
            transaction,
        }
    }
}
