//! What a form was opened with, and what of it was touched.
//!
//! The form carries two short texts for each field: one stands for what its input showed, by which it is told whether somebody touched
//! it; the other for the value in the database, by which it is told whether somebody else has changed it meanwhile. A field that was not
//! touched is never written: an input can't show every value to the letter.

use std::collections::HashMap;

use super::form_fields;
use crate::web::{context::FormData, paths::Paths, view};
use powercrud_db::{Value, fingerprint};
use powercrud_engine::{
    form::{Input, from_form, takes_empty_text},
    query::{Cell, Row},
    record::{self, Expected},
    resource::{Field, Resource},
};

/// The hidden input that holds it.
pub(super) const SEEN: &str = "powercrud_seen";
/// What the name of the inputs begins with that choose between one's own value (`mine`) and the one that is saved now (`theirs`).
pub(super) const CHOICE: &str = "powercrud_choice.";

/// The name of the inputs that name the fields where such a choice is to be made.
pub(super) const CHOOSE: &str = "powercrud_choose";
/// What the name of a box begins with by which an empty input of a text that may be NULL means the empty text.
const EMPTY: &str = "powercrud_empty.";

/// By field: what stands for what was shown, and for the value.
pub(super) struct Seen(HashMap<String, (String, String)>);

impl Seen {
    /// The text that a form about `row` carries.
    pub(super) fn of(paths: &Paths, resource: &Resource, row: &Row) -> String {
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        for field in form_fields(resource, Some(row)) {
            if let Some(cell) = record::cell(resource, row, &field.name) {
                let shown = mark(shown(paths, resource, field, cell).as_deref());
                text.append_pair(&field.name, &format!("{shown}.{}", cell.value.fingerprint()));
            }
        }
        text.finish()
    }

    fn read(form: &FormData) -> Self {
        let pairs = url::form_urlencoded::parse(form.get(SEEN).unwrap_or_default().as_bytes());
        Self(
            pairs
                .filter_map(|(field, marks)| {
                    let (shown, value) = marks.split_once('.')?;
                    Some((field.into_owned(), (shown.to_owned(), value.to_owned())))
                })
                .collect(),
        )
    }
}

/// What was typed for fields that a form was opened with and that `now` has no more, by their names.
pub(super) fn gone(now: &Resource, form: &FormData) -> Vec<(String, String)> {
    let mut gone: Vec<_> = Seen::read(form)
        .0
        .into_iter()
        .filter(|(name, _)| now.field(name).is_none())
        .filter_map(|(name, (shown, _))| {
            let text = form.get(&name)?;
            let untouched = mark(Some(text)) == shown || (text.is_empty() && mark(None) == shown);
            (!untouched).then(|| (name, text.to_owned()))
        })
        .collect();
    gone.sort();
    gone
}

/// As [`gone`], of a form that does not say what it was opened with, as `before` had it.
pub(super) fn gone_of_new(before: &Resource, now: &Resource, form: &FormData) -> Vec<(String, String)> {
    let gone = form_fields(before, None).filter(|field| now.field(&field.name).is_none());
    let typed = gone.filter_map(|field| Some((field.name.clone(), form.get(&field.name)?.to_owned())));
    typed.filter(|(_, text)| !text.is_empty()).collect()
}

/// What differs from what a form was opened with.
pub(super) struct Touched {
    /// The changes that are asked for.
    pub(super) inputs: Vec<Input>,
    /// What the fields that are to be changed held.
    pub(super) expected: Expected,
    /// The touched fields, each with whether it holds another value now than it held then.
    fields: Vec<(String, bool)>,
}

impl Touched {
    /// What of `form` was touched, for the record that is `row` now. A form that carries nothing of what it was opened with is compared
    /// with that.
    pub(super) fn of(paths: &Paths, resource: &Resource, row: &Row, form: &FormData) -> Self {
        let seen = Seen::read(form);
        let mut touched = Self { inputs: Vec::new(), expected: Expected::default(), fields: Vec::new() };
        for field in resource.fields.iter().filter(|field| resource.may_change(field)) {
            let Some(cell) = record::cell(resource, row, &field.name) else { continue };
            // What was too long to be edited has no input; what has become so meanwhile has one.
            if matches!(cell.value, Value::Beginning(..)) && !seen.0.contains_key(&field.name) {
                continue;
            }
            let Some(entered) = entered(field, form) else { continue };
            if form.get(&format!("{CHOICE}{}", field.name)) == Some("theirs") {
                continue;
            }
            let now = mark(shown(paths, resource, field, cell).as_deref());
            let seen = seen.0.get(&field.name);
            let mine = mark(entered.as_deref());
            if mine == *seen.map_or(&now, |(shown, _)| shown) {
                continue;
            }
            if let Some((_, value)) = seen {
                touched.expected = touched.expected.fingerprint(&field.name, value);
            }
            let is_changed = mine != now && seen.is_none_or(|(_, value)| *value != cell.value.fingerprint());
            touched.fields.push((field.name.clone(), is_changed));
            let text = match entered.as_deref() {
                Some("") if is_empty_text(field, form) => Some(String::new()),
                Some("") if super::is_required(field) => None,
                Some(text) => from_form(field, text).map(|text| with_line_ends(&text, line_end(&cell.value.to_text()))),
                None => None,
            };
            touched.inputs.push((field.name.clone(), text));
        }
        touched
    }

