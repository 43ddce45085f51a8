//! Coffer tests.
