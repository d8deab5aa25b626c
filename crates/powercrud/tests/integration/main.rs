//! PowerCRUD against real databases, by its public functions. One binary, so that it links once; a database for each test.

mod api;
mod audit;
mod bulk;
mod conflict;
mod discovery;
mod doors;
mod example;
mod filters;
mod keys;
mod metrics;
mod notify;
mod records;
mod revert;
mod selection;
mod sessions;
mod shop;
mod spans;
mod support;
mod task;
mod tidy;
mod values;
mod web;
mod worker;
