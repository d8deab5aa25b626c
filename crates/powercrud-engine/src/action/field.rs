//! The fields of an action's form.

use powercrud_db::{FieldError, Value};

use crate::words;

/// One field that people fill in before an action runs.
///
/// ```
/// use powercrud_engine::action::ActionField;
///
/// let carrier = ActionField::choice("carrier", [("dhl", "DHL"), ("post", "Post")]).required().default("post");
/// let note = ActionField::text("note").label("A note").help("Printed on the parcel");
/// # assert_eq!((carrier.label.as_str(), note.label.as_str()), ("Carrier", "A note"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActionField {
    /// The name in requests.
    pub name: String,
    /// The name for people; the name in words by default.
    pub label: String,
    /// Help for people; may be empty.
    pub help: String,
    /// What it takes.
    pub kind: ActionFieldKind,
    /// Whether it must have a value.
    pub required: bool,
    /// What it is filled with at first, and what it has where a program leaves it out.
    pub default: Option<String>,
}

/// What a field of an action's form takes.
#[derive(Clone, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[non_exhaustive]
pub enum ActionFieldKind {
    /// Any text.
    Text,
    /// A whole number of 64 bits.
    Integer,
    /// An exact decimal number.
    Decimal,
    /// Yes or no.
    Boolean,
    /// A date, as `2026-01-31`.
    Date,
    /// One of these values, each with a label for people.
    Choice(Vec<(String, String)>),
}

impl ActionFieldKind {
    /// The kind in a word: `text`, `integer`, `decimal`, `boolean`, `date` or `choice`.
    pub fn as_str(&self) -> &'static str {
        self.into()
    }
}

/// The longest text that a field takes, in bytes.
const LONGEST: usize = 64 * 1024;

impl ActionField {
    fn new(name: impl Into<String>, kind: ActionFieldKind) -> Self {
        let name = name.into();
        Self { label: words::label(&name), name, help: String::new(), kind, required: false, default: None }
    }

    /// A field that takes any text.
    pub fn text(name: impl Into<String>) -> Self {
        Self::new(name, ActionFieldKind::Text)
    }

    /// A field that takes a whole number.
    pub fn integer(name: impl Into<String>) -> Self {
        Self::new(name, ActionFieldKind::Integer)
    }

    /// A field that takes an exact decimal number.
    pub fn decimal(name: impl Into<String>) -> Self {
        Self::new(name, ActionFieldKind::Decimal)
    }

    /// A field that is ticked or not.
    pub fn boolean(name: impl Into<String>) -> Self {
        Self::new(name, ActionFieldKind::Boolean)
    }

    /// A field that takes a date.
    pub fn date(name: impl Into<String>) -> Self {
        Self::new(name, ActionFieldKind::Date)
    }

    /// A field that takes one of several values, each given with a label for people.
    pub fn choice<V: Into<String>, L: Into<String>>(
        name: impl Into<String>,
        choices: impl IntoIterator<Item = (V, L)>,
    ) -> Self {
        let choices = choices.into_iter().map(|(value, label)| (value.into(), label.into())).collect();
        Self::new(name, ActionFieldKind::Choice(choices))
    }

    /// The name for people.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Help for people.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// It must have a value.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// What it is filled with at first.
    #[must_use]
    pub fn default(mut self, value: impl ToString) -> Self {
        self.default = Some(value.to_string());
        self
    }

    /// A text as a value of this field.
    pub(crate) fn parse(&self, text: &str) -> Result<Value, FieldError> {
        let refuse = |code: &str, allowed: &str| {
            let shown: String = text.chars().take(60).collect();
            Err(FieldError::new(&self.name, code, format!("{shown:?} is not allowed: {allowed}")))
        };
        if text.contains('\0') {
            return refuse("INVALID_TYPE", "a text without the character NUL (U+0000)");
        }
        let trimmed = text.trim();
        match &self.kind {
            ActionFieldKind::Text if text.len() > LONGEST => refuse("TOO_LONG", "a text of 64 KB at most"),
            ActionFieldKind::Text => Ok(Value::Text(text.to_owned())),
            ActionFieldKind::Integer => match trimmed.parse() {
                Ok(number) => Ok(Value::Integer(number)),
                Err(_) => refuse("INVALID_TYPE", "a whole number"),
            },
            ActionFieldKind::Decimal => match decimal(trimmed) {
                Some(digits) => Ok(Value::Decimal(digits)),
                None => refuse("INVALID_TYPE", "a decimal number such as 12.50"),
            },
            ActionFieldKind::Boolean => match trimmed.to_lowercase().as_str() {
                "true" => Ok(Value::Boolean(true)),
                "false" => Ok(Value::Boolean(false)),
                _ => refuse("INVALID_TYPE", "true or false"),
            },
            ActionFieldKind::Date => match chrono::NaiveDate::parse_from_str(trimmed, "%Y-%m-%d") {
                Ok(date) => Ok(Value::Text(date.to_string())),
                Err(_) => refuse("INVALID_TYPE", "a date such as 2026-01-31"),
            },
            ActionFieldKind::Choice(choices) => match choices.iter().find(|(value, _)| value == text) {
                Some((value, _)) => Ok(Value::Text(value.clone())),
                None => {
                    let values: Vec<_> = choices.iter().map(|(value, _)| value.as_str()).collect();
                    refuse("INVALID_CHOICE", &format!("one of {}", values.join(", ")))
                }
            },
        }
    }
}

/// The digits of a decimal number, up to 60 of them.
fn decimal(text: &str) -> Option<String> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let fits = digits(whole) && digits(fraction) && unsigned.len() <= 60;
    fits.then(|| text.strip_prefix('+').unwrap_or(text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_values_or_say_what_is_allowed() {
        let check = |field: ActionField, text: &str, expected: Result<Value, &str>| match (field.parse(text), expected)
        {
            (Ok(value), Ok(expected)) => assert_eq!(value, expected, "{text}"),
            (Err(error), Err(code)) => assert_eq!(error.code, code, "{text}: {}", error.message),
            (parsed, expected) => panic!("{text}: {parsed:?}, expected {expected:?}"),
        };
        check(ActionField::integer("n"), " 12 ", Ok(Value::Integer(12)));
        check(ActionField::integer("n"), "1.5", Err("INVALID_TYPE"));
        check(ActionField::decimal("d"), "-12.50", Ok(Value::Decimal("-12.50".into())));
        for text in ["1,5", "", "1.", ".5", "1e5", "NaN"] {
            check(ActionField::decimal("d"), text, Err("INVALID_TYPE"));
        }
        check(ActionField::boolean("b"), "True", Ok(Value::Boolean(true)));
        check(ActionField::boolean("b"), "on", Err("INVALID_TYPE"));
        check(ActionField::date("d"), "2026-02-28", Ok(Value::Text("2026-02-28".into())));
        check(ActionField::date("d"), "2026-02-30", Err("INVALID_TYPE"));
        let carrier = || ActionField::choice("carrier", [("dhl", "DHL")]);
        check(carrier(), "dhl", Ok(Value::Text("dhl".into())));
        check(carrier(), "DHL", Err("INVALID_CHOICE"));
        check(ActionField::text("t"), "a\0b", Err("INVALID_TYPE"));
    }
}
