//! Many who want the same at the same instant.

mod clients;
