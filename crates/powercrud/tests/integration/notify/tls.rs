//! A real server for mail, and encryption, with certificates of this test's own.
