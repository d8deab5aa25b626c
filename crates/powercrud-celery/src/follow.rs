//! What follows a task: the signatures that its sender put around it, as messages.

use chrono::{Duration, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    message::Message,
};

/// A message, and the queue that the sender chose for it, if any.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Follower {
    pub(crate) queue: Option<String>,
    pub(crate) message: Message,
}

/// Whether everything that follows a task can be done when the time comes.
///
/// # Errors
/// [`Error::Unsupported`].
pub(crate) fn check(message: &Message) -> Result<()> {
    for name in ["callbacks", "errbacks", "chain"] {
        for signature in signatures(message.embed.get(name)) {
            build(signature, &Value::Null, message)?;
        }
    }
    match message.embed.get("chord").filter(|chord| !chord.is_null()) {
        Some(chord) => build(chord, &Value::Null, message).map(|_| ()),
        None => Ok(()),
    }
}

/// What follows a task that ended well.
pub(crate) fn after_success(message: &Message, result: &Value) -> Result<Vec<Follower>> {
    let mut followers = Vec::new();
    for callback in signatures(message.embed.get("callbacks")) {
        followers.extend(build(callback, result, message)?);
    }
    // The next one is the last.
    if let Some((next, rest)) = signatures(message.embed.get("chain")).split_last() {
        let mut next = build(next, result, message)?;
        for follower in &mut next {
            follower.message.embed.insert("chain".to_owned(), json!(rest));
        }
        followers.extend(next);
    }
    Ok(followers)
}

/// What follows a task that failed: it is told its id.
pub(crate) fn after_failure(message: &Message) -> Result<Vec<Follower>> {
    let mut followers = Vec::new();
    for errback in signatures(message.embed.get("errbacks")) {
        followers.extend(build(errback, &json!(message.id), message)?);
    }
    Ok(followers)
}

/// What follows all parts of a chord.
pub(crate) fn after_all(part: &Message, results: Vec<Value>) -> Result<Vec<Follower>> {
    match part.embed.get("chord").filter(|chord| !chord.is_null()) {
        Some(body) => build(body, &Value::Array(results), part),
        None => Ok(Vec::new()),
    }
}

/// The id under which what follows all parts of a chord was promised.
pub(crate) fn chord_id(part: &Message) -> Option<&str> {
    part.embed.get("chord")?.get("options")?.get("task_id")?.as_str()
}

