//! Between messages of AMQP and kombu's.

use lapin::{
    BasicProperties,
    message::Delivery,
    types::{AMQPValue, FieldTable, ShortString},
};
use serde_json::{Map, Value, json};

use crate::envelope::Envelope;

pub(super) fn properties(envelope: &Envelope) -> BasicProperties {
    let mut headers = FieldTable::default();
    for (name, value) in &envelope.headers {
        headers.insert(name.as_str().into(), field(value));
    }
    let mut properties = BasicProperties::default()
        .with_content_type(envelope.content_type.as_str().into())
        .with_content_encoding(envelope.content_encoding.as_str().into())
        .with_delivery_mode(if envelope.is_persistent { 2 } else { 1 })
        .with_priority(envelope.priority.unwrap_or(0))
        .with_headers(headers);
    if let Some(id) = &envelope.correlation_id {
        properties = properties.with_correlation_id(id.as_str().into());
    }
    if let Some(to) = &envelope.reply_to {
        properties = properties.with_reply_to(to.as_str().into());
    }
    properties
}

pub(super) fn envelope(delivery: &Delivery) -> Envelope {
    let properties = &delivery.properties;
    let text = |text: &Option<ShortString>| text.as_ref().map(ToString::to_string);
    let headers = properties.headers().as_ref().map(object).unwrap_or_default();
    Envelope {
        body: delivery.data.clone(),
        content_type: text(properties.content_type()).unwrap_or_default(),
        content_encoding: text(properties.content_encoding()).unwrap_or_default(),
        headers,
        correlation_id: text(properties.correlation_id()),
        reply_to: text(properties.reply_to()),
        priority: *properties.priority(),
        is_persistent: *properties.delivery_mode() != Some(1),
        exchange: delivery.exchange.to_string(),
        routing_key: delivery.routing_key.to_string(),
        is_redelivered: delivery.redelivered,
    }
}

fn field(value: &Value) -> AMQPValue {
    match value {
        Value::Null => AMQPValue::Void,
        Value::Bool(is) => AMQPValue::Boolean(*is),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => AMQPValue::LongLongInt(whole),
            None => AMQPValue::Double(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => AMQPValue::LongString(text.as_str().into()),
        Value::Array(items) => AMQPValue::FieldArray(items.iter().map(field).collect::<Vec<_>>().into()),
        Value::Object(items) => {
            let mut table = FieldTable::default();
            for (name, value) in items {
                table.insert(name.as_str().into(), field(value));
            }
            AMQPValue::FieldTable(table)
        }
    }
}

fn object(table: &FieldTable) -> Map<String, Value> {
    table.inner().iter().map(|(name, value)| (name.to_string(), value_of(value))).collect()
}

fn value_of(field: &AMQPValue) -> Value {
    match field {
        AMQPValue::Boolean(is) => json!(is),
        AMQPValue::ShortShortInt(number) => json!(number),
        AMQPValue::ShortShortUInt(number) => json!(number),
        AMQPValue::ShortInt(number) => json!(number),
        AMQPValue::ShortUInt(number) => json!(number),
        AMQPValue::LongInt(number) => json!(number),
        AMQPValue::LongUInt(number) => json!(number),
        AMQPValue::LongLongInt(number) => json!(number),
        AMQPValue::Timestamp(number) => json!(number),
        AMQPValue::Float(number) => json!(number),
        AMQPValue::Double(number) => json!(number),
        AMQPValue::ShortString(text) => json!(text.as_str()),
        AMQPValue::LongString(text) => json!(String::from_utf8_lossy(text.as_bytes())),
        AMQPValue::FieldArray(items) => items.as_slice().iter().map(value_of).collect(),
        AMQPValue::FieldTable(table) => Value::Object(object(table)),
        AMQPValue::DecimalValue(_) | AMQPValue::ByteArray(_) | AMQPValue::Void => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back() {
        let headers =
            json!({"task": "t", "timelimit": [null, 3], "clock": 7, "stamps": {}, "f": 1.5, "no": false, "eta": null});
        let mut table = FieldTable::default();
        for (name, value) in headers.as_object().expect("an object") {
            table.insert(name.as_str().into(), field(value));
        }
        assert_eq!(Value::Object(object(&table)), headers);
    }
}
