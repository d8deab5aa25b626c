//! A record's key as text, and the value that such a text stands for.
//!
//! What must hold, whatever a table has in it: no two records of a table have the same text, and a record's text finds that record and no
//! other. Comparing texts would be enough for that, but no index serves it; so each text is turned back into a value of its column's type.
//!
//! On PostgreSQL and MySQL the database's own text of a value does, with the exceptions below. On SQLite any value may be in any column:
//! what is not of the kind that the column's type announces is marked by `~` and a letter for its kind (`~i1` is the number 1 in a column
//! of bytes), and a text that would be taken for something else is marked as well.

use sea_orm::sea_query::{ColumnRef, Expr};

use super::{is_unsigned, is_uuid_in_bytes};
use crate::{
    dialect::Dialect,
    table::{Column, ColumnType},
};

/// Why the record of a key, or of a part of one, can't be found by it; `None` where it can. Only columns that
/// [may have such keys](Column::may_lose_keys) have them.
pub fn lost_key(part: &str) -> Option<&'static str> {
    match part.get(..2)? {
        "~n" => Some("its key is NULL, so it can't be told from others"),
        "~0" => Some("its key is none of the values that the column allows, so it can't be told from the empty one"),
        "~!" => Some("its key is a number that has no exact decimal form, so it can't be found by it"),
        _ => None,
    }
}

impl Dialect {
    /// A record's key as one text: the column's text for a single key, a JSON array of texts for a composite one. Bytes are written
    /// in hexadecimal.
    pub fn record_key(self, columns: &[(&Column, ColumnRef)]) -> Expr {
        let parts = columns.iter().map(|(column, reference)| {
            let template = self.key_template(column);
            self.custom(&template, std::iter::repeat_n(Expr::col(reference.clone()), template.matches('?').count()))
        });
        let mut parts: Vec<Expr> = parts.collect();
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let marks = vec!["?"; parts.len()].join(", ");
        match self {
            Self::Sqlite => self.custom(&format!("json_array({marks})"), parts),
            // Without blanks, so that one key has one spelling wherever it was written.
            Self::Postgres | Self::Mysql => {
                let quote = if self == Self::Mysql { "JSON_QUOTE(?)" } else { "CAST(to_json(?) AS text)" };
                let quoted = vec![quote; parts.len()].join(", ',', ");
                self.custom(&format!("CONCAT('[', {quoted}, ']')"), parts)
            }
        }
    }

    /// The text of one column, with `?` for it.
    fn key_template(self, column: &Column) -> String {
        let bytes = column.column_type == ColumnType::Bytes;
        match (self, &column.column_type) {
            (Self::Sqlite, _) if !column.any_value => "CAST(? AS TEXT)".to_owned(),
            (Self::Sqlite, _) => sqlite::to_text(column),
            (Self::Postgres, _) if bytes => "encode(?, 'hex')".to_owned(),
            (Self::Postgres, _) => "CAST(? AS text)".to_owned(),
            (Self::Mysql, _) if bytes => "HEX(?)".to_owned(),
            // A FLOAT is written with six digits, which many share; as a DOUBLE with all that it has.
            (Self::Mysql, ColumnType::Float) => "CAST((? + 0e0) AS CHAR)".to_owned(),
            // Without the zeros in front that the column may be shown with.
            (Self::Mysql, ColumnType::Integer { .. } | ColumnType::Boolean) => "CAST((? + 0) AS CHAR)".to_owned(),
            // An invalid value reads as the empty one, which may be another record's.
            (Self::Mysql, ColumnType::Enum) if column.may_lose_keys() => {
                "CASE WHEN ? + 0 = 0 THEN '~0' ELSE CAST(? AS CHAR) END".to_owned()
            }
            (Self::Mysql, _) => "CAST(? AS CHAR)".to_owned(),
        }
    }

