//! Remote control: commands that are broadcast to workers, and their replies.

use serde_json::{Map, Value, json};

use crate::{
    envelope::Envelope,
    error::{Error, Result},
};

/// The exchange of commands.
pub(crate) const EXCHANGE: &str = "celery.pidbox";

/// A command, such as `ping` or `revoke`.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub(crate) method: String,
    pub(crate) arguments: Map<String, Value>,
    pub(crate) clock: u64,
    reply_to: Option<(String, String)>,
    ticket: Value,
    destination: Option<Vec<Value>>,
    pattern: Option<String>,
    matcher: Option<String>,
}

impl Command {
    pub(crate) fn read(envelope: &Envelope) -> Result<Self> {
        let body = envelope.json()?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let method = text("method").ok_or_else(|| Error::NotCelery("a command without a method".to_owned()))?;
        let reply_to = body.get("reply_to").and_then(|to| {
            Some((to.get("exchange")?.as_str()?.to_owned(), to.get("routing_key")?.as_str()?.to_owned()))
        });
        Ok(Self {
            arguments: body.get("arguments").and_then(Value::as_object).cloned().unwrap_or_default(),
            clock: envelope.headers.get("clock").and_then(Value::as_u64).unwrap_or(0),
            ticket: body.get("ticket").cloned().unwrap_or(Value::Null),
            destination: body.get("destination").and_then(Value::as_array).cloned(),
            pattern: text("pattern"),
            matcher: text("matcher"),
            reply_to,
            method,
        })
    }

    /// Whether the command is for the node of that name.
    pub(crate) fn is_for(&self, hostname: &str) -> bool {
        match (&self.destination, &self.pattern, self.matcher.as_deref()) {
            (Some(names), ..) if !names.is_empty() => names.iter().any(|name| name == hostname),
            (_, Some(pattern), Some("glob")) => glob(pattern, hostname),
            // There is no one dialect of regular expressions, and a wrong match would do what nobody asked for.
            (_, Some(pattern), Some(_)) => pattern == hostname || pattern == ".*",
            _ => true,
        }
    }

    /// The reply; `None` where nobody waits for one.
    pub(crate) fn reply(&self, hostname: &str, answer: &Value, clock: u64) -> Option<Envelope> {
        let (exchange, routing_key) = self.reply_to.as_ref()?;
        let headers = Map::from_iter([("ticket".to_owned(), self.ticket.clone()), ("clock".to_owned(), json!(clock))]);
        Some(Envelope::of_json(&json!({hostname: answer}), headers).to(exchange, routing_key))
    }

    /// The argument of that name as texts: one, or an array of them.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        match self.arguments.get(name) {
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }
}

/// Shell patterns: `*` and `?`.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            text.char_indices().map(|(place, _)| place).chain([text.len()]).any(|place| glob(rest, &text[place..]))
        }
        Some(first) => {
            let mut rest = text.chars();
            rest.next().is_some_and(|next| first == '?' || first == next)
                && glob(&pattern[first.len_utf8()..], rest.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(body: Value) -> Command {
        Command::read(&Envelope::of_json(&body, Map::new())).expect("a command")
    }

    #[test]
    fn whom_a_command_is_for() {
        for (body, expected) in [
            (json!({"method": "ping"}), true),
            (json!({"method": "ping", "destination": null}), true),
            (json!({"method": "ping", "destination": ["w@a", "w@b"]}), true),
            (json!({"method": "ping", "destination": ["w@b"]}), false),
            (json!({"method": "ping", "pattern": "w@*", "matcher": "glob"}), true),
            (json!({"method": "ping", "pattern": "w?b", "matcher": "glob"}), false),
        ] {
            assert_eq!(command(body.clone()).is_for("w@a"), expected, "{body}");
        }
    }

    #[test]
    fn a_reply_goes_where_it_is_waited_for() {
        let asked =
            command(json!({"method": "ping", "ticket": "t", "reply_to": {"exchange": "e", "routing_key": "r"}}));
        let reply = asked.reply("w@a", &json!({"ok": "pong"}), 3).expect("a reply");
        assert_eq!((reply.exchange.as_str(), reply.routing_key.as_str()), ("e", "r"));
        assert_eq!(reply.headers["ticket"], "t");
        assert_eq!(reply.json().expect("JSON"), json!({"w@a": {"ok": "pong"}}));
        assert!(command(json!({"method": "ping"})).reply("w@a", &json!({}), 3).is_none());
    }
}
