//! Workers and clients of this crate beside Celery for Python, on real brokers.

mod consumer;
mod control;
mod delivery;
mod events;
mod python;
mod rabbitmq;
mod redis_server;
mod results;
mod support;
