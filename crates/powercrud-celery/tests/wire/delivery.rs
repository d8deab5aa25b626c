//! Messages that are delivered again, brokers that go and come back, and what is no message.

use std::{sync::Arc, time::Duration};

use powercrud_celery::{Address, Client, Message, WorkerOptions};
use serde_json::json;

use crate::{
    rabbitmq::rabbitmqctl,
    redis_server::RedisServer,
    support::{Scene, each_celery, redis_says, until},
};

each_celery! { a_worker_that_stops_gives_back_what_it_holds, a_worker_that_is_gone_loses_nothing, what_is_no_message_is_refused, a_prefetch_is_kept }

async fn a_worker_that_is_gone_loses_nothing(scene: Scene) {
    let client = Client::new(Address::parse(&scene.broker).expect("an address"));
    let first = scene.worker().await;
    client.send("rust", Message::new("rust.wait").id("w")).await.expect("sent");
    until("the first has it", || first.state.count() == 1).await;
    // As a process that is killed: nothing is given back.
    first.running.abort();
    let _ = first.running.await;
    let second = scene.worker_with(WorkerOptions { hostname: "second@test".into(), ..scene.options() }).await;
    until("the second has it", || second.state.count() == 1).await;
    assert!(second.state.seen.lock().expect("no panic")[0].is_redelivered());
    second.state.release();
    assert_eq!(scene.python("say(app.AsyncResult('w').get(timeout=60))"), json!("released"));
    second.end().await;
    if scene.rabbit.is_none() {
        for key in ["unacked", "unacked_index", "unacked_renewed", "unacked_origin", "rust"] {
            assert_eq!(redis_says(&scene.redis, &["EXISTS", key]), json!(0), "{key}");
        }
    }
}

async fn a_worker_that_stops_gives_back_what_it_holds(scene: Scene) {
    let client = Client::new(Address::parse(&scene.broker).expect("an address"));
    // On Redis nobody would deliver it again for an hour.
    let options = WorkerOptions { lease: Duration::from_secs(3600), ..scene.options() };
    let first = scene.worker_with(options.clone()).await;
    client.send("rust", Message::new("rust.wait").id("w").priority(3)).await.expect("sent");
    until("the first has it", || first.state.count() == 1).await;
    first.end().await;
    let second = scene.worker_with(options).await;
    until("the second has it", || second.state.count() == 1).await;
    let again = second.state.seen.lock().expect("no panic")[0].clone();
    assert_eq!((again.id.as_str(), again.priority, again.is_redelivered()), ("w", Some(3), true));
    second.state.release();
    assert_eq!(scene.python("say(app.AsyncResult('w').get(timeout=60))"), json!("released"));
    second.end().await;
}

async fn what_is_no_message_is_refused(scene: Scene) {
    let echo = scene.worker().await;
    match scene.rabbit {
        None => {
            for raw in ["no JSON", "{}", "[1]", r#"{"body": "e30=", "headers": {}, "properties": {"delivery_tag": "x", "delivery_info": {}, "body_encoding": "base64"}}"#] {
                redis_says(&scene.redis, &["LPUSH", "rust", raw]);
            }
        }
        Some(_) => drop(scene.python(
            "with app.connection() as c:\n    p = c.Producer()\n    p.publish('no JSON', routing_key='rust', content_type='text/plain', content_encoding='utf-8')\n    p.publish({}, routing_key='rust', serializer='json')\nsay(0)",
        )),
    }
    assert_eq!(scene.python("say(task('rust.add', 1, 1).apply_async().get(timeout=60))"), json!(2));
    echo.end().await;
    if scene.rabbit.is_none() {
        assert_eq!(redis_says(&scene.redis, &["EXISTS", "unacked"]), json!(0));
    }
}

async fn a_prefetch_is_kept(scene: Scene) {
    let client = Client::new(Address::parse(&scene.broker).expect("an address"));
    // Those that wait for their time don't count.
    scene.python("[task('rust.add', n).apply_async(countdown=3600) for n in range(10)]; say(0)");
    for number in 0..8 {
        client.send("rust", Message::new("rust.wait").arg(json!(number))).await.expect("sent");
    }
    let echo = scene.worker_with(WorkerOptions { prefetch: 2, ..scene.options() }).await;
    until("it has begun", || echo.state.count() >= 2).await;
    let is_rabbit = scene.rabbit.is_some();
    if !is_rabbit {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(echo.state.count(), 2);
    }
    let state = Arc::clone(&echo.state);
    until("all are done", || {
        state.release();
        state.count() == 8
    })
    .await;
    echo.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_goes_and_comes_back() {
    let Some(scene) = Scene::new("redis", "5.6") else { return };
    let client = Client::new(Address::parse(&scene.broker).expect("an address"));
    let echo = scene.worker().await;
    client.send("rust", Message::new("rust.echo")).await.expect("sent");
    until("it is done", || echo.state.count() == 1).await;
    let Scene { redis, .. } = scene;
    let port = redis.port;
    drop(redis);
    let error = client.send("rust", Message::new("rust.echo")).await.expect_err("away").to_string();
    assert!(error.contains("Redis"), "{error}");
    let _redis = RedisServer::start_at(port).expect("Redis again");
    while client.send("rust", Message::new("rust.echo")).await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    until("it is done", || echo.state.count() >= 2).await;
    echo.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_rabbitmq_closes_are_made_anew() {
    let Some(scene) = Scene::new("rabbitmq", "5.6") else { return };
    let vhost = scene.rabbit.as_ref().expect("RabbitMQ").vhost.clone();
    let client = Client::new(Address::parse(&scene.broker).expect("an address"));
    let echo = scene.worker().await;
    client.send("rust", Message::new("rust.wait").id("w")).await.expect("sent");
    until("it has begun", || echo.state.count() == 1).await;
    assert!(rabbitmqctl(&["close_all_connections", "--vhost", &vhost, "for a test"]));
    client.send("rust", Message::new("rust.echo").id("e")).await.expect("sent over a new connection");
    until("it is done", || echo.state.names().contains(&"rust.echo".to_owned())).await;
    // It was delivered again to the worker that has it in hand, and is not begun twice.
    echo.state.release();
    assert_eq!(scene.python("say(app.AsyncResult('w').get(timeout=60))"), json!("released"));
    assert_eq!(echo.state.count(), 2);
    echo.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quorum_queues_are_used_as_they_are_found_and_made_where_asked() {
    let Some(scene) = Scene::new("rabbitmq", "5.6") else { return };
    let made = WorkerOptions { queues: vec!["made".into()], makes_quorum_queues: true, ..scene.options() };
    let found = WorkerOptions { queues: vec!["found".into()], hostname: "found@test".into(), ..scene.options() };
    scene.python("from kombu import Queue\nwith app.connection() as c:\n    Queue('found', queue_arguments={'x-queue-type': 'quorum'}, durable=True).bind(c.default_channel).declare()\nsay(0)");
    let client = Client::new(Address::parse(&scene.broker).expect("an address"));
    for options in [made, found] {
        let queue = options.queues[0].clone();
        let echo = scene.worker_with(options).await;
        client.send(&queue, Message::new("rust.add").id(&*queue).arg(json!(3))).await.expect("sent");
        assert_eq!(scene.python(&format!("say(app.AsyncResult('{queue}').get(timeout=60))")), json!(3));
        echo.end().await;
    }
    let listed = scene.rabbit.as_ref().expect("RabbitMQ").lists(&["list_queues", "name", "type"]);
    for queue in ["made", "found"] {
        assert!(listed.lines().any(|line| line.starts_with(queue) && line.contains("quorum")), "{listed}");
    }
}
