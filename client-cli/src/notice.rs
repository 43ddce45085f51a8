//! Says once, on standard error, that a standby serves because the primary does
//! not answer.

use crate::format;
use coffer_client::{Client, Reach};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// See the module.
pub(crate) struct Notice {
    /// Nothing is to be said, or it was said already.
    said: AtomicBool,
    /// A progress bar is there, and will say it.
    drawing: AtomicBool,
}

impl Notice {
    pub(crate) fn new(is_wanted: bool) -> Arc<Self> {
        let said = AtomicBool::new(!is_wanted);
        Arc::new(Self { said, drawing: AtomicBool::new(false) })
    }

    /// Looks after this session from now on, in the background.
    pub(crate) fn attend(self: &Arc<Self>, client: &Client) {
        let (notice, mut reach) = (Arc::clone(self), client.reach());
        tokio::spawn(async move {
            loop {
                if !notice.drawing.load(Ordering::Relaxed) {
                    notice.say(&reach.borrow_and_update());
                }
                if reach.changed().await.is_err() {
                    return;
                }
            }
        });
    }

    /// Says it now, if there is something to say.
    pub(crate) fn say(&self, reach: &Reach) {
        if let Some(text) = self.take(reach) {
            // A remark that cannot be shown is no reason to fail.
            writeln!(std::io::stderr(), "{text}").ok();
        }
    }

    /// What is to be said; it then counts as said.
    pub(crate) fn take(&self, reach: &Reach) -> Option<String> {
        let text = text(reach)?;
        (!self.said.swap(true, Ordering::Relaxed)).then_some(text)
    }

    /// A progress bar says it from now on, or does not any more.
    pub(crate) fn set_drawing(&self, drawing: bool) {
        self.drawing.store(drawing, Ordering::Relaxed);
    }
}

fn text(reach: &Reach) -> Option<String> {
    let Reach::Standby { machine, behind, .. } = reach else { return None };
    let machine = machine.to_string();
    Some(format!(
        "read only: the primary does not answer; reading from {}, {}",
        format::printable(&machine),
        age(*behind)
    ))
}

/// How old what a standby shows is, for people.
pub(crate) fn age(behind: Duration) -> String {
    match behind.as_millis().div_ceil(1000) {
        0 => "not behind".to_owned(),
        seconds => format!("{seconds} s behind"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_client::Machine;
    use coffer_client::protocol::link::Fingerprint;
    use std::time::SystemTime;

    fn standby(millis: u64) -> Reach {
        Reach::Standby {
            machine: Machine { host: "b".to_owned(), port: 7440, pin: Fingerprint([1; 32]) },
            behind: Duration::from_millis(millis),
            since: SystemTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn it_is_said_once_and_only_when_it_is_so() {
        let notice = Notice::new(true);
        assert_eq!(notice.take(&Reach::Primary), None);
        assert_eq!(notice.take(&Reach::Unreachable { since: SystemTime::UNIX_EPOCH }), None);
        let said = notice.take(&standby(3_200)).expect("said");
        assert_eq!(said, "read only: the primary does not answer; reading from b:7440, 4 s behind");
        assert_eq!(notice.take(&standby(0)), None);
        assert_eq!(Notice::new(false).take(&standby(0)), None);
    }

    #[test]
    fn an_age_is_rounded_up() {
        assert_eq!(age(Duration::ZERO), "not behind");
        assert_eq!(age(Duration::from_millis(1)), "1 s behind");
    }
}
