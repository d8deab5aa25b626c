//! Many who want the same at the same instant, and connections that are cut in the middle of it.

mod clients;
mod cuts;
mod dropped;
mod edits;
mod interrupts;
mod model;
mod restart;
