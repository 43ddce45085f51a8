//! Coffer service.
