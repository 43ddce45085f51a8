//! `coffer-server`: see `coffer_server` for everything.

use std::process::ExitCode;

fn main() -> ExitCode {
    coffer_server::main()
}
