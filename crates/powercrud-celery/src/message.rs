//! Messages that ask for a task: protocol 2, where headers say what to do and the body is `[args, kwargs, embed]`.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    envelope::Envelope,
    error::{Error, Result},
    nodename,
    repr::repr,
};

/// A task as it is asked for.
///
/// ```
/// use powercrud_celery::Message;
/// use serde_json::json;
///
/// let message = Message::new("shop.tasks.restock").id("7").arg(json!(42)).kwarg("warehouse", json!("north")).priority(6);
/// assert_eq!((message.name.as_str(), message.args.as_slice()), ("shop.tasks.restock", &[json!(42)][..]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The task's name, such as `shop.tasks.restock`.
    pub name: String,
    /// What names this call: a UUID, unless the sender chose otherwise.
    pub id: String,
    /// Arguments by place.
    pub args: Vec<Value>,
    /// Arguments by name.
    pub kwargs: Map<String, Value>,
    /// Not to be begun before.
    pub eta: Option<DateTime<Utc>>,
    /// Not to be begun after.
    pub expires: Option<DateTime<Utc>>,
    /// From 0 to 255. On Redis 0 comes first and 9 last; on RabbitMQ greater ones come first.
    pub priority: Option<u8>,
    /// The first task of the chain or group that this one belongs to; its own id where there is none.
    pub root_id: String,
    /// The task that asked for this one.
    pub parent_id: Option<String>,
    /// Whether nobody wants the result.
    pub ignores_result: bool,
    /// The group it belongs to.
    pub(crate) group: Option<String>,
    pub(crate) group_index: Option<i64>,
    /// What follows: `callbacks`, `errbacks`, `chain` and `chord`, as Celery writes signatures.
    pub(crate) embed: Map<String, Value>,
    /// The headers as they came, for what else is in them.
    pub(crate) headers: Map<String, Value>,
    pub(crate) reply_to: String,
    pub(crate) exchange: String,
    pub(crate) routing_key: String,
    pub(crate) is_redelivered: bool,
}

impl Message {
    /// A call of the task of that name, without arguments.
    pub fn new(name: impl Into<String>) -> Self {
        let id = Uuid::new_v4().to_string();
        Self {
            name: name.into(),
            root_id: id.clone(),
            id,
            args: Vec::new(),
            kwargs: Map::new(),
            eta: None,
            expires: None,
            priority: None,
            parent_id: None,
            ignores_result: false,
            group: None,
            group_index: None,
            embed: Map::new(),
            headers: Map::new(),
            reply_to: String::new(),
            exchange: String::new(),
            routing_key: String::new(),
            is_redelivered: false,
        }
    }

    /// Under that id.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self.root_id.clone_from(&self.id);
        self
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, value: Value) -> Self {
        self.args.push(value);
        self
    }

    /// With an argument of that name.
    #[must_use]
    pub fn kwarg(mut self, name: impl Into<String>, value: Value) -> Self {
        self.kwargs.insert(name.into(), value);
        self
    }

    /// Of that priority.
    #[must_use]
    pub fn priority(mut self, priority: u8) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Whether the message was delivered before, to a worker that did not acknowledge it.
    pub fn is_redelivered(&self) -> bool {
        self.is_redelivered
    }

    /// The queue's routing key that it came by; empty before it was sent.
    pub fn routing_key(&self) -> &str {
        &self.routing_key
    }

    /// The arguments as Python would show them.
    pub(crate) fn args_repr(&self) -> String {
        match self.headers.get("argsrepr").and_then(Value::as_str) {
            Some(text) => text.to_owned(),
            None if self.args.len() == 1 => format!("({},)", repr(&self.args[0])),
            None => format!("({})", self.args.iter().map(repr).collect::<Vec<_>>().join(", ")),
        }
    }

    pub(crate) fn kwargs_repr(&self) -> String {
        match self.headers.get("kwargsrepr").and_then(Value::as_str) {
            Some(text) => text.to_owned(),
            None => repr(&Value::Object(self.kwargs.clone())),
        }
    }

    pub(crate) fn retries(&self) -> i64 {
        self.headers.get("retries").and_then(Value::as_i64).unwrap_or(0)
    }

    pub(crate) fn to_envelope(&self) -> Envelope {
        let time = |time: Option<DateTime<Utc>>| time.map(|time| time.to_rfc3339());
        let mut headers = json!({
            "lang": "py",
            "task": self.name,
            "id": self.id,
            "shadow": null,
            "eta": time(self.eta),
            "expires": time(self.expires),
            "group": self.group,
            "group_index": self.group_index,
            "retries": self.retries(),
            "timelimit": [null, null],
            "root_id": self.root_id,
            "parent_id": self.parent_id,
            "argsrepr": self.args_repr(),
            "kwargsrepr": self.kwargs_repr(),
            "origin": nodename::anonymous(),
            "ignore_result": self.ignores_result,
            "replaced_task_nesting": 0,
            "stamped_headers": null,
            "stamps": {},
        });
        let headers = headers.as_object_mut().map(std::mem::take).unwrap_or_default();
        let mut embed = json!({"callbacks": null, "errbacks": null, "chain": null, "chord": null});
        for (name, value) in &self.embed {
            embed[name] = value.clone();
        }
        let mut envelope = Envelope::of_json(&json!([self.args, self.kwargs, embed]), headers);
        envelope.correlation_id = Some(self.id.clone());
        envelope.reply_to = Some(self.reply_to.clone());
        envelope.priority = self.priority;
        envelope.is_persistent = true;
        envelope.to(&self.exchange, &self.routing_key)
    }

    pub(crate) fn read(envelope: &Envelope) -> Result<Self> {
        let not = |what: String| Error::NotCelery(what);
        let header = |name: &str| envelope.headers.get(name);
        let text = |name: &str| header(name).and_then(Value::as_str).map(str::to_owned);
        let name = text("task").ok_or_else(|| not("its headers name no task; protocol 2 is meant".to_owned()))?;
        let id = text("id").ok_or_else(|| not("its headers have no id".to_owned()))?;
        let body = envelope.json()?;
        let Some([args, kwargs, embed]) = body.as_array().map(Vec::as_slice) else {
            return Err(not("its body is no array of arguments, named arguments and what follows".to_owned()));
        };
        let (Some(args), Some(kwargs)) = (args.as_array(), kwargs.as_object()) else {
            return Err(not("its arguments are no array and no object".to_owned()));
        };
        Ok(Self {
            root_id: text("root_id").unwrap_or_else(|| id.clone()),
            parent_id: text("parent_id"),
            args: args.iter().cloned().map(plain).collect(),
            kwargs: kwargs.iter().map(|(name, value)| (name.clone(), plain(value.clone()))).collect(),
            embed: embed.as_object().cloned().unwrap_or_default(),
            eta: instant("eta", header("eta"))?,
            expires: instant("expires", header("expires"))?,
            priority: envelope.priority,
            ignores_result: header("ignore_result").and_then(Value::as_bool).unwrap_or(false),
            group: text("group"),
            group_index: header("group_index").and_then(Value::as_i64),
            headers: envelope.headers.clone(),
            reply_to: envelope.reply_to.clone().unwrap_or_default(),
            exchange: envelope.exchange.clone(),
            routing_key: envelope.routing_key.clone(),
            is_redelivered: envelope.is_redelivered,
            name,
            id,
        })
    }
}

