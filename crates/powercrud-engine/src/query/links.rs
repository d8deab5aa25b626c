//! What a record is linked with through a many-to-many field.

use sea_orm::sea_query::{Expr, ExprTrait as _, Order};

use super::{
    keys::{single_keys_condition, split_key},
    rows::{Choice, choice_select, read_choices},
};
use crate::{
    engine::Engine,
    error::{Error, Result},
    resource::{ManyToMany, Resource},
};

/// The records that the record of that key is linked with, by name, at most `limit`.
///
/// # Errors
/// [`Error::Invalid`] where the key is not of the key column's type.
pub async fn linked(
    engine: &Engine,
    resource: &Resource,
    key: &str,
    field: &ManyToMany,
    limit: u64,
) -> Result<Vec<Choice>> {
    let resource = engine.seen(resource)?;
    if resource.table.scope.is_some() && !super::is_there(engine, resource, key).await? {
        return Ok(Vec::new());
    }
    let dialect = engine.database().dialect();
    let parts = split_key(resource, key).map_err(|error| Error::Invalid(vec![error]))?;
    let Some(column) = resource.key_columns().first().copied() else { return Ok(Vec::new()) };
    let (reference, through) = (&field.reference, &field.through);
    let other_key = Expr::col(reference.table.column_ref(&reference.column.name));
    let shown = reference.display.as_ref().unwrap_or(&reference.column);
    let mut select = choice_select(reference, dialect);
    select
        .inner_join(through.table_ref(), other_key.eq(Expr::col(through.column_ref(&field.target.name))))
        .and_where(single_keys_condition(column, Expr::col(through.column_ref(&field.source.name)), &[parts], dialect))
        .order_by(reference.table.column_ref(&shown.name), Order::Asc)
        .order_by(reference.table.column_ref(&reference.column.name), Order::Asc)
        .limit(limit);
    read_choices(engine, reference, &select).await
}
