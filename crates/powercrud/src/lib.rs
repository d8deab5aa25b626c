//! Bulk edits and deletes that never time out, for axum applications and any SQL database.

pub mod account;
mod app;
mod live;
mod notify;
mod templates;
pub mod token;
mod web;

pub mod audit {
    //! The audit trail: who did what to which record or task, when, and why.
    pub use powercrud_engine::audit::{
        Action, AuditEntry, AuditFilter, FieldChange, FieldChanges, NOBODY, count, list, people, purge,
    };
}
pub mod bulk {
    //! Bulk operations: asked for, planned, previewed, submitted, retried and reverted.
    pub use powercrud_engine::bulk::{
        Answer, BulkRequest, Failure, Images, Plan, Preview, Referrer, RequestKey, Requested, Revertible, Route,
        Sample, in_request, plan, purge, retry, revert, revertible, run,
    };
}
pub mod db {
    //! The database under a PowerCRUD, and the tables of its own.
    pub use powercrud_db::{
        Catalog, Column, ColumnType, Connection, Constraint, Database, Denied, Dialect, Error, Fault, FaultKind,
        ForeignKey, LeftOut, ReferentialAction, Table, TableKind, Value,
    };
    pub use powercrud_engine::own::{
        Uninstalled, migrate, missing_grants, missing_tables, pending_migrations, told_missing, uninstall,
        with_tables_in,
    };
}
pub mod history {
    //! What became of a record: who changed what of it, when, and by which task.
    pub use powercrud_engine::history::{ChangedField, Done, HistoryEntry, history};
}
pub mod query {
    //! Lists: rows by filter, search and order, with names for what they refer to.
    pub use powercrud_engine::query::{
        Cell, Choice, Count, Filter, InTask, ListParams, Operator, Ordering, Page, Refused, Row, choices, count,
        linked, list, version,
    };
}
pub mod record {
    //! Single records: read, created, changed and deleted.
    pub use powercrud_engine::record::{
        Expected, create, delete, delete_expecting, etag, get, held_by, update, update_expecting, update_unchanged,
    };
}
pub mod staff {
    //! What staff see of workers, queues and locks, and do about them.
    pub use powercrud_engine::staff::{
        COUNTED, Depth, LockInfo, LockKind, Queue, at_work, cancel, count_old, delete_old, is_dead, locks, owners,
        queues, release, requeue, workers,
    };
}
pub mod task {
    //! Bulk tasks: their states, errors, results and events.
    pub use powercrud_engine::task::{
        BulkTask, Event, Happening, NoticeState, NoticeStatus, Operation, RecordError, Status, TaskEvent, notices,
        timeline,
    };

    pub mod keeping {
        //! How long what a task leaves is kept.
        pub use powercrud_engine::task::keeping::purge_results;
    }
    pub mod results {
        //! What became of each record of a task.
        pub use powercrud_engine::task::results::{Format, Outcome, ResultRecord, Results};
    }
    pub mod store {
        //! Tasks as the database has them.
        pub use powercrud_engine::task::store::{
            TaskFilter, cancel, cancel_because, count, errors, get, list, pause, resume,
        };
    }
}
pub mod worker {
    //! Workers: they claim tasks and carry them out, several at once, in as many processes as there are.
    pub use powercrud_engine::worker::{Worker, WorkerInfo, alive};
}

pub use app::{Builder, PowerCrud};
pub use powercrud_engine::{
    Engine, Error, Result,
    config::{
        AfterQueueing, Atomicity, BackendKind, Channel, ConflictScope, LoginMode, MetricsAccess, Names, Notification,
        NotifyWhen, OnConflict, ResourceSettings, Secret, Settings, Texts,
    },
    error::FieldError,
    form::{Change, Changes, Input, LinkChange, LinkOperation, LinkTarget},
    notify::Means,
    resource::{CompositeReference, Field, ManyToMany, Reference, Resource, ResourceBuilder},
    selection::{Selection, StoredSelection},
    user::User,
};
