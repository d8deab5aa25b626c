//! `celery inspect`, `celery status` and `celery control`.

use serde_json::json;

use crate::support::{Scene, each_celery, until};

each_celery! { it_answers_as_a_worker_does, a_task_is_revoked }

async fn it_answers_as_a_worker_does(scene: Scene) {
    let echo = scene.worker().await;
    let told = scene.python(
        "r = task('rust.wait', 7).apply_async(task_id='w')\n\
         late = task('rust.add', 1).apply_async(countdown=3600, task_id='late')\n\
         until(lambda: app.AsyncResult('w').state == 'PROGRESS')\n\
         i = app.control.inspect(timeout=5, destination=['echo@test'])\n\
         until(lambda: i.scheduled()['echo@test'])\n\
         c = lambda name, **args: app.control.broadcast(name, arguments=args, destination=['echo@test'], reply=True, timeout=5)[0]['echo@test']\n\
         s = i.stats()['echo@test']\n\
         say({'ping': i.ping(), 'active': i.active(), 'registered': i.registered(), 'reserved': i.reserved(), 'query': i.query_task('w'),\n\
              'scheduled': [t['request']['id'] for t in i.scheduled()['echo@test']], 'queues': [q['name'] for q in i.active_queues()['echo@test']],\n\
              'stats': [s['total'], s['pool']['max-concurrency'], type(s['pid']).__name__], 'conf': bool(i.conf()), 'report': bool(i.report()), 'clock': bool(i.clock()),\n\
              'rate': c('rate_limit', task_name='rust.add', rate_limit='5/s'), 'unknown rate': c('rate_limit', task_name='x', rate_limit='5/s'),\n\
              'grow': c('pool_grow', n=1), 'shutdown': c('shutdown'), 'nonsense': c('nonsense'),\n\
              'others': app.control.ping(destination=['other@test'], timeout=0.5)})",
    );
    let worker = "echo@test";
    assert_eq!(told["ping"], json!({worker: {"ok": "pong"}}));
    assert_eq!(
        (&told["active"][worker][0]["id"], &told["active"][worker][0]["args"]),
        (&json!("w"), &json!([7])),
        "{told}"
    );
    assert_eq!(told["registered"][worker], json!(["rust.add", "rust.echo", "rust.fail", "rust.wait"]));
    assert_eq!(told["query"][worker]["w"][0], json!("active"));
    assert_eq!((&told["scheduled"], &told["reserved"][worker]), (&json!(["late"]), &json!([])));
    assert_eq!(told["queues"], json!(["rust"]));
    assert_eq!(told["stats"], json!([{"rust.add": 1, "rust.wait": 1}, 1, "int"]));
    assert!(["conf", "report", "clock"].iter().all(|name| told[name] == json!(true)), "{told}");
    for (name, part) in [
        ("rate", "rate limits are not supported"),
        ("unknown rate", "unknown task"),
        ("grow", "pool_grow is not supported"),
        ("shutdown", "shutdown is not supported"),
        ("nonsense", "KeyError('nonsense')"),
    ] {
        assert!(told[name]["error"].as_str().is_some_and(|error| error.contains(part)), "{name}: {told}");
    }
    assert_eq!(told["others"], json!([]));
    echo.state.release();
    let status = scene.command().args(["-m", "celery", "-A", "client", "status", "-t", "5"]).output().expect("Python");
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.contains("echo@test") && status.contains("1 node online"), "{status}");
    echo.end().await;
}

async fn a_task_is_revoked(scene: Scene) {
    let echo = scene.worker().await;
    let told = scene.python(
        "r = task('rust.wait').apply_async(task_id='w')\n\
         until(lambda: r.state == 'PROGRESS')\n\
         late = task('rust.add', 1).apply_async(countdown=15, task_id='late')\n\
         answers = app.control.revoke('w', terminate=True, reply=True, timeout=5)\n\
         app.control.revoke('late'); app.control.revoke('never')\n\
         def why(r):\n    try:\n        return r.get(timeout=60)\n    except Exception as e:\n        return [type(e).__name__, r.state]\n\
         say([answers, why(r), why(late)])",
    );
    let revoked = json!(["TaskRevokedError", "REVOKED"]);
    assert_eq!(told, json!([[{"echo@test": {"ok": "terminate: w"}}], revoked, revoked]));
    until("all are told", || echo.state.revoked.lock().expect("no panic").len() >= 4).await;
    assert_eq!(echo.state.names(), ["rust.wait"]);
    echo.end().await;
}
