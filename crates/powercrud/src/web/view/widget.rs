//! An input fit for a field.

use serde::Serialize;

use crate::{
    db::{ColumnType, Value},
    query::Cell,
    resource::{Field, Resource},
    web::paths::Paths,
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
    pub(in crate::web) min: Option<i64>,
    pub(in crate::web) max: Option<i64>,
    pub(in crate::web) max_length: Option<u32>,
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
        ColumnType::Integer { min, max } => {
            widget.kind = "number";
            widget.step = "1";
            widget.min = Some(*min).filter(|min| *min > i64::from(i32::MIN));
            widget.max = Some(*max).filter(|max| *max < i64::from(i32::MAX));
        }
        // Not type=number: browsers round there.
        ColumnType::Decimal { .. } | ColumnType::Float => widget.inputmode = "decimal",
        ColumnType::Text { max_length } => {
            widget.max_length = *max_length;
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
    /// Shows what a record holds. A value that the input could not show whole is shown as text, so that saving loses nothing.
    pub(in crate::web) fn show(mut self, cell: &Cell) -> Self {
        self.value = shown(&self, &cell.value);
        self.value_label = cell.display.clone().unwrap_or_default();
        let whole = match self.kind {
            "datetime-local" | "time" => !self.value.contains(['.', '+']) && !matches!(cell.value, Value::Raw(_)),
            "date" | "number" => !matches!(cell.value, Value::Raw(_)),
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
        self
    }
}

/// The value as the input's type writes it.
fn shown(widget: &Widget, value: &Value) -> String {
    let text = value.to_text();
    match widget.kind {
        "datetime-local" => text.trim_end_matches("+00:00").replacen(' ', "T", 1),
        _ => text,
    }
}

/// An element's id from a field's name: letters, digits and hyphens, different for different names.
pub(in crate::web) fn element_id(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("-{:x}-", u32::from(c)) })
        .collect()
}