    /// Part `index` of a stored record key of `count` parts, as a value that compares with `column` through its index.
    pub fn key_part(self, record_key: Expr, index: usize, count: usize, column: &Column) -> Expr {
        let text = match (count, self) {
            (1, _) => record_key,
            (_, Self::Sqlite) => self.custom(&format!("json_extract(?, '$[{index}]')"), [record_key]),
            (_, Self::Postgres) => self.custom(&format!("(CAST(? AS json) ->> {index})"), [record_key]),
            (_, Self::Mysql) => self.custom(&format!("JSON_UNQUOTE(JSON_EXTRACT(?, '$[{index}]'))"), [record_key]),
        };
        let template = match (self, &column.column_type) {
            (Self::Sqlite, _) if !column.any_value => "CAST(? AS INTEGER)".to_owned(),
            (Self::Sqlite, _) => sqlite::to_value(column),
            (Self::Postgres, ColumnType::Bytes) => "decode(?, 'hex')".to_owned(),
            (Self::Postgres, ColumnType::Text { .. }) => match column.database_type.as_str() {
                // As text it would be compared without its own rules, and without its index.
                "\"char\"" => "CAST(? AS \"char\")".to_owned(),
                character if character.starts_with("character(") || character == "character" => {
                    "CAST(? AS bpchar)".to_owned()
                }
                citext if citext.ends_with("citext") => return self.cast(text, citext),
                _ => return text,
            },
            (Self::Postgres, ColumnType::Integer { .. }) => "CAST(? AS bigint)".to_owned(),
            (Self::Postgres, _) => return self.cast(text, &without_modifiers(&column.database_type)),
            (Self::Mysql, ColumnType::Bytes) => "UNHEX(?)".to_owned(),
            (Self::Mysql, ColumnType::Integer { .. }) if has_64_bits_without_sign(column) => {
                "CAST(? AS UNSIGNED)".to_owned()
            }
            (Self::Mysql, ColumnType::Integer { .. }) => "CAST(? AS SIGNED)".to_owned(),
            (Self::Mysql, ColumnType::Boolean) => {
                "CASE ? WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE CAST(? AS SIGNED) END".to_owned()
            }
            (Self::Mysql, ColumnType::Decimal { scale, .. }) => {
                format!("CAST(? AS DECIMAL(65, {}))", Ord::min(scale.unwrap_or(0), 30))
            }
            (Self::Mysql, ColumnType::Float) => "(? + 0e0)".to_owned(),
            // MariaDB takes no zone; the connection's is UTC.
            (Self::Mysql, ColumnType::DateTimeTz) => "TRIM(TRAILING '+00:00' FROM ?)".to_owned(),
            (Self::Mysql, _) => return text,
        };
        let times = template.matches('?').count();
        self.custom(&template, std::iter::repeat_n(text, times))
    }

    /// Whether texts of records, and so their keys, may hold the character NUL. PostgreSQL refuses it, and SQLite's keys are written without.
    pub fn may_hold_nul(self) -> bool {
        self == Self::Mysql
    }

    /// Whether `found`, which the database found for the part `given` of a key, may be its own spelling of it. On SQLite the number 1 and
    /// the text '1' are two keys where a column keeps what it is given; what differs otherwise, a collation or an affinity makes alike.
    pub fn is_spelling(self, column: &Column, given: &str, found: &str) -> bool {
        self != Self::Sqlite || !column.any_value || sqlite::kind(column, given) == sqlite::kind(column, found)
    }

    /// As [`Dialect::key_part`], of a part that is at hand: one parameter, where the text in SQL would be several.
    pub fn key_value(self, column: &Column, part: &str) -> Expr {
        match self {
            Self::Sqlite if column.any_value => {
                let (template, value) = sqlite::bound(column, part);
                self.custom(template, [value])
            }
            _ => self.key_part(Expr::val(part), 0, 1, column),
        }
    }
}

fn has_64_bits_without_sign(column: &Column) -> bool {
    is_unsigned(column) || column.database_type.to_ascii_lowercase().starts_with("bit")
}

