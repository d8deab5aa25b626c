//! Results as text: CSV for spreadsheets, JSON Lines for programs.

use super::{ResultRecord, Results};
use crate::error::{Error, Result};

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(rename_all = "lowercase"))]
#[strum(serialize_all = "lowercase")]
pub enum Format {
    /// Comma-separated, with a head. A text that a spreadsheet would run as a formula begins with an apostrophe, as OWASP advises.
    Csv,
    /// One JSON object a line, exactly as stored.
    #[cfg_attr(feature = "openapi", schema(rename = "jsonl"))]
    #[strum(serialize = "jsonl")]
    JsonLines,
}

impl Format {
    /// Both.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The word on the command line, and the ending of a file's name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// What stands before the first record.
    ///
    /// # Errors
    /// None in practice: what can be written to a file can be written to memory.
    pub fn head(self, results: &Results) -> Result<Vec<u8>> {
        match self {
            Self::JsonLines => Ok(Vec::new()),
            Self::Csv => {
                let own = ["record_key", "error_field", "error_code", "error_message"];
                let taken = results.names_takers().then_some("deleted_with");
                let head = own.into_iter().chain(taken).chain(results.fields());
                write_csv(std::iter::once(head.map(harmless).collect()))
            }
        }
    }

    /// Some records.
    ///
    /// # Errors
    /// As [`Format::head`].
    pub fn records(self, results: &Results, records: &[ResultRecord]) -> Result<Vec<u8>> {
        let fields = results.fields();
        match self {
            Self::Csv => write_csv(records.iter().map(|record| csv_line(record, results.names_takers(), fields.len()))),
            Self::JsonLines => {
                let mut text = Vec::new();
                for record in records {
                    text.extend_from_slice(json_line(record, &fields).to_string().as_bytes());
                    text.push(b'\n');
                }
                Ok(text)
            }
        }
    }
}

fn csv_line(record: &ResultRecord, names_takers: bool, fields: usize) -> Vec<String> {
    let error = record.error.as_ref();
    let mut line = vec![
        harmless(&record.record_key),
        error.and_then(|error| error.field.as_deref().map(harmless)).unwrap_or_default(),
        error.map(|error| error.code.clone()).unwrap_or_default(),
        error.map(|error| harmless(&error.message)).unwrap_or_default(),
    ];
    if names_takers {
        line.push(record.deleted_with.as_deref().map(harmless).unwrap_or_default());
    }
    match &record.values {
        Some(values) => line.extend(values.iter().map(|value| value.as_deref().map(harmless).unwrap_or_default())),
        None => line.extend(std::iter::repeat_n(String::new(), fields)),
    }
    line
}

fn json_line(record: &ResultRecord, fields: &[&str]) -> serde_json::Value {
    let mut line = serde_json::Map::new();
    line.insert("record_key".to_owned(), record.record_key.as_str().into());
    if let Some(error) = &record.error {
        line.insert("error_field".to_owned(), error.field.clone().into());
        line.insert("error_code".to_owned(), error.code.as_str().into());
        line.insert("error_message".to_owned(), error.message.as_str().into());
    }
    if let Some(other) = &record.deleted_with {
        line.insert("deleted_with".to_owned(), other.as_str().into());
    }
    let values = record.values.as_ref().map(|values| {
        let pairs = fields.iter().zip(values).map(|(name, value)| ((*name).to_owned(), value.clone().into()));
        serde_json::Value::Object(pairs.collect())
    });
    line.insert("values".to_owned(), values.unwrap_or_default());
    line.into()
}

/// A cell that no spreadsheet takes for a formula: some look past blanks at its start, and take full-width signs for the usual ones.
/// Numbers, which may begin with a sign, stay what they are.
/// A program that splits lines at `;` takes what follows one for a cell.
fn harmless(text: &str) -> String {
    text.split(';').map(harmless_cell).collect::<Vec<_>>().join(";")
}

fn harmless_cell(text: &str) -> String {
    let blank =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    let begins = text.trim_start_matches(blank).starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    let is_risky = (begins || text.starts_with(['\t', '\r', '\n'])) && text.parse::<f64>().is_err();
    if is_risky { format!("'{text}") } else { text.to_owned() }
}

fn write_csv(lines: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| Error::Internal(format!("CSV can't be written: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    for line in lines {
        writer.write_record(&line).map_err(|error| failed(&error))?;
    }
    writer.into_inner().map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_numbers_stay_numbers() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("+49 30 1234", "'+49 30 1234"),
            ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
            ("\t=1", "'\t=1"),
            (" =1+1", "' =1+1"),
            ("\u{a0}\u{3000}@SUM(A1)", "'\u{a0}\u{3000}@SUM(A1)"),
            ("\u{feff}=1", "'\u{feff}=1"),
            ("＝1+1", "'＝1+1"),
            (" ＋49", "' ＋49"),
            ("－2+3", "'－2+3"),
            ("＠SUM(A1)", "'＠SUM(A1)"),
            ("\rplain", "'\rplain"),
            (" plain = 1", " plain = 1"),
            ("a;=1", "a;'=1"),
            ("=1;b; @c;-2", "'=1;b;' @c;-2"),
            ("-12.50", "-12.50"),
            ("+3", "+3"),
            ("plain", "plain"),
            ("", ""),
        ] {
            assert_eq!(harmless(text), expected);
        }
    }
}
