//! Workers of the backend `celery` that are killed while Python waits for what it asked for.

#[path = "../../../powercrud-celery/tests/wire/python.rs"]
mod python;
#[path = "../../../powercrud-celery/tests/wire/rabbitmq.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod rabbitmq;
#[path = "../../../powercrud-celery/tests/wire/redis_server.rs"]
mod redis_server;

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use self::{rabbitmq::Rabbit, redis_server::RedisServer};
use crate::{
    faults::{ROWS, Worker, items},
    program::number,
    support::{TestDatabase, each_database, skip},
};

each_database! { workers_are_killed }

/// How often, over each broker.
const KILLS: u64 = 8;

const ASK: &str = r"
import os, sys
from celery import Celery
app = Celery('shop', broker=os.environ['BROKER'], backend=os.environ['RESULTS'])
edit = app.signature('powercrud.tasks.bulk_edit_task')
result = edit.apply_async(kwargs=dict(resource='item', user=None, all=True, changes={'price': int(sys.argv[1])}), queue='powercrud')
print(result.get(timeout=240)['succeeded_records'])
";

async fn workers_are_killed(database: TestDatabase) {
    let Some(python) = python::celery("5.6") else { return skip("Celery for Python", "it can't be installed") };
    let Some(redis) = RedisServer::start() else { return skip("Celery over Redis", "there is no redis-server") };
    let rabbit = Rabbit::start();
    if rabbit.is_none() {
        skip("Celery over RabbitMQ", "rabbitmqctl can't make a virtual host");
    }
    items(&database).await;
    let brokers = [Some(redis.url(0)), rabbit.as_ref().map(Rabbit::url)];
    for (round, broker) in (1..).zip(brokers.into_iter().flatten()) {
        let settings = [
            ("POWERCRUD_BULK_ASYNC_BACKEND", "celery".to_owned()),
            ("POWERCRUD_CELERY_BROKER_URL", broker.clone()),
            ("POWERCRUD_CELERY_RESULT_BACKEND", redis.url(1)),
            ("POWERCRUD_DISCOVER", "true".to_owned()),
        ];
        let mut worker = Worker::start_with(&database, &settings);
        let mut asking = Command::new(&python);
        asking.args(["-c", ASK, &round.to_string()]).env("BROKER", &broker).env("RESULTS", redis.url(1));
        let asking = asking.stdout(Stdio::piped()).spawn().expect("Python");
        for kill in 1..=KILLS {
            tokio::time::sleep(Duration::from_millis(150 * kill)).await;
            // It is killed where it is dropped.
            drop(worker);
            worker = Worker::start_with(&database, &settings);
        }
        let told = tokio::task::spawn_blocking(|| asking.wait_with_output()).await.expect("no panic").expect("Python");
        assert_eq!(String::from_utf8_lossy(&told.stdout).trim(), ROWS.to_string());
        let wrong = format!("SELECT COUNT(*) FROM item WHERE price <> {round} OR touched <> {round}");
        assert_eq!(number(&database, &wrong).await, 0);
        drop(worker);
    }
}
