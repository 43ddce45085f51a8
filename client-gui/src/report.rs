//! What is kept of a crash: where it happened, never what was worked on.
//!
//! Guarantees: a report has no file name, contents, password or address in it. The
//! message of a panic can quote such things, so it is only kept when it is a text of the
//! program itself.

use std::backtrace::Backtrace;
use std::cell::Cell;
use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};

thread_local! {
    /// A panic of this thread is expected, and ends a piece of work only.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Does something that may panic, as decoders of files from anywhere do, and is no crash
/// of the program then: `None`.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    let before = CAUGHT.replace(true);
    // Whatever is half done is given up together with `work`.
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    CAUGHT.set(before);
    done.ok()
}

/// Saves a report of every panic in this directory, and goes on as before.
pub fn install(dir: PathBuf) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if CAUGHT.get() {
            return;
        }
        let backtrace = Backtrace::force_capture();
        match save(&dir, &report(info, &backtrace)) {
            Ok(path) => eprintln!("coffer-gui has crashed; a report is in {}", path.display()),
            Err(error) => eprintln!("coffer-gui has crashed; no report could be written: {error}"),
        }
        before(info);
    }));
}

fn report(info: &PanicHookInfo<'_>, backtrace: &Backtrace) -> String {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let fixed = info.payload().downcast_ref::<&'static str>().copied();
    format!(
        "coffer-gui {} on {} {}\nat {place}\n{}\n\n{backtrace}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        fixed.unwrap_or("(the message is left out: it may quote data)"),
    )
}

/// One report is kept: the newest.
fn save(dir: &Path, report: &str) -> std::io::Result<PathBuf> {
    let path = dir.join("crash-report.txt");
    std::fs::create_dir_all(dir)?;
    std::fs::write(&path, report)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_where_but_not_what() {
        let dir = tempfile::tempdir().expect("directory");
        install(dir.path().to_owned());
        let secret = String::from("plan for the takeover.odt");
        let panicked = std::thread::spawn(move || panic!("cannot open {secret}")).join();
        assert!(panicked.is_err());
        let no_picture = std::thread::spawn(|| caught(|| panic!("no picture at all"))).join();
        assert!(matches!(no_picture, Ok(None)), "it is caught");
        let _ = std::panic::take_hook();
        let report =
            std::fs::read_to_string(dir.path().join("crash-report.txt")).expect("a report");
        assert!(report.contains("report.rs") && report.contains(std::env::consts::OS), "{report}");
        assert!(!report.contains("takeover"), "{report}");
        assert!(!report.contains("picture"), "what is caught is no crash: {report}");
    }
}
