//! Rules of the application's own: one trait, asked of each plan and of each record that is written, whichever way that is.
//!
//! A [`Validate`] is asked twice. [`Validate::plan`] sees what a bulk request is about to do and may refuse all of it, with an error at each
//! field. [`Validate::record`] sees each record before and after it was written, within the transaction that writes it: an error
//! undoes that record. In a form or an answer of the API it stands at its field; in a bulk task it is the record's error, and its
//! neighbours go on. So a rule holds for pages, API, command line, bulk edits and deletes, actions and reverts alike.
//!
//! # What an implementor promises
//!
//! - It decides by what it is given and by what it reads through [`ChangedRecord::transaction`], and writes nothing. It may be asked
//!   about the same record again: where the transaction is tried again, and where a neighbour was refused.
//! - It waits for nobody else's machine, since the transaction holds locks meanwhile.
//! - It is the same in all processes that share a database: a worker asks its own.
//!
//! `powercrud::testing::validate` (feature `testing`) says whether it keeps that.
//!
//! A panic is an error of the record.
//!
//! # What it does not reach
//!
//! What the database does by itself to other records, by triggers and cascades, and what other programs write. A resource that has
//! rules is changed in chunks of at most 1,000 records, which are read before and after; others keep their speed.
//!
//! ```
//! use futures_util::future::BoxFuture;
//! use powercrud_engine::{
//!     action::ActionError,
//!     error::FieldError,
//!     validate::{ChangedRecord, PlannedOperation, Validate},
//! };
//!
//! /// Nobody puts all books on sale at once, stock never falls by more than a hundred copies, and books in stock are not deleted.
//! struct StockRules;
//!
//! impl Validate for StockRules {
//!     fn plan<'a>(&'a self, plan: &'a PlannedOperation<'a>) -> BoxFuture<'a, Result<(), Vec<FieldError>>> {
//!         Box::pin(async move {
//!             match plan.value("on_sale") {
//!                 Some(_) => Err(vec![FieldError::new("on_sale", "ONE_BY_ONE", "is set one by one")]),
//!                 None => Ok(()),
//!             }
//!         })
//!     }
//!
//!     fn record<'a>(&'a self, record: &'a ChangedRecord<'a>) -> BoxFuture<'a, Result<(), ActionError>> {
//!         Box::pin(async move {
//!             let stock = |values: &powercrud_engine::RecordValues| values.integer("stock").unwrap_or(0);
//!             match (record.before(), record.after()) {
//!                 (Some(before), Some(after)) if stock(before) - stock(after) > 100 => {
//!                     Err(ActionError::new("FALLS_TOO_FAR", "can't fall by more than 100").field("stock"))
//!                 }
//!                 (Some(before), None) if stock(before) > 0 => Err(ActionError::new("IN_STOCK", "is still in stock")),
//!                 _ => Ok(()),
//!             }
//!         })
//!     }
//! }
//! ```

use std::fmt;

use futures_util::future::BoxFuture;
use powercrud_db::{FieldError, Transaction, Value};

use crate::{action::ActionError, change::LinkOperation, record_values::RecordValues, user::User};

/// A rule of the application's own; the [module](self) says what an implementor promises.
pub trait Validate: Send + Sync + 'static {
    /// Checks a bulk request that is otherwise good, before anything is frozen or written; asked for its preview as well.
    ///
    /// # Errors
    /// One entry for each mistake; the request is refused with them.
    fn plan<'a>(&'a self, plan: &'a PlannedOperation<'a>) -> BoxFuture<'a, Result<(), Vec<FieldError>>> {
        let _ = plan;
        Box::pin(async { Ok(()) })
    }

    /// Checks one record that is other than before, within the transaction that has written it.
    ///
    /// # Errors
    /// The record's. An error of the database is told as for any other write.
    fn record<'a>(&'a self, record: &'a ChangedRecord<'a>) -> BoxFuture<'a, Result<(), ActionError>> {
        let _ = record;
        Box::pin(async { Ok(()) })
    }
}

/// What a bulk request is about to do to each of its records.
#[derive(Clone, Debug)]
pub struct PlannedOperation<'a> {
    pub(crate) resource: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) user: &'a User,
    pub(crate) values: Vec<(String, Value)>,
    pub(crate) links: Vec<(String, LinkOperation, Vec<String>)>,
}

impl PlannedOperation<'_> {
    /// The resource's name.
    pub fn resource(&self) -> &str {
        self.resource
    }

    /// `update`, `delete`, `revert`, or `action:` and an action's name.
    pub fn operation(&self) -> &str {
        self.operation
    }

    /// Who asks.
    pub fn user(&self) -> &User {
        self.user
    }

    /// What a field is set to on all of the records; `None` where it is not set.
    pub fn value(&self, field: &str) -> Option<&Value> {
        self.values.iter().find(|(name, _)| name == field).map(|(_, value)| value)
    }

    /// The fields that are set, and to what.
    pub fn values(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The many-to-many fields whose links change: what is done, and with which keys.
    pub fn links(&self) -> impl Iterator<Item = (&str, LinkOperation, &[String])> {
        self.links.iter().map(|(name, operation, keys)| (name.as_str(), *operation, keys.as_slice()))
    }
}

/// One record that is written, and the transaction that writes it.
pub struct ChangedRecord<'a> {
    pub(crate) resource: &'a str,
    pub(crate) key: &'a str,
    pub(crate) before: Option<&'a RecordValues>,
    pub(crate) after: Option<&'a RecordValues>,
    pub(crate) user_id: Option<&'a str>,
    pub(crate) transaction: &'a Transaction,
}

impl ChangedRecord<'_> {
    /// The resource's name.
    pub fn resource(&self) -> &str {
        self.resource
    }

    /// The record's key; of several columns, a JSON array.
    pub fn key(&self) -> &str {
        self.key
    }

    /// What it held, in a bulk task when its chunk began; `None` where it is new, or was deleted and is restored. All fields of the
    /// resource, whatever the user may see.
    pub fn before(&self) -> Option<&RecordValues> {
        self.before
    }

    /// What it holds now; `None` where it is deleted.
    pub fn after(&self) -> Option<&RecordValues> {
        self.after
    }

    /// Who asked for it; `None` for the operator.
    pub fn user_id(&self) -> Option<&str> {
        self.user_id
    }

    /// The transaction, in which the record is as [`ChangedRecord::after`] says. SeaORM's entities and statements run on it.
    pub fn transaction(&self) -> &Transaction {
        self.transaction
    }
}

impl fmt::Debug for ChangedRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangedRecord")
            .field("resource", &self.resource)
            .field("key", &self.key)
            .field("before", &self.before)
            .field("after", &self.after)
            .finish()
    }
}
