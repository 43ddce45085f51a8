//! The file of golden frames: labelled hexadecimal, one block a frame.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use data_encoding::HEXLOWER;
use std::fmt::Write;
use std::path::PathBuf;

/// One frame of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Golden {
    /// Type and variant, such as `Request::Stat`.
    pub(crate) name: String,
    /// The decoded value, as Rust prints it.
    pub(crate) value: String,
    /// The sixteen bytes of the header.
    pub(crate) header: Vec<u8>,
    /// The encoded message.
    pub(crate) body: Vec<u8>,
    /// The raw bytes behind it.
    pub(crate) payload: Vec<u8>,
}

const INTRODUCTION: &str = "\
# Golden frames of protocol version 2: at least one of every message.
# Header fields are big-endian; bodies are bincode 2 `standard()`.
# Written by the test with COFFER_UPDATE_GOLDEN=1. A change of a line that is
# here already is a change of the protocol: it breaks every installed peer.
";

/// Labels and widths of the header's fields, in order.
const HEADER: [(&str, usize); 6] = [
    ("body-length", 4),
    ("payload-length", 4),
    ("kind", 1),
    ("flags", 1),
    ("reserved", 2),
    ("request-id", 4),
];

pub(crate) fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/frames-v2.txt")
}

pub(crate) fn read() -> Vec<Golden> {
    let text = std::fs::read_to_string(path()).expect("the file of golden frames");
    parse(&text)
}

pub(crate) fn parse(text: &str) -> Vec<Golden> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let mut frames: Vec<Golden> = Vec::new();
    for line in lines {
        let (label, rest) = line.split_once(' ').unwrap_or((line, ""));
        let bytes = || HEXLOWER.decode(rest.as_bytes()).expect("hexadecimal");
        if label == "frame" {
            let name = rest.to_owned();
            let (value, header) = (String::new(), Vec::new());
            let (body, payload) = (Vec::new(), Vec::new());
            frames.push(Golden { name, value, header, body, payload });
            continue;
        }
        let frame = frames.last_mut().expect("a block begins with its name");
        match label {
            "value" => rest.clone_into(&mut frame.value),
            "body" => frame.body = bytes(),
            "payload" => frame.payload = bytes(),
            field if HEADER.iter().any(|(name, _)| *name == field) => frame.header.extend(bytes()),
            other => panic!("unknown label {other}"),
        }
    }
    frames
}

pub(crate) fn print(frames: &[Golden]) -> String {
    let mut text = INTRODUCTION.to_owned();
    for frame in frames {
        write!(text, "\nframe {}\nvalue {}\n", frame.name, frame.value).expect("to memory");
        let mut header = &frame.header[..];
        for (label, width) in HEADER {
            let (field, rest) = header.split_at(width);
            writeln!(text, "{label} {}", HEXLOWER.encode(field)).expect("to memory");
            header = rest;
        }
        for (label, bytes) in [("body", &frame.body), ("payload", &frame.payload)] {
            writeln!(text, "{}", format!("{label} {}", HEXLOWER.encode(bytes)).trim_end())
                .expect("to memory");
        }
    }
    text
}
