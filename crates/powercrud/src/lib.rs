//! Bulk edits and deletes that never time out, for axum applications and any SQL database.
//!
//! A small bulk edit is done at once; a large one runs in the background, in chunks of one statement each, with a task record, live
//! progress, protection against conflicting tasks, cancel, retry, revert and a notice at its end. What is done is exactly once in the
//! database, whatever crashes, and a task names each record that failed, with the reason.
//!
//! # A whole program
//!
//! ```no_run
//! use powercrud::{PowerCrud, Resource, User};
//! use tokio_util::sync::CancellationToken;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let powercrud = PowerCrud::builder(sea_orm::Database::connect("sqlite:shop.db").await?)
//!     .title("The shop")
//!     .resource(Resource::table("book").bulk_fields(["status", "price"]).paginate_by(50))
//!     .discover(true) // every other table and view too
//!     .user(|_request| Some(User::new("1", "Ann"))) // your own login goes here
//!     .build()
//!     .await?; // reports every mistake of the configuration at once
//!
//! // Large bulk tasks run here, or in a process of their own.
//! tokio::spawn(powercrud.worker().run(CancellationToken::new()));
//!
//! let app = axum::Router::new().merge(powercrud.router_at("/admin"));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//! axum::serve(listener, app.into_make_service()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! `examples/minimal.rs` does the same with SeaORM entities.
//!
//! # From code
//!
//! The same engine, its checks, locks and audit trail are an application's own:
//!
//! ```no_run
//! # async fn reduce(powercrud: &powercrud::PowerCrud, ann: &powercrud::User) -> powercrud::Result<()> {
//! use powercrud::bulk;
//!
//! let update = bulk::update(powercrud, "book").set("price", "7.77").filter("status=in_print").by(ann);
//! let task = update.run().await?.wait().await?;
//! for error in powercrud::task::store::errors(powercrud, ann, task.id, 0, 10).await? {
//!     println!("{}: {}", error.record_key, error.message);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Actions
//!
//! What people do to many records beside changing fields and deleting is an [`Action`] of a resource: a named set of changes, statements, or
//! code for each record. [`action`] tells more.
//!
//! ```
//! use powercrud::{Action, Resource};
//!
//! let book = Resource::table("book").action(Action::set("archive", [("status", Some("archived"))]).label("Archive"));
//! ```
//!
//! # Where things are
//!
//! [`Builder`] configures, [`Resource`] says how a table is shown and what may be done to it, [`PowerCrud::router`] serves pages, JSON
//! API (with its OpenAPI document, `/api/openapi.json`) and health checks, among them [pages](page) of your own, [`worker::Worker`] carries out. [`bulk`], [`record`] and
//! [`query`] are what pages and API use themselves; [`task`], [`history`], [`audit`] and [`staff`] tell what was done; [`account`] and
//! [`token`] are PowerCRUD's own login.

pub mod account;
mod app;
mod live;
mod news;
pub mod notify;
mod templates;
#[cfg(feature = "testing")]
pub mod testing;
pub mod token;
mod web;

