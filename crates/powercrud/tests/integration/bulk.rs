//! Bulk operations: what they change, what they refuse, and what they say of each record.

mod selections;
mod threshold;
