//! The notifiers that reach other machines: mail and webhooks.

mod email;
mod set_up;
mod webhook;

pub(crate) use set_up::set_up;
