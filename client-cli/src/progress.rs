//! Draws the progress of a transfer: one bar with files, bytes, speed, time
//! left and the current name.

use crate::format;
use crate::notice::Notice;
use coffer_client::Reach;
use coffer_client::transfer::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

const REDRAW_EVERY: Duration = Duration::from_millis(100);
const SAY_WITHIN: Duration = Duration::from_secs(1);

/// Draws until the future is dropped; the bar disappears with it. What there is to
/// say of the machines is said above it.
pub(crate) async fn draw(
    mut progress: watch::Receiver<Progress>,
    reach: watch::Receiver<Reach>,
    notice: &Notice,
) {
    let bar = Bar::new();
    loop {
        if let Some(text) = notice.take(&reach.borrow()) {
            bar.0.println(text);
        }
        bar.show(&progress.borrow_and_update());
        tokio::time::sleep(REDRAW_EVERY).await;
        // A transfer that waits for a machine still has something to say.
        if let Ok(Err(_)) = timeout(SAY_WITHIN, progress.changed()).await {
            return;
        }
    }
}

struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("[{bar:24}] {prefix}\n{wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        Self(bar)
    }

    fn show(&self, progress: &Progress) {
        self.0.set_length(progress.bytes_known.max(1));
        self.0.set_position(progress.bytes_done.min(progress.bytes_known));
        self.0.set_prefix(figures(progress));
        self.0.set_message(second_line(progress));
        self.0.tick();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn figures(progress: &Progress) -> String {
    let more = if progress.known_is_all { "" } else { "+" };
    let mut line = format!(
        "{}/{}{more}  {}/{}{more}",
        progress.files_done,
        format::count(progress.files_known, "file", "files"),
        format::size(progress.bytes_done),
        format::size(progress.bytes_known),
    );
    if progress.bytes_per_second > 0.0 {
        line.push_str("  ");
        line.push_str(&format::speed(progress.bytes_per_second));
    }
    if let Some(remaining) = progress.remaining {
        line.push_str("  ETA ");
        line.push_str(if progress.known_is_all { "" } else { ">" });
        line.push_str(&format::duration(remaining));
    }
    line
}

fn second_line(progress: &Progress) -> String {
    let current = format::printable(&progress.current);
    match &progress.last_failure {
        Some(failure) => {
            format!("{current}  ({} failed; last: {})", progress.failed, format::printable(failure))
        }
        None => current.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_say_what_is_known() {
        let mut progress = Progress {
            files_known: 2000,
            files_done: 12,
            bytes_known: 3 << 20,
            bytes_done: 1 << 20,
            ..Progress::default()
        };
        assert_eq!(figures(&progress), "12/2,000 files+  1.0 MiB/3.0 MiB+");
        progress.known_is_all = true;
        progress.bytes_per_second = 2_097_152.0;
        progress.remaining = Some(Duration::from_secs(61));
        assert_eq!(figures(&progress), "12/2,000 files  1.0 MiB/3.0 MiB  2.0 MiB/s  ETA 1:01");
    }

    #[test]
    fn the_last_failure_is_in_sight() {
        let progress = Progress {
            current: "/a/b".to_owned(),
            failed: 2,
            last_failure: Some("/x: no".to_owned()),
            ..Progress::default()
        };
        assert_eq!(second_line(&progress), "/a/b  (2 failed; last: /x: no)");
    }
}
