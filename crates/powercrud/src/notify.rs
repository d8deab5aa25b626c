//! How people are told of the ends of tasks by other machines: mail and webhooks, and [`Notifier`] for a way of the application's own
//! ([`crate::Builder::notifier`]).

#[cfg(feature = "mail")]
mod email;
mod set_up;
#[cfg(feature = "webhook")]
mod webhook;

pub use powercrud_engine::notify::{Address, Failure, Notice, Notifier, Summary};
pub(crate) use set_up::set_up;
