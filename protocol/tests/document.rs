//! `docs/protocol.md` says what the code says.
//!
//! Its tables are written from the sources (`COFFER_UPDATE_GOLDEN=1` does it)
//! and compared here, so that neither can change without the other.

#[path = "support/source.rs"]
mod source;

use coffer_protocol::ErrorCode;
use source::{Item, Member, codes, constants, items, read};
use std::fmt::Write;
use std::path::PathBuf;

const DOCUMENT: &str = "../docs/protocol.md";

const SOURCES: [&str; 13] = [
    "src/message/hello.rs",
    "src/message/account.rs",
    "src/message/work.rs",
    "src/place.rs",
    "src/message/tree.rs",
    "src/message/transfer.rs",
    "src/message/share.rs",
    "src/message/event.rs",
    "src/message/cluster.rs",
    "src/message/peer.rs",
    "src/message/recovered.rs",
    "src/error.rs",
    "src/id.rs",
];

fn messages(name: &str) -> String {
    let all = items("src/message/mod.rs");
    let item = all.iter().find(|item| item.name == name).expect("the enum");
    let mut table = "| number | name | meaning |\n|---|---|---|\n".to_owned();
    for (number, Member { name, holds, doc }) in item.members.iter().enumerate() {
        let link = if holds.is_empty() {
            String::new()
        } else {
            format!(" ([fields](#{}))", holds.to_lowercase())
        };
        writeln!(table, "| {number} | `{name}`{link} | {doc} |").expect("to memory");
    }
    table
}

fn types() -> String {
    let mut text = String::new();
    for Item { name, doc, is_enum, members } in SOURCES.iter().flat_map(|file| items(file)) {
        write!(text, "### {name}\n\n{doc}\n\n").expect("to memory");
        let heads = if is_enum { "| number | variant" } else { "| field | type" };
        write!(text, "{heads} | meaning |\n|---|---|---|\n").expect("to memory");
        for (number, Member { name, holds, doc }) in members.iter().enumerate() {
            match is_enum {
                true if holds.is_empty() => writeln!(text, "| {number} | `{name}` | {doc} |"),
                true => writeln!(text, "| {number} | `{name}({holds})` | {doc} |"),
                false => writeln!(text, "| `{name}` | `{holds}` | {doc} |"),
            }
            .expect("to memory");
        }
        text.push('\n');
    }
    text.trim_end().to_owned() + "\n"
}

fn table(heads: &str, members: &[Member], row: impl Fn(&Member) -> String) -> String {
    let rows: String = members.iter().map(row).collect();
    format!("{heads}\n|---|---|---|\n{rows}")
}

/// The parts of the document that come from the sources.
fn parts() -> [(&'static str, String); 5] {
    let limits = table("| limit | value | meaning |", &constants("src/limits.rs"), |m| {
        format!("| `{}` | `{}` | {} |\n", m.name, m.holds, m.doc)
    });
    let errors = table("| code | name | meaning |", &codes(), |m| {
        format!("| {} | `{}` | {} |\n", m.holds, m.name, m.doc)
    });
    [
        ("limits", limits),
        ("requests", messages("Request")),
        ("responses", messages("Response")),
        ("types", types()),
        ("errors", errors),
    ]
}

/// The document with `part` between its marks.
fn replaced(document: &str, name: &str, part: &str) -> String {
    let (begin, end) = (format!("<!-- from the sources: {name} -->\n"), "<!-- end -->");
    let (before, rest) = document.split_once(&begin).expect("the mark of the part");
    let (_, after) = rest.split_once(end).expect("the end of the part");
    format!("{before}{begin}\n{part}\n{end}{after}")
}

#[test]
fn the_tables_of_the_document_are_those_of_the_sources() {
    let document = read(DOCUMENT);
    let wanted = parts()
        .iter()
        .fold(document.clone(), |document, (name, part)| replaced(&document, name, part));
    if std::env::var_os("COFFER_UPDATE_GOLDEN").is_some() {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
        std::fs::write(path, &wanted).expect("written");
        return;
    }
    for (line, (is, should)) in document.lines().zip(wanted.lines()).enumerate() {
        assert_eq!(is, should, "docs/protocol.md, line {}", line + 1);
    }
    assert_eq!(document.len(), wanted.len(), "docs/protocol.md");
}

#[test]
fn every_error_code_is_in_the_document() {
    let document = read(DOCUMENT);
    for (code, name) in ErrorCode::ALL {
        let row = format!("| {} | `{name}` |", code.0);
        assert!(document.contains(&row), "{code} is not in docs/protocol.md");
    }
}

#[test]
fn the_sources_are_read_completely() {
    assert_eq!(codes().len(), ErrorCode::ALL.len());
    let request = &items("src/message/mod.rs")[0];
    assert_eq!((request.name.as_str(), request.members.len()), ("Request", 74));
    for item in SOURCES.iter().flat_map(|file| items(file)) {
        assert!(!item.doc.is_empty() && !item.members.is_empty(), "{}", item.name);
        for member in item.members {
            assert!(!member.doc.is_empty(), "{}::{}", item.name, member.name);
        }
    }
}