/// What kombu writes for Python's decimals, dates, times and UUIDs, `{"__type__": …, "__value__": …}`, as the text of the value.
fn plain(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(plain).collect(),
        Value::Object(items)
            if items.len() == 2 && items.contains_key("__type__") && items.contains_key("__value__") =>
        {
            let value = &items["__value__"];
            match (items["__type__"].as_str(), value.get("hex").and_then(Value::as_str)) {
                (Some("decimal" | "date" | "datetime" | "time"), _) => value.clone(),
                (Some("uuid"), Some(hex)) => Uuid::parse_str(hex).map_or(Value::Null, |uuid| json!(uuid)),
                _ => Value::Object(items),
            }
        }
        Value::Object(items) => Value::Object(items.into_iter().map(|(name, value)| (name, plain(value))).collect()),
        other => other,
    }
}

/// A time in ISO 8601; UTC where no zone is said.
pub(crate) fn instant(name: &str, value: Option<&Value>) -> Result<Option<DateTime<Utc>>> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    let time = value.as_str().and_then(|text| {
        let zoned = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
        zoned.or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc())).ok()
    });
    time.map(Some).ok_or_else(|| Error::NotCelery(format!("its {name} is {value}; allowed is a time in ISO 8601")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let message = Message::new("a.b").id("7").arg(json!("x")).kwarg("n", json!(null)).priority(3);
        let read = Message::read(&message.to_envelope()).expect("a message");
        assert_eq!(
            (read.name, read.id, read.args, read.priority),
            ("a.b".into(), "7".into(), vec![json!("x")], Some(3))
        );
        assert_eq!(read.headers["argsrepr"], "('x',)");
        assert_eq!(read.headers["kwargsrepr"], "{'n': None}");
    }

    #[test]
    fn times_have_a_zone_or_are_utc() {
        for text in [
            "2026-11-30T12:00:00+00:00",
            "2026-11-30T13:00:00+01:00",
            "2026-11-30T12:00:00",
            "2026-11-30T12:00:00.000001",
        ] {
            let time = instant("eta", Some(&json!(text))).expect("a time").expect("one");
            assert_eq!(time.timestamp(), 1_796_040_000, "{text}");
        }
        assert!(instant("eta", Some(&json!("soon"))).expect_err("none").to_string().contains("ISO 8601"));
    }

    #[test]
    fn what_json_does_not_know_is_text() {
        let given = json!([{"__type__": "decimal", "__value__": "9.90"}, {"a": {"__type__": "uuid", "__value__": {"hex": "018f4c1e5b7a7d109c3e6a4170b2d5f3", "version": 7}}}]);
        assert_eq!(plain(given), json!(["9.90", {"a": "018f4c1e-5b7a-7d10-9c3e-6a4170b2d5f3"}]));
    }

    #[test]
    fn what_is_no_task_says_why() {
        let envelope =
            |body: Value, headers: Value| Envelope::of_json(&body, headers.as_object().cloned().unwrap_or_default());
        for (envelope, part) in [
            (envelope(json!([[], {}, {}]), json!({})), "name no task"),
            (envelope(json!([[], {}, {}]), json!({"task": "t"})), "have no id"),
            (envelope(json!({}), json!({"task": "t", "id": "7"})), "no array of arguments"),
            (envelope(json!([1, 2, 3]), json!({"task": "t", "id": "7"})), "no object"),
        ] {
            let told = Message::read(&envelope).expect_err("none").to_string();
            assert!(told.contains(part), "{told}");
        }
    }
}
