//! Tasks as messages of Celery, over Redis and RabbitMQ, beside Celery for Python.

#[path = "../../../../powercrud-celery/tests/wire/python.rs"]
mod python;
#[path = "../../../../powercrud-celery/tests/wire/rabbitmq.rs"]
mod rabbitmq;

use std::{
    process::Command,
    time::{Duration, Instant},
};

use powercrud::{
    Error, PowerCrud, Resource, Selection, Settings, User,
    backend::{Backend as _, Celery},
    task::{BulkTask, Status, store},
    testing,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use self::rabbitmq::{Rabbit, rabbitmqctl};
use super::{carried_out, process, redis::Server, woken_by};
use crate::{
    shop::{in_background, items, queue, rows, update},
    support::{TestDatabase, each_database, skip},
};

each_database! { it_keeps_its_promises, a_worker_elsewhere_starts_at_once, python_asks_for_tasks, a_revoked_task_is_cancelled }
each_database! { [sqlite] addresses_are_checked, rabbitmq_goes_and_comes_back }

const QUEUE: &str = "powercrud";

/// A broker, and a Redis for results.
struct Broker {
    results: Server,
    rabbit: Option<Rabbit>,
}

impl Broker {
    /// Over Redis and over RabbitMQ, as far as they are there; scripts/test installs them.
    fn each() -> Vec<Self> {
        let Some(redis) = Server::start() else { return Vec::new() };
        let mut all = vec![Self { results: redis, rabbit: None }];
        match (Rabbit::start(), Server::start()) {
            (Some(rabbit), Some(results)) => all.push(Self { results, rabbit: Some(rabbit) }),
            _ => skip("tasks over RabbitMQ", "rabbitmqctl can't make a virtual host"),
        }
        all
    }

    fn url(&self) -> String {
        self.rabbit.as_ref().map_or_else(|| self.results.url(), Rabbit::url)
    }

    fn backend(&self) -> Celery {
        Celery::new(&self.url(), Some(&self.results.url()), QUEUE).expect("addresses")
    }

    fn settings(&self) -> Settings {
        Settings {
            celery_broker_url: Some(self.url().into()),
            celery_result_backend: Some(self.results.url().into()),
            ..woken_by("celery")
        }
    }

    /// Whether a worker listens.
    fn is_heard(&self) -> bool {
        match &self.rabbit {
            Some(rabbit) => rabbit.lists(&["list_queues", "name"]).contains("celery.pidbox"),
            None => self.results.says("PUBSUB NUMSUB /0.celery.pidbox").is_some_and(|answer| answer.contains(":1")),
        }
    }

    /// What Python prints as JSON.
    async fn python(&self, text: &str) -> Value {
        let python = python::celery("5.6").expect("Celery for Python");
        let mut command = Command::new(python);
        command.env("BROKER", self.url()).env("RESULTS", self.results.url()).args(["-c", &format!("{CLIENT}\n{text}")]);
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("Python");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{text}\n{out}\n{err}");
        serde_json::from_str(out.trim().lines().last().unwrap_or_default())
            .unwrap_or_else(|error| panic!("{error}: {out}\n{err}"))
    }
}

const CLIENT: &str = r"
import json, os, time
from decimal import Decimal
from celery import Celery, chain, signature
app = Celery('shop', broker=os.environ['BROKER'], backend=os.environ['RESULTS'])
app.conf.task_routes = {'powercrud.*': {'queue': 'powercrud'}}
def edit(*args, **kwargs):
    return signature('powercrud.tasks.bulk_edit_task', args=args, kwargs=kwargs, app=app)
def delete(*args, **kwargs):
    return signature('powercrud.tasks.bulk_delete_task', args=args, kwargs=kwargs, app=app)
def why(r):
    try:
        return r.get(timeout=60)
    except Exception as e:
        return [type(e).__name__, *e.args]
def say(value):
    print(json.dumps(value, default=str))
";

async fn it_keeps_its_promises(database: TestDatabase) {
    for broker in Broker::each() {
        let app = || PowerCrud::builder(database.clone()).build();
        let (here, there) = (app().await.expect("no mistakes"), app().await.expect("no mistakes"));
        let nowhere = match broker.rabbit {
            Some(_) => "amqp://guest:hunter2@127.0.0.1:1/x",
            None => "redis://:hunter2@127.0.0.1:1/0",
        };
        let stranger = match broker.rabbit {
            Some(_) => broker.url().replace("guest:guest", "guest:hunter2x"),
            None => format!("redis://:hunter2x@127.0.0.1:{}/0", broker.results.port),
        };
        for unreachable in [nowhere, &*stranger] {
            let unreachable = Celery::new(unreachable, None, QUEUE).expect("an address");
            let suite = testing::backend(&here, || broker.backend()).elsewhere(&there);
            suite.unreachable(&here, unreachable).secret("hunter2").check().await.unwrap();
        }
    }
}

async fn a_worker_elsewhere_starts_at_once(database: TestDatabase) {
    for (round, broker) in Broker::each().into_iter().enumerate() {
        if round > 0 {
            database.execute("DROP TABLE item;").await;
            if database.kind == crate::support::Kind::Postgres {
                database.execute("DROP FUNCTION count_item();").await;
            }
        }
        carried_out(&database, broker.settings(), None, || broker.is_heard()).await;
    }
}

/// The task once it has ended.
async fn ended(app: &PowerCrud, task: &BulkTask) -> BulkTask {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let task = store::get(app, &User::operator(), task.id).await.expect("the task");
        if task.status.is_final() {
            return task;
        }
        assert!(Instant::now() < deadline, "in vain: {task:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn python_asks_for_tasks(database: TestDatabase) {
    items(&database, 90).await;
    for broker in Broker::each() {
        let app = process(&database, &broker.settings(), None).await;
        let stop = CancellationToken::new();
        let worker = tokio::spawn(app.worker().run(stop.clone()));
        // What was submitted here is known there by its id, and asking for it again does nothing.
        let task = queue(&app, in_background(update("item", Selection::All, [("note", Some("x"))]))).await;
        let told = broker
            .python(&format!(
                "r = app.AsyncResult('{0}').get(timeout=60)\n\
                 again = edit('{0}').apply_async().get(timeout=60)\n\
                 say([r['status'], r['succeeded_records'], r['id'], again['id'], why(delete('{0}').apply_async())])",
                task.id
            ))
            .await;
        assert_eq!(told[0], json!("SUCCESS"));
        assert_eq!((&told[1], &told[2], &told[3]), (&json!(90), &json!(task.id), &json!(task.id)));
        assert!(told[4][1].as_str().expect("words").contains("send it as powercrud.tasks.bulk_edit_task"), "{told}");
        // A full request, with what follows it.
        let told = broker
            .python(
                "r = edit(resource='item', user=None, filter={'status': 'new'}, changes={'price': Decimal('9.25'), 'note': None}).apply_async()\n\
                 done = r.get(timeout=60)\n\
                 both = chain(edit(resource='item', user=None, ids=[1, 2], changes={'note': 'a'}), edit(resource='item', user=None, ids=[2], changes={'note': 'b'}).set(immutable=True)).apply_async().get(timeout=60)\n\
                 wrong = [edit(resource='item', ids=[1], changes={'note': 'c'}), edit(resource='nothing', user=None, all=True, changes={}), edit(resource='item', user=None, ids=[1], changes={'nothing': 1}),\n\
                     edit(resource='item', user=None, ids=[1], filter={}, changes={'note': 'c'}), edit('no id'), delete('018f4c1e-5b7a-7d10-9c3e-6a4170b2d5f3'), signature('powercrud.tasks.bulk_task', app=app)]\n\
                 fails = edit(resource='item', user=None, all=True, changes={'status': 'bad'}).apply_async()\n\
                 say([done, both, [why(s.apply_async()) for s in wrong], why(fails), fails.state])",
            )
            .await;
        assert_eq!((&told[0]["status"], &told[0]["succeeded_records"]), (&json!("SUCCESS"), &json!(30)), "{told}");
        assert_eq!(told[1]["total_records"], json!(1));
        let refused: Vec<_> =
            told[2].as_array().expect("refusals").iter().map(|told| format!("{}: {}", told[0], told[1])).collect();
        for (refused, part) in refused.iter().zip([
            "user",
            "nothing",
            "nothing",
            "exactly one of",
            "no id of a bulk task",
            "018f4c1e",
            "takes the id of a bulk task",
        ]) {
            assert!(refused.contains(part), "{refused} lacks {part}");
        }
        let failed = told[3][0].as_str().expect("a class");
        assert!(failed == "BulkTaskFailed" || told[4] == json!("FAILURE"), "{told}");
        let now = rows(&database, "item", &["id", "price", "note"]).await;
        assert_eq!(now["2"], [Some("2.25".to_owned()), Some("b".to_owned())]);
        assert_eq!(now["3"], [Some("9.25".to_owned()), None]);
        stop.cancel();
        worker.await.expect("no panic").expect("a worker that could start");
        drop(told);
    }
}

async fn a_revoked_task_is_cancelled(database: TestDatabase) {
    items(&database, 30).await;
    for broker in Broker::each() {
        let app = process(&database, &broker.settings(), None).await;
        // It receives messages, and nobody carries anything out.
        let backend = broker.backend();
        let _listener = backend.listen(&app).await.expect("a listener");
        let task = queue(&app, in_background(update("item", Selection::All, [("note", Some("x"))]))).await;
        let told = broker
            .python(&format!(
                "r = app.AsyncResult('{0}')\n\
                 reserved = lambda: [t['id'] for w in (app.control.inspect(timeout=1).reserved() or {{}}).values() for t in w]\n\
                 while '{0}' not in reserved(): time.sleep(0.1)\n\
                 r.revoke()\n\
                 say([why(r), r.state])",
                task.id
            ))
            .await;
        assert_eq!((&told[0][0], &told[1]), (&json!("TaskRevokedError"), &json!("REVOKED")), "{told}");
        assert_eq!(ended(&app, &task).await.status, Status::Cancelled);
    }
}

async fn rabbitmq_goes_and_comes_back(database: TestDatabase) {
    items(&database, 40).await;
    let Some(broker) = Broker::each().into_iter().find(|broker| broker.rabbit.is_some()) else { return };
    let vhost = broker.rabbit.as_ref().expect("RabbitMQ").vhost.clone();
    let app = process(&database, &broker.settings(), None).await;
    let worker_app = process(&database, &broker.settings(), None).await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(worker_app.worker().run(stop.clone()));
    for note in ["before", "after"] {
        let task = queue(&app, in_background(update("item", Selection::All, [("note", Some(note))]))).await;
        assert_eq!(ended(&app, &task).await.status, Status::Success);
        assert!(rabbitmqctl(&["close_all_connections", "--vhost", &vhost, "for a test"]));
    }
    stop.cancel();
    worker.await.expect("no panic").expect("a worker that could start");
}

async fn addresses_are_checked(database: TestDatabase) {
    items(&database, 3).await;
    let app = |broker: Option<&str>, results: Option<&str>, queue: &str| {
        let builder = PowerCrud::builder(database.clone()).resource(Resource::table("item"));
        let mut builder = builder.bulk_async_backend("celery").celery_queue(queue);
        if let Some(broker) = broker {
            builder = builder.celery_broker_url(broker);
        }
        if let Some(results) = results {
            builder = builder.celery_result_backend(results);
        }
        builder.build()
    };
    let good = Some("amqps://u:hunter2@localhost/v");
    for (broker, results, queue, part) in [
        (
            None,
            None,
            QUEUE,
            "there is no backend \"celery\"; allowed are: database, in_process; celery needs celery_broker_url",
        ),
        (
            Some("http://:hunter2@localhost"),
            None,
            QUEUE,
            "celery_broker_url: that is no address of Redis or RabbitMQ; allowed is redis://",
        ),
        (good, Some("amqp://:hunter2@localhost"), QUEUE, "celery_result_backend: results are kept in Redis"),
        (good, None, "", "celery_queue: allowed is a name"),
    ] {
        let Err(Error::Configuration(mistakes)) = app(broker, results, queue).await else {
            panic!("there are mistakes")
        };
        let told = mistakes.join("; ");
        assert!(told.contains(part) && !told.contains("hunter2"), "{told}");
    }
    app(good, Some("rediss://:hunter2@localhost/0"), QUEUE).await.expect("addresses with TLS");
}
