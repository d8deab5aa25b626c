//! Bulk operations: what they change, what they refuse, and what they say of each record.

mod bad_records;
mod cascades;
mod chains;
mod deletes;
mod divisions;
mod foreseen;
mod foreseen_deletes;
mod foreseen_rules;
mod foreseen_values;
mod from_code;
mod key_not_unique;
mod links;
mod odd_keys;
mod policies;
mod preview;
mod raised;
mod reads_what_is;
mod refused;
mod runs;
mod selections;
mod threshold;
mod triggers;
mod unchanged;
mod unknown_errors;
mod versions;
