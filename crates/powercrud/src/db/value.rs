//! One cell's value: read from a row, parsed from what a person typed, bound to a statement, shown.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use sea_orm::QueryResult;
use sqlx::{Row as _, TypeInfo as _, ValueRef as _};

use super::{Column, ColumnType};
use crate::error::{Error, FieldError, Result};

/// A value of a cell.
///
/// Dates, times, UUIDs and enums are [`Value::Text`] in canonical form: `2026-01-31`, `13:05:00`, `2026-01-31 13:05:00`, and
/// instants in UTC as `2026-01-31 13:05:00+00:00`.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// true or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Binary floating point.
    Float(f64),
    /// An exact decimal, as digits.
    Decimal(String),
    /// Text, and everything that has a canonical text.
    Text(String),
    /// A JSON document, as text.
    Json(String),
    /// Bytes, of which only the number is known.
    Bytes(u64),
    /// What the cell holds where that does not fit its column's type ('yes' in a BOOLEAN column of SQLite, a zero date of MySQL).
    Raw(String),
}

impl Value {
    /// Reads cell `index` of a row that was selected through [`Dialect::read`].
    pub(crate) fn read(row: &QueryResult, index: usize, column: &Column) -> Result<Self> {
        match row.try_as_sqlite_row() {
            Some(row) => Self::read_sqlite(row, index, column),
            None => Ok(match row.try_get_by_index::<Option<String>>(index)? {
                None => Self::Null,
                Some(text) => Self::from_database_text(column, text),
            }),
        }
    }

    fn read_sqlite(row: &sqlx::sqlite::SqliteRow, index: usize, column: &Column) -> Result<Self> {
        let unreadable = |error: sqlx::Error| Error::Internal(format!("column {}: {error}", column.name));
        let cell = row.try_get_raw(index).map_err(unreadable)?;
        if cell.is_null() {
            return Ok(Self::Null);
        }
        let storage = cell.type_info().name().to_owned();
        Ok(match storage.as_str() {
            "INTEGER" | "BOOLEAN" | "INT8" => {
                let number: i64 = row.try_get_unchecked(index).map_err(unreadable)?;
                match column.column_type {
                    ColumnType::Boolean if number == 0 || number == 1 => Self::Boolean(number == 1),
                    ColumnType::Integer { .. } => Self::Integer(number),
                    ColumnType::Float => Self::Float(number as f64),
                    ColumnType::Decimal { .. } => Self::Decimal(number.to_string()),
                    ColumnType::Bytes => Self::Bytes(number.unsigned_abs()),
                    _ => Self::Raw(number.to_string()),
                }
            }
            "REAL" => {
                let number: f64 = row.try_get_unchecked(index).map_err(unreadable)?;
                match column.column_type {
                    ColumnType::Float => Self::Float(number),
                    ColumnType::Decimal { .. } => Self::Decimal(plain_decimal(number)),
                    _ => Self::Raw(number.to_string()),
                }
            }
            "BLOB" => {
                let bytes: Vec<u8> = row.try_get_unchecked(index).map_err(unreadable)?;
                match (uuid::Uuid::from_slice(&bytes), &column.column_type) {
                    (Ok(uuid), ColumnType::Uuid) => Self::Text(uuid.to_string()),
                    _ => match String::from_utf8(bytes) {
                        // Equal to no text, even where its bytes spell one.
                        Ok(text) => Self::Raw(text),
                        Err(error) => Self::Bytes(error.as_bytes().len() as u64),
                    },
                }
            }
            _ => {
                let bytes: Vec<u8> = row.try_get_unchecked(index).map_err(unreadable)?;
                let text = match String::from_utf8(bytes) {
                    Ok(text) => text,
                    // What is no text is shown as far as it is.
                    Err(error) => return Ok(Self::Raw(String::from_utf8_lossy(error.as_bytes()).into_owned())),
                };
                match column.column_type {
                    // Text in a column of numbers or bytes is not what the column says it holds.
                    ColumnType::Bytes => Self::Raw(text),
                    _ => Self::from_database_text(column, text),
                }
            }
        })
    }

    /// A value from the database's text for it; what does not fit the column's type stays as raw text.
    fn from_database_text(column: &Column, text: String) -> Self {
        match &column.column_type {
            ColumnType::Bytes => text.parse().map_or(Self::Raw(text), Self::Bytes),
            ColumnType::Text { .. } | ColumnType::Other | ColumnType::Enum => Self::Text(text),
            ColumnType::Boolean => match text.as_str() {
                "true" | "t" | "1" => Self::Boolean(true),
                "false" | "f" | "0" => Self::Boolean(false),
                _ => Self::Raw(text),
            },
            // Range limits hold for what is typed; what the column already holds is shown as it is.
            ColumnType::Integer { .. } => text.parse().map_or(Self::Raw(text), Self::Integer),
            ColumnType::Decimal { .. } => {
                if is_decimal(&text) {
                    Self::Decimal(text)
                } else {
                    Self::Raw(text)
                }
            }
            _ => parse(&column.column_type, &text).unwrap_or(Self::Raw(text)),
        }
    }

