//! Connection links.

use super::{Outcome, Target, refused, text};
use coffer_protocol::link::Link;

pub(super) const TARGET: Target = Target {
    name: "link",
    words: &[
        b"coffer://",
        b"?invite=",
        b"#",
        b"[",
        b"]",
        b":",
        b"::1",
        b"65536",
        b"\xf0\x9f\x98\x80",
    ],
    corpus: || {
        [
            "coffer://files.example.org:7440/",
            "coffer://127.0.0.1:1/?invite=ABCD-1234",
            "coffer://[::1]:65535/#AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ]
        .map(|link| link.as_bytes().to_vec())
        .to_vec()
    },
    run,
};

fn run(input: &[u8]) -> Outcome {
    let link: Link = text(input).parse().map_err(refused)?;
    assert_eq!(link.to_string().parse(), Ok(link), "a link does not read back");
    Ok(())
}
