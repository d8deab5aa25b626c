//! Tasks: who keeps whom out, how they end, who sees them.

mod attempts;
mod conflicts;
mod endings;
mod record_locks;
mod results;
mod timeline;
mod unreadable;
mod users;