    /// Parses what a person typed or a program sent for `column`. Empty text is text; NULL has no text.
    ///
    /// # Errors
    /// Says what is allowed: type, range, digits, length or choices.
    pub fn parse(column: &Column, text: &str) -> std::result::Result<Self, FieldError> {
        let refuse = |code: &str, message: String| FieldError::new(&column.name, code, message);
        if text.contains('\0') {
            let message = "The character NUL (U+0000) is not allowed, since not every database can hold it".to_owned();
            return Err(refuse("INVALID_TYPE", message));
        }
        let value = parse(&column.column_type, text.trim_matches(|c: char| c.is_whitespace() && !column.is_text()))
            .map_err(|(code, allowed)| refuse(code, format!("{:?} is not allowed: {allowed}", shorten(text))))?;
        if !column.choices.is_empty() && !column.choices.contains(&value.to_text()) {
            let message = format!("{:?} is not one of: {}", shorten(text), column.choices.join(", "));
            return Err(refuse("INVALID_CHOICE", message));
        }
        Ok(value)
    }

    /// The value as a parameter; [`Dialect::write`] adds the cast that the column needs.
    pub(crate) fn bind(&self) -> sea_orm::Value {
        match self {
            Self::Null => sea_orm::Value::String(None),
            Self::Boolean(value) => (*value).into(),
            Self::Integer(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::Bytes(size) => (*size as i64).into(),
            Self::Decimal(text) | Self::Text(text) | Self::Json(text) | Self::Raw(text) => text.as_str().into(),
        }
    }

    /// Whether this is NULL.
    pub fn is_null(&self) -> bool {
        *self == Self::Null
    }

    /// The text that [`Value::parse`] would read back; empty for NULL.
    pub fn to_text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Boolean(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
            Self::Bytes(size) => format!("{size} bytes"),
            Self::Decimal(text) | Self::Text(text) | Self::Json(text) | Self::Raw(text) => text.clone(),
        }
    }

    /// The value for programs. Decimals are strings, so that no digit is lost; bytes are their size.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Boolean(value) => (*value).into(),
            Self::Integer(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::Bytes(size) => (*size).into(),
            Self::Json(text) => serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()),
            Self::Decimal(text) | Self::Text(text) | Self::Raw(text) => text.as_str().into(),
        }
    }
}

impl Column {
    /// Whether white space around a value belongs to it.
    fn is_text(&self) -> bool {
        matches!(self.column_type, ColumnType::Text { .. } | ColumnType::Other)
    }
}

type Refused = (&'static str, String);

fn parse(column_type: &ColumnType, text: &str) -> std::result::Result<Value, Refused> {
    let kind = |allowed: &str| ("INVALID_TYPE", allowed.to_owned());
    match column_type {
        ColumnType::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "1" | "yes" | "on" => Ok(Value::Boolean(true)),
            "false" | "f" | "0" | "no" | "off" => Ok(Value::Boolean(false)),
            _ => Err(kind("true or false")),
        },
        ColumnType::Integer { min, max } => {
            let number: i128 = text.parse().map_err(|_| kind("a whole number"))?;
            match i64::try_from(number) {
                Ok(number) if (*min..=*max).contains(&number) => Ok(Value::Integer(number)),
                _ => Err(("OUT_OF_RANGE", format!("a whole number from {min} to {max}"))),
            }
        }
        ColumnType::Decimal { precision, scale } => {
            if !is_decimal(text) {
                return Err(kind("a decimal number such as 12.50"));
            }
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            let digits = whole.trim_start_matches(['+', '-']).trim_start_matches('0').len();
            if let Some(scale) = scale
                && fraction.trim_end_matches('0').len() > *scale as usize
            {
                return Err(("OUT_OF_RANGE", format!("at most {scale} digits after the point")));
            }
            if let (Some(precision), scale) = (precision, scale.unwrap_or(0))
                && digits > precision.saturating_sub(scale) as usize
            {
                let whole = precision.saturating_sub(scale);
                return Err(("OUT_OF_RANGE", format!("at most {whole} digits before the point")));
            }
            Ok(Value::Decimal(text.trim_start_matches('+').to_owned()))
        }
        ColumnType::Float => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Float(number)),
            _ => Err(kind("a number such as 1.5")),
        },
        ColumnType::Text { max_length } => match max_length {
            Some(max) if text.chars().count() > *max as usize => {
                Err(("TOO_LONG", format!("at most {max} characters, this has {}", text.chars().count())))
            }
            _ => Ok(Value::Text(text.to_owned())),
        },
        ColumnType::Date => NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map(|date| Value::Text(date.to_string()))
            .map_err(|_| kind("a date such as 2026-01-31")),
        ColumnType::Time => parse_time(text)
            .map(|time| Value::Text(time.format("%H:%M:%S%.f").to_string()))
            .ok_or_else(|| kind("a time such as 13:05 or 13:05:30")),
        ColumnType::DateTime => parse_date_time(text)
            .map(|time| Value::Text(time.format("%Y-%m-%d %H:%M:%S%.f").to_string()))
            .ok_or_else(|| kind("a date and time such as 2026-01-31 13:05")),
        ColumnType::DateTimeTz => parse_instant(text)
            .map(|time| Value::Text(time.format("%Y-%m-%d %H:%M:%S%.f+00:00").to_string()))
            .ok_or_else(|| {
                kind("a date and time such as 2026-01-31 13:05, UTC, or with its zone: 2026-01-31 13:05+02:00")
            }),
        ColumnType::Uuid => uuid::Uuid::parse_str(text)
            .map(|uuid| Value::Text(uuid.to_string()))
            .map_err(|_| kind("a UUID such as 018f3f9e-7b1a-7c00-8000-000000000000")),
        ColumnType::Json => match serde_json::from_str::<serde::de::IgnoredAny>(text) {
            Ok(_) => Ok(Value::Json(text.to_owned())),
            Err(error) => Err(("INVALID_TYPE", format!("a JSON document ({error})"))),
        },
        ColumnType::Bytes => Err(kind("bytes can't be edited here")),
        ColumnType::Enum | ColumnType::Other => Ok(Value::Text(text.to_owned())),
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    !(whole.is_empty() && fraction.is_empty())
        && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit())
}

