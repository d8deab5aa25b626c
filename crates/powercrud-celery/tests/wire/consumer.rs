//! Python's worker on a queue that this crate sends to, and on one that it shares with a worker of this crate.

use powercrud_celery::{Address, Client, Message};
use serde_json::json;

use crate::support::{Running, Scene, each_celery};

each_celery! { python_does_what_is_sent_from_here }

async fn python_does_what_is_sent_from_here(scene: Scene) {
    let python = scene
        .command()
        .args(["-m", "celery", "-A", "client", "worker", "-c", "1", "-l", "WARNING", "-n", "py@test"])
        .spawn();
    let mut python = Running(python.expect("Python's worker"));
    let client = Client::new(Address::parse(&scene.broker).expect("an address"));
    // One that it does not know is refused there, and breaks nothing.
    for message in [
        Message::new("powercrud.tasks.bulk_edit_task").arg(json!("7")),
        Message::new("python.shout").id("shout").arg(json!("hello")).priority(3),
    ] {
        client.send("celery", message).await.expect("sent");
    }
    client.check().await.expect("a broker that answers");
    let told = scene.python("say(app.AsyncResult('shout').get(timeout=60))");
    assert_eq!(told, json!("HELLO"));
    assert!(python.0.try_wait().expect("a process").is_none(), "it has ended");
}
