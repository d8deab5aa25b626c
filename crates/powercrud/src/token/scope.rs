//! What a token may do.

use serde::Serialize;

use powercrud_engine::words::listed;

/// What a token may do. Every token may read.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", parse_err_ty = String, parse_err_fn = unknown)]
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
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        self.into()
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

fn unknown(word: &str) -> String {
    format!("{word:?} is no scope; allowed are: {}", listed(Scope::ALL))
}
