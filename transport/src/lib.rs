//! Coffer transport.
