//! CHECK lists.
