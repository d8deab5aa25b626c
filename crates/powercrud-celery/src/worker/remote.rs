//! Answers to remote control, in the words of Celery's own workers.

use std::sync::{Arc, atomic::Ordering};

use serde_json::{Value, json};

use super::shared::{Entry, Shared, Stage};
use crate::control::Command;

/// Does what a command says, and answers where somebody waits.
pub(super) async fn obey(shared: Arc<Shared>, command: Command) {
    shared.clock.adjust(command.clock);
    let hostname = &shared.options.hostname;
    if !command.is_for(hostname) {
        return;
    }
    let answer = answer(&shared, &command).await;
    // Whoever says hello to itself gets no answer.
    if answer.is_null() && command.method == "hello" {
        return;
    }
    if let (Some(reply), Some(connection)) =
        (command.reply(hostname, &answer, shared.clock.forward()), shared.connection())
        && let Err(error) = connection.reply(&reply).await
    {
        tracing::debug!(%error, command = command.method, "a command could not be answered");
    }
}

fn ok(words: impl Into<String>) -> Value {
    json!({"ok": words.into()})
}

fn refused(words: impl Into<String>) -> Value {
    json!({"error": words.into()})
}

async fn answer(shared: &Shared, command: &Command) -> Value {
    let text = |name: &str| command.arguments.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    match command.method.as_str() {
        "ping" => ok("pong"),
        "hello" => match text("from_node") == shared.options.hostname {
            true => Value::Null,
            false => json!({"revoked": {}, "clock": shared.clock.forward()}),
        },
        "clock" => json!({"clock": shared.clock.now()}),
        "report" => ok(format!(
            "\nsoftware -> powercrud-celery:{}\nplatform -> system:{} arch:{}\n",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            std::env::consts::ARCH
        )),
        "conf" | "dump_conf" => conf(shared),
        "stats" => stats(shared),
        "registered" | "dump_tasks" | "registered_tasks" => {
            let mut tasks = shared.tasks.clone();
            tasks.sort();
            json!(tasks)
        }
        "active" | "dump_active" => in_hand(shared, |stage| matches!(stage, Stage::Active(_))),
        "reserved" | "dump_reserved" => in_hand(shared, |stage| stage == Stage::Reserved),
        "scheduled" | "dump_schedule" => scheduled(shared),
        "revoked" | "dump_revoked" => json!(shared.revoked()),
        "query_task" => {
            let found = command.texts("ids").into_iter().filter_map(|id| {
                let entry = shared.find(&id)?;
                let state = if matches!(entry.stage, Stage::Active(_)) { "active" } else { "reserved" };
                Some((id, json!([state, info(shared, &entry)])))
            });
            Value::Object(found.collect())
        }
        "active_queues" => shared.options.queues.iter().map(|queue| self::queue(queue)).collect(),
        "revoke" | "terminate" => revoke(shared, command).await,
        "enable_events" => match shared.sends_events.swap(true, Ordering::Relaxed) {
            true => ok("task events already enabled"),
            false => ok("task events enabled"),
        },
        "disable_events" => match shared.sends_events.swap(false, Ordering::Relaxed) {
            true => ok("task events disabled"),
            false => ok("task events already disabled"),
        },
        "heartbeat" => {
            shared.tell_of_itself("worker-heartbeat");
            Value::Null
        }
        "rate_limit" => unknown_or(shared, &text("task_name"), "rate limits are not supported by this worker"),
        "time_limit" => unknown_or(shared, &text("task_name"), "time limits are not supported by this worker"),
        "pool_grow" | "pool_shrink" => refused(format!(
            "{} is not supported by this worker. Start it with another concurrency instead.",
            command.method
        )),
        "pool_restart" => refused("ValueError('Pool restarts not enabled')"),
        "autoscale" => refused("ValueError('Autoscale not enabled')"),
        "shutdown" => {
            tracing::warn!("remote control asked this worker to shut down, which it does not do");
            refused("shutdown is not supported by this worker. Stop its process instead.")
        }
        "add_consumer" | "cancel_consumer" => {
            refused(format!("{} is not supported by this worker. Start it with another queue instead.", command.method))
        }
        "revoke_by_stamped_headers" => {
            refused("revoke_by_stamped_headers is not supported by this worker. Revoke by id instead.")
        }
        "election" => Value::Null,
        other => {
            tracing::warn!(command = other, "remote control asked for something that is not known");
            refused(format!("KeyError({})", crate::repr::repr(&json!(other))))
        }
    }
}

