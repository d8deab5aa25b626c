//! Tasks: who keeps whom out, how they end, who sees them.

mod attempts;
mod conflicts;
mod endings;
mod newer;
mod record_locks;
mod results;
mod shared;
mod timeline;
mod unreadable;
mod users;
