//! Tasks: who keeps whom out, how they end, who sees them.

mod conflicts;
mod endings;
mod record_locks;
mod results;
mod timeline;
mod users;
