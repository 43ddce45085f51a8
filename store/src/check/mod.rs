//! `check`: reads everything that is stored and says what is wrong with it.
//!
//! Guarantees:
//!
//! - It writes nothing, neither to SQL nor to the data directory.
//! - Its memory is bounded, whatever is stored: tables are read in pages, and
//!   references are counted in as many passes as the budget asks for
//!   (module `count`). The totals of users take a few words for each user.
//! - It can run beside a working server. All of SQL is read in one transaction,
//!   that is, as it was at one moment; the chunk files are compared with what
//!   SQL says at the moment, and looked at again before a word is said.
//! - A problem does not end it, and has a name, an object and an advice.

mod affected;
mod chunk_files;
mod count;
mod engine;
mod findings;
mod journal;
mod references;
mod report;
mod scan;
mod sharing;
mod tree;

#[cfg(test)]
mod tests;

pub use report::{
    CheckCounts, CheckOptions, CheckProgress, CheckReport, CheckStage, Note, Problem, ProblemKind,
};

use crate::chunks::ChunkStore;
use crate::db::{Connection, DbError, begin_snapshot};
use crate::error::StoreError;
use crate::store::Store;
use affected::Suspects;
use findings::{Findings, Progress};
use std::sync::Arc;

impl Store {
    /// Checks everything that is stored; can run beside a working server, also
    /// from another process. `progress` is told from time to time how far it is.
    pub async fn check(
        &self,
        options: CheckOptions,
        mut progress: impl FnMut(CheckProgress) + Send + 'static,
    ) -> Result<CheckReport, StoreError> {
        let chunks = Arc::clone(self.chunks());
        self.on_own_connection(move |conn| run(conn, &chunks, &options, &mut progress)).await
    }
}

/// A check that is going on.
struct Checker<'a> {
    conn: &'a mut dyn Connection,
    chunks: &'a ChunkStore,
    options: &'a CheckOptions,
    findings: Findings<'a>,
    /// Chunks that cannot be read, to find whose they are.
    suspects: Suspects,
}

/// Checks everything.
fn run(
    conn: &mut dyn Connection,
    chunks: &ChunkStore,
    options: &CheckOptions,
    progress: Progress<'_>,
) -> Result<CheckReport, StoreError> {
    let findings = Findings::new(options, progress);
    let suspects = Suspects::new(options.described);
    let mut check = Checker { conn, chunks, options, findings, suspects };
    check.stage(Checker::check_database)?;
    begin_snapshot(check.conn)?;
    check.stage(Checker::check_rows)?;
    check.stage(Checker::check_journal)?;
    check.stage(Checker::check_references)?;
    check.conn.rollback()?;
    if options.chunks {
        check.stage(Checker::check_chunks)?;
    }
    check.stage(Checker::name_affected)?;
    Ok(check.findings.finish())
}

impl Checker<'_> {
    /// Runs one stage. What the engine cannot read is a problem, and ends only
    /// the stage; an engine that cannot be reached ends the check.
    fn stage(&mut self, stage: fn(&mut Self) -> Result<(), StoreError>) -> Result<(), StoreError> {
        match stage(self) {
            Err(StoreError::Database(error @ (DbError::Io(_) | DbError::Other(_)))) => {
                let detail = format!("a part was not checked: {error}");
                let kind = ProblemKind::DatabaseDamaged;
                self.findings.problem(kind, "the database".to_owned(), None, detail);
                Ok(())
            }
            other => other,
        }
    }

    /// Lets the engine look at its own structures.
    fn check_database(&mut self) -> Result<(), StoreError> {
        self.findings.stage(CheckStage::Database);
        for complaint in engine::check_structure(self.conn, self.options.quick)? {
            let kind = ProblemKind::DatabaseDamaged;
            self.findings.problem(kind, "the database".to_owned(), None, complaint);
        }
        Ok(())
    }
}
