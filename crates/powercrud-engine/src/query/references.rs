//! Whether what changes refer to is there, for whoever makes them.

use sea_orm::sea_query::{Expr, ExprTrait as _, Query};

use crate::{
    engine::Engine,
    error::{FieldError, Result},
    form::Assignment,
    resource::Resource,
};
use powercrud_db::QueryExt as _;

/// The changes that refer to a record that is not there.
pub(crate) async fn lost_references(
    engine: &Engine,
    resource: &Resource,
    changes: &[Assignment],
) -> Result<Vec<FieldError>> {
    let mut errors = Vec::new();
    for change in changes.iter().filter(|change| !change.value.is_null()) {
        let Some(reference) = resource.field(&change.field).and_then(|field| field.reference.as_ref()) else {
            continue;
        };
        let column = Expr::col(reference.table.column_ref(&reference.column.name));
        let mut select = Query::select();
        select
            .expr(Expr::cust("1"))
            .from(reference.table.table_ref())
            .and_where_option(reference.table.own_rows())
            .and_where(column.eq(engine.database().dialect().comparable(&reference.column, &change.value)))
            .limit(1);
        if engine.database().connection().row(&select).await?.is_none() {
            let message = format!(
                "there is no {} with {} {}",
                reference.table.name,
                reference.column.name,
                change.value.to_text()
            );
            errors.push(FieldError::new(&change.field, "FOREIGN_KEY", message));
        }
    }
    Ok(errors)
}
