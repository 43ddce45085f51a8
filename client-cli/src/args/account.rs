//! Arguments of the commands about the account.

use clap::{Args, Subcommand, ValueHint};
use coffer_client::protocol::link::{Fingerprint, Link};
use std::path::PathBuf;

/// Which server.
#[derive(Debug, Args)]
pub(crate) struct Server {
    /// The link that `coffer-server link` prints
    #[arg(value_name = "LINK")]
    pub(crate) link: Link,
    /// User name
    #[arg(long, value_name = "NAME")]
    pub(crate) user: String,
    /// Trust this fingerprint, for a link without one
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) trust: Option<Fingerprint>,
}

/// Where the password comes from.
#[derive(Debug, Args)]
pub(crate) struct PasswordFile {
    /// File with the password in its first line; otherwise it is asked for
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    #[arg(env = "COFFER_PASSWORD_FILE", hide_env = true)]
    pub(crate) password_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Signup {
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) password: PasswordFile,
    /// E-mail address or telephone number, stored encrypted
    #[arg(long, value_name = "TEXT")]
    pub(crate) contact: Option<String>,
    /// New file for the recovery key; otherwise it is shown
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) recovery_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) password: PasswordFile,
    /// Sign in although the server shows an older state than before, because
    /// its operator has restored a backup
    #[arg(long)]
    pub(crate) accept_older: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Passwd {
    #[command(flatten)]
    pub(crate) password: PasswordFile,
    /// File with the new password in its first line; otherwise it is asked for
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) new_password_file: Option<PathBuf>,
    /// Also make a new recovery key; the old one stops working
    #[arg(long)]
    pub(crate) renew_recovery: bool,
    /// New file for the new recovery key; otherwise it is shown
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    #[arg(requires = "renew_recovery")]
    pub(crate) new_recovery_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Recover {
    #[command(flatten)]
    pub(crate) server: Server,
    /// File with the recovery key; otherwise it is asked for
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) recovery_file: Option<PathBuf>,
    /// File with the new password in its first line; otherwise it is asked for
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    #[arg(env = "COFFER_PASSWORD_FILE", hide_env = true)]
    pub(crate) password_file: Option<PathBuf>,
    /// New file for the new recovery key; otherwise it is shown
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) new_recovery_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// Delete the account and everything in it, for good
    Delete {
        #[command(flatten)]
        password: PasswordFile,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}
