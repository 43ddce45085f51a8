//! The table as `docs/security.md` shows it.

use super::table::{COLUMNS, Outcome, ROWS, expected};
use std::fmt::Write as _;
use std::path::PathBuf;

const BEGIN: &str = "<!-- The table is made from tests/tests/e2e/sharing/table.rs; COFFER_UPDATE_GOLDEN=1 writes it. -->\n";
const END: &str = "<!-- End of the table. -->\n";

const HEAD: &str = "\
| | READ: the file | READ: the directory | READ: inside it | WRITE: the file | WRITE: the directory | WRITE: inside it | WRITE within READ: the inner root | WRITE within READ: inside it | READ within WRITE: the inner root | READ within WRITE: inside it | nothing shared | owner |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
";

/// Columns without any share are one column in the document.
const NOBODY: std::ops::Range<usize> = 10..13;

fn mark(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        None => "",
        Some(Outcome::Allowed) => "yes",
        Some(Outcome::NotAllowed) => "no",
        Some(Outcome::NotFound) => "–",
    }
}

fn render() -> String {
    let mut out = HEAD.to_owned();
    for (_, words, letters) in ROWS {
        let _ = write!(out, "| {words} |");
        let marks = (0..COLUMNS.len()).map(|column| mark(expected(letters, column)));
        let marks: Vec<&str> = marks.collect();
        let nobody = NOBODY.map(|column| marks[column]).find(|mark| !mark.is_empty());
        for (column, mark) in marks.iter().enumerate() {
            match column {
                _ if column == NOBODY.start => {
                    let _ = write!(out, " {} |", nobody.unwrap_or_default());
                }
                _ if NOBODY.contains(&column) => {}
                _ => {
                    let _ = write!(out, " {mark} |");
                }
            }
        }
        out.push('\n');
    }
    out
}

#[test]
fn the_documented_table_is_the_tested_one() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/security.md");
    let text = std::fs::read_to_string(&path).expect("docs/security.md");
    let (before, rest) = text.split_once(BEGIN).expect("the place of the table");
    let (shown, after) = rest.split_once(END).expect("the end of the table");
    let table = format!("\n{}\n", render());
    if std::env::var_os("COFFER_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, [before, BEGIN, &table, END, after].concat()).expect("written");
        return;
    }
    assert!(
        shown.replace('\r', "") == table,
        "docs/security.md shows another table; look at it, then run with COFFER_UPDATE_GOLDEN=1"
    );
}
