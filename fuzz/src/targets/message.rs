//! Message bodies. Bincode has several encodings of one number, so a body need
//! not come back byte for byte; its value has to. The inputs that are accepted
//! are the golden frames, of which every message has one or more.

use super::{Outcome, Target, refused};
use coffer_protocol::WireError;
use coffer_protocol::codec::{decode, encode};
use coffer_protocol::message::{Answered, Hello, Request, Welcome};
use data_encoding::HEXLOWER;

const FRAMES: &str = include_str!("../../../protocol/testdata/frames-v2.txt");
const WORDS: &[&[u8]] = &[
    b"\xfb\xff\xff",
    b"\xfc\xff\xff\xff\xff",
    b"\xfd\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xfe",
    b"\xff",
];

/// Everything a client asks.
pub(super) const REQUEST: Target =
    Target { name: "request", words: WORDS, corpus: || bodies("Request::"), run: run_request };
/// Everything a server answers.
pub(super) const RESPONSE: Target =
    Target { name: "response", words: WORDS, corpus: || bodies("Response::"), run: run_response };
/// The client's first frame.
pub(super) const HELLO: Target =
    Target { name: "hello", words: WORDS, corpus: || bodies("Hello"), run: run_hello };
/// The server's first frame.
pub(super) const WELCOME: Target =
    Target { name: "welcome", words: WORDS, corpus: || bodies("Welcome"), run: run_welcome };
/// Errors.
pub(super) const WIRE_ERROR: Target = Target {
    name: "wire-error",
    words: WORDS,
    corpus: || bodies("WireError"),
    run: run_wire_error,
};

/// A target's decoder. Not generic: the traits of the codec stay inside it.
macro_rules! round_trip {
    ($name:ident, $message:ty) => {
        fn $name(input: &[u8]) -> Outcome {
            let value: $message = decode(input).map_err(refused)?;
            let bytes = encode(&value).map_err(refused)?;
            let again: $message = decode(&bytes).map_err(refused)?;
            assert!(again == value, "a message does not read back");
            Ok(())
        }
    };
}

round_trip!(run_request, Request);
round_trip!(run_response, Answered);
round_trip!(run_hello, Hello);
round_trip!(run_welcome, Welcome);
round_trip!(run_wire_error, WireError);

/// Bodies of the golden frames whose name begins with `name`.
fn bodies(name: &str) -> Vec<Vec<u8>> {
    let mut wanted = false;
    let mut all = Vec::new();
    for line in FRAMES.lines() {
        if let Some(frame) = line.strip_prefix("frame ") {
            wanted = frame.starts_with(name);
        } else if let Some(body) = line.strip_prefix("body ").filter(|_| wanted) {
            all.extend(HEXLOWER.decode(body.as_bytes()));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_bodies_of_every_kind() {
        let least = [("Request::", 43), ("Response::", 27), ("Hello", 1), ("Welcome", 1)];
        for (name, least) in least.into_iter().chain([("WireError", 3)]) {
            assert!(bodies(name).len() >= least, "{name}");
        }
    }
}