pub mod action {
    //! Actions: what an application lets people do to many records, beside changing fields and deleting.
    pub use powercrud_engine::action::{
        Action, ActionChunk, ActionError, ActionField, ActionFieldKind, ActionRecord, ActionStatement, ActionValues,
    };
}
pub mod audit {
    //! The audit trail: who did what to which record or task, when, and why.
    pub use powercrud_engine::audit::{
        Action, AuditEntry, AuditFilter, FieldChange, FieldChanges, NOBODY, count, list, people, purge,
    };
}
pub mod backend {
    //! What tells workers of tasks that are ready: the database, or a way of the application's own ([`crate::Builder::backend`]).
    #[cfg(feature = "redis")]
    pub use powercrud_engine::backend::Redis;
    pub use powercrud_engine::backend::{Backend, BackendStatus, Database, InProcess, Listener, status};
    #[cfg(feature = "celery")]
    pub use powercrud_engine::celery::Celery;
}
pub mod bulk {
    //! Bulk operations: asked for, planned, previewed, submitted, retried and reverted.
    pub use powercrud_engine::bulk::{
        Answer, BulkFilter, BulkRequest, Delete, Failure, Plan, Preview, Referrer, RequestKey, Requested, Revertible,
        Route, RunAction, Sample, Submission, Update, action, delete, in_request, plan, purge, retry, revert,
        revertible, run, update,
    };
}
pub mod chunk_hook {
    //! Code of the application's own around each chunk of a bulk task, in its transaction.
    //!
    //! [`ChunkHook`] is registered by [`crate::Builder::chunk_hook`] or [`crate::ResourceBuilder::chunk_hook`].
    pub use powercrud_engine::chunk_hook::{ChunkHook, ChunkOfTask};
}
pub mod db {
    //! The database under a PowerCRUD, and the tables of its own.
    pub use powercrud_db::{
        Catalog, Column, ColumnType, Connection, Constraint, Database, Denied, Dialect, Error, Fault, FaultKind,
        ForeignKey, LeftOut, ReferentialAction, Table, TableKind, Transaction, Value,
    };
    pub use powercrud_engine::own::{
        Uninstalled, migrate, missing_grants, missing_tables, pending_migrations, told_missing, uninstall,
        with_namespace, with_settings, with_tables_in,
    };
}
pub mod history {
    //! The outcome of a record: who changed what of it, when, and by which task.
    pub use powercrud_engine::history::{ChangedField, Done, HistoryEntry, history};
}
pub mod page {
    //! Pages of the application's own within the frame of PowerCRUD's: its menu, theme, user and messages.
    //!
    //! ```
    //! use axum::{Router, response::Response, routing::get};
    //! use powercrud::{
    //!     PowerCrud, Resource,
    //!     page::{Frame, Link, Page},
    //!     query,
    //! };
    //!
    //! /// What the user's own books are, in a number.
    //! async fn stock(frame: Frame) -> Response {
    //!     let powercrud = frame.powercrud(); // as the user sees it
    //!     let books = match powercrud.resource("book") {
    //!         Ok(book) => query::count(powercrud, book, &Default::default()).await.unwrap_or_default(),
    //!         Err(_) => 0,
    //!     };
    //!     frame.html("Stock", format!("<h1>Stock</h1><p>There are {books} books.</p>")).await
    //! }
    //!
    //! # fn build(database: powercrud::db::Database) -> powercrud::Builder {
    //! PowerCrud::builder(database)
    //!     .resource(Resource::table("book"))
    //!     .page(Page::new("stock", Router::new().route("/", get(stock))).label("Stock").may(|user| user.is_staff))
    //!     .link(Link::within("Sold out", "/resources/book?stock=0").resource("book"))
    //!     .link(Link::new("The shop", "https://shop.example.org"))
    //!     .login()
    //! # }
    //! ```
    //!
    //! A page is at `/pages/NAME`, under the path that the router is nested at, and goes through all that PowerCRUD's pages do: hosts, the login,
    //! the origin of forms, limits of time and size, error pages, the Content-Security-Policy. Whom [`Page::may`] and [`Page::resource`] refuse
    //! does not find it in the menu, and is answered 403, which the audit trail tells. Handlers are axum's, and may have state of their own
    //! (`Router::with_state`).
    //!
    //! # What is selected on a list
    //!
    //! A page about what is selected on a list is offered in that list's selection bar, as a dialog; its handlers get the selection by the extractor
    //! [`Selected`], or by [`Frame::selection`] where the resource has no SeaORM entity.
    //!
    //! ```
    //! use axum::{Router, response::Response, routing::get};
    //! use powercrud::{
    //!     PowerCrud, bulk,
    //!     page::{Frame, Page, PageError, Selected},
    //! };
    //! use sea_orm::EntityTrait as _;
    //! # mod book {
    //! #     use sea_orm::entity::prelude::*;
    //! #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    //! #     #[sea_orm(table_name = "book")]
    //! #     pub struct Model { #[sea_orm(primary_key)] pub id: i32, pub stock: i32 }
    //! #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    //! #     pub enum Relation {}
    //! #     impl ActiveModelBehavior for ActiveModel {}
    //! # }
    //!
    //! /// How many copies the selected books have, and a button that orders more.
    //! async fn ask(frame: Frame, selected: Selected<book::Entity>) -> Result<Response, PageError> {
    //!     let books = selected.find().await?.all(frame.powercrud().database().connection()).await?;
    //!     let copies: i32 = books.iter().map(|book| book.stock).sum();
    //!     let order = selected.href(&frame.href("/pages/order/now"));
    //!     let form = format!("<p>{copies} copies</p><form method=\"post\" action=\"{order}\"><button>Order</button></form>");
    //!     Ok(frame.html("Order", form).await)
    //! }
    //!
    //! /// The selected books, by a bulk task of the user's.
    //! async fn order(frame: Frame, selected: Selected<book::Entity>) -> Result<String, PageError> {
    //!     let update = bulk::update(frame.powercrud(), "book").set("ordered", true).selection(&selected).by(frame.user());
    //!     Ok(format!("Task {}", update.run().await?.task().id))
    //! }
    //!
    //! # fn build(builder: powercrud::Builder) -> powercrud::Builder {
    //! let router = Router::new().route("/", get(ask)).route("/now", axum::routing::post(order));
    //! builder.page(Page::new("order", router).label("Order more").selection("book"))
    //! # }
    //! ```
    pub use crate::{
        app::{Link, Page},
        web::{Frame, ListSelection, PageError, Selected},
    };
}
pub mod policy {
    //! Who may do what to which records: a trait of the application's own, or roles of the configuration.
    //!
    //! [`Policy`] says what an implementor promises, and implements it as an example; [`crate::Builder::policy`] sets one. Roles stand in
    //! [`crate::Settings::roles`].
    pub use powercrud_engine::policy::{Fields, Permission, Policy, Roles, RowColumns, RowCondition, Rows};
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
    pub use powercrud_engine::{
        notify::{NoticeState, NoticeStatus, of_task as notices},
        task::{BulkTask, Event, RecordError, Status, TaskEvent, TaskEventKind, timeline},
        task_json::TaskJson,
    };

