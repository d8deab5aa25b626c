//! What a person typed, or a database tells, as a value of its column.
//!
//! Usual values have one spelling on all databases. What only one database can hold is let through for that database as it is
//! written there; whether it holds it in this column, the database says itself.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};

use super::exponent;
use crate::{
    dialect::Dialect,
    table::{Column, ColumnType},
    value::Value,
};

pub(super) type Refused = (&'static str, String);

pub(super) fn parse(column: &Column, text: &str) -> Result<Value, Refused> {
    let kind = |allowed: &str| ("INVALID_TYPE", allowed.to_owned());
    let own = || special(column, text).map(|()| Value::Text(text.to_owned()));
    match &column.column_type {
        ColumnType::Boolean => match (text.to_ascii_lowercase().as_str(), column.small_integers()) {
            ("true" | "t" | "1" | "yes" | "on", _) => Ok(Value::Boolean(true)),
            ("false" | "f" | "0" | "no" | "off", _) => Ok(Value::Boolean(false)),
            (_, None) => Err(kind("true or false")),
            // MySQL's tinyint(1) is a number that most use for true and false.
            (_, Some((min, max))) => match text.parse::<i64>() {
                Ok(number) if (min..=max).contains(&number) => Ok(Value::Integer(number)),
                Ok(_) => Err(("OUT_OF_RANGE", format!("true or false, or a whole number from {min} to {max}"))),
                Err(_) => Err(kind("true or false")),
            },
        },
        ColumnType::Integer { min, max } => integer(column, *min, *max, text),
        ColumnType::Decimal { precision, scale } => match special(column, text) {
            Some(()) => Ok(Value::Decimal(text.to_owned())),
            None => decimal(*precision, *scale, text),
        },
        ColumnType::Float => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => match if column.is_single() { single(number) } else { number } {
                fits if !fits.is_finite() => Err(("OUT_OF_RANGE", format!("a number from -{0:e} to {0:e}", f32::MAX))),
                0.0 if !is_zero(text) => {
                    let smallest = if column.is_single() { f32::from_bits(1).into() } else { f64::from_bits(1) };
                    Err(("OUT_OF_RANGE", format!("0, or a number no closer to it than {smallest:.0e}")))
                }
                fits => Ok(Value::Float(fits)),
            },
            Ok(number) if special(column, text).is_some() => Ok(Value::Float(number)),
            _ => Err(kind("a number such as 1.5")),
        },
        ColumnType::Text { max_length } => {
            let too_long = |most: String| Err(("TOO_LONG", most));
            match max_length {
                Some(max) if text.chars().count() > *max as usize && !is_octal(column, text) => {
                    too_long(format!("at most {max} characters, this has {}", text.chars().count()))
                }
                // PostgreSQL cuts these without a word.
                Some(max) if column.is_cut_by_bytes() && text.len() > *max as usize && !is_octal(column, text) => {
                    too_long(format!("at most {max} bytes, this has {}", text.len()))
                }
                _ => Ok(Value::Text(text.to_owned())),
            }
        }
        ColumnType::Date => NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()
            .filter(|_| text.len() <= 10 && text.find('-') == Some(4))
            .map(|date| Value::Text(date.to_string()))
            .or_else(own)
            .ok_or_else(|| kind("a date such as 2026-01-31")),
        ColumnType::Time => parse_time(text)
            .map(|time| Value::Text(time.format("%H:%M:%S%.f").to_string()))
            .or_else(own)
            .ok_or_else(|| kind("a time such as 13:05 or 13:05:30")),
        ColumnType::DateTime => parse_date_time(text)
            .map(|time| Value::Text(time.format("%Y-%m-%d %H:%M:%S%.f").to_string()))
            .or_else(|| with_zone(column, text))
            .or_else(own)
            .ok_or_else(|| kind("a date and time such as 2026-01-31 13:05")),
        ColumnType::DateTimeTz => with_zone(column, text)
            .or_else(|| parse_instant(text).map(|time| Value::Text(in_utc(&time))))
            .or_else(own)
            .ok_or_else(|| {
                kind("a date and time such as 2026-01-31 13:05, UTC, or with its zone: 2026-01-31 13:05+02:00")
            }),
        ColumnType::Uuid => match uuid::Uuid::parse_str(text) {
            Ok(uuid) => Ok(Value::Text(uuid.to_string())),
            Err(_) => Err(kind("a UUID such as 018f3f9e-7b1a-7c00-8000-000000000000")),
        },
        ColumnType::Json => match serde_json::from_str::<serde::de::IgnoredAny>(text) {
            Ok(_) => Ok(Value::Json(text.to_owned())),
            Err(error) => Err(("INVALID_TYPE", format!("a JSON document ({error})"))),
        },
        ColumnType::Bytes => Err(kind("bytes can't be edited here")),
        ColumnType::Enum | ColumnType::Other => Ok(Value::Text(text.to_owned())),
    }
}

