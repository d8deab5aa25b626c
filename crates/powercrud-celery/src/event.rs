//! Events: what workers tell of themselves and of their tasks, for `celery events` and Flower.

use chrono::{Local, Offset as _, Utc};
use serde_json::{Map, Value, json};

use crate::envelope::Envelope;

/// The exchange of events.
pub(crate) const EXCHANGE: &str = "celeryev";

/// Who tells of something.
#[derive(Clone, Debug)]
pub(crate) struct Teller {
    pub(crate) hostname: String,
}

impl Teller {
    /// An event as it is sent, such as `task-received`, with its fields.
    pub(crate) fn event(&self, kind: &str, clock: u64, fields: Map<String, Value>) -> Envelope {
        let now = Utc::now();
        let mut body = json!({
            "type": kind,
            "hostname": self.hostname,
            "utcoffset": utc_offset(),
            "pid": std::process::id(),
            "clock": clock,
            "timestamp": now.timestamp_micros() as f64 / 1e6,
        });
        for (name, value) in fields {
            body[name] = value;
        }
        let headers = Map::from_iter([("hostname".to_owned(), json!(self.hostname))]);
        Envelope::of_json(&body, headers).to(EXCHANGE, &kind.replacen('-', ".", 1))
    }
}

/// In whole hours west of Greenwich, as Python's `time.timezone` has it.
fn utc_offset() -> i32 {
    (-Local::now().offset().fix().local_minus_utc()).div_euclid(3600)
}

/// What a worker says of itself in each heartbeat.
pub(crate) fn software() -> Map<String, Value> {
    let system = match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "Darwin",
        "windows" => "Windows",
        other => other,
    };
    let fields = [("sw_ident", "rs-celery"), ("sw_ver", env!("CARGO_PKG_VERSION")), ("sw_sys", system)];
    fields.map(|(name, value)| (name.to_owned(), json!(value))).into_iter().collect()
}

/// Over 1, 5 and 15 minutes; zeros where the machine does not tell.
pub(crate) fn load_average() -> [f64; 3] {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut parts = text.split(' ').map_while(|part| part.parse().ok());
    std::array::from_fn(|_| parts.next().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_what_receivers_look_for() {
        let teller = Teller { hostname: "w@h".to_owned() };
        let event = teller.event("task-received", 7, Map::from_iter([("uuid".to_owned(), json!("1"))]));
        assert_eq!((event.exchange.as_str(), event.routing_key.as_str()), ("celeryev", "task.received"));
        let body = event.json().expect("JSON");
        for (name, value) in
            [("type", json!("task-received")), ("uuid", json!("1")), ("clock", json!(7)), ("hostname", json!("w@h"))]
        {
            assert_eq!(body[name], value);
        }
    }
}
