//! The end of a command with several items: each failure named, and the exit
//! code that says whether all, some or none went well.

use crate::app::App;
use crate::exit::Failure;
use serde::Serialize;

/// Outcomes so far.
#[derive(Default)]
pub(super) struct Outcomes {
    done: u64,
    failed: Vec<Failure>,
}

impl Outcomes {
    pub(super) fn done(&mut self) {
        self.done += 1;
    }

    /// An item failed. An error that every item would have ends the command.
    pub(super) fn failed(&mut self, path: &str, failure: Failure) -> Result<(), Failure> {
        let ends = [5, 6, crate::exit::INTERRUPTED].contains(&failure.exit);
        if ends {
            return Err(failure);
        }
        self.failed.push(failure.about(path));
        Ok(())
    }

    /// The failures, for a JSON document.
    pub(super) fn failures(&self) -> &[impl Serialize + use<>] {
        &self.failed
    }

    /// Names the failures. One that is alone gives its own exit code.
    pub(super) fn finish(mut self, app: &App) -> Result<(), Failure> {
        if self.done == 0
            && self.failed.len() == 1
            && let Some(only) = self.failed.pop()
        {
            return Err(only);
        }
        if !app.out.json {
            for failure in &self.failed {
                app.out.failure(failure);
            }
        }
        if self.failed.is_empty() { Ok(()) } else { Err(Failure::partial()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Common;
    use coffer_client::Exit;

    fn end(done: u64, failures: usize) -> u8 {
        let common = Common { json: true, quiet: true, profile: String::new(), retry_for: 0 };
        let mut outcomes = Outcomes::default();
        (0..done).for_each(|_| outcomes.done());
        for _ in 0..failures {
            let failure = Failure::new(Exit::NotFound, "not-found", "", "");
            assert!(outcomes.failed("/x", failure).is_ok());
        }
        outcomes.finish(&App::new(common)).map_or_else(|failure| failure.exit, |()| 0)
    }

    #[test]
    fn the_exit_code_says_how_much_went_well() {
        assert_eq!(end(2, 0), 0);
        assert_eq!(end(0, 1), 3);
        assert_eq!(end(1, 1), 8);
        assert_eq!(end(0, 2), 8);
    }

    #[test]
    fn a_lost_server_ends_the_command() {
        let failure = Failure::new(Exit::Unreachable, "unreachable", "", "");
        assert!(Outcomes::default().failed("/x", failure).is_err());
    }
}
