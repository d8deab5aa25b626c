//! A record that is made or changed stays among those that there are for whoever does so; what it refers to is among them as well; and
//! nobody deletes what is not theirs by deleting what is.

use sea_orm::{ConnectionTrait, sea_query::Query};

use crate::{
    cascades::beyond,
    engine::Engine,
    error::{Error, FieldError, Result},
    form::Change,
    query,
    resource::Resource,
};
use powercrud_db::QueryExt as _;
use sea_orm::sea_query::Expr;

/// What is said of a record that would leave the rows that there are for the user.
pub(crate) const LEAVES_SCOPE: &str = "the record would not be among those that are yours, so it can't be saved so";

/// What is said of a record whose delete would do something to rows that are not the user's.
pub(crate) const OTHERS_AFFECTED: &str =
    "other records refer to it that would be deleted or changed with it, and they are not yours to delete or change";

/// The error of such a record.
pub(super) fn leaves() -> Error {
    let error = FieldError { field: None, code: "LEAVES_SCOPE".into(), message: LEAVES_SCOPE.into() };
    Error::Invalid(vec![error])
}

/// Refuses changes that refer to records that there are not for the user; all others are the database's to check.
pub(super) async fn require_references(engine: &Engine, resource: &Resource, changes: &[Change]) -> Result<()> {
    let is_part = |change: &&Change| {
        let reference = resource.field(&change.field).and_then(|field| field.reference.as_ref());
        reference.is_some_and(|reference| reference.table.scope.is_some())
    };
    let changes: Vec<Change> = changes.iter().filter(is_part).cloned().collect();
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
    let mut select = Query::select();
    select.expr(Expr::cust("1")).from(resource.table.table_ref()).and_where(condition).and_where(beyond);
    match connection.row(&select).await? {
        None => Ok(()),
        Some(_) => {
            let error = FieldError { field: None, code: "OTHERS_AFFECTED".into(), message: OTHERS_AFFECTED.into() };
            Err(Error::Invalid(vec![error]))
        }
    }
}
