//! Tests of the service over a real store.