/// A type of PostgreSQL without its limits: an explicit cast to `numeric(10,2)` or `varchar(3)[]` would round or cut what it is given,
/// and so make another key of it.
fn without_modifiers(database_type: &str) -> String {
    if database_type.starts_with("bit") && !database_type.ends_with("[]") {
        // `bit` alone means one bit.
        return "varbit".to_owned();
    }
    if database_type.starts_with("interval") && !database_type.ends_with("[]") {
        return "interval".to_owned();
    }
    match (database_type.find('('), database_type.find(')')) {
        (Some(from), Some(to)) if from < to && !database_type.contains('"') => {
            format!("{}{}", &database_type[..from], &database_type[to + 1..])
        }
        _ => database_type.to_owned(),
    }
}

/// Any value in any column.
mod sqlite {
    use sea_orm::sea_query::Expr;

    use super::{Column, ColumnType, is_uuid_in_bytes};

    /// Whether the column stores what it is given as it is: numbers beside texts of the same digits.
    fn keeps_kinds(column: &Column) -> bool {
        let declared = column.database_type.to_ascii_uppercase();
        let other = ["INT", "CHAR", "CLOB", "TEXT"].iter().any(|part| declared.contains(part));
        declared.is_empty() || declared == "ANY" || (declared.contains("BLOB") && !other)
    }

    /// Of what kind the value of a key's text is, where the column keeps kinds apart; else `None`.
    pub(super) fn kind(column: &Column, text: &str) -> Option<char> {
        let bytes = column.column_type == ColumnType::Bytes;
        if !bytes && !keeps_kinds(column) {
            return None;
        }
        Some(match text.strip_prefix('~').and_then(|marked| marked.chars().next()) {
            Some('x') => 't',
            Some(mark) => mark,
            None if bytes => 'b',
            None if text.parse::<i64>().is_ok_and(|number| number.to_string() == text) => 'i',
            None => 't',
        })
    }

    /// The text of a value, with `?` for the column.
    pub(super) fn to_text(column: &Column) -> String {
        // A number whose shortest text is another number is written with more digits.
        let real = |mark: &str| {
            format!(
                "CASE WHEN CAST(CAST(? AS TEXT) AS REAL) = ? THEN '{mark}' || CAST(? AS TEXT)
                 WHEN CAST(printf('%!.17g', ?) AS REAL) = ? THEN '{mark}' || printf('%!.17g', ?)
                 WHEN CAST(printf('%!.20g', ?) AS REAL) = ? THEN '{mark}' || printf('%!.20g', ?)
                 ELSE '~!' || printf('%!.26g', ?) END"
            )
        };
        // Controls don't survive forms, and what is no UTF-8 survives nothing: each character is compared with what it is read as.
        let broken = "instr(CAST(? AS BLOB), x'00') > 0 OR ? GLOB '*[' || char(1) || '-' || char(31) || ']*'
             OR (? GLOB '*[^ -~]*' AND EXISTS (
                 WITH RECURSIVE place(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM place WHERE i < length(?))
                 SELECT 1 FROM place WHERE hex(substr(?, i, 1)) <> hex(char(unicode(substr(?, i, 1))))))";
        let uuid = column.column_type == ColumnType::Uuid;
        let bytes = column.column_type == ColumnType::Bytes;
        let mut ambiguous = "substr(?, 1, 1) = '~'".to_owned();
        match () {
            () if bytes => ambiguous = "1".to_owned(),
            () if uuid && is_uuid_in_bytes(column) => {
                ambiguous.push_str(" OR COALESCE(length(unhex(replace(?, '-', ''))), 0) = 16");
            }
            () if uuid => ambiguous.push_str(" OR COALESCE(length(unhex(?)), 0) = 16"),
            () if keeps_kinds(column) => ambiguous.push_str(" OR CAST(CAST(? AS INTEGER) AS TEXT) = CAST(? AS TEXT)"),
            () => {}
        }
        let integer = if bytes { "'~i' || CAST(? AS TEXT)" } else { "CAST(? AS TEXT)" };
        let real = real(if bytes || keeps_kinds(column) { "~r" } else { "" });
        let blob = match () {
            () if bytes => "hex(?)",
            // As 16 bytes or as text, whoever wrote it.
            () if uuid => "CASE length(?) WHEN 16 THEN lower(hex(?)) ELSE '~b' || hex(?) END",
            () => "'~b' || hex(?)",
        };
        format!(
            "CASE typeof(?)
               WHEN 'text' THEN CASE WHEN {broken} THEN '~x' || hex(?) WHEN {ambiguous} THEN '~t' || ? ELSE ? END
               WHEN 'integer' THEN {integer} WHEN 'real' THEN {real} WHEN 'blob' THEN {blob} ELSE '~n' END"
        )
    }

