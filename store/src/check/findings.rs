//! Collects what a check finds, within bounds, and tells how far it is.

use super::report::{
    CheckCounts, CheckOptions, CheckProgress, CheckReport, CheckStage, Note, Problem, ProblemKind,
};
use coffer_protocol::UserId;

/// Objects between two signs of life.
const PROGRESS_EVERY: u64 = 256;

/// Takes the signs of life of a check.
pub(crate) type Progress<'a> = &'a mut (dyn FnMut(CheckProgress) + Send);

/// The report in the making.
pub(crate) struct Findings<'a> {
    report: CheckReport,
    described: usize,
    progress: Progress<'a>,
    stage: CheckStage,
    done: u64,
}

impl<'a> Findings<'a> {
    pub(crate) fn new(options: &CheckOptions, progress: Progress<'a>) -> Self {
        Self {
            report: CheckReport::default(),
            described: options.described,
            progress,
            stage: CheckStage::Database,
            done: 0,
        }
    }

    /// Begins a stage.
    pub(crate) fn stage(&mut self, stage: CheckStage) {
        (self.stage, self.done) = (stage, 0);
        self.tell();
    }

    /// Counts an object of the stage.
    pub(crate) fn tick(&mut self) {
        self.done += 1;
        if self.done.is_multiple_of(PROGRESS_EVERY) {
            self.tell();
        }
    }

    fn tell(&mut self) {
        (self.progress)(CheckProgress { stage: self.stage, done: self.done });
    }

    /// The totals.
    pub(crate) fn counts(&mut self) -> &mut CheckCounts {
        &mut self.report.counts
    }

    /// Something is wrong.
    pub(crate) fn problem(
        &mut self,
        kind: ProblemKind,
        object: String,
        owner: Option<UserId>,
        detail: impl Into<String>,
    ) {
        self.report.counts.problems += 1;
        if self.report.problems.len() < self.described {
            self.report.problems.push(Problem { kind, object, owner, detail: detail.into() });
        }
    }

    /// Something is worth knowing.
    pub(crate) fn note(&mut self, note: Note) {
        self.report.counts.notes += 1;
        if self.report.notes.len() < self.described {
            self.report.notes.push(note);
        }
    }

    /// The report.
    pub(crate) fn finish(self) -> CheckReport {
        self.report
    }
}
