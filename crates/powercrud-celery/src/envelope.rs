//! A message of kombu, the library that Celery sends by: body, headers and properties, whatever the broker.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::error::{Error, Result};

/// A message as a broker carries it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Envelope {
    pub(crate) body: Vec<u8>,
    pub(crate) content_type: String,
    pub(crate) content_encoding: String,
    pub(crate) headers: Map<String, Value>,
    /// `correlation_id` of the task.
    pub(crate) correlation_id: Option<String>,
    pub(crate) reply_to: Option<String>,
    pub(crate) priority: Option<u8>,
    /// Whether it is to survive a restart of the broker.
    pub(crate) is_persistent: bool,
    pub(crate) exchange: String,
    pub(crate) routing_key: String,
    pub(crate) is_redelivered: bool,
}

impl Envelope {
    /// One with a body in JSON.
    pub(crate) fn of_json(body: &Value, headers: Map<String, Value>) -> Self {
        Self {
            body: body.to_string().into_bytes(),
            content_type: "application/json".to_owned(),
            content_encoding: "utf-8".to_owned(),
            headers,
            ..Self::default()
        }
    }

    pub(crate) fn to(mut self, exchange: &str, routing_key: &str) -> Self {
        exchange.clone_into(&mut self.exchange);
        routing_key.clone_into(&mut self.routing_key);
        self
    }

    /// The body, where it is JSON in UTF-8.
    pub(crate) fn json(&self) -> Result<Value> {
        let kind = self.content_type.as_str();
        if kind != "application/json" {
            return Err(Error::NotCelery(format!("its content type is {kind:?}; allowed is \"application/json\"")));
        }
        serde_json::from_slice(&self.body).map_err(|error| Error::NotCelery(format!("its body is no JSON: {error}")))
    }

    /// As kombu's virtual transports write it: JSON, the body in base64.
    pub(crate) fn to_virtual(&self) -> String {
        let mut properties = json!({
            "delivery_info": {"exchange": self.exchange, "routing_key": self.routing_key},
            "delivery_mode": if self.is_persistent { 2 } else { 1 },
            "delivery_tag": Uuid::new_v4().to_string(),
            "body_encoding": "base64",
            "priority": self.priority.unwrap_or(0),
        });
        for (name, value) in [("correlation_id", &self.correlation_id), ("reply_to", &self.reply_to)] {
            if let Some(value) = value {
                properties[name] = json!(value);
            }
        }
        json!({
            "body": BASE64.encode(&self.body),
            "content-type": self.content_type,
            "content-encoding": self.content_encoding,
            "headers": self.headers,
            "properties": properties,
        })
        .to_string()
    }

    /// Reads what [`Self::to_virtual`] or kombu wrote.
    pub(crate) fn from_virtual(text: &[u8]) -> Result<Self> {
        let not = |what: &str| Error::NotCelery(what.to_owned());
        let message: Value = serde_json::from_slice(text).map_err(|error| not(&format!("it is no JSON: {error}")))?;
        let properties =
            message.get("properties").and_then(Value::as_object).ok_or_else(|| not("it has no properties"))?;
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let body = text(message.get("body")).ok_or_else(|| not("it has no body"))?;
        let body = match properties.get("body_encoding").and_then(Value::as_str) {
            Some("base64") => BASE64.decode(body).map_err(|error| not(&format!("its body is no base64: {error}")))?,
            None => body.into_bytes(),
            Some(other) => return Err(not(&format!("its body_encoding is {other:?}; allowed is \"base64\""))),
        };
        let delivery = properties.get("delivery_info");
        let of_delivery = |name: &str| delivery.and_then(|it| it.get(name));
        Ok(Self {
            body,
            content_type: text(message.get("content-type")).unwrap_or_default(),
            content_encoding: text(message.get("content-encoding")).unwrap_or_default(),
            headers: message.get("headers").and_then(Value::as_object).cloned().unwrap_or_default(),
            correlation_id: text(properties.get("correlation_id")),
            reply_to: text(properties.get("reply_to")),
            priority: properties.get("priority").and_then(Value::as_u64).map(|it| u8::try_from(it).unwrap_or(u8::MAX)),
            is_persistent: properties.get("delivery_mode").and_then(Value::as_u64) != Some(1),
            exchange: text(of_delivery("exchange")).unwrap_or_default(),
            routing_key: text(of_delivery("routing_key")).unwrap_or_default(),
            is_redelivered: of_delivery("redelivered").and_then(Value::as_bool).unwrap_or(false),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut envelope = Envelope::of_json(&json!([[1], {}, {}]), Map::from_iter([("task".to_owned(), json!("t"))]));
        envelope.correlation_id = Some("7".to_owned());
        envelope.priority = Some(9);
        let envelope = envelope.to("", "celery");
        assert_eq!(Envelope::from_virtual(envelope.to_virtual().as_bytes()).expect("a message"), envelope);
        assert_eq!(envelope.json().expect("JSON"), json!([[1], {}, {}]));
    }

    #[test]
    fn what_is_no_message_says_why() {
        for (text, part) in [
            ("", "no JSON"),
            ("[]", "no properties"),
            (r#"{"properties":{}}"#, "no body"),
            (r#"{"body":"%","properties":{"body_encoding":"base64"}}"#, "no base64"),
            (r#"{"body":"","properties":{"body_encoding":"rot13"}}"#, "allowed is \"base64\""),
        ] {
            let told = Envelope::from_virtual(text.as_bytes()).expect_err(text).to_string();
            assert!(told.contains(part), "{told}");
        }
    }
}