fn signatures(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The messages of a signature that is called with one argument more.
fn build(signature: &Value, argument: &Value, parent: &Message) -> Result<Vec<Follower>> {
    let part = |name: &str| signature.get(name).filter(|value| !value.is_null());
    let tasks = part("kwargs").and_then(|kwargs| kwargs.get("tasks"));
    match part("subtask_type").and_then(Value::as_str) {
        None => one(signature, argument, parent).map(|follower| vec![follower]),
        Some("group") => {
            let id = part("options").and_then(|options| options.get("task_id")).and_then(Value::as_str);
            let id = id.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
            let mut all = Vec::new();
            for (place, task) in signatures(tasks).iter().enumerate() {
                let mut members = build(task, argument, parent)?;
                for Follower { message, .. } in &mut members {
                    message.group = Some(id.clone());
                    message.group_index = i64::try_from(place).ok();
                }
                all.append(&mut members);
            }
            Ok(all)
        }
        Some("chain") => {
            let Some((first, rest)) = signatures(tasks).split_first() else { return Ok(Vec::new()) };
            let mut first = build(first, argument, parent)?;
            let rest: Vec<_> = rest.iter().rev().cloned().collect();
            for Follower { message, .. } in &mut first {
                message.embed.insert("chain".to_owned(), json!(rest));
            }
            Ok(first)
        }
        Some(other) => Err(Error::Unsupported(format!(
            "a {other} can't follow a task of this worker; what may follow are single tasks, groups and chains"
        ))),
    }
}

fn one(signature: &Value, argument: &Value, parent: &Message) -> Result<Follower> {
    let name = signature.get("task").and_then(Value::as_str);
    let name = name.ok_or_else(|| Error::Unsupported("a signature that follows the task names none".to_owned()))?;
    let none = Map::new();
    let options = signature.get("options").and_then(Value::as_object).unwrap_or(&none);
    let text = |name: &str| options.get(name).and_then(Value::as_str).map(str::to_owned);
    let mut message = Message::new(name);
    if let Some(id) = text("task_id") {
        message.id = id;
    }
    message.root_id.clone_from(&parent.root_id);
    message.parent_id = Some(parent.id.clone());
    if !signature.get("immutable").and_then(Value::as_bool).unwrap_or(false) {
        message.args.push(argument.clone());
    }
    message.args.extend_from_slice(signatures(signature.get("args")));
    message.kwargs = signature.get("kwargs").and_then(Value::as_object).cloned().unwrap_or_default();
    message.priority = options.get("priority").and_then(Value::as_u64).map(|it| u8::try_from(it).unwrap_or(u8::MAX));
    message.reply_to = text("reply_to").unwrap_or_default();
    message.group = text("group_id");
    message.group_index = options.get("group_index").and_then(Value::as_i64);
    message.ignores_result = options.get("ignore_result").and_then(Value::as_bool).unwrap_or(false);
    message.eta = time(options, "countdown", "eta")?;
    message.expires = time(options, "expires", "expires")?;
    for (option, name) in [("link", "callbacks"), ("link_error", "errbacks")] {
        match options.get(option) {
            Some(Value::Array(all)) => drop(message.embed.insert(name.to_owned(), json!(all))),
            Some(single @ Value::Object(_)) => drop(message.embed.insert(name.to_owned(), json!([single]))),
            _ => {}
        }
    }
    for name in ["chain", "chord"] {
        if let Some(value) = options.get(name) {
            message.embed.insert(name.to_owned(), value.clone());
        }
    }
    let queue = match options.get("queue") {
        Some(Value::Object(queue)) => queue.get("name").and_then(Value::as_str).map(str::to_owned),
        _ => text("queue"),
    };
    Ok(Follower { queue: queue.or_else(|| text("routing_key")), message })
}

/// In so many seconds, or at a time.
fn time(options: &Map<String, Value>, seconds: &str, instant: &str) -> Result<Option<chrono::DateTime<Utc>>> {
    if let Some(seconds) = options.get(seconds).and_then(Value::as_f64) {
        return Ok(Some(Utc::now() + Duration::milliseconds((seconds * 1000.0) as i64)));
    }
    crate::message::instant(instant, options.get(instant))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(task: &str, more: Value) -> Value {
        let mut signature =
            json!({"task": task, "args": [1], "kwargs": {}, "options": {}, "subtask_type": null, "immutable": false});
        for (name, value) in more.as_object().expect("an object") {
            signature[name] = value.clone();
        }
        signature
    }

    #[test]
    fn the_next_of_a_chain_is_the_last_and_has_the_rest() {
        let mut message = Message::new("a").id("7");
        let (next, last) =
            (signature("b", json!({"options": {"task_id": "8", "queue": "q"}})), signature("c", json!({})));
        message.embed.insert("chain".to_owned(), json!([last, next]));
        let followers = after_success(&message, &json!("done")).expect("followers");
        let [Follower { queue, message: next }] = &followers[..] else { panic!("one: {followers:?}") };
        assert_eq!((queue.as_deref(), next.name.as_str(), next.id.as_str()), (Some("q"), "b", "8"));
        assert_eq!(next.args, [json!("done"), json!(1)]);
        assert_eq!((next.root_id.as_str(), next.parent_id.as_deref()), ("7", Some("7")));
        assert_eq!(next.embed["chain"], json!([last]));
    }

    #[test]
    fn what_can_not_follow_is_refused_beforehand() {
        let mut message = Message::new("a");
        message
            .embed
            .insert("callbacks".to_owned(), json!([signature("celery.chord", json!({"subtask_type": "chord"}))]));
        let told = check(&message).expect_err("refused").to_string();
        assert!(told.contains("a chord can't follow"), "{told}");
    }

    #[test]
    fn an_immutable_one_gets_no_argument_and_each_of_a_group_does() {
        let mut message = Message::new("a").id("7");
        let tasks = json!([signature("b", json!({})), signature("c", json!({"immutable": true}))]);
        let group = json!({"task": "celery.group", "args": [], "kwargs": {"tasks": tasks}, "options": {"task_id": "g"}, "subtask_type": "group"});
        message.embed.insert("callbacks".to_owned(), json!([group]));
        message.embed.insert("errbacks".to_owned(), json!([signature("d", json!({}))]));
        let followers = after_success(&message, &json!("done")).expect("followers");
        let args: Vec<_> = followers.iter().map(|follower| follower.message.args.clone()).collect();
        assert_eq!(args, [vec![json!("done"), json!(1)], vec![json!(1)]]);
        assert!(followers.iter().all(|follower| follower.message.group.as_deref() == Some("g")));
        assert_eq!(after_failure(&message).expect("one")[0].message.args, [json!("7"), json!(1)]);
    }
}
