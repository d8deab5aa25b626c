//! A record that is made or changed stays among those that there are for whoever does so; what it refers to is among them as well; and
//! nobody deletes what is not theirs by deleting what is.

use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait as _, Query},
};

use crate::{
    cascades::{beyond, beyond_changes},
    engine::Engine,
    error::{Error, FieldError, Result},
    form::Assignment,
    query,
    resource::Resource,
};
use powercrud_db::QueryExt as _;

/// What is said of a record that would leave the rows that there are for the user.
pub(crate) const LEAVES_SCOPE: &str = "the record would not be among those that are yours, so it can't be saved so";

/// What is said of a record whose delete would do something to rows that are not the user's.
pub(crate) const OTHERS_AFFECTED: &str =
    "other records refer to it that would be deleted or changed with it, and they are not yours to delete or change";

/// What is said of a field whose new value would change rows that are not the user's.
pub(crate) const OTHERS_CHANGED: &str =
    "other records refer to its value and would be changed with it, and they are not yours to change";

/// The error of a record that leaves them.
pub(super) fn leaves() -> Error {
    let error = FieldError { field: None, code: "LEAVES_SCOPE".into(), message: LEAVES_SCOPE.into() };
    Error::Invalid(vec![error])
}

/// Refuses changes that refer to records that there are not for the user; all others are the database's to check.
pub(super) async fn require_references(engine: &Engine, resource: &Resource, changes: &[Assignment]) -> Result<()> {
    let is_part = |change: &&Assignment| {
        let reference = resource.field(&change.field).and_then(|field| field.reference.as_ref());
        reference.is_some_and(|reference| reference.table.scope.is_some())
    };
    let changes: Vec<Assignment> = changes.iter().filter(is_part).cloned().collect();
    let errors = query::lost_references(engine, resource, &changes).await?;
    if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
}

/// Refuses to delete the record that `condition` finds, where that would do something to rows that are not the user's.
pub(super) async fn require_own_referrers<C: ConnectionTrait>(
    connection: &C,
    engine: &Engine,
    resource: &Resource,
    condition: Expr,
) -> Result<()> {
    let Some(beyond) = beyond(engine, resource) else { return Ok(()) };
    let error = FieldError { field: None, code: "OTHERS_AFFECTED".into(), message: OTHERS_AFFECTED.into() };
    match is_such(connection, resource, condition.and(beyond)).await? {
        true => Err(Error::Invalid(vec![error])),
        false => Ok(()),
    }
}

/// Refuses changes of the record that `condition` finds by which rows would change that are not the user's.
pub(super) async fn require_own_followers<C: ConnectionTrait>(
    connection: &C,
    engine: &Engine,
    resource: &Resource,
    condition: &Expr,
    changes: &[Assignment],
) -> Result<()> {
    let mut errors = Vec::new();
    for (change, beyond) in beyond_changes(engine, resource, changes) {
        if is_such(connection, resource, condition.clone().and(beyond)).await? {
            errors.push(FieldError::new(&change.field, "OTHERS_AFFECTED", OTHERS_CHANGED));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
}

/// Whether a record matches.
async fn is_such<C: ConnectionTrait>(connection: &C, resource: &Resource, condition: Expr) -> Result<bool> {
    let mut select = Query::select();
    select.expr(Expr::cust("1")).from(resource.table.table_ref()).and_where(condition);
    Ok(connection.row(&select).await?.is_some())
}
