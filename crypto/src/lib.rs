//! Coffer crypto.
