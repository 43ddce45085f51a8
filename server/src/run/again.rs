//! Starts the program again in the same process: same id, same arguments.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Replaces this process by a fresh one of the same program, with these variables
/// added to its environment. Returns only if that does not work, and says why.
pub(crate) fn start_again(variables: &[(&str, &str)]) -> io::Error {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return error,
    };
    let mut arguments = std::env::args_os();
    let mut command = Command::new(program);
    command.arg0(arguments.next().as_deref().unwrap_or(OsStr::new("coffer-server")));
    command.args(arguments).envs(variables.iter().copied()).exec()
}
