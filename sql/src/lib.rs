//! Coffer sql.
