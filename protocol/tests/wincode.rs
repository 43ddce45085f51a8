//! The exit from bincode is open.
//!
//! The sources of the messages are compiled a second time here, with the
//! derives of `wincode` in the place of bincode's, and must read and write
//! exactly the bytes of the golden frames.

// From here on `bincode::{Encode, Decode}` in those sources means wincode's.
extern crate self as bincode;

pub use wincode::{SchemaRead as Decode, SchemaWrite as Encode};

#[path = "../src/error.rs"]
pub mod error;
#[path = "support/golden.rs"]
mod golden;
#[path = "../src/id.rs"]
pub mod id;
#[path = "../src/limits.rs"]
pub mod limits;
#[path = "../src/message/mod.rs"]
pub mod message;
#[path = "../src/place.rs"]
pub mod place;
#[path = "../src/version.rs"]
pub mod version;

use error::WireError;
use message::{Answered, Hello, Request, Welcome};
use std::fmt::Debug;
use wincode::config::Configuration;

/// Decodes `body` as `T` and checks value and bytes.
macro_rules! check {
    ($type:ty, $frame:expr) => {{
        let config = Configuration::default().with_varint_encoding();
        let frame = $frame;
        let value: $type = wincode::config::deserialize_exact(&frame.body, config)
            .unwrap_or_else(|error| panic!("{}: {error}", frame.name));
        assert_eq!(shown(&value), frame.value);
        let bytes = wincode::config::serialize(&value, config).expect("encodes");
        assert_eq!(bytes, frame.body, "{}", frame.name);
    }};
}

fn shown(value: &impl Debug) -> String {
    format!("{value:?}")
}

#[test]
fn wincode_reads_and_writes_the_golden_frames() {
    let frames = golden::read();
    assert!(!frames.is_empty());
    for frame in frames {
        match frame.name.split("::").next() {
            Some("Hello") => check!(Hello, &frame),
            Some("Welcome") => check!(Welcome, &frame),
            Some("Request") => check!(Request, &frame),
            Some("Response") => check!(Answered, &frame),
            Some("WireError") => check!(WireError, &frame),
            _ => assert!(frame.body.is_empty(), "{} is not known here", frame.name),
        }
    }
}
