//! Coffer client.
