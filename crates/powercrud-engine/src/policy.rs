//! Who may do what to which records: one trait, asked wherever records are read or written.
//!
//! A [`Policy`] says of a user and a resource three things: [what the user may do](Policy::may), [to which rows](Policy::rows) and
//! [with which fields](Policy::fields). Nobody has to remember to ask: [`crate::Engine::for_user`] makes the engine as that user sees it, whose
//! resources have no other rows, fields and rights, and pages, API, bulk plans and workers work with that one. The rows are a condition in
//! every statement about the resource's table, those included that freeze a selection and that change its records.
//!
//! # What an implementor promises
//!
//! - It answers at once, from the user that it is given and from what it holds in memory: it is asked for each resource at each request, and
//!   before each chunk of a bulk task. That is why it is no async function. What has to be looked up stands in [`User::role`] and
//!   [`User::attributes`] by then, which the application's own login fills in; or the rows are a condition with a subquery, which the
//!   database answers.
//! - It does not panic, and a user of whom it knows nothing gets nothing: see [`Rows::None`].
//! - It is the same in all processes that share a database: a worker asks its own.
//!
//! `powercrud::testing::policy` (feature `testing`) says whether it keeps that.
//!
//! The operator ([`User::operator`], the command line, and pages without any login) is not asked about, and may do everything.
//!
//! # What it does not reach
//!
//! Triggers, and what the database does by itself. As with PostgreSQL's own row security, whoever breaks a unique key or a foreign key by
//! a row that is not theirs learns that there is such a row. A record's key and the column that tells its versions apart can't be hidden.
//!
//! ```
//! use powercrud_engine::{
//!     policy::{Fields, Permission, Policy, Rows},
//!     resource::Resource,
//!     user::User,
//! };
//!
//! /// Everybody sees and edits the records of their own shop; only managers delete, and see what things cost.
//! struct OwnShop;
//!
//! impl Policy for OwnShop {
//!     fn may(&self, user: &User, permission: Permission<'_>, _resource: &Resource) -> bool {
//!         let is_manager = user.role.as_deref() == Some("manager");
//!         is_manager || !matches!(permission, Permission::Delete | Permission::BulkDelete)
//!     }
//!
//!     fn rows(&self, user: &User, resource: &Resource) -> Rows {
//!         match (resource.table.column("shop_id"), user.attributes.get("shop")) {
//!             (None, _) => Rows::All,
//!             (Some(_), Some(shop)) => Rows::equal("shop_id", shop),
//!             (Some(_), None) => Rows::None,
//!         }
//!     }
//!
//!     fn fields(&self, user: &User, _resource: &Resource) -> Fields {
//!         let is_manager = user.role.as_deref() == Some("manager");
//!         if is_manager { Fields::all() } else { Fields::all().hide(["cost"]).read_only(["shop_id"]) }
//!     }
//! }
//! ```

mod narrow;
mod roles;
mod rows;

pub(crate) use narrow::{Seen, narrow};
pub use roles::{Roles, is_attribute};
pub use rows::{RowColumns, RowCondition, Rows};

use crate::{names::FieldNames, resource::Resource, user::User};

/// Something that a user may do with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Permission<'a> {
    /// See its records: lists, single records, histories, choices, results. Without it there is no such resource for the user, whatever
    /// else is permitted.
    View,
    /// Make a record.
    Create,
    /// Change records one by one.
    Change,
    /// Delete records one by one.
    Delete,
    /// Change records by a bulk task, and try again what one left undone.
    BulkUpdate,
    /// Delete records by a bulk task, and try again what one left undone.
    BulkDelete,
    /// Revert a bulk task. Its revert changes or inserts records, so that the right to edit or delete them in bulk is needed as well.
    Revert,
    /// An action of the resource's own, by its name.
    Action(&'a str),
}

impl Permission<'_> {
    /// All of them but actions, which have names of their own.
    pub const ALL: [Permission<'static>; 7] = [
        Permission::View,
        Permission::Create,
        Permission::Change,
        Permission::Delete,
        Permission::BulkUpdate,
        Permission::BulkDelete,
        Permission::Revert,
    ];

    /// The word in configurations; of an action its name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::View => "view",
            Self::Create => "create",
            Self::Change => "change",
            Self::Delete => "delete",
            Self::BulkUpdate => "bulk_update",
            Self::BulkDelete => "bulk_delete",
            Self::Revert => "revert",
            Self::Action(name) => name,
        }
    }
}

/// Which of a resource's fields a user may see and write; all of them, unless something else is said. Names of many-to-many fields are
/// good as well. A name that the resource does not have says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    pub(crate) hidden: Vec<String>,
    pub(crate) read_only: Vec<String>,
}

impl Fields {
    /// All of them.
    pub fn all() -> Self {
        Self::default()
    }

    /// Without these: they are in no list, form, filter, order, history, result or answer, as if the table had no such column. A record's
    /// key and its version can't be hidden.
    #[must_use]
    pub fn hide<M>(mut self, names: impl FieldNames<M>) -> Self {
        self.hidden.extend(names.field_names());
        self
    }

    /// These may be seen and not written, neither one by one nor in bulk.
    #[must_use]
    pub fn read_only<M>(mut self, names: impl FieldNames<M>) -> Self {
        self.read_only.extend(names.field_names());
        self
    }
}

/// Says who may do what to which records; the [module](self) says what an implementor promises.
///
/// It is asked about resources as they are for everybody, before anything is taken from them.
pub trait Policy: Send + Sync + 'static {
    /// Whether the user may do that.
    fn may(&self, user: &User, permission: Permission<'_>, resource: &Resource) -> bool;

    /// The records that there are for the user. A record that a user makes or changes has to be one of them afterwards; else it is refused,
    /// as by `WITH CHECK` of PostgreSQL's row security. References to other records show no name and can't be set.
    fn rows(&self, user: &User, resource: &Resource) -> Rows {
        let _ = (user, resource);
        Rows::All
    }

    /// The fields that there are for the user.
    fn fields(&self, user: &User, resource: &Resource) -> Fields {
        let _ = (user, resource);
        Fields::all()
    }

    /// Whether anything at all is kept from the user. `false` spares asking about every resource.
    fn restricts(&self, user: &User) -> bool {
        let _ = user;
        true
    }
}
