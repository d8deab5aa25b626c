//! One cell's value: read from a row, parsed from what a person typed, bound to a statement, shown.

mod exponent;
mod parse;
mod same;

use sea_orm::QueryResult;
#[cfg(feature = "sqlite")]
use sqlx::{Row as _, TypeInfo as _, ValueRef as _};

use crate::{
    dialect::Dialect,
    error::{Error, FieldError, Result},
    table::{Column, ColumnType},
};
use parse::{is_decimal, parse, plain_decimal};
pub use same::fingerprint;

/// A value of a cell.
///
/// Dates, times, UUIDs and enums are [`Value::Text`] in canonical form: `2026-01-31`, `13:05:00`, `2026-01-31 13:05:00`, and
/// instants in UTC as `2026-01-31 13:05:00+00:00`. What only one database knows (`infinity`, years before Christ, `838:59:59`, zones of
/// SQLite's texts) is kept as that database writes it.
#[derive(Clone, Debug)]
pub enum Value {
    /// NULL.
    Null,
    /// true or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A whole number beyond that, up to 64 bits without a sign.
    Unsigned(u64),
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
    /// The beginning of a value that is too long to be read whole, and how many bytes it has.
    Beginning(String, u64),
}

impl Value {
    /// How many bytes of text it holds.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Text(text) | Self::Json(text) | Self::Decimal(text) | Self::Raw(text) | Self::Beginning(text, _) => {
                text.len() as u64
            }
            _ => 0,
        }
    }

    /// Reads cell `index` of a row that was selected through [`Dialect::read`].
    pub fn read(row: &QueryResult, index: usize, column: &Column) -> Result<Self> {
        #[cfg(feature = "sqlite")]
        if let Some(row) = row.try_as_sqlite_row() {
            return Self::read_sqlite(row, index, column);
        }
        Ok(match row.try_get_by_index::<Option<String>>(index) {
            Ok(None) => Self::Null,
            Ok(Some(text)) => Self::from_database_text(column, text),
            Err(error) => Self::Raw(illegible(row, index).ok_or(error)?),
        })
    }

    /// Reads cell `index` of a row that was selected through [`Dialect::read_at_most`], and its size, where one was selected, of cell `size`.
    pub fn read_at_most(
        row: &QueryResult,
        index: usize,
        size: Option<usize>,
        column: &Column,
        most: u64,
    ) -> Result<Self> {
        let Some(most) = column.read_bytes(most) else { return Self::read(row, index, column) };
        let size = size.map(|size| row.try_get_by_index::<Option<i64>>(size)).transpose()?.flatten();
        let size = size.unwrap_or_default().unsigned_abs();
        if size <= most {
            return Self::read(row, index, column);
        }
        // A part of a number or a document is none: it is a text, as it is.
        let text = Column { column_type: ColumnType::Text { max_length: None }, ..column.clone() };
        Ok(match Self::read(row, index, &text)? {
            Self::Bytes(_) => Self::Bytes(size),
            value => Self::Beginning(value.to_text(), size),
        })
    }

    #[cfg(feature = "sqlite")]
    fn read_sqlite(row: &sqlx::sqlite::SqliteRow, index: usize, column: &Column) -> Result<Self> {
        let unreadable = |error: sqlx::Error| Error::Unexpected(format!("column {}: {error}", column.name));
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
                    ColumnType::Integer { .. } | ColumnType::Other => Self::Integer(number),
                    // Texts under a name that SQLite takes for numbers.
                    ColumnType::Text { .. } => Self::Text(number.to_string()),
                    ColumnType::Json => Self::Json(number.to_string()),
                    ColumnType::Float => Self::Float(number as f64),
                    ColumnType::Decimal { .. } => Self::Decimal(number.to_string()),
                    ColumnType::Bytes => Self::Bytes(number.unsigned_abs()),
                    _ => Self::Raw(number.to_string()),
                }
            }
            "REAL" => {
                let number: f64 = row.try_get_unchecked(index).map_err(unreadable)?;
                match column.column_type {
                    ColumnType::Float | ColumnType::Other => Self::Float(number),
                    ColumnType::Decimal { .. } if number.is_finite() => Self::Decimal(plain_decimal(number)),
                    ColumnType::Text { .. } => Self::Text(number.to_string()),
                    ColumnType::Json if number.is_finite() => Self::Json(number.to_string()),
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
                    // Any bytes can stand where SQLite promises text.
                    Err(error) => return Ok(Self::Raw(String::from_utf8_lossy(error.as_bytes()).into_owned())),
                };
                match column.column_type {
                    // Text in a column of bytes or booleans is not what the column says it holds; no comparison takes 't' for true.
                    ColumnType::Bytes | ColumnType::Boolean => Self::Raw(text),
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
                // A number in MySQL's tinyint(1); words are what they are.
                _ => match parse(column, &text) {
                    Ok(Self::Integer(number)) => Self::Integer(number),
                    _ => Self::Raw(text),
                },
            },
            // Range limits hold for what is typed; what the column already holds is shown as it is.
            ColumnType::Integer { .. } => match (text.parse(), text.parse()) {
                (Ok(number), _) => Self::Integer(number),
                (_, Ok(number)) => Self::Unsigned(number),
                _ => Self::Raw(text),
            },
            ColumnType::Float if column.is_single() => match text.parse::<f64>().map(parse::single) {
                Ok(number) => Self::Float(number),
                Err(_) => Self::Raw(text),
            },
            ColumnType::Decimal { .. } => {
                if is_decimal(&text) {
                    Self::Decimal(text)
                } else {
                    parse(column, &text).unwrap_or(Self::Raw(text))
                }
            }
            // As it is spelled, since SQLite compares it so.
            ColumnType::Uuid if column.dialect == Dialect::Sqlite && text.len() == 36 => match parse(column, &text) {
                Ok(_) => Self::Text(text),
                Err(_) => Self::Raw(text),
            },
            _ => parse(column, &text).unwrap_or(Self::Raw(text)),
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
        let value = parse(column, text.trim_matches(|c: char| c.is_whitespace() && !column.is_text()))
            .map_err(|(code, allowed)| refuse(code, format!("{:?} is not allowed: {allowed}", shorten(text))))?;
        // MySQL keeps what no choice was as the empty text.
        let is_error = text.is_empty() && column.dialect == Dialect::Mysql && column.column_type == ColumnType::Enum;
        if !column.choices.is_empty() && !is_error && !column.choices.contains(&value.to_text()) {
            let choice = |choice: &String| if choice.is_empty() { "\"\" (empty)".to_owned() } else { choice.clone() };
            let choices = column.choices.iter().map(choice).collect::<Vec<_>>().join(", ");
            let message = format!("{:?} is not one of: {choices}", shorten(text));
            return Err(refuse("INVALID_CHOICE", message));
        }
        Ok(value)
    }

    /// The value as a parameter; [`Dialect::write`] adds the cast that the column needs.
    pub fn bind(&self) -> sea_orm::Value {
        match self {
            Self::Null => sea_orm::Value::String(None),
            Self::Boolean(value) => (*value).into(),
            Self::Integer(value) => (*value).into(),
            Self::Unsigned(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::Bytes(size) => (*size as i64).into(),
            Self::Decimal(text) | Self::Text(text) | Self::Json(text) | Self::Raw(text) | Self::Beginning(text, _) => {
                text.as_str().into()
            }
        }
    }

    /// Whether this is NULL.
    pub fn is_null(&self) -> bool {
        *self == Self::Null
    }

    /// The text that [`Value::parse`] would read back; empty for NULL. Of what is too long, its beginning and its size.
    pub fn to_text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Boolean(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Unsigned(value) => value.to_string(),
            Self::Float(value) if value.is_infinite() => if *value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
            Self::Float(value) => value.to_string(),
            Self::Bytes(size) => format!("{size} bytes"),
            Self::Decimal(text) | Self::Text(text) | Self::Json(text) | Self::Raw(text) => text.clone(),
            Self::Beginning(text, bytes) => format!("{text}… ({bytes} bytes)"),
        }
    }

    /// The value for programs. Decimals are strings, so that no digit is lost; bytes are their size.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Boolean(value) => (*value).into(),
            Self::Integer(value) => (*value).into(),
            Self::Unsigned(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::Bytes(size) => (*size).into(),
            Self::Json(text) => serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()),
            Self::Decimal(text) | Self::Text(text) | Self::Raw(text) => text.as_str().into(),
            Self::Beginning(..) => self.to_text().into(),
        }
    }
}

/// Text `index` of a row, NULL being `None`; what is no UTF-8 in it is shown as �.
///
/// # Errors
/// Where there is no such text in the row.
pub fn legible(row: &QueryResult, index: usize) -> Result<Option<String>> {
    match row.try_get_by_index::<Option<String>>(index) {
        Ok(text) => Ok(text),
        Err(error) => Ok(Some(illegible(row, index).ok_or(error)?)),
    }
}

/// What stands for a text that is no UTF-8, which a PostgreSQL database of the encoding `SQL_ASCII` may hold.
fn illegible(row: &QueryResult, index: usize) -> Option<String> {
    let cell = row.try_as_pg_row()?.try_get_raw(index).ok()?;
    Some(String::from_utf8_lossy(cell.as_bytes().ok()?).into_owned())
}

impl Column {
    /// Whether a cell may hold what its column's type does not announce.
    pub fn holds_anything(&self) -> bool {
        self.dialect == Dialect::Sqlite && !self.identity
    }

    /// Whether white space around a value belongs to it.
    fn is_text(&self) -> bool {
        matches!(self.column_type, ColumnType::Text { .. } | ColumnType::Other)
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
