//! Reads the types, constants and codes of the protocol out of its sources, so
//! that the document can be compared with them.

use std::path::PathBuf;

/// A type that travels.
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) is_enum: bool,
    pub(crate) members: Vec<Member>,
}

/// A field or a variant.
pub(crate) struct Member {
    pub(crate) name: String,
    /// Type of a field; what a variant holds.
    pub(crate) holds: String,
    pub(crate) doc: String,
}

pub(crate) fn read(file: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Documentation lines seen since the last thing they could belong to.
#[derive(Default)]
struct Doc(Vec<String>);

impl Doc {
    /// Takes a documentation line; false for any other line.
    fn feed(&mut self, line: &str) -> bool {
        let Some(text) = line.trim_start().strip_prefix("///") else { return false };
        self.0.push(text.trim().to_owned());
        true
    }

    fn take(&mut self) -> String {
        std::mem::take(&mut self.0).join(" ")
    }
}

/// The structs and enums of a source file that derive `Encode`.
pub(crate) fn items(file: &str) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let (mut doc, mut travels, mut inside) = (Doc::default(), false, false);
    for line in read(file).lines() {
        if doc.feed(line) {
            continue;
        }
        if line.starts_with("#[derive(") {
            travels = line.contains("Encode");
        } else if let Some((is_enum, name)) = opening(line) {
            inside = travels;
            let doc = doc.take();
            if inside {
                items.push(Item { name, doc, is_enum, members: Vec::new() });
            }
        } else if line == "}" {
            inside = false;
        } else if let Some((name, holds)) = member(line).filter(|_| inside) {
            let doc = doc.take();
            items.last_mut().expect("inside one").members.push(Member { name, holds, doc });
        } else if line.is_empty() {
            doc.take();
        }
    }
    items
}

fn opening(line: &str) -> Option<(bool, String)> {
    let (is_enum, rest) = match line.strip_prefix("pub enum ") {
        Some(rest) => (true, rest),
        None => (false, line.strip_prefix("pub struct ")?),
    };
    Some((is_enum, rest.strip_suffix(" {")?.to_owned()))
}

fn member(line: &str) -> Option<(String, String)> {
    let line = line.strip_prefix("    ")?.strip_suffix(',')?;
    if let Some(field) = line.strip_prefix("pub ") {
        let (name, holds) = field.split_once(": ")?;
        return Some((name.to_owned(), holds.to_owned()));
    }
    let (name, holds) = line.split_once('(').unwrap_or((line, ""));
    let holds = holds.trim_end_matches(')').trim_start_matches("Box<").trim_end_matches('>');
    let is_name = name.chars().all(char::is_alphanumeric) && name.starts_with(char::is_uppercase);
    is_name.then(|| (name.to_owned(), holds.to_owned()))
}

/// Name, value as written, and documentation of the constants of a file.
pub(crate) fn constants(file: &str) -> Vec<Member> {
    let mut doc = Doc::default();
    let mut all = Vec::new();
    for line in read(file).lines() {
        if doc.feed(line) {
            continue;
        }
        if let Some(rest) = line.strip_prefix("pub const ") {
            let (name, rest) = rest.split_once(": ").expect("a type");
            let (_, value) = rest.split_once(" = ").expect("a value");
            let holds = value.trim_end_matches(';').to_owned();
            all.push(Member { name: name.to_owned(), holds, doc: doc.take() });
        } else {
            doc.take();
        }
    }
    all
}

/// Stable name and documentation of the error codes.
pub(crate) fn codes() -> Vec<Member> {
    let mut doc = Doc::default();
    let mut all = Vec::new();
    for line in read("src/error.rs").lines() {
        if doc.feed(line) {
            continue;
        }
        let code = line.trim().strip_suffix("\";").and_then(|line| line.split_once(", \""));
        if let Some((number, name)) = code
            && let Some((_, number)) = number.split_once(" = ")
        {
            let (name, holds) = (name.to_owned(), number.to_owned());
            all.push(Member { name, holds, doc: doc.take() });
        } else {
            doc.take();
        }
    }
    all
}
