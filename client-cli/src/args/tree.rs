//! Arguments of the commands about directories and entries.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Mkdir {
    /// Also create missing directories above; one that is there is no error
    #[arg(long, short)]
    pub(crate) parents: bool,
    /// Remote directories
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Show sizes and times
    #[arg(long, short)]
    pub(crate) long: bool,
    /// List the whole tree, with full paths
    #[arg(long, short = 'R')]
    pub(crate) recursive: bool,
    /// Remote directory or file; '@' or '@owner' for what is shared with you
    #[arg(value_name = "PATH", default_value = "/")]
    pub(crate) path: String,
}

#[derive(Debug, Args)]
pub(crate) struct OnePath {
    /// Remote file or directory
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
}

#[derive(Debug, Args)]
pub(crate) struct Find {
    /// Glob for the name, such as '*.jpg'; upper and lower case are the same
    pub(crate) pattern: String,
    /// Remote directory to search; otherwise everything, also what is shared
    /// with you
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Mv {
    /// Move a file that has the new name to the trash first
    #[arg(long)]
    pub(crate) replace: bool,
    /// Remote file or directory
    #[arg(value_name = "FROM")]
    pub(crate) from: String,
    /// Remote directory to move it into, or the new name
    #[arg(value_name = "TO")]
    pub(crate) to: String,
}

#[derive(Debug, Args)]
pub(crate) struct Cp {
    /// Accepted for habit: directories are always copied whole
    #[arg(long, short, hide = true)]
    pub(crate) recursive: bool,
    /// Remote file or directory
    #[arg(value_name = "FROM")]
    pub(crate) from: String,
    /// Remote directory to copy it into, or the new name
    #[arg(value_name = "TO")]
    pub(crate) to: String,
}

#[derive(Debug, Args)]
pub(crate) struct Rm {
    /// Also directories, with everything in them
    #[arg(long, short)]
    pub(crate) recursive: bool,
    /// Remote files and directories
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<String>,
}
