//! The commands, one file for each family.

mod account;
mod attend;
mod contact;
mod events;
mod list;
mod outcome;
mod pipe;
mod received;
mod recovered;
mod report;
mod share;
mod shell;
mod status;
mod transfer;
mod trash;
mod tree;
mod uploads;
mod versions;

use crate::app::App;
use crate::args::{Command, Trash};
use crate::exit::Failure;
use coffer_client::RemotePath;

/// Runs a command to its end. A command about one path names it when it fails.
pub(crate) async fn run(app: &mut App, command: Command) -> Result<(), Failure> {
    let path = match &command {
        Command::Ls(args) => Some(args.path.clone()),
        Command::Stat(args) => Some(args.path.clone()),
        Command::Cat(args) => Some(args.path.clone()),
        Command::Write(args) => Some(args.path.clone()),
        Command::Versions(args) => Some(args.path.clone()),
        Command::Restore(args) => Some(args.path.clone()),
        Command::Share(args) => Some(args.path.clone()),
        Command::Unshare(args) => Some(args.path.clone()),
        Command::Shares(args) => args.path.clone(),
        Command::Leave(args) => Some(args.path.clone()),
        Command::Find(args) => args.path.clone(),
        Command::Activity(args) => args.path.clone(),
        Command::Trash(Trash::Ls { path }) => path.clone(),
        _ => None,
    };
    let outcome = Box::pin(dispatch(app, command)).await;
    outcome.map_err(|failure| match path {
        Some(path) => failure.about_entry(path),
        None => failure,
    })
}

async fn dispatch(app: &mut App, command: Command) -> Result<(), Failure> {
    match command {
        Command::Signup(args) => account::signup(app, args).await,
        Command::Login(args) => account::login(app, args).await,
        Command::Logout => account::logout(app).await,
        Command::Whoami => status::whoami(app).await,
        Command::Passwd(args) => account::passwd(app, args).await,
        Command::Recover(args) => account::recover(app, args).await,
        Command::Account(args) => account::account(app, args).await,
        Command::Mkdir(args) => tree::mkdir(app, args).await,
        Command::Ls(args) => list::ls(app, args).await,
        Command::Stat(args) => list::stat(app, args).await,
        Command::Find(args) => list::find(app, args).await,
        Command::Put(args) => transfer::put(app, args).await,
        Command::Get(args) => transfer::get(app, args).await,
        Command::Cat(args) => pipe::cat(app, args).await,
        Command::Write(args) => pipe::write(app, args).await,
        Command::Mv(args) => tree::mv(app, args).await,
        Command::Cp(args) => tree::cp(app, args).await,
        Command::Rm(args) => tree::rm(app, args).await,
        Command::Trash(args) => trash::trash(app, args).await,
        Command::Versions(args) => versions::versions(app, args).await,
        Command::Restore(args) => versions::restore(app, args).await,
        Command::Uploads(args) => uploads::uploads(app, args).await,
        Command::Recovered(args) => recovered::recovered(app, args).await,
        Command::Share(args) => share::share(app, args).await,
        Command::Unshare(args) => share::unshare(app, args).await,
        Command::Shares(args) => share::shares(app, args).await,
        Command::Leave(args) => share::leave(app, args).await,
        Command::Group(args) => contact::group(app, args).await,
        Command::Contact(args) => contact::contact(app, args).await,
        Command::Watch => events::watch(app).await,
        Command::Activity(args) => events::activity(app, args).await,
        Command::Status => status::status(app).await,
        Command::Completions { shell } => shell::completions(app, shell),
        Command::Man { dir } => shell::man(app, &dir),
    }
}

/// Reads a remote path as it was typed.
fn remote(path: &str) -> Result<RemotePath, Failure> {
    Ok(RemotePath::parse(path)?)
}

/// Said when a name is taken in another spelling.
const COLLISION: &str = "note: another name there differs only in case or in the form of its \
                         letters; Windows and macOS cannot hold both";
