//! An input fit for a field.

use serde::Serialize;

use super::to_scale;
use crate::web::paths::Paths;
use powercrud_db::{ColumnType, Value};
use powercrud_engine::{
    query::Cell,
    resource::{Field, Resource},
};

#[derive(Clone, Default, Serialize)]
pub(in crate::web) struct Widget {
    /// The template's kind: `select`, `textarea`, `combobox`, else the input's type.
    pub(in crate::web) kind: &'static str,
    pub(in crate::web) id: String,
    pub(in crate::web) name: String,
    pub(in crate::web) label: String,
    pub(in crate::web) value: String,
    /// What a reference's value is called.
    pub(in crate::web) value_label: String,
    pub(in crate::web) choices: Vec<ChoiceView>,
    pub(in crate::web) choices_href: String,
    pub(in crate::web) empty_label: &'static str,
    pub(in crate::web) required: bool,
    pub(in crate::web) autofocus: bool,
    pub(in crate::web) help: String,
    pub(in crate::web) error: String,
    pub(in crate::web) placeholder: &'static str,
    pub(in crate::web) inputmode: &'static str,
    pub(in crate::web) step: &'static str,
    /// Whether an empty input stands for the empty text and not for NULL, where there is a box for that.
    pub(in crate::web) empty: Option<bool>,
    /// What somebody else has saved in the field while it was changed here.
    pub(in crate::web) theirs: Option<String>,
}

#[derive(Clone, Serialize)]
pub(in crate::web) struct ChoiceView {
    pub(in crate::web) value: String,
    pub(in crate::web) label: String,
}

impl ChoiceView {
    pub(in crate::web) fn new(value: &str, label: &str) -> Self {
        Self { value: value.to_owned(), label: label.to_owned() }
    }
}

/// Text that is longer than this is edited in several lines.
const ONE_LINE: u32 = 120;

/// The input for `field`, with `prefix` before its name, empty.
pub(in crate::web) fn widget(paths: &Paths, resource: &Resource, field: &Field, prefix: &str) -> Widget {
    let name = format!("{prefix}{}", field.name);
    let mut widget = Widget {
        kind: "text",
        id: format!("field-{}", element_id(&name)),
        name,
        label: field.label.clone(),
        help: field.help_text.clone(),
        empty_label: "–",
        ..Widget::default()
    };
    let column = &field.column;
    if field.reference.is_some() {
        widget.kind = "combobox";
        widget.choices_href = paths.choices(&resource.name, &field.name);
        return widget;
    }
    if !column.choices.is_empty() {
        widget.kind = "select";
        widget.choices = column.choices.iter().map(|choice| ChoiceView::new(choice, choice)).collect();
        return widget;
    }
    match &column.column_type {
        ColumnType::Boolean => {
            widget.kind = "select";
            widget.choices = vec![ChoiceView::new("true", "yes"), ChoiceView::new("false", "no")];
        }
        // Not type=number: browsers send nothing there for what is no number, as if it were to be emptied.
        ColumnType::Integer { .. } => widget.inputmode = "numeric",
        // And they round there.
        ColumnType::Decimal { .. } | ColumnType::Float => widget.inputmode = "decimal",
        ColumnType::Text { max_length } => {
            if max_length.is_none_or(|length| length > ONE_LINE) {
                widget.kind = "textarea";
            }
        }
        ColumnType::Date => widget.kind = "date",
        ColumnType::Time => (widget.kind, widget.step) = ("time", "1"),
        ColumnType::DateTime => (widget.kind, widget.step) = ("datetime-local", "1"),
        ColumnType::DateTimeTz => {
            (widget.kind, widget.step) = ("datetime-local", "1");
            widget.help = format!("{}{}In UTC.", widget.help, if widget.help.is_empty() { "" } else { " " });
        }
        ColumnType::Json => widget.kind = "textarea",
        ColumnType::Uuid => widget.placeholder = "00000000-0000-0000-0000-000000000000",
        ColumnType::Enum | ColumnType::Other | ColumnType::Bytes => {}
    }
    widget
}

impl Widget {
    /// Shows what a record holds in `field`. A value that the input could not show whole is shown as text, so that saving loses nothing.
    pub(in crate::web) fn show(mut self, field: &Field, cell: &Cell) -> Self {
        self.value = shown(&self, field, &cell.value);
        self.value_label = cell.display.clone().unwrap_or_default();
        let whole = match self.kind {
            "datetime-local" | "time" | "date" => self.value.is_empty() || is_timestamp(self.kind, &self.value),
            // A number in a column of true and false.
            "select" if !self.choices.is_empty() && self.choices[0].value == "true" => {
                matches!(cell.value, Value::Boolean(_) | Value::Null)
            }
            _ => true,
        };
        if !whole {
            self.kind = "text";
            self.value = cell.value.to_text();
        }
        if self.kind == "select"
            && !self.value.is_empty()
            && self.choices.iter().all(|choice| choice.value != self.value)
        {
            self.choices.push(ChoiceView::new(&self.value, &self.value));
        }
        self.with_room_for_lines()
    }

    /// Shows what was typed, also where the input for the field would not: browsers drop what is not a timestamp.
    pub(in crate::web) fn typed(mut self, text: &str) -> Self {
        let whole = match self.kind {
            "datetime-local" | "time" | "date" => is_timestamp(self.kind, text),
            _ => true,
        };
        if !whole && !text.is_empty() {
            self.kind = "text";
        }
        self.value = text.to_owned();
        self.value_label = String::new();
        self.with_room_for_lines()
    }

    /// An input of one line loses line ends.
    fn with_room_for_lines(mut self) -> Self {
        if matches!(self.kind, "text" | "combobox") && self.value.contains(['\n', '\r']) {
            self.kind = "textarea";
        }
        self
    }
}

/// The value as the input's type writes it, as short as browsers do, and a number as the record's page has it.
fn shown(widget: &Widget, field: &Field, value: &Value) -> String {
    if let (Value::Decimal(digits), None) = (value, &field.reference) {
        return to_scale(&field.column.column_type, digits);
    }
    let text = value.to_text();
    let short = |text: &str| match text.strip_suffix(":00") {
        Some(short) if text.matches(':').count() == 2 => short.to_owned(),
        _ => text.to_owned(),
    };
    match widget.kind {
        "datetime-local" => short(&text.trim_end_matches("+00:00").replacen(' ', "T", 1)),
        "time" => short(&text),
        _ => text,
    }
}

/// Whether a browser's input for timestamps takes the text as it is: `2026-01-31`, `13:05` or `13:05:30`, or both with a `T` between.
fn is_timestamp(kind: &str, text: &str) -> bool {
    let is_date = |text: &str| text.len() == 10 && chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok();
    let is_clock = |text: &str| {
        let format = if text.len() == 5 { "%H:%M" } else { "%H:%M:%S" };
        matches!(text.len(), 5 | 8) && !text.ends_with(":60") && chrono::NaiveTime::parse_from_str(text, format).is_ok()
    };
    match kind {
        "date" => is_date(text) && !text.starts_with("0000"),
        "time" => is_clock(text),
        _ => text
            .split_once('T')
            .is_some_and(|(date, clock)| is_date(date) && !date.starts_with("0000") && is_clock(clock)),
    }
}

/// An element's id from a field's name: letters, digits and hyphens, different for different names.
pub(in crate::web) fn element_id(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("-{:x}-", u32::from(c)) })
        .collect()
}
