//! Fields that the database computes: SQL expressions of the developer's or operator's own.

use std::collections::BTreeMap;

use powercrud_db::ColumnType;
use serde::{Deserialize, Deserializer};

/// What computes a read-only field: an expression in the database's own words over the columns of the record's row, and the type of its
/// values, by which they are filtered.
///
/// It is SQL, and nothing of a request ever becomes a part of it. A subquery may look at other tables; the policy does not reach there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Computed {
    pub(crate) sql: String,
    pub(crate) kind: ComputedType,
}

/// What kind of values a computed field has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ComputedType {
    /// Texts; of anything else the text that the database writes it as.
    #[default]
    Text,
    /// true or false.
    Boolean,
    /// Whole numbers.
    Integer,
    /// Exact decimals.
    Decimal,
    /// Binary floating point.
    Float,
    /// Calendar dates.
    Date,
    /// Dates with a time of day.
    DateTime,
}

impl ComputedType {
    pub(crate) fn column_type(self) -> ColumnType {
        match self {
            Self::Text => ColumnType::Text { max_length: None },
            Self::Boolean => ColumnType::Boolean,
            Self::Integer => ColumnType::Integer { min: i64::MIN, max: i64::MAX },
            Self::Decimal => ColumnType::Decimal { precision: None, scale: None },
            Self::Float => ColumnType::Float,
            Self::Date => ColumnType::Date,
            Self::DateTime => ColumnType::DateTime,
        }
    }
}

impl Computed {
    /// An expression whose values are of that type.
    pub fn new(sql: impl Into<String>, kind: ComputedType) -> Self {
        Self { sql: sql.into(), kind }
    }

    /// One that gives true or false.
    pub fn boolean(sql: impl Into<String>) -> Self {
        Self::new(sql, ComputedType::Boolean)
    }

    /// One that gives whole numbers.
    pub fn integer(sql: impl Into<String>) -> Self {
        Self::new(sql, ComputedType::Integer)
    }

    /// One that gives exact decimals.
    pub fn decimal(sql: impl Into<String>) -> Self {
        Self::new(sql, ComputedType::Decimal)
    }
}

impl<S: Into<String>> From<S> for Computed {
    fn from(sql: S) -> Self {
        Self::new(sql, ComputedType::Text)
    }
}

impl<'de> Deserialize<'de> for Computed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Sql(String),
            Typed(Typed),
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Typed {
            sql: String,
            #[serde(default, rename = "type")]
            kind: ComputedType,
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::Sql(sql) => sql.into(),
            Written::Typed(Typed { sql, kind }) => Self::new(sql, kind),
        })
    }
}

/// Computed fields by name, in the order in which they are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComputedFields(pub(crate) Vec<(String, Computed)>);

impl ComputedFields {
    /// Those of `other` too, where there is none of the name here.
    pub(super) fn and(self, other: Self) -> Self {
        let is_new = |(name, _): &(String, Computed)| self.0.iter().all(|(known, _)| known != name);
        let mut all: Vec<_> = other.0.into_iter().filter(is_new).collect();
        all.extend(self.0);
        Self(all)
    }
}

impl<'de> Deserialize<'de> for ComputedFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(|fields| Self(fields.into_iter().collect()))
    }
}