/// Whether the number is 0 as it is written, and not too small for its type.
fn is_zero(number: &str) -> bool {
    let digits = number.split(['e', 'E']).next().unwrap_or_default();
    !digits.contains(|c: char| matches!(c, '1'..='9'))
}

fn integer(column: &Column, min: i64, max: i64, text: &str) -> Result<Value, Refused> {
    let number: i128 = text.parse().map_err(|_| ("INVALID_TYPE", "a whole number".to_owned()))?;
    if column.is_year() && number == 0 {
        return Ok(Value::Integer(0));
    }
    let most = if column.is_unsigned_64() { u64::MAX.into() } else { i128::from(max) };
    match (i64::try_from(number), u64::try_from(number)) {
        (Ok(small), _) if (min..=max).contains(&small) => Ok(Value::Integer(small)),
        (Err(_), Ok(large)) if number <= most => Ok(Value::Unsigned(large)),
        _ => Err(("OUT_OF_RANGE", format!("a whole number from {min} to {most}"))),
    }
}

fn decimal(precision: Option<u32>, scale: Option<u32>, text: &str) -> Result<Value, Refused> {
    let expanded = exponent::digits(text);
    let text = expanded.as_deref().unwrap_or(text);
    if !is_decimal(text) {
        return Err(("INVALID_TYPE", "a decimal number such as 12.50".to_owned()));
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.trim_start_matches(['+', '-']).trim_start_matches('0').len();
    if let Some(scale) = scale
        && fraction.trim_end_matches('0').len() > scale as usize
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

impl Column {
    /// The range of a MySQL tinyint that is taken for true and false.
    fn small_integers(&self) -> Option<(i64, i64)> {
        let database_type = self.database_type.to_ascii_lowercase();
        let is_tiny = self.dialect == Dialect::Mysql && database_type.starts_with("tinyint");
        is_tiny.then(|| if database_type.contains("unsigned") { (0, 255) } else { (-128, 127) })
    }

    /// Whether programs may write other numbers than 0 and 1 although the column is taken for true and false.
    pub fn takes_numbers_for_flags(&self) -> bool {
        self.column_type == ColumnType::Boolean && self.small_integers().is_some()
    }

    fn is_year(&self) -> bool {
        self.dialect == Dialect::Mysql && self.database_type.to_ascii_lowercase().starts_with("year")
    }

    /// Whether it holds whole numbers of 64 bits without a sign.
    pub fn is_unsigned_64(&self) -> bool {
        let database_type = self.database_type.to_ascii_lowercase();
        self.dialect == Dialect::Mysql
            && ((database_type.starts_with("bigint")
                && (database_type.contains("unsigned") || database_type.contains("zerofill")))
                || database_type == "bit(64)")
    }

    /// Whether it holds floating point of 32 bits only, which SQL makes longer wherever it is compared.
    pub fn is_single(&self) -> bool {
        match self.dialect {
            Dialect::Mysql => self.database_type.to_ascii_lowercase().starts_with("float"),
            Dialect::Postgres => self.parameter_type == "real",
            Dialect::Sqlite => false,
        }
    }

    fn is_cut_by_bytes(&self) -> bool {
        self.dialect == Dialect::Postgres && matches!(self.parameter_type.as_str(), "name" | "\"char\"")
    }
}

/// The shortest number whose 32 bits are those of `number`.
pub(super) fn single(number: f64) -> f64 {
    let short = number as f32;
    short.to_string().parse().unwrap_or(number)
}

/// How PostgreSQL writes a byte beyond ASCII of its one-byte type.
fn is_octal(column: &Column, text: &str) -> bool {
    let is_byte = column.dialect == Dialect::Postgres && column.parameter_type == "\"char\"";
    let digits = text.strip_prefix('\\').unwrap_or_default();
    is_byte && digits.len() == 3 && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit))
}

