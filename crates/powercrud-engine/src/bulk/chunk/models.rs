//! One record of a chunk, written by the ActiveModel of its entity.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;

use super::{Attempted, Chunk, Undone, attempt::Done};
use crate::{
    active_model::{self, NewValues, RecordModel},
    bulk::operation::Range,
    error::{Error, FieldError, Result},
    record::KEPT,
};
use powercrud_db::{Fault, Transaction, roll_back_to};
use sea_orm::sea_query::Expr;

/// What is to be saved.
enum Save {
    /// The record with these values.
    Update(NewValues),
    /// Nothing: it goes.
    Delete,
}

impl Chunk<'_> {
    /// Writes the one record of a range through `model`.
    pub(super) async fn attempt_model(
        &mut self,
        transaction: &Transaction,
        range: Range<'_>,
        model: &dyn RecordModel,
    ) -> Result<Attempted> {
        let keys = self.keys.condition(transaction, range.from, range.to, range.blocked).await?;
        let save = match self.operation.deletes() {
            true if self.existing(transaction, keys.clone()).await? == 0 => {
                return Ok(Ok(Done { missing: range.size, ..Done::default() }));
            }
            true => Save::Delete,
            false => match self.new_values(transaction, range, model, &keys).await? {
                Ok(new) => Save::Update(new),
                Err(attempted) => return Ok(attempted),
            },
        };
        let changes = self.operation.changes().map_or(&[][..], |changes| &changes.fields);
        let columns = self.resource.saved_columns(changes.iter().map(|change| &change.field));
        let savepoint = transaction.begin().await?;
        let is_delete = matches!(save, Save::Delete);
        let saved = AssertUnwindSafe(async {
            match save {
                Save::Update(new) => model.update(&savepoint, keys.clone(), new, columns).await,
                Save::Delete => model.delete(&savepoint, keys.clone()).await,
            }
        });
        let error = match saved.catch_unwind().await {
            Ok(Ok(())) if is_delete && self.existing(&savepoint, keys).await? > 0 => {
                let undone = super::undone(savepoint, Fault::of_record("NOT_CHANGED", KEPT)).await?;
                return Ok(undone.map_err(Undone::Fault));
            }
            Ok(Ok(())) => {
                savepoint.commit().await?;
                return Ok(Ok(Done::default()));
            }
            Ok(Err(error)) => match active_model::refusal(&error) {
                Some(message) => FieldError { field: None, code: active_model::REFUSED.to_owned(), message },
                None => {
                    let attempt = self.failed(transaction, savepoint, error.into()).await?;
                    return Ok(attempt.map_err(Undone::Fault));
                }
            },
            Err(_) => {
                let message = "a hook of its entity panicked".to_owned();
                FieldError { field: None, code: active_model::PANICKED.to_owned(), message }
            }
        };
        match roll_back_to(savepoint).await {
            true => Ok(Err(Undone::Record(error))),
            false => Err(Error::Invalid(vec![error])),
        }
    }

    /// The record as the statement would leave it; or what came of the statement, where there is nothing to be saved.
    async fn new_values(
        &mut self,
        transaction: &Transaction,
        range: Range<'_>,
        model: &dyn RecordModel,
        keys: &Expr,
    ) -> Result<std::result::Result<NewValues, Attempted>> {
        let savepoint = transaction.begin().await?;
        let done = match self.statement(&savepoint, range).await {
            Ok(Ok(done)) => done,
            Ok(Err(fault)) => {
                roll_back_to(savepoint).await;
                return Ok(Err(Err(Undone::Fault(fault))));
            }
            Err(error) => {
                roll_back_to(savepoint).await;
                return Err(error);
            }
        };
        if done.missing + done.unchanged > 0 {
            savepoint.commit().await?;
            return Ok(Err(Ok(done)));
        }
        let new = model.load(&savepoint, keys.clone()).await;
        let stands = roll_back_to(savepoint).await;
        match new? {
            Some(new) if stands => Ok(Ok(new)),
            Some(_) => Err(Error::Internal("the database has ended the transaction by itself".into())),
            None => Ok(Err(Ok(Done { missing: range.size, ..Done::default() }))),
        }
    }
}
