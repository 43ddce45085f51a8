//! The journal's chain, from what was pruned to the head that the state names.

use super::Checker;
use super::report::{CheckStage, ProblemKind};
use super::scan::Pages;
use crate::changes::decode_body;
use crate::db::Value;
use crate::error::StoreError;
use crate::journal::entry_hash;
use crate::rows::{ClusterRow, JournalRow};

impl Checker<'_> {
    /// Follows the chain. After a break it goes on from the entry behind it, so
    /// that each break is reported once.
    pub(super) fn check_journal(&mut self) -> Result<(), StoreError> {
        self.findings.stage(CheckStage::Journal);
        let Some(cluster) = self.one::<ClusterRow>(vec![Value::Int(1)])? else {
            let detail = "the row of the installation is missing or damaged";
            self.journal_problem(ProblemKind::JournalHead, "the journal".to_owned(), detail);
            return Ok(());
        };
        let mut last = (cluster.pruned_seq, cluster.pruned_hash);
        let mut pages = Pages::<JournalRow>::after(None);
        while let Some(page) = pages.next(self.conn)? {
            for (key, row) in page {
                self.findings.counts().journal_entries += 1;
                self.findings.tick();
                if let Some(entry) = self.trusted(key, row)? {
                    self.check_entry(last, &entry);
                    last = (entry.seq, entry.hash);
                }
            }
        }
        if last != (cluster.seq, cluster.chain_hash) {
            let detail = format!("it ends at entry {}, not as the state says", last.0);
            let object = format!("journal entry {}", cluster.seq);
            self.journal_problem(ProblemKind::JournalHead, object, detail);
        }
        Ok(())
    }

    fn check_entry(&mut self, last: (u64, [u8; 32]), entry: &JournalRow) {
        let object = format!("journal entry {}", entry.seq);
        let kind = ProblemKind::JournalBroken;
        if entry.seq != last.0 + 1 {
            let detail = format!("the entries between {} and this one are missing", last.0);
            self.journal_problem(kind, object, detail);
        } else if entry_hash(&last.1, entry) != entry.hash {
            self.journal_problem(kind, object, "it does not follow from the one before");
        } else if let Err(error) = decode_body(&entry.body) {
            self.journal_problem(kind, object, error.to_string());
        }
    }

    fn journal_problem(&mut self, kind: ProblemKind, object: String, detail: impl Into<String>) {
        self.findings.problem(kind, object, None, detail);
    }
}
