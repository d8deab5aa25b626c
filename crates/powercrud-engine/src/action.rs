//! Actions: what an application lets people do to many records, beside changing fields and deleting.
//!
//! An action is a bulk operation like any other: its selection is frozen, it runs in chunks, with locks, progress, cancel, retry and an
//! audit trail. There are three kinds. [`Action::set`] is a named set of changes. [`Action::statements`] gives SQL statements over all of
//! a chunk's records at once, and [`Action::for_each`] runs code for each record.

mod error;
mod field;
mod record;
mod statements;
mod values;

use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;

pub use error::ActionError;
pub(crate) use error::Reason;
pub use field::{ActionField, ActionFieldKind};
pub use record::ActionRecord;
pub(crate) use record::RecordParts;
pub use statements::{ActionChunk, ActionStatement};
pub use values::ActionValues;

use crate::{
    change::{Change, Changes},
    names::FieldName,
    words,
};

/// What stands before an action's name where a task keeps what it does.
pub(crate) const PREFIX: &str = "action:";

/// The longest name of an action.
const LONGEST_NAME: usize = 60;

/// Something that can be done to many records of a resource, under a name.
///
/// ```
/// use powercrud_engine::action::Action;
///
/// let archive = Action::set("archive", [("status", Some("archived")), ("shelf", None)])
///     .label("Archive")
///     .confirm("Archived books are no longer sold.");
/// assert_eq!((archive.name.as_str(), archive.label.as_str()), ("archive", "Archive"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Action {
    /// The name in addresses, on the command line and in a task's `operation`, after `action:`.
    pub name: String,
    /// What people read on its button; the name in words by default.
    pub label: String,
    /// What people read before they confirm it.
    pub confirm: Option<String>,
    /// The permission that it needs, for a policy to decide by.
    pub permission: Option<String>,
    /// What people fill in, in order.
    pub fields: Vec<ActionField>,
    pub(crate) work: Work,
}

/// How an action does it.
#[derive(Clone)]
pub(crate) enum Work {
    /// Changes fields.
    Set(Changes),
    /// Runs statements over a chunk's records.
    Statements(Arc<StatementsFn>),
    /// Runs code for each record.
    EachRecord(Arc<RecordFn>),
}

pub(crate) type StatementsFn = dyn Fn(&ActionChunk<'_>) -> Result<Vec<ActionStatement>, ActionError> + Send + Sync;
pub(crate) type RecordFn = dyn for<'a> Fn(&'a ActionRecord) -> BoxFuture<'a, Result<(), ActionError>> + Send + Sync;

impl Action {
    /// What a policy is asked for it by: the permission that was named, else its name.
    pub(crate) fn asked_permission(&self) -> &str {
        self.permission.as_deref().unwrap_or(&self.name)
    }

    fn new(name: impl Into<String>, work: Work) -> Self {
        let name = name.into();
        let label = words::label(&name);
        Self { name, label, confirm: None, permission: None, fields: Vec::new(), work }
    }

    /// An action that sets fields to fixed values, as texts; `None` sets NULL.
    ///
    /// It may set fields that bulk edit does not offer, since you named them, but no field that is hidden, part of the key, or filled
    /// by the database.
    pub fn set<M, N, V>(name: impl Into<String>, changes: impl IntoIterator<Item = (N, Option<V>)>) -> Self
    where
        N: FieldName<M>,
        V: ToString,
    {
        let text = |value: Option<V>| value.map(|value| value.to_string());
        let changes = changes.into_iter().map(|(field, value)| (field.field_name(), Change::to(text(value))));
        Self::change(name, changes.collect())
    }

    /// An action that makes fixed changes, as a bulk edit does: also of many-to-many fields. For the fields see [`Action::set`].
    ///
    /// ```
    /// use powercrud_engine::{action::Action, change::Changes};
    ///
    /// let on_sale = Action::change("on_sale", Changes::new().set("price", "7.77").add("tags", [4]));
    /// # assert!(on_sale.is_set());
    /// ```
    pub fn change(name: impl Into<String>, changes: Changes) -> Self {
        Self::new(name, Work::Set(changes))
    }

