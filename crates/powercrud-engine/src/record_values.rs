//! What a record holds, as the code of an application is given it.

use powercrud_db::Value;

/// The values of a record's fields, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordValues(Vec<(String, Value)>);

impl RecordValues {
    /// The value of a field; `None` where there is no such field. Of more than 1 MB, its beginning.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == field).map(|(_, value)| value)
    }

    /// The value of a field as text; `None` where it is NULL, or there is no such field.
    pub fn text(&self, field: &str) -> Option<String> {
        self.get(field).filter(|value| !value.is_null()).map(Value::to_text)
    }

    /// The value of a field of whole numbers; `None` where it is NULL or no such number.
    pub fn integer(&self, field: &str) -> Option<i64> {
        match self.get(field)? {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The fields and their values, in the resource's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether no value was too long to be read whole.
    pub(crate) fn is_whole(&self) -> bool {
        !self.0.iter().any(|(_, value)| matches!(value, Value::Beginning(..)))
    }
}

impl FromIterator<(String, Value)> for RecordValues {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}
