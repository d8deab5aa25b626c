//! Records that the database keeps as they are, or keeps out, without an error.

use sea_orm::ConnectionTrait;

use super::{audited, key_condition, not_found};
use crate::{
    engine::Engine,
    error::{Error, FieldError, Result},
    form::Assignment,
    resource::Resource,
};
use powercrud_db::rules::{Rules, WriteKind};

/// Why nothing was done to a record: it is not there, or the database keeps it. `locked`: not even a lock on it was to be had, which is
/// so where a policy does not let the role change it.
pub(super) async fn kept<C: ConnectionTrait>(
    connection: &C,
    engine: &Engine,
    resource: &Resource,
    key: &str,
    locked: bool,
) -> Result<Error> {
    let condition = key_condition(engine, resource, key)?;
    if audited::read(connection, engine, resource, &[], condition, false).await?.is_none() {
        return Ok(not_found(resource, key));
    }
    let record = format!("{} {key}", resource.label);
    let by_policy = engine.database().dialect().has_policies(connection, &resource.table).await?;
    Ok(Error::NotAllowed(match (by_policy, locked) {
        (true, true) => format!("{record}: {BY_POLICY}"),
        (true, false) => format!("{record}: {KEPT}, or by its row security"),
        (false, _) => format!("{record}: {KEPT}"),
    }))
}

const NOT_CHANGED: &str = "NOT_CHANGED";

/// The database took a change without a word, and all fields hold what they held.
pub(super) fn not_changed(changes: &[Assignment]) -> Error {
    let error = |change: &Assignment| FieldError::new(&change.field, NOT_CHANGED, NOT_TAKEN);
    Error::Invalid(changes.iter().map(error).collect())
}

/// Whether an error says so.
pub(super) fn is_kept(error: &Error) -> bool {
    matches!(error, Error::Invalid(errors) if errors.iter().any(|error| error.code == NOT_CHANGED))
}

/// That error, where a trigger may be the reason; else the column just can't tell the new value from the old one, and nothing is wrong.
pub(super) async fn kept_by_trigger(engine: &Engine, resource: &Resource, error: Error) -> Result<()> {
    match Rules::read(engine.database(), &resource.table, WriteKind::Update).await {
        Ok(rules) if !rules.has_triggers() => Ok(()),
        _ => Err(error),
    }
}

/// What keeps a record that may be seen.
pub(crate) const BY_POLICY: &str = "the database's row security does not let this role change it";
pub(crate) const CHANGED_INSTEAD: &str = "the record is still there: a trigger changed it, or put it back";
const NOT_TAKEN: &str = "was kept as it was by the database, perhaps by a trigger";
pub(crate) const KEPT: &str = "the database kept the record as it was, perhaps by a trigger";

/// Why there is no new record, though the database refused none: a trigger kept it out or put it elsewhere, which nobody can tell. What it
/// did is undone.
pub(super) fn not_created() -> FieldError {
    let message = "the database did not keep the record in this table: a trigger or a policy of it left it out, or put it elsewhere; \
        nothing was created"
        .to_owned();
    FieldError { field: None, code: "NOT_CREATED".into(), message }
}
