//! Values as Python shows them, for people: events and headers carry arguments and results so.

use serde_json::Value;

/// So many characters at most, as Celery does.
const LONGEST: usize = 1024;

pub(crate) fn repr(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    if text.chars().count() > LONGEST {
        text = text.chars().take(LONGEST - 3).collect::<String>() + "...";
    }
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("None"),
        Value::Bool(true) => text.push_str("True"),
        Value::Bool(false) => text.push_str("False"),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::String(string) => quote(string, text),
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                text.push_str(if place > 0 { ", " } else { "" });
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(items) => {
            text.push('{');
            for (place, (name, item)) in items.iter().enumerate() {
                text.push_str(if place > 0 { ", " } else { "" });
                quote(name, text);
                text.push_str(": ");
                write(item, text);
            }
            text.push('}');
        }
    }
}

fn quote(string: &str, text: &mut String) {
    let mark = if string.contains('\'') && !string.contains('"') { '"' } else { '\'' };
    text.push(mark);
    for character in string.chars() {
        match character {
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\\' => text.push_str("\\\\"),
            _ if character == mark => {
                text.push('\\');
                text.push(mark);
            }
            _ => text.push(character),
        }
    }
    text.push(mark);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn as_python_shows_them() {
        let value = json!({"a": [1, 2.5, null, true], "b": "it's", "c": "x\ny"});
        assert_eq!(repr(&value), r#"{'a': [1, 2.5, None, True], 'b': "it's", 'c': 'x\ny'}"#);
        assert_eq!(repr(&json!("x".repeat(3000))).chars().count(), LONGEST);
    }
}
