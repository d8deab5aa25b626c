//! A record that is written by the ActiveModel of its entity.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use sea_orm::{DbErr, StatementBuilder, sea_query::Expr};

use super::moved::{self, Sent};
use crate::{
    active_model::{self, RecordModel},
    error::{Error, FieldError},
    form::Assignment,
    resource::Resource,
};
use powercrud_db::{Transaction, roll_back_to};

/// Why a record was not written.
pub(super) enum NotSent {
    /// The database's reason.
    Database(DbErr),
    /// A hook's.
    Refused(Error),
}

impl From<DbErr> for NotSent {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

/// The write of one record through its model.
pub(super) struct ModelWrite<'a> {
    pub(super) model: &'a dyn RecordModel,
    pub(super) resource: &'a Resource,
    /// What finds the record.
    pub(super) condition: Expr,
    pub(super) changes: &'a [Assignment],
    pub(super) deletes: bool,
}

impl ModelWrite<'_> {
    /// Does what the statement would do, by the model.
    pub(super) async fn send(
        self,
        transaction: &Transaction,
        statement: &impl StatementBuilder,
        returns: bool,
    ) -> Result<Sent, NotSent> {
        let Self { model, resource, condition, changes, deletes } = self;
        let columns = resource.saved_columns(changes.iter().map(|change| &change.field));
        let mut new = None;
        let mut sent = Sent { rows: 1, key: None };
        if !deletes {
            let savepoint = transaction.begin().await?;
            sent = match moved::send(&savepoint, &resource.table, statement, returns).await {
                Ok(sent) if sent.rows == 1 => sent,
                other => {
                    roll_back_to(savepoint).await;
                    return Ok(other?);
                }
            };
            new = model.load(&savepoint, condition.clone()).await?;
            roll_back_to(savepoint).await;
        } else if model.load(transaction, condition.clone()).await?.is_none() {
            return Ok(Sent { rows: 0, key: None });
        }
        let saved = AssertUnwindSafe(async {
            match new {
                Some(new) => model.update(transaction, condition, new, columns).await,
                None if deletes => model.delete(transaction, condition).await,
                None => Err(DbErr::RecordNotUpdated),
            }
        });
        let refused = |code: &str, message: String| {
            NotSent::Refused(Error::Invalid(vec![FieldError { field: None, code: code.to_owned(), message }]))
        };
        match saved.catch_unwind().await {
            Ok(Ok(())) => Ok(sent),
            Ok(Err(error)) => Err(match active_model::refusal(&error) {
                Some(message) => refused(active_model::REFUSED, message),
                None => NotSent::Database(error),
            }),
            Err(_) => Err(refused(active_model::PANICKED, "a hook of its entity panicked".to_owned())),
        }
    }
}