    pub mod keeping {
        //! How long what a task leaves is kept.
        pub use powercrud_engine::task::keeping::purge_results;
    }
    pub mod results {
        //! The outcome of each record of a task.
        pub use powercrud_engine::task::results::{Format, Outcome, ResultRecord, Results};
    }
    pub mod store {
        //! Tasks as the database has them.
        pub use powercrud_engine::{
            control::{cancel, cancel_because, pause, resume},
            task::store::{TaskFilter, count, errors, get, list},
        };
    }
}
pub mod validate {
    //! Rules of the application's own, asked of each plan and of each record that is written, whichever way that is.
    //!
    //! [`Validate`] is registered by [`crate::Builder::validate`] or [`crate::ResourceBuilder::validate`].
    pub use powercrud_engine::validate::{ChangedRecord, PlannedOperation, Validate};
}
pub mod worker {
    //! Workers: they claim tasks and carry them out, several at once, in as many processes as there are.
    pub use powercrud_engine::{
        heartbeat::{WorkerInfo, alive},
        worker::Worker,
    };
}

pub use action::{Action, ActionError, ActionField};
pub use app::{Builder, PowerCrud};
/// What the application's own code returns where a trait has it run in the database: `Box::pin(async { … })` makes one.
pub use futures_util::future::BoxFuture;
pub use powercrud_engine::{
    ByColumn, ByReference, ByText, Engine, Error, FieldName, FieldNames, RecordValues, Result, WholeNumber,
    change::{Change, Changes, LinkKey, LinkOperation, keys_from_text},
    config::{
        ActionSettings, AfterQueueing, Atomicity, Channel, Computed, ComputedType, ConflictScope, LoginMode,
        MetricsAccess, Notification, NotifyWhen, OnConflict, ResourceSettings, RoleResource, RoleSettings, Secret,
        Settings, Texts, Words,
    },
    error::FieldError,
    form::Input,
    notify::ChannelStatus,
    resource::{CompositeReference, Field, ManyToMany, Reference, Resource, ResourceBuilder},
    selection::{Selection, StoredSelection},
    user::User,
};

/// The examples of the guides are compiled, and most of them run.
#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../../../docs/actions.md")]
    struct Actions;
    #[doc = include_str!("../../../docs/deployment.md")]
    struct Deployment;
    #[doc = include_str!("../../../docs/login.md")]
    struct Login;
    #[doc = include_str!("../../../docs/permissions.md")]
    struct Permissions;
    #[doc = include_str!("../../../docs/templates.md")]
    struct Templates;
    #[doc = include_str!("../../../docs/testing.md")]
    struct Testing;
}
