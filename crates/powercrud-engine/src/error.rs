//! What can go wrong, in the domain's words. Nothing here knows HTTP or exit codes; the edges translate.

use powercrud_db::Fault;

pub use powercrud_db::FieldError;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every failure of this crate's public functions.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration has mistakes; all of them are listed, each with its place.
    #[error("the configuration has {} mistake(s):\n{}", .0.len(), bullets(.0))]
    Configuration(Vec<String>),
    /// The database can't be reached or refuses us. `url` has its password masked.
    #[error("can't connect to {url}: {reason}")]
    Connection {
        /// The address, password masked.
        url: String,
        /// What the driver said, in short.
        reason: String,
    },
    /// The database refused or failed a statement.
    #[error("{}", .0.message)]
    Database(Box<Fault>),
    /// The database's role lacks rights that PowerCRUD needs for tables of its own.
    #[error("the database's role may not {what}{}", told_grants(.grants))]
    MissingRights {
        /// What it may not do, in words.
        what: String,
        /// The statements that would grant it.
        grants: Vec<String>,
    },
    /// A table is not what it was when its catalog was read; that was read again, and nothing was written.
    #[error(
        "the table {0} has changed since it was read; it was read again and nothing was changed: look at it, and try once more"
    )]
    TablesChanged(String),
    /// No resource of that name.
    #[error("there is no resource {name:?}; there are: {}", .known.join(", "))]
    UnknownResource {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No action of that name.
    #[error("{resource} has no action {name:?}; {}", if .known.is_empty() { "it has none".to_owned() } else { format!("there are: {}", .known.join(", ")) })]
    UnknownAction {
        /// The resource.
        resource: String,
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The table of that name is there and can't be read.
    #[error("the table {name} can't be read: {reason}")]
    Unreadable {
        /// What was asked for.
        name: String,
        /// Why, such as rights that the database's role lacks.
        reason: String,
    },
    /// The request names fields or values that can't be accepted.
    #[error("{}", join(.0))]
    Invalid(Vec<FieldError>),
    /// The resource can't be written at all.
    #[error("{resource} is read-only: {reason}")]
    ReadOnly {
        /// The resource.
        resource: String,
        /// Why: a view, no key, or its settings.
        reason: String,
    },
    /// The operation is switched off for this resource.
    #[error("{0}")]
    NotAllowed(String),
    /// The user may not do that, as the policy says.
    #[error("your rights do not let you {0}")]
    Forbidden(String),
    /// What whoever asked for a bulk task may do has changed while it ran; it goes on with the rights of today.
    #[error("the rights of whoever asked for this have changed")]
    RightsChanged,
    /// The selection matches no record.
    #[error("no {0} matches the selection, so there is nothing to do")]
    NothingSelected(String),
    /// The selection has more or fewer records than the caller has seen.
    #[error("the selection has {records} now, not {}; nothing was done", crate::words::grouped(*.expected))]
    SelectionChanged {
        /// How many there are, in words.
        records: String,
        /// How many were expected.
        expected: u64,
    },
    /// Another bulk task holds what this one needs.
    #[error("another bulk task is running on {resource}: {holder}")]
    Conflict {
        /// The resource both want.
        resource: String,
        /// The task that holds it, in words, as far as the user may know.
        holder: String,
        /// That task, if the user may see it.
        task_id: Option<uuid::Uuid>,
    },
    /// A bulk task holds the record, so it can't be written one by one now.
    #[error("{record} is held by a bulk task ({progress}); try again when it has ended")]
    RecordHeld {
        /// The record in words, such as "book 12".
        record: String,
        /// The task that holds it.
        task_id: uuid::Uuid,
        /// How far that task is, in words.
        progress: String,
    },
    /// Somebody changed the record after it was read.
    #[error("{record} was changed meanwhile: its version was {was} and is {is} now")]
    VersionConflict {
        /// The record in words, such as "book 12".
        record: String,
        /// The version that the change was made for.
        was: String,
        /// The version that there is.
        is: String,
    },
    /// Somebody changed fields that this change is about, after they were read.
    #[error("{record} was changed meanwhile: {}", .fields.join(", "))]
    FieldsChanged {
        /// The record in words, such as "book 12".
        record: String,
        /// Those fields.
        fields: Vec<String>,
    },
    /// The record is not what the caller has read.
    #[error("{record} is not what it was when it was read; read it again")]
    StaleRecord {
        /// The record in words, such as "book 12".
        record: String,
    },
    /// All the memory that requests may hold together is held by others.
    #[error("the server holds as much for other requests as it may at a time ({} MiB); try again in a moment", .limit >> 20)]
    NoRoom {
        /// How many bytes that is.
        limit: u64,
    },
    /// A record that is not there (any more).
    #[error("there is no {resource} with key {key}")]
    RecordNotFound {
        /// The resource.
        resource: String,
        /// The key as given.
        key: String,
    },
    /// A record that is there, perhaps, but that its key does not find.
    #[error("the {resource} with key {key} can't be reached: {reason}")]
    RecordLost {
        /// The resource.
        resource: String,
        /// The key as given.
        key: String,
        /// Why.
        reason: &'static str,
    },
    /// A task that is not there, or that this user may not see.
    #[error("there is no bulk task {0}")]
    TaskNotFound(String),
    /// No user of that name.
    #[error("there is no user {0:?}; `powercrud user list` names them")]
    UnknownUser(String),
    /// A request id that was given to another request already.
    #[error("the request id {0:?} belongs to another request; give each request an id of its own")]
    RequestIdReused(String),
    /// A token that is not there, or that is somebody else's.
    #[error("there is no token {0}")]
    TokenNotFound(String),
    /// A change of state that the state machine doesn't list.
    #[error("{message}")]
    Transition {
        /// The state the task is in.
        status: String,
        /// What was asked of it.
        event: String,
        /// Why it can't be, for people.
        message: String,
    },
    /// A worker's lease on a task is lost: another worker has taken it over.
    #[error("the lease on task {0} was lost: another worker has taken it over")]
    LeaseLost(uuid::Uuid),
    /// Templates, files, or other faults of this program's own.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// A stable UPPER_SNAKE word for programs.
    pub fn code(&self) -> &str {
        match self {
            Self::Configuration(_) => "CONFIGURATION",
            Self::Connection { .. } => "CONNECTION",
            Self::Database(fault) => fault.code,
            Self::MissingRights { .. } => "MISSING_RIGHTS",
            Self::TablesChanged(_) => "TABLES_CHANGED",
            Self::UnknownResource { .. } => "UNKNOWN_RESOURCE",
            Self::UnknownAction { .. } => "UNKNOWN_ACTION",
            Self::Unreadable { .. } => "UNREADABLE",
            Self::Invalid(_) => "INVALID",
            Self::ReadOnly { .. } => "READ_ONLY",
            Self::NotAllowed(_) => "NOT_ALLOWED",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::RightsChanged => "RIGHTS_CHANGED",
            Self::NothingSelected(_) => "NOTHING_SELECTED",
            Self::SelectionChanged { .. } => "SELECTION_CHANGED",
            Self::Conflict { .. } => "CONFLICT",
            Self::RecordHeld { .. } => "RECORD_HELD",
            Self::VersionConflict { .. } => "VERSION_CONFLICT",
            Self::FieldsChanged { .. } => "FIELDS_CHANGED",
            Self::StaleRecord { .. } => "STALE_RECORD",
            Self::NoRoom { .. } => "SERVER_BUSY",
            Self::RecordNotFound { .. } => "RECORD_NOT_FOUND",
            Self::RecordLost { .. } => "UNKNOWN_RECORD",
            Self::TaskNotFound(_) => "TASK_NOT_FOUND",
            Self::UnknownUser(_) => "UNKNOWN_USER",
            Self::RequestIdReused(_) => "REQUEST_ID_REUSED",
            Self::TokenNotFound(_) => "TOKEN_NOT_FOUND",
            Self::Transition { .. } => "INVALID_TRANSITION",
            Self::LeaseLost(_) => "LEASE_LOST",
            Self::Internal(_) => "INTERNAL",
        }
    }

    /// One field's error as a whole answer.
    pub fn invalid(field: &str, code: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, code, message)])
    }
}

impl From<powercrud_db::Error> for Error {
    fn from(error: powercrud_db::Error) -> Self {
        match error {
            powercrud_db::Error::Connection { url, reason } => Self::Connection { url, reason },
            powercrud_db::Error::Database(fault) => Self::Database(fault),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Database(Box::new(Fault::classify(&error)))
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Database(Box::new(fault))
    }
}

fn join(errors: &[FieldError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn told_grants(grants: &[String]) -> String {
    if grants.is_empty() {
        return String::new();
    }
    format!("; whoever looks after the database can grant it:\n{}", grants.join("\n"))
}

fn bullets(mistakes: &[String]) -> String {
    mistakes.iter().map(|mistake| format!("  - {mistake}")).collect::<Vec<_>>().join("\n")
}
