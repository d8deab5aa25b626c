//! Bulk edits and deletes that never time out, for axum applications and any SQL database.

pub mod account;
mod app;
pub mod audit;
mod backend;
pub mod bulk;
mod config;
pub mod db {
    //! The database under a PowerCRUD, and the tables of its own.
    pub use powercrud_db::{
        Catalog, Column, ColumnType, Connection, Constraint, Database, Denied, Dialect, Error, Fault, FaultKind,
        ForeignKey, LeftOut, ReferentialAction, Table, TableKind, Value,
    };

    pub use crate::own::{Uninstalled, migrate, missing_grants, pending_migrations, uninstall, with_tables_in};
}
mod error;
mod form;
pub mod history;
mod live;
mod lock;
mod metrics;
mod notify;
mod own;
pub mod query;
pub mod record;
mod resource;
mod selection;
pub mod staff;
pub mod task;
mod templates;
pub mod token;
mod web;
pub mod worker;

pub use app::{Builder, PowerCrud, User};
pub use config::{
    AfterQueueing, Atomicity, BackendKind, Channel, ConflictScope, LoginMode, MetricsAccess, Names, Notification,
    NotifyWhen, OnConflict, ResourceSettings, Secret, Settings, Texts,
};
pub use error::{Error, FieldError, Result};
pub use form::{Change, Changes, Input, LinkChange, LinkOperation, LinkTarget};
pub use notify::Means;
pub use resource::{CompositeReference, Field, ManyToMany, Reference, Resource, ResourceBuilder};
pub use selection::{Selection, StoredSelection};