/// Whether `text` is a value that the column's database has and the others have not, as that database writes it.
fn special(column: &Column, text: &str) -> Option<()> {
    let lower = text.to_ascii_lowercase();
    let is = |fits: bool| fits.then_some(());
    let unsigned = lower.trim_start_matches(['+', '-']);
    let infinite = matches!(unsigned, "infinity" | "inf");
    match (column.dialect, &column.column_type) {
        (Dialect::Postgres, ColumnType::Float | ColumnType::Decimal { .. }) => is(infinite || lower == "nan"),
        (Dialect::Sqlite, ColumnType::Float) => is(infinite),
        (Dialect::Postgres, ColumnType::Date) => {
            is(infinite || is_far(&lower) && is_date(lower.strip_suffix(" bc").unwrap_or(&lower)))
        }
        (Dialect::Postgres, ColumnType::DateTime | ColumnType::DateTimeTz) => {
            let timestamp = lower.strip_suffix(" bc").unwrap_or(&lower);
            is(infinite || is_far(&lower) && is_timestamp(timestamp, column.column_type == ColumnType::DateTimeTz))
        }
        (Dialect::Postgres, ColumnType::Time) => {
            is(lower.strip_prefix("24:00").is_some_and(|rest| rest.bytes().all(|c| matches!(c, b':' | b'0' | b'.'))))
        }
        (Dialect::Mysql, ColumnType::Date) => is(has_zero(&lower) && is_date(&lower)),
        (Dialect::Mysql, ColumnType::DateTime | ColumnType::DateTimeTz) => {
            is(has_zero(&lower) && is_timestamp(&lower, false))
        }
        (Dialect::Mysql, ColumnType::Time) => is(is_clock(lower.strip_prefix('-').unwrap_or(&lower), 1..=3)),
        _ => None,
    }
}

/// Whether a date is before Christ, or of a year of more than four digits.
fn is_far(text: &str) -> bool {
    text.ends_with(" bc") || text.split('-').next().is_some_and(|year| year.len() > 4)
}

/// Whether the day, the month or all of a date is zero.
fn has_zero(text: &str) -> bool {
    text.get(4..10).is_some_and(|rest| rest.starts_with("-00") || rest.ends_with("-00"))
}

/// Digits as in `2026-01-31`, whether or not there is such a day.
fn is_date(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
    matches!(parts[..], [year, month, day]
        if digits(year) && (4..=7).contains(&year.len()) && digits(month) && month.len() == 2 && digits(day) && day.len() == 2)
}

/// Digits as in `13:05` and `13:05:30.5`, with so many for the hours.
fn is_clock(text: &str, hours: std::ops::RangeInclusive<usize>) -> bool {
    let parts: Vec<_> = text.split(':').collect();
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
    let two = |part: &str| digits(part) && part.len() == 2;
    let seconds = |part: &str| {
        let (whole, fraction) = part.split_once('.').unwrap_or((part, "0"));
        two(whole) && digits(fraction)
    };
    match parts[..] {
        [hour, minute] => digits(hour) && hours.contains(&hour.len()) && two(minute),
        [hour, minute, second] => digits(hour) && hours.contains(&hour.len()) && two(minute) && seconds(second),
        _ => false,
    }
}

