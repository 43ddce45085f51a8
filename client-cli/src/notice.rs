//! Says, on standard error, that a standby serves because the primary does not answer
//! (once), and that work takes a while that the server has asked for.

use crate::format;
use coffer_client::{Client, Reach};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Work that is done sooner is not spoken of.
const MOMENT: Duration = Duration::from_millis(700);

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

/// Says in the background when work for the server takes more than a moment.
pub(crate) fn attend_checking(mut work: watch::Receiver<usize>) {
    tokio::spawn(async move {
        while takes_long(&mut work, MOMENT).await {
            writeln!(std::io::stderr(), "{CHECKING}").ok();
            if work.wait_for(|count| *count == 0).await.is_err() {
                return;
            }
        }
    });
}

const CHECKING: &str = "checking: the server asks this computer for some work before it goes on; this may take a few \
     seconds";

/// Waits until some work has gone on for more than a moment; false when there will be
/// none any more.
async fn takes_long(work: &mut watch::Receiver<usize>, moment: Duration) -> bool {
    while work.wait_for(|count| *count > 0).await.is_ok() {
        let ended = tokio::time::timeout(moment, work.wait_for(|count| *count == 0)).await;
        match ended {
            Err(_) => return true,
            Ok(Err(_)) => return false,
            Ok(Ok(_)) => {}
        }
    }
    false
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

    #[tokio::test]
    async fn only_work_that_takes_long_is_spoken_of() {
        let (work, mut seen) = watch::channel(1);
        assert!(takes_long(&mut seen, Duration::ZERO).await);
        let soon_done = async {
            tokio::task::yield_now().await;
            work.send_replace(0);
            tokio::task::yield_now().await;
            drop(work);
        };
        let (long, ()) = tokio::join!(takes_long(&mut seen, Duration::from_hours(1)), soon_done);
        assert!(!long);
    }

    #[test]
    fn an_age_is_rounded_up() {
        assert_eq!(age(Duration::ZERO), "not behind");
        assert_eq!(age(Duration::from_millis(1)), "1 s behind");
    }
}
