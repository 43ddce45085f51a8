//! Keeps the C library's allocator small.
//!
//! By default glibc gives every thread an arena of its own and keeps freed chunk
//! buffers in all of them: moving 1 GiB up and down left twice as much resident
//! memory (115 MiB against 59), at the same processor time and with five times the
//! page faults. The settings are read once, before `main`, from the environment;
//! the program therefore starts itself again, in the same process, with them set.
//!
//! Guarantees: what the operator has set stays; the second start never starts a
//! third; without a way to do it the server runs with the defaults.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Settings of glibc's malloc (mallopt(3)), and why.
const SETTINGS: [(&str, &str); 3] = [
    // Small allocations are served from per-thread caches; two arenas behind them
    // are enough.
    ("MALLOC_ARENA_MAX", "2"),
    // Chunk buffers stay below this and are used again without a page fault each.
    // Setting it also keeps glibc from moving the limits by itself.
    ("MALLOC_MMAP_THRESHOLD_", "8388608"),
    // Free memory at the top of the heap beyond this goes back to the kernel.
    ("MALLOC_TRIM_THRESHOLD_", "16777216"),
];

/// Marks the second start.
const MARK: &str = "COFFER_SERVER_STARTED_AGAIN";

/// Starts the program again with the settings, unless that has happened.
pub(crate) fn settle() {
    let ours = std::env::var_os(MARK).is_some();
    let set = SETTINGS.iter().any(|(name, _)| std::env::var_os(name).is_some());
    if ours || set || !cfg!(all(target_os = "linux", target_env = "gnu")) {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let mut command = Command::new(program);
    command.arg0(arguments.next().as_deref().unwrap_or(OsStr::new("coffer-server")));
    let error = command.args(arguments).envs(SETTINGS).env(MARK, "1").exec();
    // Still here: it did not work, and the defaults do.
    drop(error);
}
