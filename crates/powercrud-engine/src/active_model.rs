//! Records that are written by the ActiveModel of a SeaORM entity, so that its hooks run.
//!
//! The statement that would be sent otherwise is sent first, at a savepoint: by it the database says what it makes of the new values, and what is
//! wrong with them. The record is read then, in the entity's own types, and all of it is rolled back. What was read is set on the ActiveModel of
//! the record as it is, and that is saved.

use std::{any::Any, fmt, marker::PhantomData};

use futures_util::future::{BoxFuture, FutureExt as _};
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ActiveValue, DbErr, EntityTrait, IdenStatic as _, IntoActiveModel,
    Iterable as _, QueryFilter as _, QuerySelect as _, sea_query::Expr,
};

use powercrud_db::Transaction;

/// A record as an ActiveModel has it, of whichever entity.
pub(crate) type NewValues = Box<dyn Any + Send>;

/// Writes records by an entity's ActiveModel.
pub(crate) trait RecordModel: Send + Sync {
    /// The schema, where the entity names one, and the table.
    fn table(&self) -> (Option<&str>, &str);

    /// Whether the entity has a column of that name.
    fn has_column(&self, name: &str) -> bool;

    /// The record that `condition` finds; `None` where there is none.
    fn load<'a>(
        &'a self,
        transaction: &'a Transaction,
        condition: Expr,
    ) -> BoxFuture<'a, Result<Option<NewValues>, DbErr>>;

    /// Saves these of the `new` values on the record that `condition` finds.
    fn update<'a>(
        &'a self,
        transaction: &'a Transaction,
        condition: Expr,
        new: NewValues,
        columns: Vec<String>,
    ) -> BoxFuture<'a, Result<(), DbErr>>;

    /// Deletes the record that `condition` finds.
    fn delete<'a>(&'a self, transaction: &'a Transaction, condition: Expr) -> BoxFuture<'a, Result<(), DbErr>>;
}

impl fmt::Debug for dyn RecordModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecordModel").field(&self.table().1).finish()
    }
}

/// By the ActiveModel of `E`.
pub(crate) struct Of<E: EntityTrait> {
    entity: E,
    of: PhantomData<fn() -> E>,
}

impl<E: EntityTrait> Of<E> {
    pub(crate) fn new() -> Self {
        Self { entity: E::default(), of: PhantomData }
    }
}

impl<E> RecordModel for Of<E>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: ActiveModelBehavior + Send + 'static,
{
    fn table(&self) -> (Option<&str>, &str) {
        (self.entity.schema_name(), self.entity.table_name())
    }

    fn has_column(&self, name: &str) -> bool {
        E::Column::iter().any(|column| column.as_str() == name)
    }

    fn load<'a>(
        &'a self,
        transaction: &'a Transaction,
        condition: Expr,
    ) -> BoxFuture<'a, Result<Option<NewValues>, DbErr>> {
        async move {
            let found = E::find().filter(condition).one(transaction).await?;
            Ok(found.map(|model| Box::new(model.into_active_model()) as NewValues))
        }
        .boxed()
    }

    fn update<'a>(
        &'a self,
        transaction: &'a Transaction,
        condition: Expr,
        new: NewValues,
        columns: Vec<String>,
    ) -> BoxFuture<'a, Result<(), DbErr>> {
        async move {
            let found = E::find().filter(condition).lock_exclusive().one(transaction).await?;
            let mut model = found.ok_or(DbErr::RecordNotUpdated)?.into_active_model();
            let new = new.downcast::<E::ActiveModel>().map_err(|_| DbErr::RecordNotUpdated)?;
            for column in E::Column::iter().filter(|column| columns.iter().any(|name| name == column.as_str())) {
                if let ActiveValue::Set(value) | ActiveValue::Unchanged(value) = new.get(column) {
                    model.set(column, value);
                }
            }
            model.update(transaction).await.map(drop)
        }
        .boxed()
    }

    fn delete<'a>(&'a self, transaction: &'a Transaction, condition: Expr) -> BoxFuture<'a, Result<(), DbErr>> {
        async move {
            let found = E::find().filter(condition).lock_exclusive().one(transaction).await?;
            found.ok_or(DbErr::RecordNotUpdated)?.into_active_model().delete(transaction).await.map(drop)
        }
        .boxed()
    }
}

/// The code of an error that a hook returned.
pub(crate) const REFUSED: &str = "MODEL_REFUSED";

/// The code of a record whose hook panicked.
pub(crate) const PANICKED: &str = "MODEL_PANICKED";

/// What a hook has against a record, where it is that and no error of the database.
pub(crate) fn refusal(error: &DbErr) -> Option<String> {
    match error {
        DbErr::Custom(message) => Some(message.clone()),
        DbErr::Type(message) | DbErr::Json(message) => Some(message.clone()),
        _ => None,
    }
}
