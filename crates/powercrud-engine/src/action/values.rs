//! What was filled in for an action.

use std::collections::BTreeMap;

use powercrud_db::{FieldError, Value};

use super::{Action, ActionFieldKind};

/// The values of an action's form, each checked by its field. What was left empty is not there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ActionValues(BTreeMap<String, Value>);

impl ActionValues {
    /// The value of a field.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }

    /// The value of a field of texts, dates or choices, or the digits of a decimal.
    pub fn text(&self, field: &str) -> Option<&str> {
        match self.get(field)? {
            Value::Text(text) | Value::Decimal(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a field of whole numbers.
    pub fn integer(&self, field: &str) -> Option<i64> {
        match self.get(field)? {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether a field is ticked.
    pub fn boolean(&self, field: &str) -> bool {
        matches!(self.get(field), Some(Value::Boolean(true)))
    }

    /// The value of a field of dates.
    pub fn date(&self, field: &str) -> Option<chrono::NaiveDate> {
        self.text(field)?.parse().ok()
    }

    /// Field name to text, as a task keeps them and a retry reads them back.
    pub(crate) fn to_texts(&self) -> BTreeMap<String, String> {
        self.0.iter().map(|(name, value)| (name.clone(), value.to_text())).collect()
    }
}

impl Action {
    /// The values that a task kept; what was left empty then is not filled with the default of today.
    pub(crate) fn stored_values(&self, texts: &BTreeMap<String, String>) -> (ActionValues, Vec<FieldError>) {
        let unknown = texts.iter().filter(|(name, _)| self.fields.iter().all(|field| field.name != **name));
        let unknown = unknown.map(|(name, text)| (name.clone(), Some(text.clone())));
        let known = self.fields.iter().map(|field| (field.name.clone(), texts.get(&field.name).cloned()));
        self.values(&unknown.chain(known).collect::<Vec<_>>())
    }

    /// The values that `inputs` give to its form, and one entry for each mistake. What is left out has its default; `None` and the empty
    /// text are no value.
    pub(crate) fn values(&self, inputs: &[(String, Option<String>)]) -> (ActionValues, Vec<FieldError>) {
        let (mut values, mut errors) = (ActionValues::default(), Vec::new());
        for (place, (name, _)) in inputs.iter().enumerate() {
            if self.fields.iter().all(|field| field.name != *name) {
                let known: Vec<_> = self.fields.iter().map(|field| field.name.as_str()).collect();
                let known = if known.is_empty() {
                    "it takes none".to_owned()
                } else {
                    format!("it takes {}", known.join(", "))
                };
                let message = format!("the action {} has no such value; {known}", self.name);
                errors.push(FieldError::new(name, "UNKNOWN_FIELD", message));
            } else if inputs[..place].iter().any(|(other, _)| other == name) {
                errors.push(FieldError::new(name, "DUPLICATE_FIELD", "is given more than once"));
            }
        }
        for field in &self.fields {
            let given = inputs.iter().find(|(name, _)| *name == field.name).map(|(_, text)| text.as_deref());
            let text = given.unwrap_or(field.default.as_deref()).filter(|text| !text.is_empty());
            match text.map(|text| field.parse(text)) {
                Some(Ok(value)) => _ = values.0.insert(field.name.clone(), value),
                Some(Err(error)) => errors.push(error),
                // A box that is not ticked says no.
                None if field.kind == ActionFieldKind::Boolean => {
                    values.0.insert(field.name.clone(), Value::Boolean(false));
                }
                None if field.required => {
                    errors.push(FieldError::new(&field.name, "NOT_NULL", "must have a value; it can't be empty"));
                }
                None => {}
            }
        }
        (values, errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::ActionField;

    #[test]
    fn defaults_fill_what_is_left_out_and_every_mistake_is_told() {
        let action = Action::statements("restock", |_| Ok(Vec::new()))
            .field(ActionField::integer("copies").required())
            .field(ActionField::text("note").default("new"))
            .field(ActionField::boolean("urgent"));
        let input = |name: &str, text: &str| (name.to_owned(), Some(text.to_owned()));
        let (values, errors) = action.values(&[input("copies", "5")]);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(
            (values.integer("copies"), values.text("note"), values.boolean("urgent")),
            (Some(5), Some("new"), false)
        );
        let (values, _) = action.values(&[input("copies", "5"), input("note", ""), input("urgent", "true")]);
        assert_eq!((values.text("note"), values.boolean("urgent")), (None, true));
        let (_, errors) = action.values(&[input("note", "x"), input("note", "y"), input("price", "1")]);
        let codes: Vec<_> =
            errors.iter().map(|error| (error.field.as_deref().unwrap_or_default(), error.code.as_str())).collect();
        assert_eq!(codes, [("note", "DUPLICATE_FIELD"), ("price", "UNKNOWN_FIELD"), ("copies", "NOT_NULL")]);
    }
}
