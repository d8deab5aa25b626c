//! The record that an action's code is given.

use std::{fmt, sync::Arc};

use futures_util::future::{BoxFuture, FutureExt as _};
use sea_orm::{
    EntityTrait, QueryFilter as _,
    sea_query::{Expr, UpdateStatement},
};
use uuid::Uuid;

use super::{ActionValues, AppError};
use crate::record_values::RecordValues;
use powercrud_db::{Transaction, Value};

/// One record, as it was when its chunk began, and the transaction to change it in. Nobody else changes it until that ends, where the
/// database locks rows.
pub struct ActionRecord {
    pub(crate) parts: RecordParts,
    pub(crate) transaction: Transaction,
}

/// What an [`ActionRecord`] is made of, without its transaction.
#[derive(Clone)]
pub(crate) struct RecordParts {
    pub(crate) key: String,
    /// The resource's fields, by name.
    pub(crate) cells: RecordValues,
    /// Whether a row is this record.
    pub(crate) condition: Expr,
    pub(crate) update: UpdateStatement,
    pub(crate) values: Arc<ActionValues>,
    pub(crate) task_id: Uuid,
    pub(crate) idempotency_key: Uuid,
    pub(crate) user_id: Option<String>,
}

impl ActionRecord {
    /// The record's key; of several columns, a JSON array.
    pub fn key(&self) -> &str {
        &self.parts.key
    }

    /// The value of a field of the resource; `None` where there is no such field.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.parts.cells.get(field)
    }

    /// The value of a field as text; `None` where it is NULL, or there is no such field.
    pub fn text(&self, field: &str) -> Option<String> {
        self.parts.cells.text(field)
    }

    /// The value of a field of whole numbers; `None` where it is NULL or no such number.
    pub fn integer(&self, field: &str) -> Option<i64> {
        self.parts.cells.integer(field)
    }

    /// The record as a SeaORM model, read now.
    ///
    /// # Errors
    /// The database's, and where the record is not there any more.
    pub fn model<E: EntityTrait>(&self) -> BoxFuture<'_, Result<E::Model, AppError>> {
        let found = E::find().filter(self.parts.condition.clone()).one(self.transaction());
        async { found.await?.ok_or_else(|| AppError::new("NOT_FOUND", "the record is gone")) }.boxed()
    }

    /// An UPDATE of this record, to be given values. It sets the version field, where the resource names one.
    pub fn update(&self) -> UpdateStatement {
        self.parts.update.clone()
    }

    /// Whether a row of the resource's table is this record.
    pub fn condition(&self) -> Expr {
        self.parts.condition.clone()
    }

    /// The chunk's transaction, at a savepoint of this record. SeaORM's entities and statements run on it.
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// What was filled in.
    pub fn values(&self) -> &ActionValues {
        &self.parts.values
    }

    /// The bulk task.
    pub fn task_id(&self) -> Uuid {
        self.parts.task_id
    }

    /// The same whenever the action is tried on this record: by another worker, in another attempt, and in a retry of the task. Give it to
    /// services outside the database, so that they do once what they are asked for twice.
    pub fn idempotency_key(&self) -> Uuid {
        self.parts.idempotency_key
    }

    /// The user who asked for it; `None` for the operator.
    pub fn user_id(&self) -> Option<&str> {
        self.parts.user_id.as_deref()
    }
}

impl fmt::Debug for ActionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActionRecord").field("key", &self.parts.key).field("cells", &self.parts.cells).finish()
    }
}
