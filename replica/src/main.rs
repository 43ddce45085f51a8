//! `coffer-replica`: see `coffer_replica` for everything.

use std::process::ExitCode;

fn main() -> ExitCode {
    coffer_replica::main()
}
