//! What htmx says in its headers, and what it is told in ours.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue},
    response::Response,
};
use serde_json::{Map, Value, json};

/// What the page sets up htmx with. A 422 or 409 is an answer to be shown like any other; other errors come as a toast.
pub(super) fn config() -> String {
    json!({
        "allowEval": false,
        "allowScriptTags": false,
        "includeIndicatorStyles": false,
        "disableInheritance": true,
        "historyCacheSize": 0,
        // Back loads the page as it is now: scripts hold its elements, and what is ticked is asked for.
        "refreshOnHistoryMiss": true,
        // Copying style attributes about would be an inline style.
        "attributesToSettle": ["class", "width", "height"],
        "timeout": 40_000,
        "responseHandling": [{"code": "204", "swap": false}, {"code": "...", "swap": true}],
    })
    .to_string()
}

/// What sent the request: htmx, and for which element; or a browser that wants a page.
#[derive(Clone, Debug, Default)]
pub(super) struct Htmx {
    /// Whether htmx asks for a part of a page.
    pub(super) partial: bool,
    /// The id of the element that the answer goes into.
    pub(super) target: Option<String>,
}

impl Htmx {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let is = |name: &str| headers.get(name).is_some_and(|value| value == "true");
        Self {
            // Going back in the history wants the whole page, although htmx asks.
            partial: is("hx-request") && !is("hx-history-restore-request"),
            target: headers.get("hx-target").and_then(|value| value.to_str().ok()).map(str::to_owned),
        }
    }

    /// Whether the answer goes into the page's dialog.
    pub(super) fn in_dialog(&self) -> bool {
        self.partial && self.target.as_deref() == Some("dialog-box")
    }
}

/// Events for the page, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Events(Map<String, Value>);

impl Events {
    pub(super) fn with(mut self, name: &str, detail: Value) -> Self {
        self.0.insert(name.to_owned(), detail);
        self
    }

    /// Sends them with `response`; they happen once its content is in place.
    pub(super) fn send(self, mut response: Response) -> Response {
        if !self.0.is_empty() {
            set(&mut response, "hx-trigger-after-swap", &ascii(&Value::Object(self.0)));
        }
        response
    }
}

/// Sets one of htmx's headers; a value that a header can't hold is left out.
pub(super) fn set(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// JSON in ASCII, which is all that a header can be trusted with.
fn ascii(value: &Value) -> String {
    let mut text = String::new();
    for c in value.to_string().chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_ascii_and_read_back_the_same() {
        let detail = json!({"message": "3 bücher 📚"});
        let text = ascii(&detail);
        assert!(text.is_ascii());
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), detail);
    }
}
