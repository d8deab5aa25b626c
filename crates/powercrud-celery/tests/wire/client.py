"""Celery as a Python shop has it, for the tests."""

import json
import os
import time

from celery import Celery, chain, chord, group, signature

app = Celery("shop", broker=os.environ["BROKER"], backend=os.environ["RESULTS"])
app.conf.update(
    task_track_started=True,
    task_routes={"rust.*": {"queue": "rust"}},
    broker_connection_retry_on_startup=True,
    task_create_missing_queues=True,
    worker_prefetch_multiplier=1,
)


def task(name, *args, **kwargs):
    return signature(name, args=args, kwargs=kwargs, app=app)


def say(value):
    print(json.dumps(value, default=str))


@app.task(name="python.shout")
def shout(value):
    return str(value).upper()


@app.task(name="python.failed")
def failed(task_id):
    return f"failed: {task_id}"


def until(what, seconds=60):
    deadline = time.time() + seconds
    while not what():
        assert time.time() < deadline, "in vain"
        time.sleep(0.05)
