//! What Python asks for, and is told.

use serde_json::json;

use crate::support::{Scene, each_celery, until};

each_celery! { what_python_sends_is_done, what_is_put_around_a_task, what_is_refused_says_so }

async fn what_python_sends_is_done(scene: Scene) {
    let echo = scene.worker().await;
    let told = scene.python(
        "from celery.exceptions import *\n\
         r = task('rust.echo', 1, None, 'ä', a=[1, {'b': 2.5}]).apply_async()\n\
         good = r.get(timeout=60)\n\
         bad = task('rust.fail').apply_async()\n\
         try:\n    bad.get(timeout=60)\n\
         except ValueError as e:\n    why = str(e)\n\
         say([good, r.state, why, bad.state])",
    );
    assert_eq!(
        told,
        json!([{"args": [1, null, "ä"], "kwargs": {"a": [1, {"b": 2.5}]}}, "SUCCESS", "no such thing", "FAILURE"])
    );
    // Progress, while it runs.
    let state = std::sync::Arc::clone(&echo.state);
    let releasing = tokio::spawn(async move {
        until("it waits", || state.count() == 3).await;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        state.release();
    });
    let told = scene.python(
        "r = task('rust.wait').apply_async()\n\
         until(lambda: r.state == 'PROGRESS')\n\
         info = r.info\n\
         say([info, r.get(timeout=60)])",
    );
    assert_eq!(told, json!([{"done": 1, "total": 2}, "released"]));
    releasing.await.expect("no panic");
    echo.end().await;
}

async fn what_is_put_around_a_task(scene: Scene) {
    let echo = scene.worker().await;
    let python = scene
        .command()
        .args(["-m", "celery", "-A", "client", "worker", "-c", "1", "-l", "WARNING", "-n", "py@test"])
        .spawn();
    let _python = crate::support::Running(python.expect("Python's worker"));
    let told = scene.python(
        "got = {}\n\
         got['chain'] = chain(task('rust.add', 1, 2), task('rust.add', 10), task('python.shout')).apply_async().get(timeout=60)\n\
         got['group'] = group(task('rust.add', n) for n in range(3)).apply_async().get(timeout=60)\n\
         got['chord'] = chord([task('rust.add', n) for n in range(4)], task('rust.add')).apply_async().get(timeout=60)\n\
         got['python chord'] = chord([task('rust.add', n) for n in range(2)], task('python.shout')).apply_async().get(timeout=60)\n\
         late = time.time()\n\
         task('rust.add', 1).apply_async(countdown=2).get(timeout=60)\n\
         got['late'] = time.time() - late >= 2\n\
         link = task('python.shout').clone(); link.freeze()\n\
         task('rust.add', 1).apply_async(link=link)\n\
         got['link'] = app.AsyncResult(link.id).get(timeout=60)\n\
         bad = chain(task('rust.fail'), task('rust.add', 1)).apply_async()\n\
         try:\n    bad.get(timeout=60)\n\
         except ValueError as e:\n    got['bad chain'] = str(e)\n\
         old = task('rust.add', 1).apply_async(countdown=1, expires=0.5)\n\
         try:\n    old.get(timeout=60)\n\
         except Exception as e:\n    got['expired'] = [type(e).__name__, str(e), old.state]\n\
         say(got)",
    );
    let expected = json!({
        "chain": "13", "group": [0, 1, 2], "chord": 6, "python chord": "[0, 1]", "late": true, "link": "1",
        "bad chain": "no such thing", "expired": ["TaskRevokedError", "expired", "REVOKED"],
    });
    assert_eq!(told, expected);
    echo.end().await;
}

async fn what_is_refused_says_so(scene: Scene) {
    let echo = scene.worker().await;
    let told = scene.python(
        "def why(r):\n    try:\n        return r.get(timeout=60)\n    except Exception as e:\n        return [type(e).__name__, str(e)]\n\
         say([why(task('rust.unknown').set(queue='rust').apply_async()), why(task('rust.add', 1).apply_async(time_limit=5)),\n\
              why(task('rust.add', 1).apply_async(link=chord([task('rust.add', 1)], task('rust.add'))))])",
    );
    assert_eq!(told[0], json!(["NotRegistered", "'rust.unknown'"]));
    assert_eq!(told[1][0], json!("NotImplementedError"));
    assert!(told[1][1].as_str().expect("words").contains("time limits"), "{told}");
    assert!(told[2][1].as_str().expect("words").contains("a chord can't follow"), "{told}");
    assert!(echo.state.names().is_empty());
    echo.end().await;
}
