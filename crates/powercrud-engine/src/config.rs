//! Settings, under the names that django-powercrud gave them, as builder methods, TOML keys and `POWERCRUD_…` variables alike.

mod actions;
mod computed;
mod notification;
mod resource_builder;
mod role;
mod secret;

use std::{collections::BTreeMap, time::Duration};

pub use actions::ActionSettings;
pub use computed::{Computed, ComputedFields, ComputedType};
pub use notification::{Channel, Notification, NotifyWhen};
pub use resource_builder::ResourceBuilder;
pub use role::{RoleResource, RoleSettings, Words};
pub use secret::Secret;

use serde::{Deserialize, de::DeserializeOwned};

use crate::names::{FieldName, FieldNames, WholeNumber};

/// Settings of a whole PowerCRUD.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name in the page's top bar.
    pub title: String,
    /// Whether every table and view becomes a resource, also those that nobody named.
    pub discover: bool,
    /// A folder whose templates replace or extend the built-in ones of the same name; those in a folder of it that is named as a resource are
    /// for that resource's pages.
    pub templates_dir: Option<std::path::PathBuf>,
    /// How long a worker may be silent before another takes its task.
    pub lease: Duration,
    /// How often an idle worker looks for tasks that nobody told it about.
    pub poll_interval: Duration,
    /// How many tasks one worker runs at a time.
    pub concurrency: usize,
    /// After how many attempts in a row that got no further a task is ended.
    pub max_attempts_without_progress: u64,
    /// The largest request body accepted, in bytes.
    pub body_limit: usize,
    /// How many bytes of memory requests may hold together of what they read and were sent (512 MiB): those beyond that wait a moment and
    /// are then answered that the server is busy.
    pub request_memory: u64,
    /// Whether people sign in with a name and password that PowerCRUD keeps.
    pub login: LoginMode,
    /// How long a browser that has signed in may stay without a request before it has to sign in again.
    pub session_lifetime: Duration,
    /// Whether browsers send PowerCRUD's cookies by https only.
    pub secure_cookies: bool,
    /// The hosts whose requests are answered, beside loopback names and that of [`Settings::base_url`]: names, `*.example.org` for a name
    /// and what is under it, addresses, `0.0.0.0` for every address, and `*` for every host. Empty: all are answered, as the application
    /// around the router sees to it.
    pub allowed_hosts: Vec<String>,
    /// Addresses and networks of proxies that are believed when their headers say for whom they ask (`X-Forwarded-For`: failed sign-ins
    /// are counted by that address) and which part of the path they took away (`X-Forwarded-Prefix`). Empty: it is the connection's own, as axum's `ConnectInfo<SocketAddr>` has it.
    pub trusted_proxies: Vec<String>,
    /// The part of the public path that a proxy takes away before it asks these pages, such as `/tools`: it stands before every address that they
    /// give. One of [`Settings::trusted_proxies`] may say it with each request instead, by the header `X-Forwarded-Prefix`.
    pub public_prefix: Option<String>,
    /// Origins, such as `https://shop.example.org`, whose pages may send forms here, beside that of the request's own `Host` and that of
    /// [`Settings::base_url`]: for a proxy that asks under another `Host` than browsers do.
    pub trusted_origins: Vec<String>,
    /// How many pages may watch progress by an event stream at a time (2,000); others ask by themselves.
    pub event_streams: usize,
    /// Whether each request is a span of `tracing` with its events (true); false where the application around the router has an access log.
    pub access_log: bool,
    /// Who may read `/metrics`.
    pub metrics: MetricsAccess,
    /// Where people reach these pages, with the path that they are nested under, such as `https://shop.example.org/admin`: mail and
    /// webhooks lead there.
    pub base_url: Option<String>,
    /// The server that takes mail: `smtps://USER:PASSWORD@HOST:PORT`, or `smtp://…` with `?tls=required` (which is meant where nothing is
    /// said), `opportunistic` or `none`.
    pub email_url: Option<Secret>,
    /// Whom mail is from: `shop@example.org` or `The shop <shop@example.org>`.
    pub email_from: Option<String>,
    /// Where the ends of bulk tasks are posted to, for the channel [`Channel::Callback`].
    pub webhook_url: Option<Secret>,
    /// What those posts are signed with: `whsec_` and base64 of 24 to 64 bytes.
    pub webhook_secret: Option<Secret>,
    /// Whether webhooks may lead to this machine and into private networks (false).
    pub webhook_allow_private: bool,
    /// A PEM file of certificates by which mail servers and webhooks are trusted, beside those that browsers trust.
    pub tls_ca_file: Option<std::path::PathBuf>,
    /// How workers are told of tasks, for resources that don't say so themselves: `database`, `redis`, `celery`, or a backend of the application's own.
    pub bulk_async_backend: String,
    /// Where Redis or Valkey is, for the backend `redis`: `redis://:PASSWORD@HOST:PORT/0`, or `rediss://…` for TLS.
    pub redis_url: Option<Secret>,
    /// The channel that tasks are told of by there (`powercrud`); its own for each database whose workers share one server.
    pub redis_channel: String,
    /// Where the broker is, for the backend `celery`: `redis://:PASSWORD@HOST:PORT/0` or `amqp://USER:PASSWORD@HOST:PORT/VHOST`, and
    /// `rediss://…` and `amqps://…` for TLS.
    pub celery_broker_url: Option<Secret>,
    /// Where Celery's callers look for results: `redis://…`; nothing is kept for them where it is not said.
    pub celery_result_backend: Option<Secret>,
    /// The queue of tasks there (`powercrud`).
    pub celery_queue: String,
    /// How people hear of a task's end, for resources that don't say so themselves.
    pub bulk_async_notification: Notification,
    /// For how many days the audit trail is kept; 0 keeps it for ever.
    pub audit_days: u64,
    /// The schema (PostgreSQL) or database on the same server (MySQL, MariaDB) that PowerCRUD's own tables are in; the connection's own by
    /// default.
    pub tables_schema: Option<String>,
    /// What stands in the names of PowerCRUD's own tables, `powercrud_NAMESPACE_…`, so that two applications share a database; nothing by
    /// default.
    pub namespace: Option<String>,
    /// Settings by resource name.
    pub resources: BTreeMap<String, ResourceSettings>,
    /// What users of a role may do, by the role's name.
    pub roles: BTreeMap<String, RoleSettings>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            title: "PowerCRUD".into(),
            discover: false,
            templates_dir: None,
            lease: Duration::from_secs(15),
            poll_interval: Duration::from_secs(1),
            concurrency: 2,
            max_attempts_without_progress: 5,
            body_limit: 2 * 1024 * 1024,
            request_memory: 512 * 1024 * 1024,
            login: LoginMode::Off,
            session_lifetime: Duration::from_secs(12 * 3600),
            secure_cookies: false,
            allowed_hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            public_prefix: None,
            trusted_origins: Vec::new(),
            event_streams: 2000,
            access_log: true,
            metrics: MetricsAccess::default(),
            base_url: None,
            email_url: None,
            email_from: None,
            webhook_url: None,
            webhook_secret: None,
            webhook_allow_private: false,
            tls_ca_file: None,
            bulk_async_backend: DATABASE_BACKEND.into(),
            redis_url: None,
            redis_channel: "powercrud".into(),
            celery_broker_url: None,
            celery_result_backend: None,
            celery_queue: "powercrud".into(),
            bulk_async_notification: Notification::default(),
            audit_days: 0,
            tables_schema: None,
            namespace: None,
            resources: BTreeMap::new(),
            roles: BTreeMap::new(),
        }
    }
}

