//! Bulk operations: what they change, what they refuse, and what they say of each record.

mod bad_records;
mod deletes;
mod foreseen;
mod links;
mod odd_keys;
mod preview;
mod refused;
mod runs;
mod selections;
mod threshold;
mod versions;
