//! Coffer store.