/// Whether people sign in with a name and password that PowerCRUD keeps (`powercrud::account`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoginMode {
    /// No: the application resolves the user (`powercrud::Builder::user`), or says that everybody is the operator (`open_to_everybody`).
    #[default]
    Off,
    /// From the first user on; until then everybody is the operator.
    WhenUsersExist,
    /// Always: where there is no user, nobody gets in.
    Always,
}

/// Who may read `/metrics`: counts of tasks and records and how long they took, by no name but the operations'.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricsAccess {
    /// Staff, and tokens that act as staff; where nobody has to sign in that is everybody.
    #[default]
    Staff,
    /// Whoever reaches the address.
    Anyone,
    /// Nobody: there is no such address.
    Nobody,
}

/// The backend that is always there: workers look into the database, and are woken by it where it can.
pub const DATABASE_BACKEND: &str = "database";

/// The backend of processes that work on what they have queued themselves.
pub const IN_PROCESS_BACKEND: &str = "in_process";

/// What conflicts with what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictScope {
    /// One bulk task per model and suffix at a time.
    #[default]
    Model,
    /// Only tasks that share a record.
    Record,
}

/// What happens to a request that conflicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// It is refused, with the name of the task in its way.
    #[default]
    Reject,
    /// It waits, and starts by itself in its turn.
    Queue,
}

/// Where somebody goes whose bulk operation was queued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterQueueing {
    /// Nowhere: the dialog says that it was queued, and leads to the task's page.
    #[default]
    Stay,
    /// To the task's page.
    StatusPage,
}

/// What stays when a record fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, strum::EnumString, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Atomicity {
    /// Each chunk is committed; bad records are reported and their neighbours go on.
    Chunk,
    /// Everything or nothing: one bad record leaves every row as it was.
    All,
}