fn is_timestamp(text: &str, with_zone: bool) -> bool {
    let Some((date, clock)) = text.split_once([' ', 't']) else { return is_date(text) };
    let clock = match clock.split_once(['+', '-']) {
        Some((clock, zone)) if with_zone && zone.bytes().all(|c| c.is_ascii_digit() || c == b':') => clock,
        Some(_) => return false,
        None => clock.trim_end_matches('z'),
    };
    is_date(date) && is_clock(clock, 2..=2)
}

pub(super) fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    !(whole.is_empty() && fraction.is_empty())
        && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit())
}

/// SQLite keeps decimals as binary floating point: the shortest digits that read back as the same number.
#[cfg(any(feature = "sqlite", test))]
pub(super) fn plain_decimal(number: f64) -> String {
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

fn parse_zoned(text: &str) -> Option<DateTime<FixedOffset>> {
    let text = text.replacen('T', " ", 1).replacen('Z', "+00:00", 1);
    // PostgreSQL writes whole-hour offsets as `+02`.
    let parse = |format: &&str| DateTime::parse_from_str(&text, format).ok();
    ["%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z"].iter().find_map(parse)
}

fn parse_instant(text: &str) -> Option<DateTime<FixedOffset>> {
    parse_zoned(text).or_else(|| parse_date_time(text).map(|time| time.and_utc().fixed_offset()))
}

fn in_utc(time: &DateTime<FixedOffset>) -> String {
    time.to_utc().format("%Y-%m-%d %H:%M:%S%.f+00:00").to_string()
}

/// SQLite keeps a moment's text, so its zone stays with it.
fn with_zone(column: &Column, text: &str) -> Option<Value> {
    if column.dialect != Dialect::Sqlite {
        return None;
    }
    parse_zoned(text).map(|time| Value::Text(time.format("%Y-%m-%d %H:%M:%S%.f%:z").to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(column_type: ColumnType, text: &str, expected: Result<&str, &str>) {
        check_in(Dialect::Postgres, "", column_type, text, expected);
    }

    fn check_in(
        dialect: Dialect,
        database_type: &str,
        column_type: ColumnType,
        text: &str,
        expected: Result<&str, &str>,
    ) {
        let what = format!("{text:?} as {column_type:?} {database_type} on {dialect:?}");
        let column = Column {
            name: "a".to_owned(),
            column_type,
            dialect,
            database_type: database_type.to_owned(),
            parameter_type: database_type.to_owned(),
            any_value: false,
            nullable: true,
            default: None,
            generated: false,
            identity: false,
            choices: Vec::new(),
            comment: String::new(),
            equality: crate::table::Equality::default(),
            loose_collation: false,
            computed: None,
        };
        let got = parse(&column, text).map(|value| value.to_text()).map_err(|(code, _)| code);
        assert_eq!(got.as_deref().map_err(|code| *code), expected, "{what}");
    }

    #[test]
    fn what_one_database_holds_is_let_through_there() {
        use Dialect::{Mysql, Postgres, Sqlite};
        for (dialect, database_type, column_type, text, expected) in [
            (Postgres, "date", ColumnType::Date, "infinity", Ok("infinity")),
            (Postgres, "date", ColumnType::Date, "0044-03-15 BC", Ok("0044-03-15 BC")),
            (Postgres, "date", ColumnType::Date, "5874897-12-31", Ok("5874897-12-31")),
            (Postgres, "date", ColumnType::Date, "tomorrow", Err("INVALID_TYPE")),
            (Postgres, "date", ColumnType::Date, "26-1-3", Err("INVALID_TYPE")),
            (Postgres, "date", ColumnType::Date, "2026-02-30", Err("INVALID_TYPE")),
            (Mysql, "date", ColumnType::Date, "2026-02-30", Err("INVALID_TYPE")),
            (Mysql, "date", ColumnType::Date, "0000-00-00", Ok("0000-00-00")),
            (Mysql, "date", ColumnType::Date, "infinity", Err("INVALID_TYPE")),
            (Sqlite, "date", ColumnType::Date, "0000-00-00", Err("INVALID_TYPE")),
            (Mysql, "time", ColumnType::Time, "-838:59:59", Ok("-838:59:59")),
            (Postgres, "time", ColumnType::Time, "24:00:00", Ok("24:00:00")),
            (Postgres, "time", ColumnType::Time, "25:00:00", Err("INVALID_TYPE")),
            (Postgres, "timestamp", ColumnType::DateTime, "10000-01-01 00:00:00", Ok("10000-01-01 00:00:00")),
            (
                Postgres,
                "timestamptz",
                ColumnType::DateTimeTz,
                "0001-01-01 00:00:00+00 BC",
                Ok("0001-01-01 00:00:00+00 BC"),
            ),
            (Sqlite, "datetime", ColumnType::DateTime, "2026-01-31T10:00:00+02:00", Ok("2026-01-31 10:00:00+02:00")),
            (
                Mysql,
                "bigint(20) unsigned",
                ColumnType::Integer { min: 0, max: i64::MAX },
                "18446744073709551615",
                Ok("18446744073709551615"),
            ),
            (
                Mysql,
                "bigint(20)",
                ColumnType::Integer { min: i64::MIN, max: i64::MAX },
                "18446744073709551615",
                Err("OUT_OF_RANGE"),
            ),
            (Mysql, "year(4)", ColumnType::Integer { min: 1901, max: 2155 }, "0", Ok("0")),
            (Mysql, "year(4)", ColumnType::Integer { min: 1901, max: 2155 }, "5", Err("OUT_OF_RANGE")),
            (Mysql, "tinyint(1)", ColumnType::Boolean, "2", Ok("2")),
            (Mysql, "tinyint(1)", ColumnType::Boolean, "128", Err("OUT_OF_RANGE")),
            (Postgres, "numeric", ColumnType::Decimal { precision: None, scale: None }, "NaN", Ok("NaN")),
            (Mysql, "decimal", ColumnType::Decimal { precision: None, scale: None }, "NaN", Err("INVALID_TYPE")),
            (Postgres, "double precision", ColumnType::Float, "-infinity", Ok("-Infinity")),
            (Postgres, "double precision", ColumnType::Float, "1e999", Err("INVALID_TYPE")),
            (Mysql, "float", ColumnType::Float, "0.1", Ok("0.1")),
            (Postgres, "real", ColumnType::Float, "1e-50", Err("OUT_OF_RANGE")),
            (Postgres, "real", ColumnType::Float, "1e-7", Ok("0.0000001")),
            (Postgres, "double precision", ColumnType::Float, "-0.5E-400", Err("OUT_OF_RANGE")),
            (Postgres, "double precision", ColumnType::Float, "0.00e-400", Ok("0")),
            (Sqlite, "REAL", ColumnType::Float, "1e-400", Err("OUT_OF_RANGE")),
            (Postgres, "name", ColumnType::Text { max_length: Some(2) }, "é", Ok("é")),
            (Postgres, "name", ColumnType::Text { max_length: Some(2) }, "éa", Err("TOO_LONG")),
        ] {
            check_in(dialect, database_type, column_type, text, expected);
        }
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
        check(money.clone(), "1e3", Err("OUT_OF_RANGE"));
        check(money.clone(), "1.25e2", Ok("125"));
        check(money.clone(), "1e", Err("INVALID_TYPE"));
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