    /// As [`to_value`], of a text that is at hand.
    pub(super) fn bound(column: &Column, text: &str) -> (&'static str, Expr) {
        if let Some(marked) = text.strip_prefix('~') {
            let rest = |kind| marked.strip_prefix(kind).map(Expr::val);
            // A CAST would lend its affinity to the column, and make the text '0.1' equal to the number; the sign takes it away.
            let marked = [
                ("?", rest('t')),
                ("+CAST(? AS INTEGER)", rest('i')),
                ("+CAST(? AS REAL)", rest('r')),
                ("unhex(?)", rest('b')),
                ("+CAST(unhex(?) AS TEXT)", rest('x')),
            ];
            let found = marked.into_iter().find_map(|(template, value)| Some((template, value?)));
            return found.unwrap_or_else(|| ("?", Expr::val(None::<String>)));
        }
        let digits = match column.column_type {
            ColumnType::Bytes => return ("unhex(?)", Expr::val(text)),
            ColumnType::Uuid if is_uuid_in_bytes(column) => text.replace('-', ""),
            ColumnType::Uuid => text.to_owned(),
            _ => match text.parse::<i64>() {
                Ok(number) if keeps_kinds(column) && number.to_string() == text => return ("?", Expr::val(number)),
                _ => return ("?", Expr::val(text)),
            },
        };
        match digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            true => ("unhex(?)", Expr::val(digits)),
            false => ("?", Expr::val(text)),
        }
    }

    /// The value of a text, with `?` for the text. A CASE has no type of its own, so the column's decides what equals what.
    pub(super) fn to_value(column: &Column) -> String {
        let plain = match column.column_type {
            ColumnType::Bytes => "unhex(?)",
            ColumnType::Uuid if is_uuid_in_bytes(column) => {
                "CASE COALESCE(length(unhex(replace(?, '-', ''))), 0) WHEN 16 THEN unhex(replace(?, '-', '')) ELSE ? END"
            }
            ColumnType::Uuid => "CASE COALESCE(length(unhex(?)), 0) WHEN 16 THEN unhex(?) ELSE ? END",
            _ if keeps_kinds(column) => {
                "CASE WHEN CAST(CAST(? AS INTEGER) AS TEXT) = ? THEN CAST(? AS INTEGER) ELSE ? END"
            }
            _ => "?",
        };
        format!(
            "CASE WHEN substr(?, 1, 1) = '~' THEN CASE substr(?, 2, 1)
               WHEN 't' THEN substr(?, 3) WHEN 'i' THEN CAST(substr(?, 3) AS INTEGER) WHEN 'r' THEN CAST(substr(?, 3) AS REAL)
               WHEN 'b' THEN unhex(substr(?, 3)) WHEN 'x' THEN CAST(unhex(substr(?, 3)) AS TEXT) END
             ELSE {plain} END"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_cut_nothing() {
        for (database_type, expected) in [
            ("numeric(10,2)", "numeric"),
            ("character varying(3)[]", "character varying[]"),
            ("timestamp(3) with time zone", "timestamp with time zone"),
            ("bit(4)", "varbit"),
            ("interval(3)", "interval"),
            ("\"my type (2)\"", "\"my type (2)\""),
            ("uuid", "uuid"),
        ] {
            assert_eq!(without_modifiers(database_type), expected);
        }
    }
}
