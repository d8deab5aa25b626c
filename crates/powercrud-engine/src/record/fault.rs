//! What an error of the database says of the record that was written.

use crate::{
    engine::Engine,
    error::Error,
    faults::{delete_fault, record_fault},
    form::Assignment,
    resource::Resource,
};
use powercrud_db::Fault;

/// A fault of the record's values at its field; anything else as it is.
pub(super) fn attribute_error(resource: &Resource, changes: &[Assignment], error: &sea_orm::DbErr) -> Error {
    let fault = Fault::classify(error);
    if !fault.is_record() {
        return Error::Database(Box::new(fault));
    }
    Error::Invalid(vec![record_fault(resource, &fault, changes)])
}

/// As [`attribute_error`], of a delete.
pub(super) fn attribute_delete_error(engine: &Engine, resource: &Resource, error: &sea_orm::DbErr) -> Error {
    let fault = Fault::classify(error);
    match fault.is_record() {
        true => Error::Invalid(vec![delete_fault(engine, resource, &fault)]),
        false => Error::Database(Box::new(fault)),
    }
}
