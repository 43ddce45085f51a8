//! Keeps the memory of the C library's allocator and of the MySQL client small.
//!
//! By default glibc gives every thread an arena of its own and keeps freed chunk
//! buffers in all of them: moving 1 GiB up and down left twice as much resident
//! memory (115 MiB against 59), at the same processor time and with five times the
//! page faults. The MySQL client keeps 128 buffers in a ring, used in turn, so that
//! each of them grows to the size of the largest statements: 35 MiB after a tree of
//! 23,000 files. Both read their settings once, from the environment, glibc before
//! `main`; the program therefore starts itself again, in the same process, with
//! them set.
//!
//! Guarantees: what the operator has set stays; the second start never starts a
//! third; without a way to do it the server runs with the defaults.

use super::again::start_again;
use std::ffi::OsString;

/// The settings, and why. Libraries other than glibc pass over what is its own.
const SETTINGS: [(&str, &str); 5] = [
    // Small allocations are served from per-thread caches; two arenas behind them
    // are enough (mallopt(3)).
    ("MALLOC_ARENA_MAX", "2"),
    // Chunk buffers stay below this and are used again without a page fault each.
    // Setting it also keeps glibc from moving the limits by itself.
    ("MALLOC_MMAP_THRESHOLD_", "8388608"),
    // Free memory at the top of the heap beyond this goes back to the kernel.
    ("MALLOC_TRIM_THRESHOLD_", "16777216"),
    // Buffers that the MySQL client keeps; each connection uses two at a time.
    ("MYSQL_ASYNC_BUFFER_POOL_CAP", "16"),
    // Bytes that a kept buffer is cut to: most statements fit.
    ("MYSQL_ASYNC_BUFFER_SIZE_CAP", "262144"),
];

/// Marks the second start.
const MARK: &str = "COFFER_SERVER_STARTED_AGAIN";

/// Starts the program again with the settings, unless that has happened or the
/// operator has made all of them.
pub fn settle() {
    let missing = missing(|name| std::env::var_os(name));
    if missing.is_empty() || std::env::var_os(MARK).is_some() {
        return;
    }
    let mut variables = missing;
    variables.push((MARK, "1"));
    // If it returns, it did not work, and the defaults do.
    drop(start_again(&variables));
}

/// The settings that the environment does not make. The allocator's belong
/// together: who has made one of them has tuned it, and gets no other.
fn missing(variable: impl Fn(&str) -> Option<OsString>) -> Vec<(&'static str, &'static str)> {
    let is_set = |name: &str| variable(name).is_some();
    let of_malloc = |name: &str| name.starts_with("MALLOC_");
    let tuned = SETTINGS.iter().any(|(name, _)| of_malloc(name) && is_set(name));
    let wanted = |name: &str| if of_malloc(name) { !tuned } else { !is_set(name) };
    SETTINGS.into_iter().filter(|(name, _)| wanted(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing_with(set: &[&str]) -> Vec<&'static str> {
        let missing = missing(|name| set.contains(&name).then(|| OsString::from("1")));
        missing.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn what_the_operator_has_set_stays() {
        assert_eq!(missing_with(&[]).len(), SETTINGS.len());
        assert_eq!(
            missing_with(&["MALLOC_TRIM_THRESHOLD_"]),
            ["MYSQL_ASYNC_BUFFER_POOL_CAP", "MYSQL_ASYNC_BUFFER_SIZE_CAP"]
        );
        assert!(
            !missing_with(&["MYSQL_ASYNC_BUFFER_POOL_CAP"])
                .contains(&"MYSQL_ASYNC_BUFFER_POOL_CAP")
        );
        let all = SETTINGS.map(|(name, _)| name);
        assert!(missing_with(&all).is_empty());
    }
}
