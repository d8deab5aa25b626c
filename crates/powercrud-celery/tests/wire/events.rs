//! `celery events` and Flower.

use serde_json::{Value, json};

use crate::support::{Running, Scene, await_port, each_celery, free_port};

each_celery! { receivers_hear_of_the_worker_and_its_tasks, flower_lists_the_task }

async fn receivers_hear_of_the_worker_and_its_tasks(scene: Scene) {
    let heard = scene.python_in_background(
        "from celery.events import EventReceiver\n\
         seen = []\n\
         state = app.events.State()\n\
         def on(event):\n    state.event(event); seen.append(event['type'])\n    recv.should_stop = seen.count('worker-offline') > 0\n\
         with app.connection() as connection:\n\
         \x20   recv = EventReceiver(connection, handlers={'*': on}, app=app)\n\
         \x20   recv.capture(limit=None, timeout=60, wakeup=False)\n\
         t = {k: [v.state, v.name, v.args, v.worker.hostname if v.worker else None, v.runtime is not None] for k, v in state.tasks.items()}\n\
         say([sorted(set(seen)), t])",
    );
    // It declares its queue before it hears anything, and nobody else tells that.
    let echo = loop {
        let echo = scene.worker().await;
        if scene.somebody_hears_events().await {
            break echo;
        }
        echo.end().await;
    };
    scene.python(
        "a = task('rust.add', 1, 2).apply_async(task_id='good'); b = task('rust.fail').apply_async(task_id='bad')\n\
         a.get(timeout=60); b.get(timeout=60, propagate=False)\n\
         c = task('rust.add', 1).apply_async(task_id='old', countdown=1, expires=0.1); c.get(timeout=60, propagate=False)\nsay(0)",
    );
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    echo.end().await;
    let told = heard.await.expect("no panic");
    for kind in [
        "worker-heartbeat",
        "worker-offline",
        "task-received",
        "task-started",
        "task-succeeded",
        "task-failed",
        "task-revoked",
    ] {
        assert!(told[0].as_array().expect("types").contains(&json!(kind)), "{kind}: {told}");
    }
    assert_eq!(told[1]["good"], json!(["SUCCESS", "rust.add", "(1, 2)", "echo@test", true]), "{told}");
    assert_eq!((&told[1]["bad"][0], &told[1]["old"][0]), (&json!("FAILURE"), &json!("REVOKED")), "{told}");
}

async fn flower_lists_the_task(scene: Scene) {
    let port = free_port();
    let mut flower = scene.command();
    flower.env("FLOWER_UNAUTHENTICATED_API", "true");
    flower.args([
        "-m",
        "celery",
        "-A",
        "client",
        "flower",
        "--address=127.0.0.1",
        &format!("--port={port}"),
        "--logging=warning",
    ]);
    let _flower = Running(flower.spawn().expect("Flower"));
    await_port(port);
    let echo = scene.worker().await;
    // Flower may miss what was told before it listened, so tasks are sent until it lists one; and it asks for workers by remote control, for
    // whose answers it waits a second.
    let told: Value = scene.python(&format!(
        "import urllib.request\n\
         def get(path):\n    return json.load(urllib.request.urlopen('http://127.0.0.1:{port}/api/' + path))\n\
         def listed():\n\
         \x20   r = task('rust.add', 1, 2).apply_async(); r.get(timeout=60); time.sleep(0.5)\n\
         \x20   t = get('tasks').get(r.id)\n\
         \x20   global found; found = t\n\
         \x20   return t and t['state'] == 'SUCCESS' and t['runtime'] is not None\n\
         until(listed)\n\
         until(lambda: 'echo@test' in get('workers?refresh=1'))\n\
         say([found['name'], found['result'], found['worker']])"
    ));
    assert_eq!(told, json!(["rust.add", "3", "echo@test"]));
    echo.end().await;
}
