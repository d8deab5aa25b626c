//! One value of a record, ready to print.

use serde::Serialize;

use crate::web::paths::Paths;
use powercrud_db::{ColumnType, Value};
use powercrud_engine::{
    query::Cell,
    resource::{Field, grouped},
};

#[derive(Serialize)]
pub(in crate::web) struct CellView {
    /// Which of the ways in `macros.html` shows it.
    kind: &'static str,
    text: String,
    /// What a pointer over it tells.
    title: String,
    href: Option<String>,
    /// Of a boolean.
    on: bool,
    /// Of what is too long to be shown.
    size: String,
}

/// How `cell` of `field` is shown; a reference leads to its record where that has a page.
pub(in crate::web) fn cell_view(paths: &Paths, field: &Field, cell: &Cell) -> CellView {
    let text = match &cell.value {
        Value::Beginning(beginning, _) => visible(&format!("{beginning}…")),
        value => visible(&value.to_text()),
    };
    let mut view = CellView { kind: "text", title: String::new(), href: None, on: false, size: String::new(), text };
    if let (Some(reference), false) = (&field.reference, cell.value.is_null()) {
        let whole_key = reference.table.primary_key == [reference.column.name.clone()];
        // What has no name for the user has no page for them.
        let is_theirs = reference.table.scope.is_none() || reference.display.is_none() || cell.display.is_some();
        let resource = reference.resource.as_ref().filter(|_| whole_key && is_theirs);
        view.href = resource.map(|resource| paths.record(resource, &cell.value.to_text()));
        if let Some(name) = &cell.display {
            view.title = format!("{} {}", reference.column.name, view.text);
            view.text = name.clone();
        }
        return view;
    }
    view.kind = match &cell.value {
        Value::Null => "null",
        Value::Boolean(on) => {
            view.on = *on;
            view.text = if *on { "yes" } else { "no" }.to_owned();
            "boolean"
        }
        Value::Decimal(digits) => {
            view.text = to_scale(&field.column.column_type, digits);
            "number"
        }
        Value::Integer(_) | Value::Unsigned(_) | Value::Float(_) => "number",
        Value::Bytes(_) => "bytes",
        Value::Beginning(_, bytes) => {
            view.size = format!("{} bytes in all", grouped(*bytes));
            "long"
        }
        Value::Json(_) => "json",
        Value::Raw(_) => "raw",
        Value::Text(text) => match timestamp(field, text) {
            Some(shown) => {
                view.title = if shown == *text { String::new() } else { text.clone() };
                view.text = shown;
                "date"
            }
            None => "text",
        },
    };
    view
}

impl CellView {
    /// The same as a link, where it is none yet.
    pub(in crate::web) fn linked(mut self, href: &str, title: &str) -> Self {
        // A link without a text can be neither seen nor followed.
        if self.kind != "null" && self.text.trim().is_empty() {
            self.text = if self.text.is_empty() { "(empty)" } else { "(blank)" }.to_owned();
        }
        if matches!(self.kind, "null" | "boolean" | "json") {
            if self.kind == "null" {
                self.text = "–".to_owned();
            }
            self.kind = "text";
        }
        // A link is to be seen and read aloud.
        if self.text.trim().is_empty() {
            self.text = "(empty)".to_owned();
        }
        self.href = Some(href.to_owned());
        self.title = title.to_owned();
        self
    }

    pub(in crate::web) fn text(&self) -> &str {
        &self.text
    }
}

/// Control characters that leave no trace on a page, as the pictures that Unicode has of them.
fn visible(text: &str) -> String {
    let picture = |c: char| match c {
        '\t' | '\n' => c,
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(c),
        '\u{7f}' => '\u{2421}',
        _ => c,
    };
    if text.contains(|c: char| c.is_ascii_control()) { text.chars().map(picture).collect() } else { text.to_owned() }
}

/// A decimal with the digits after the point that its column has, also where the database drops zeros.
pub(in crate::web) fn to_scale(column_type: &ColumnType, digits: &str) -> String {
    let ColumnType::Decimal { scale: Some(scale @ 1..), .. } = column_type else { return digits.to_owned() };
    // Some databases have decimals that are no number.
    if !digits.ends_with(|c: char| c.is_ascii_digit()) {
        return digits.to_owned();
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    format!("{whole}.{fraction:0<width$}", width = *scale as usize)
}

/// Timestamps without the seconds where those are zero, and without a fraction.
fn timestamp(field: &Field, text: &str) -> Option<String> {
    use ColumnType::{Date, DateTime, DateTimeTz, Time};
    match field.column.column_type {
        Date => Some(text.to_owned()),
        Time | DateTime | DateTimeTz => {
            let zone = if text.ends_with("+00:00") { " UTC" } else { "" };
            let text = text.trim_end_matches("+00:00");
            let text = text.split_once('.').map_or(text, |(whole, _)| whole);
            let text = text.strip_suffix(":00").filter(|text| text.contains(':')).unwrap_or(text);
            Some(format!("{text}{zone}"))
        }
        _ => None,
    }
}