/// SQLite keeps decimals as binary floating point: the shortest digits that read back as the same number.
fn plain_decimal(number: f64) -> String {
    format!("{number}")
}

fn parse_time(text: &str) -> Option<NaiveTime> {
    ["%H:%M:%S%.f", "%H:%M"].iter().find_map(|format| NaiveTime::parse_from_str(text, format).ok())
}

fn parse_date_time(text: &str) -> Option<NaiveDateTime> {
    let text = text.replacen('T', " ", 1);
    let parse = |format: &&str| NaiveDateTime::parse_from_str(&text, format).ok();
    let date = || NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"].iter().find_map(parse).or_else(date)
}

fn parse_instant(text: &str) -> Option<DateTime<Utc>> {
    let text = text.replacen('T', " ", 1).replacen('Z', "+00:00", 1);
    // PostgreSQL writes whole-hour offsets as `+02`.
    let parse = |format: &&str| DateTime::parse_from_str(&text, format).ok();
    ["%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z"]
        .iter()
        .find_map(parse)
        .map(|time| time.to_utc())
        .or_else(|| parse_date_time(&text).map(|time| time.and_utc()))
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(column_type: ColumnType, text: &str, expected: std::result::Result<&str, &str>) {
        let got = parse(&column_type, text).map(|value| value.to_text()).map_err(|(code, _)| code);
        assert_eq!(got.as_deref().map_err(|code| *code), expected, "{text:?} as {column_type:?}");
    }

    #[test]
    fn values_are_parsed_by_their_column() {
        let small = ColumnType::Integer { min: -128, max: 127 };
        check(small.clone(), "127", Ok("127"));
        check(small.clone(), "128", Err("OUT_OF_RANGE"));
        check(small.clone(), "99999999999999999999999", Err("OUT_OF_RANGE"));
        check(small, "1.5", Err("INVALID_TYPE"));
        let money = ColumnType::Decimal { precision: Some(5), scale: Some(2) };
        check(money.clone(), "123.45", Ok("123.45"));
        check(money.clone(), "-0.1", Ok("-0.1"));
        check(money.clone(), "1234", Err("OUT_OF_RANGE"));
        check(money.clone(), "1.999", Err("OUT_OF_RANGE"));
        check(money.clone(), "1e3", Err("INVALID_TYPE"));
        check(money, ".", Err("INVALID_TYPE"));
        check(ColumnType::Date, "2026-02-30", Err("INVALID_TYPE"));
        check(ColumnType::DateTime, "2026-01-31T13:05", Ok("2026-01-31 13:05:00"));
        check(ColumnType::DateTimeTz, "2026-01-31 13:05:00.5+02", Ok("2026-01-31 11:05:00.500+00:00"));
        check(ColumnType::DateTimeTz, "2026-01-31T13:05:00Z", Ok("2026-01-31 13:05:00+00:00"));
        check(ColumnType::Text { max_length: Some(2) }, "äöü", Err("TOO_LONG"));
        check(ColumnType::Json, "{", Err("INVALID_TYPE"));
        check(ColumnType::Boolean, "maybe", Err("INVALID_TYPE"));
    }
}