    /// Whether what the input of that name, or its box, says is about a touched field.
    pub(super) fn has(&self, name: &str) -> bool {
        let name = name.strip_prefix(EMPTY).unwrap_or(name);
        self.fields.iter().any(|(field, _)| field == name)
    }

    /// The touched fields where a choice was offered and none is made.
    pub(super) fn open_choices<'a>(&'a self, form: &'a FormData) -> impl Iterator<Item = &'a str> {
        form.all(CHOOSE).filter(|name| self.has(name) && form.get(&format!("{CHOICE}{name}")).is_none())
    }

    /// Whether there is one of those.
    pub(super) fn has_open_choices(&self, form: &FormData) -> bool {
        self.open_choices(form).next().is_some()
    }

    /// The touched fields that others have changed to something else meanwhile.
    pub(super) fn changed_by_others(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(|(_, is_changed)| *is_changed).map(|(field, _)| field.as_str())
    }
}

/// Whether the box beside an empty input is there, and ticked: an empty text that may be NULL is told from NULL by it.
pub(super) fn empty_box(field: &Field, cell: &Cell, typed: &FormData) -> Option<bool> {
    let is_empty = !cell.value.is_null() && cell.value.to_text().is_empty();
    let has_box = field.nullable() && takes_empty_text(field) && is_empty;
    has_box.then(|| typed.get(&field.name).is_none() || is_empty_text(field, typed))
}

fn is_empty_text(field: &Field, form: &FormData) -> bool {
    field.nullable() && takes_empty_text(field) && form.get(&format!("{EMPTY}{}", field.name)).is_some()
}

/// What the form says of a field: nothing at all where it has no input; `None` where an empty box stands for NULL.
fn entered(field: &Field, form: &FormData) -> Option<Option<String>> {
    let text = form.get(&field.name)?;
    let is_null = text.is_empty() && field.nullable() && takes_empty_text(field) && !is_empty_text(field, form);
    Some((!is_null).then(|| text.to_owned()))
}

/// What an untouched input sends, in the same terms.
fn shown(paths: &Paths, resource: &Resource, field: &Field, cell: &Cell) -> Option<String> {
    let is_null = cell.value.is_null() && field.nullable() && takes_empty_text(field);
    (!is_null).then(|| view::widget(paths, resource, field, "").show(field, cell).value)
}

/// What stands for the text of an input, whatever a browser makes of line ends and of NUL.
fn mark(text: Option<&str>) -> String {
    match text {
        None => fingerprint([b"NULL".as_slice(), b""]),
        Some(text) => fingerprint([with_line_ends(text, "\n").replace('\0', "\u{fffd}").as_bytes()]),
    }
}

/// `text` with each of its line ends written as `end`. Browsers send all of them as CR LF.
pub(super) fn with_line_ends(text: &str, end: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    if end == "\n" { text } else { text.replace('\n', end) }
}

/// The line end that `text` uses throughout; LF where it uses several or none.
fn line_end(text: &str) -> &'static str {
    let (pairs, feeds, returns) =
        (text.matches("\r\n").count(), text.matches('\n').count(), text.matches('\r').count());
    match (pairs, feeds, returns) {
        (1.., feeds, returns) if feeds == pairs && returns == pairs => "\r\n",
        (0, 0, 1..) => "\r",
        _ => "\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_stay_as_they_were() {
        for (text, end) in [("a\r\nb", "\r\n"), ("a\rb", "\r"), ("a\nb", "\n"), ("a\r\nb\n", "\n"), ("ab", "\n")] {
            assert_eq!(line_end(text), end, "{text:?}");
            assert_eq!(mark(Some(text)), mark(Some(&with_line_ends(text, "\r\n"))));
        }
    }
}
