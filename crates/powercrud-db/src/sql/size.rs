//! How much of a value is read: one text of a hundred megabytes is not to fill the memory of whoever lists its table.

use sea_orm::sea_query::{Expr, IntoColumnRef};

use crate::{
    dialect::Dialect,
    table::{Column, ColumnType},
};

/// Characters that are read of a value that is too long.
const BEGINNING: u64 = 500;

/// The most bytes that are read of a column whose type announces no long values, though it may hold them.
const UNANNOUNCED: u64 = 10_000;

impl Column {
    /// Whether its type announces values of any length.
    pub fn announces_long_values(&self) -> bool {
        match self.column_type {
            ColumnType::Text { max_length } => max_length.is_none_or(|length| u64::from(length) > BEGINNING),
            ColumnType::Json | ColumnType::Other => true,
            _ => false,
        }
    }

    /// Whether a value may have more than `most` bytes, so that its size is read with it.
    pub fn may_exceed(&self, most: u64) -> bool {
        self.read_bytes(most).is_some()
    }

    /// How many bytes of a value are read, where there may be more than `most`.
    pub(crate) fn read_bytes(&self, most: u64) -> Option<u64> {
        if self.column_type == ColumnType::Bytes && !self.holds_anything() {
            // Only their number is read.
            return None;
        }
        if self.holds_anything() {
            let is_announced = self.announces_long_values() || matches!(self.column_type, ColumnType::Text { .. });
            return Some(if is_announced { most } else { most.min(UNANNOUNCED) });
        }
        match self.column_type {
            // A character has four bytes at most.
            ColumnType::Text { max_length: Some(length) } if u64::from(length) * 4 <= most => None,
            _ => self.announces_long_values().then_some(most),
        }
    }
}

impl Dialect {
    /// As [`Dialect::read`], but of a value of more than `most` bytes only its beginning. What tells how long it is, is to be selected as
    /// well: [`Dialect::size`].
    pub fn read_at_most(self, column: &Column, reference: impl IntoColumnRef, most: u64) -> Expr {
        self.read_value_at_most(column, Expr::col(reference), most)
    }

    /// As [`Dialect::read_at_most`], of a value of the type of `column` that is found elsewhere.
    pub fn read_value_at_most(self, column: &Column, expr: Expr, most: u64) -> Expr {
        let whole = self.read_value(column, expr.clone());
        let (Some(most), Some(size)) = (column.read_bytes(most), self.value_size(column, expr, most)) else {
            return whole;
        };
        let beginning = match self {
            Self::Sqlite => "substr(?, 1, ?)",
            Self::Postgres | Self::Mysql => "LEFT(?, ?)",
        };
        let characters = i32::try_from(BEGINNING.min(most / 4)).unwrap_or(i32::MAX);
        let beginning = self.custom(beginning, [whole.clone(), Expr::val(characters)]);
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.custom("CASE WHEN ? > ? THEN ? ELSE ? END", [size, Expr::val(most), beginning, whole])
    }

    /// How many bytes a value of `column` has, where it may have more than `most`.
    pub fn size(self, column: &Column, reference: impl IntoColumnRef, most: u64) -> Option<Expr> {
        self.value_size(column, Expr::col(reference), most)
    }

    /// As [`Dialect::size`], of a value of the type of `column` that is found elsewhere.
    pub fn value_size(self, column: &Column, expr: Expr, most: u64) -> Option<Expr> {
        column.read_bytes(most)?;
        Some(match self {
            // Of bytes it is their number that is read, which is short.
            Self::Sqlite if column.column_type == ColumnType::Bytes => {
                self.custom("CASE typeof(?) WHEN 'blob' THEN 0 ELSE octet_length(?) END", [expr.clone(), expr])
            }
            Self::Sqlite => self.custom("octet_length(?)", [expr]),
            Self::Postgres => self.custom("CAST(octet_length(?) AS bigint)", [self.read_value(column, expr)]),
            Self::Mysql => self.custom("CAST(LENGTH(?) AS SIGNED)", [self.read_value(column, expr)]),
        })
    }
}
