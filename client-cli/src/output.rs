//! What a command prints: lines for people, or JSON for programs.

use crate::exit::Failure;
use crate::format;
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write as _};

/// Standard output and standard error of a command.
pub(crate) struct Output {
    /// JSON instead of lines.
    pub(crate) json: bool,
    /// Only results that were asked for, and errors.
    pub(crate) quiet: bool,
    out: BufWriter<Stdout>,
}

impl Output {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet, out: BufWriter::new(io::stdout()) }
    }

    /// A line of a result for people; names in it are made harmless.
    pub(crate) fn line(&mut self, line: impl Display) -> Result<(), Failure> {
        writeln!(self.out, "{}", format::printable(&line.to_string()))?;
        Ok(())
    }

    /// Says what was done; not when it is quiet.
    pub(crate) fn done(&mut self, line: impl Display) -> Result<(), Failure> {
        if self.quiet { Ok(()) } else { self.line(line) }
    }

    /// A document for programs, on a line of its own.
    pub(crate) fn document(&mut self, document: &impl Serialize) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.out, document).map_err(io::Error::from)?;
        writeln!(self.out)?;
        Ok(())
    }

    /// Part of a document that is written piece by piece.
    pub(crate) fn raw(&mut self, text: &str) -> Result<(), Failure> {
        self.out.write_all(text.as_bytes())?;
        Ok(())
    }

    /// A remark for people, on standard error.
    pub(crate) fn note(&self, note: impl Display) {
        if !self.json && !self.quiet {
            // A remark that cannot be shown is no reason to fail.
            writeln!(io::stderr(), "{}", format::printable(&note.to_string())).ok();
        }
    }

    /// A failure that is not the last, on standard error.
    pub(crate) fn failure(&self, failure: &Failure) {
        // A failure that cannot be shown still counts in the exit code.
        failure.show(self.json, &mut io::stderr().lock()).ok();
    }

    /// Whether progress may be drawn.
    pub(crate) fn draws(&self) -> bool {
        !self.json && !self.quiet && io::stderr().is_terminal()
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush()?;
        Ok(())
    }
}
