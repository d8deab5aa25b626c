//! Workers and clients of this crate beside Celery for Python, on real brokers.

mod consumer;
mod control;
mod delivery;
mod events;
mod results;
mod support;