fn unknown_or(shared: &Shared, task: &str, words: &str) -> Value {
    if shared.tasks.iter().any(|known| known == task) { refused(words) } else { refused("unknown task") }
}

async fn revoke(shared: &Shared, command: &Command) -> Value {
    let ids = command.texts("task_id");
    for id in &ids {
        tracing::info!(id, "a task was revoked by remote control");
        shared.remember_revoked(id);
        let entry = shared.find(id);
        shared.handler.revoke(id, entry.as_ref().map(|entry| &*entry.message)).await;
    }
    let terminates = command.method == "terminate" || command.arguments.get("terminate") == Some(&Value::Bool(true));
    match terminates {
        true => ok(format!("terminate: {}", ids.join(", "))),
        false => ok(format!("tasks {} flagged as revoked", ids.join(", "))),
    }
}

/// A task in hand, as `celery inspect` shows it.
fn info(shared: &Shared, entry: &Entry) -> Value {
    let Entry { message, stage, .. } = entry;
    let since = if let Stage::Active(since) = stage { json!(since) } else { Value::Null };
    json!({
        "id": message.id,
        "name": message.name,
        "args": message.args,
        "kwargs": message.kwargs,
        "type": message.name,
        "hostname": shared.options.hostname,
        "time_start": since,
        "acknowledged": false,
        "delivery_info": {
            "exchange": message.exchange,
            "routing_key": message.routing_key,
            "priority": message.priority,
            "redelivered": message.is_redelivered,
        },
        "worker_pid": std::process::id(),
    })
}

fn in_hand(shared: &Shared, is_meant: impl Fn(Stage) -> bool) -> Value {
    shared.in_hand().iter().filter(|entry| is_meant(entry.stage)).map(|entry| info(shared, entry)).collect()
}

fn scheduled(shared: &Shared) -> Value {
    let all = shared.in_hand();
    let waiting = all.iter().filter(|entry| entry.stage == Stage::Scheduled);
    waiting
        .map(|entry| {
            let eta = entry.message.eta.map(|eta| eta.to_rfc3339());
            json!({"eta": eta, "priority": 6, "request": info(shared, entry)})
        })
        .collect()
}

fn queue(name: &str) -> Value {
    let exchange = json!({
        "name": name, "type": "direct", "arguments": null, "durable": true, "passive": false, "auto_delete": false,
        "delivery_mode": null, "no_declare": false,
    });
    json!({
        "name": name, "exchange": exchange, "routing_key": name, "queue_arguments": null, "binding_arguments": null,
        "consumer_arguments": null, "durable": true, "exclusive": false, "auto_delete": false, "no_ack": false, "alias": null,
        "bindings": [], "no_declare": null, "expires": null, "message_ttl": null, "max_length": null,
        "max_length_bytes": null, "max_priority": null,
    })
}

fn conf(shared: &Shared) -> Value {
    let options = &shared.options;
    json!({
        "task_acks_late": true,
        "task_default_queue": options.default_queue,
        "worker_concurrency": options.concurrency,
        "worker_send_task_events": shared.sends_events.load(Ordering::Relaxed),
        "result_expires": options.results_expire.as_secs(),
    })
}

fn stats(shared: &Shared) -> Value {
    let options = &shared.options;
    json!({
        "total": shared.totals(),
        "pid": std::process::id(),
        "clock": shared.clock.now().to_string(),
        "uptime": shared.began.elapsed().as_secs(),
        "pool": {
            "implementation": "powercrud-celery:tokio",
            "max-concurrency": options.concurrency,
            "processes": [std::process::id()],
            "max-tasks-per-child": "N/A",
            "put-guarded-by-semaphore": true,
            "timeouts": [0, 0],
        },
        "broker": {},
        "prefetch_count": options.prefetch,
        "rusage": "N/A",
    })
}