impl Atomicity {
    /// The word in the task table.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A list of names under one word, as the macros below tell types by their names.
type List = Vec<String>;

/// The name of a field, as the macros below tell types by their names.
type Named = String;

/// A builder's method for a setting of a type.
macro_rules! builder_method {
    ([$($doc:tt)*] $key:ident List $allowed:literal) => {
        $($doc)*
        #[must_use]
        pub fn $key<M>(mut self, names: impl FieldNames<M>) -> Self {
            self.settings.$key = Some(names.field_names());
            self
        }
    };
    ([$($doc:tt)*] $key:ident Named $allowed:literal) => {
        $($doc)*
        #[must_use]
        pub fn $key<M>(mut self, name: impl FieldName<M>) -> Self {
            self.settings.$key = Some(name.field_name());
            self
        }
    };
    ([$($doc:tt)*] $key:ident Texts $allowed:literal) => {
        $($doc)*
        #[must_use]
        pub fn $key<M, N: FieldName<M>>(mut self, texts: impl IntoIterator<Item = (N, impl Into<String>)>) -> Self {
            let texts = texts.into_iter().map(|(name, text)| (name.field_name(), text.into()));
            self.settings.$key = Some(texts.collect());
            self
        }
    };
    ([$($doc:tt)*] $key:ident u64 $allowed:literal) => {
        $($doc)*
        #[must_use]
        pub fn $key(mut self, number: impl WholeNumber) -> Self {
            match number.to_u64() {
                Ok(number) => self.settings.$key = Some(number),
                Err(number) => {
                    let mistake = format!("{number} is not allowed; allowed is {}", $allowed);
                    self.mistakes.push((stringify!($key), mistake));
                }
            }
            self
        }
    };
    ([$($doc:tt)*] $key:ident ComputedFields $allowed:literal) => {
        /// One more read-only field, which the database computes for each record: `.computed("margin", "price - cost")`, or
        /// [`Computed::integer`] and its like, by whose type it is filtered. It is in lists, on pages, in the API and for rules like any
        /// field, can be sorted and filtered by, is hidden from users by the policy under its own name, and never written.
        #[must_use]
        pub fn computed(mut self, name: impl Into<String>, computed: impl Into<Computed>) -> Self {
            let fields = self.settings.computed.get_or_insert_default();
            fields.0.push((name.into(), computed.into()));
            self
        }
    };
    ([$($doc:tt)*] $key:ident $type:ident $allowed:literal) => {
        $($doc)*
        #[must_use]
        pub fn $key(mut self, value: impl Into<$type>) -> Self {
            self.settings.$key = Some(value.into());
            self
        }
    };
}

macro_rules! resource_settings {
    ($($(#[$doc:meta])* $key:ident: $type:ident = $allowed:literal,)*) => {
        /// Settings of one resource. What is `None` has its default.
        #[derive(Clone, Debug, Default)]
        pub struct ResourceSettings {
            $($(#[$doc])* pub $key: Option<$type>,)*
            /// Actions that are named sets of changes, by name.
            pub actions: BTreeMap<String, ActionSettings>,
        }

        impl ResourceSettings {
            /// Every key, in the order of the documentation.
            pub const KEYS: &[&str] = &[$(stringify!($key),)* "actions"];

            /// Sets one key from a configuration value.
            ///
            /// # Errors
            /// Says what is allowed, where there is no such key or the value does not fit it.
            pub fn set(&mut self, key: &str, value: serde_json::Value) -> Result<(), String> {
                match key {
                    $(stringify!($key) => self.$key = Some(read(value, $allowed)?),)*
                    "actions" => return self.set_actions(value),
                    _ => return Err(format!("there is no such setting; allowed are: {}", Self::KEYS.join(", "))),
                }
                Ok(())
            }

            /// Takes from `other` what is not set here.
            pub(crate) fn or(self, other: Self) -> Self {
                let mut actions = other.actions;
                actions.extend(self.actions);
                let computed = self.computed.clone().into_iter().chain(other.computed.clone()).reduce(ComputedFields::and);
                Self { computed, ..Self { $($key: self.$key.or(other.$key),)* actions } }
            }
        }

        impl ResourceBuilder {
            $(builder_method! { [$(#[$doc])*] $key $type $allowed })*
        }
    };
}

fn read<T: DeserializeOwned>(value: serde_json::Value, allowed: &str) -> Result<T, String> {
    let shown = value.to_string();
    serde_json::from_value(value).map_err(|_| format!("{shown} is not allowed; allowed is {allowed}"))
}

/// Where [`ResourceBuilder`] keeps label texts by field.
pub type Texts = BTreeMap<String, String>;

/// For how many days what bulk tasks overwrite is kept, where nothing else is set.
pub(crate) const REVERT_DAYS: u64 = 30;

resource_settings! {
    /// One record in words, such as "book".
    label: String = "a text",
    /// Several records in words, such as "books".
    label_plural: String = "a text",
    /// Tells two resources over one table apart.
    suffix: String = "a text",
    /// Whether the resource may not be written at all.
    read_only: bool = "true or false",
    /// The fields there are, in order; all columns and many-to-many fields by default.
    fields: List = "a list of column names",
    /// Read-only fields that the database computes, by name: an SQL expression over the columns of the record's row, or `{ sql, type }`. Those of
    /// a configuration join those that the application has in code; one of the same name replaces it.
    computed: ComputedFields = "a table of field name to SQL expression, or to { sql = \"…\", type = \"text\", \"boolean\", \"integer\", \"decimal\", \"float\", \"date\" or \"date_time\" }",
    /// Columns that are shown although they likely hold secrets, such as `password` or `api_token`; none by default. What `fields` names is
    /// shown as well.
    show_secrets: List = "a list of column names",
    /// Columns that are hidden as secrets although their names don't tell.
    secret_fields: List = "a list of column names",
    /// The columns of the list page; the first eight fields by default.
    list_fields: List = "a list of field names",
    /// The fields that can be filtered by; all by default.
    filter_fields: List = "a list of field names",
    /// The fields that the search box looks into; all text fields by default.
    search_fields: List = "a list of field names",
    /// The list's order: field names, `-` before those that descend; the primary key by default.
    ordering: List = "a list of field names, each with - before it to descend",
    /// Records a page (25).
    paginate_by: u64 = "a whole number from 1 to 1000",
    /// The field that names a record where another refers to it.
    display_field: Named = "a field name",
    /// Labels by field name.
    labels: Texts = "a table of field name to text",
    /// Help texts by field name; the column's comment by default.
    help_texts: Texts = "a table of field name to text",
    /// Names of many-to-many fields by join table, or by `table.column` where its column that leads to the other record is needed to tell
    /// them apart; an empty name leaves the field out. By default they are named after the other table.
    many_to_many: Texts = "a table of join table to field name, \"\" to leave the field out",
    /// The column that tells versions of a record apart: a whole number, which every edit increments, or the timestamp of the last change,
    /// which every edit sets. Records that changed since they were selected, or since their form was opened, are not overwritten.
    version_field: Named = "the name of a column that holds whole numbers or timestamps",
    /// The fields that bulk edit may change; all editable fields by default.
    bulk_fields: List = "a list of field names",
    /// Whether bulk delete is offered (true).
    bulk_delete: bool = "true or false",
    /// Whether large bulk operations run in the background (true).
    bulk_async: bool = "true or false",
    /// From how many records on a bulk operation runs in the background (20).
    bulk_min_async_records: u64 = "a whole number",
    /// What tells workers of a task: `database`, or a backend of the application's own.
    bulk_async_backend: String = "the name of a backend, such as \"database\"",
    /// How people hear of a task's end; by default as the settings of the whole PowerCRUD say.
    bulk_async_notification: Notification = "\"none\", or one or a list of \"status_page\", \"messages\", \"email\" and \"callback\"",
    /// Of which ends people hear: all, failures, or those of tasks that took at least so long.
    bulk_notify_when: NotifyWhen = "\"always\", \"failure\", or a duration such as \"500ms\", \"30s\", \"5m\" or \"2h\"",
    /// Whether bulk tasks keep each other out (true).
    bulk_async_conflict_checking: bool = "true or false",
    /// What conflicts with what.
    bulk_async_conflict_scope: ConflictScope = "\"model\" or \"record\"",
    /// What happens to a request that conflicts.
    bulk_async_on_conflict: OnConflict = "\"reject\" or \"queue\"",
    /// Where somebody goes whose bulk operation was queued: nowhere ("stay", the dialog says so), or to the task's page.
    bulk_async_after_queueing: AfterQueueing = "\"stay\" or \"status_page\"",
    /// What stays when a record fails: "chunk" in the background and "all" in the request by default.
    bulk_atomicity: Atomicity = "\"chunk\" or \"all\"",
    /// Records a chunk at most; grown and shrunk to about a quarter second by default.
    bulk_chunk_size: u64 = "a whole number from 1",
    /// For how many days after a task's end its frozen selection and record errors are kept (90).
    bulk_results_days: u64 = "a whole number of days, or 0 to keep them for ever",
    /// After how many failed records a task in the background stops; never by default.
    bulk_max_errors: u64 = "a whole number from 1",
    /// Whether bulk tasks can be reverted (false): what they overwrite and delete is kept for a while.
    bulk_revert: bool = "true or false",
    /// For how many days it is kept (30).
    bulk_revert_days: u64 = "a whole number from 1 to 3650",
}
