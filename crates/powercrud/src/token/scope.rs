//! What a token may do.

use std::{fmt, str::FromStr};

/// What a token may do. Every token may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// See resources, records and tasks.
    Read,
    /// Create, change and delete single records.
    Write,
    /// Change and delete many records, retry and revert.
    Bulk,
    /// Cancel, pause and resume tasks.
    Tasks,
    /// All of that, and list and revoke tokens.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 5] = [Self::Read, Self::Write, Self::Bulk, Self::Tasks, Self::Admin];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Bulk => "bulk",
            Self::Tasks => "tasks",
            Self::Admin => "admin",
        }
    }

    /// What it allows, in words.
    pub fn about(self) -> &'static str {
        match self {
            Self::Read => "see resources, records and tasks",
            Self::Write => "create, change and delete single records",
            Self::Bulk => "change and delete many records, retry and revert",
            Self::Tasks => "cancel, pause and resume tasks",
            Self::Admin => "all of that, and list and revoke tokens",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|scope| scope.as_str()).collect();
            format!("{word:?} is no scope; allowed are: {}", known.join(", "))
        })
    }
}
