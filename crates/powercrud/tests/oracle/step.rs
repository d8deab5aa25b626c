//! What a case consists of.

use crate::support::Kind;

/// A schema with rows, and what is done to it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Makes the tables and the rows. Each table that a step names has a column `tag`, a whole number of its own for each of its rows,
    /// children and partitions included, by which the judge knows a row.
    pub(crate) script: String,
    /// What PostgreSQL's sessions are, where row security is to bind them: the server's superuser is above it.
    pub(crate) role: Option<&'static str>,
    pub(crate) steps: Vec<Step>,
}

/// One thing that is done, and what must hold then.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A bulk operation.
    Bulk(Bulk),
    /// One field of one record is edited.
    Edit { table: String, tag: i64, change: Assignment },
    /// The list is paged through.
    Pages { table: String, page_size: u64 },
}

/// A bulk operation.
#[derive(Clone, Debug)]
pub(crate) struct Bulk {
    pub(crate) table: String,
    pub(crate) action: Action,
    pub(crate) selection: Selected,
    /// In the background, a few records a chunk; else in the request, all or nothing.
    pub(crate) background: bool,
    pub(crate) chunk_size: u64,
}

/// What is done to each record.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    Update(Vec<Assignment>),
    Delete,
}

/// A column's new value.
#[derive(Clone, Debug)]
pub(crate) struct Assignment {
    pub(crate) column: String,
    /// As PowerCRUD is told.
    pub(crate) text: Option<String>,
    /// As the judge says it in SQL.
    pub(crate) sql: String,
}

/// Which records.
#[derive(Clone, Debug)]
pub(crate) enum Selected {
    All,
    /// Conditions as PowerCRUD is told, and as the judge says them in SQL.
    Filter {
        conditions: Vec<String>,
        sql: String,
    },
    /// Those that have these tags, by the keys under which the list shows them.
    Tags(Vec<i64>),
}

impl Selected {
    /// The judge's WHERE.
    pub(crate) fn sql(&self) -> String {
        match self {
            Self::All => "1 = 1".to_owned(),
            Self::Filter { sql, .. } => sql.clone(),
            Self::Tags(tags) if tags.is_empty() => "1 = 0".to_owned(),
            Self::Tags(tags) => {
                let tags: Vec<_> = tags.iter().map(ToString::to_string).collect();
                format!("tag IN ({})", tags.join(", "))
            }
        }
    }
}
