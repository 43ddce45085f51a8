//! Coffer server.