    /// An action that runs statements over all of a chunk's records at once. `work` is called once a chunk, and again for parts of it
    /// where a statement fails on a record: those are then found by halves, so that their neighbours are done all the same.
    ///
    /// An error that `work` itself returns ends the task.
    ///
    /// ```
    /// use powercrud_engine::action::{Action, ActionField};
    /// use sea_orm::sea_query::{Expr, ExprTrait as _};
    ///
    /// let restock = Action::statements("restock", |chunk| {
    ///     let copies = chunk.values().integer("copies").unwrap_or_default();
    ///     let mut update = chunk.update();
    ///     update.value("stock", Expr::col("stock").add(copies));
    ///     Ok(vec![update.into()])
    /// })
    /// .field(ActionField::integer("copies").required());
    /// # assert_eq!(restock.fields.len(), 1);
    /// ```
    pub fn statements<F>(name: impl Into<String>, work: F) -> Self
    where
        F: Fn(&ActionChunk<'_>) -> Result<Vec<ActionStatement>, ActionError> + Send + Sync + 'static,
    {
        Self::new(name, Work::Statements(Arc::new(work)))
    }

    /// An action that runs code for each record, in the transaction of the record's chunk. An error is that record's: what was done for
    /// it is rolled back to a savepoint, and the other records are done.
    ///
    /// What `work` does in the database through [`ActionRecord::transaction`] happens exactly once. What it does elsewhere, such as a
    /// request to another service, happens at least once: where a worker dies before it commits, the next one does the chunk again. Give
    /// the other service [`ActionRecord::idempotency_key`], by which it can tell.
    ///
    /// ```
    /// use powercrud_engine::action::{Action, ActionError};
    /// use sea_orm::ConnectionTrait as _;
    ///
    /// let ship = Action::for_each("ship", |order| {
    ///     Box::pin(async move {
    ///         if order.text("address").is_none() {
    ///             return Err(ActionError::new("NO_ADDRESS", "has no address to ship to").field("address"));
    ///         }
    ///         let mut update = order.update();
    ///         update.value("status", "shipped");
    ///         order.transaction().execute(&update).await?;
    ///         Ok(())
    ///     })
    /// });
    /// # assert_eq!(ship.label, "Ship");
    /// ```
    pub fn for_each<F>(name: impl Into<String>, work: F) -> Self
    where
        F: for<'a> Fn(&'a ActionRecord) -> BoxFuture<'a, Result<(), ActionError>> + Send + Sync + 'static,
    {
        Self::new(name, Work::EachRecord(Arc::new(work)))
    }

    /// What people read on its button.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// What people read before they confirm it.
    #[must_use]
    pub fn confirm(mut self, text: impl Into<String>) -> Self {
        self.confirm = Some(text.into());
        self
    }

    /// The permission that it needs. It is kept for a policy to decide by.
    #[must_use]
    pub fn permission(mut self, permission: impl Into<String>) -> Self {
        self.permission = Some(permission.into());
        self
    }

    /// One more field of the form that people fill in before it runs. An action that sets fixed values has no form.
    #[must_use]
    pub fn field(mut self, field: ActionField) -> Self {
        self.fields.push(field);
        self
    }

    /// The word in the task table.
    pub(crate) fn operation(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }

    /// What it changes, where it is a named set of changes.
    pub(crate) fn changes(&self) -> Option<&Changes> {
        match &self.work {
            Work::Set(changes) => Some(changes),
            Work::Statements(_) | Work::EachRecord(_) => None,
        }
    }

    /// Whether it is a named set of changes, so that what it would do to each record is known beforehand.
    pub fn is_set(&self) -> bool {
        self.changes().is_some()
    }

    /// What is wrong with it whatever its resource is: key of its setting, and message.
    pub(crate) fn mistakes(&self) -> Vec<(String, String)> {
        let mut mistakes = Vec::new();
        if !is_name(&self.name) {
            let message = format!("{:?} is no name of an action; {ALLOWED_NAME}", self.name);
            mistakes.push((String::new(), message));
        }
        if self.label.trim().is_empty() {
            mistakes.push(("label".to_owned(), "is empty; leave it out to have the name in words".to_owned()));
        }
        match &self.work {
            Work::Set(changes) if changes.is_empty() => {
                mistakes.push(("set".to_owned(), "sets nothing; allowed is a table of field name to value".to_owned()));
            }
            Work::Set(_) if !self.fields.is_empty() => {
                let message = "an action that sets fixed values has no form; write it as code to use one".to_owned();
                mistakes.push(("fields".to_owned(), message));
            }
            _ => {}
        }
        for (place, field) in self.fields.iter().enumerate() {
            if !is_name(&field.name) {
                let message = format!("{:?} is no name of a field; {ALLOWED_NAME}", field.name);
                mistakes.push(("fields".to_owned(), message));
            }
            if self.fields[..place].iter().any(|other| other.name == field.name) {
                mistakes.push(("fields".to_owned(), format!("{:?} is there twice", field.name)));
            }
            if let Some(Err(error)) = field.default.as_deref().map(|text| field.parse(text)) {
                mistakes.push((
                    format!("fields.{}", field.name),
                    format!("the default is no value of it: {}", error.message),
                ));
            }
        }
        mistakes
    }
}

const ALLOWED_NAME: &str = "allowed are up to 60 letters (a-z, A-Z), digits, - and _, beginning with a letter";

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    name.len() <= LONGEST_NAME && name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(fits)
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let work = match &self.work {
            Work::Set(changes) => format!("change {changes:?}"),
            Work::Statements(_) => "statements".to_owned(),
            Work::EachRecord(_) => "each record".to_owned(),
        };
        f.debug_struct("Action").field("name", &self.name).field("fields", &self.fields).field("work", &work).finish()
    }
}
