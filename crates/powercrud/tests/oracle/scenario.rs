//! Scenarios: what happens to a table one thing after the other. It is listed, filtered, edited and bulk changed, in the request and in
//! the background, and after each step both databases have to hold the same.
//!
//! Each table has a column `tag`, by which the judge knows a row whatever its key is: so it knows nothing of how keys are written, and
//! tells when a listed key is another record's. Beside the rows it compares what filters select with a WHERE of its own, what the task
//! counts, and why records failed.

mod fixed;
mod generated;
mod judge;
mod step;
mod subject;
mod trial;
