//! Celery's wire protocol in Rust: tasks, workers, remote control, events and results, over Redis and RabbitMQ, beside Celery for Python.
//!
//! A [`Client`] sends tasks to workers of either language. A [`Worker`] receives tasks from senders of either language, appears in
//! `celery inspect`, `celery events` and Flower, and obeys `celery control`. Messages are of Celery's protocol 2 in JSON.
//!
//! Messages are acknowledged late, after the task: one whose worker died is delivered again. So tasks are carried out at least once, and a
//! [`Handler`] has to bear that.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use futures_util::future::BoxFuture;
//! use powercrud_celery::{Address, Failure, Handler, Job, Outcome, Worker, WorkerOptions};
//! use serde_json::json;
//! use tokio_util::sync::CancellationToken;
//!
//! struct Adder;
//!
//! impl Handler for Adder {
//!     fn tasks(&self) -> Vec<String> {
//!         vec!["sums.add".to_owned()]
//!     }
//!
//!     fn run<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Outcome> {
//!         Box::pin(async move {
//!             job.started().await;
//!             let numbers: Option<Vec<i64>> = job.message().args.iter().map(|arg| arg.as_i64()).collect();
//!             match numbers {
//!                 Some(numbers) => Outcome::Success(json!(numbers.iter().sum::<i64>())),
//!                 None => Outcome::Failure(Failure::builtin("TypeError", "whole numbers, please")),
//!             }
//!         })
//!     }
//! }
//!
//! # async fn work() -> Result<(), powercrud_celery::Error> {
//! let broker = Address::parse("amqp://guest:guest@localhost//")?;
//! let options = WorkerOptions { results: Some(Address::parse_redis("redis://localhost/0")?), ..WorkerOptions::new("sums", "sums") };
//! Worker::connect(broker, options, Arc::new(Adder)).await?.run(CancellationToken::new()).await;
//! # Ok(())
//! # }
//! ```
//!
//! What a sender may put around a task: `countdown`, `eta`, `expires`, `priority`, chains, groups, `link` and `link_error`, and, with a result
//! backend, chords. What this crate does not do, it refuses by a failure that says so: time limits, and a chord that follows a task.

mod address;
mod broker;
mod client;
mod control;
mod envelope;
mod error;
mod event;
mod follow;
mod message;
mod nodename;
mod outcome;
mod repr;
mod results;
mod worker;

pub use address::Address;
pub use client::Client;
pub use error::Error;
pub use message::Message;
pub use nodename::hostname;
pub use outcome::{Failure, Outcome};
pub use worker::{Handler, Job, Worker, WorkerOptions};
