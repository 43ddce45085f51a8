//! Coffer store.

pub mod chunks;
pub mod durable;
