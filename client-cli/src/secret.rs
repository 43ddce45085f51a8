//! Questions at the terminal, passwords and recovery keys.
//!
//! Guarantees: a password is read from a file or from the terminal without
//! echo, never from an argument; a recovery key is written to a new file that
//! only the user can read, or shown and asked back; whether either is possible
//! is known before an account is made.

use crate::exit::Failure;
use coffer_client::{ClientError, Exit};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use zeroize::Zeroizing;

/// Longest password file line and recovery file that is read.
const MAX_SECRET_BYTES: u64 = 4096;

/// Whether somebody is there to answer.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Says something to the person at the terminal.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    writeln!(io::stderr(), "{text}")?;
    Ok(())
}

fn ask(question: &str) -> Result<Zeroizing<String>, Failure> {
    let mut err = io::stderr();
    write!(err, "{question} ")?;
    err.flush()?;
    let mut answer = Zeroizing::new(String::new());
    if io::stdin().lock().take(MAX_SECRET_BYTES).read_line(&mut answer)? == 0 {
        return Err(Failure::interrupted());
    }
    Ok(Zeroizing::new(answer.trim().to_owned()))
}

/// Asks a question to be answered with yes or no.
pub(crate) fn confirm(question: &str) -> Result<bool, Failure> {
    loop {
        match ask(&format!("{question} [yes/no]"))?.to_lowercase().as_str() {
            "yes" | "y" => return Ok(true),
            "no" | "n" => return Ok(false),
            _ => {}
        }
    }
}

/// Asks before something that cannot be undone, unless `yes` was given.
pub(crate) fn confirm_final(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !can_ask() {
        let hint = "Add --yes to do it without a question.";
        return Err(Failure::usage("this cannot be undone, and nobody is there to ask", hint));
    }
    match confirm(question)? {
        true => Ok(()),
        false => Err(Failure::new(Exit::Failed, "declined", "nothing was done", "")),
    }
}

/// The present password: from the file, or asked for.
pub(crate) fn password(file: Option<&Path>, question: &str) -> Result<Zeroizing<String>, Failure> {
    match file {
        Some(file) => first_line(file),
        None if can_ask() => hidden(question),
        None => Err(no_password("--password-file")),
    }
}

/// A new password: from the file, or asked for twice.
pub(crate) fn new_password(file: Option<&Path>, flag: &str) -> Result<Zeroizing<String>, Failure> {
    if let Some(file) = file {
        return first_line(file);
    }
    if !can_ask() {
        return Err(no_password(flag));
    }
    let first = hidden("New password:")?;
    if *first == *hidden("The same again:")? {
        return Ok(first);
    }
    Err(Failure::usage("the two passwords are not the same", "Start again."))
}

fn no_password(flag: &str) -> Failure {
    let hint = format!("Give {flag} FILE; the password is in its first line.");
    Failure::usage("there is no terminal to ask for the password", hint)
}

fn hidden(question: &str) -> Result<Zeroizing<String>, Failure> {
    let typed = rpassword::prompt_password(format!("{question} ")).map_err(Failure::from)?;
    Ok(Zeroizing::new(typed))
}

fn first_line(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let mut line = Zeroizing::new(String::new());
    let read = File::open(path)
        .and_then(|file| BufReader::new(file.take(MAX_SECRET_BYTES)).read_line(&mut line));
    read.map_err(|error| ClientError::io("cannot read", path, error))?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// A recovery key that the user has: from the file, or asked for.
pub(crate) fn recovery_key(file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    let Some(path) = file else {
        if can_ask() {
            return hidden("Recovery key:");
        }
        let hint = "Give --recovery-file FILE.";
        return Err(Failure::usage("there is no terminal to ask for the recovery key", hint));
    };
    let mut text = Zeroizing::new(String::new());
    let read =
        File::open(path).and_then(|file| file.take(MAX_SECRET_BYTES).read_to_string(&mut text));
    read.map_err(|error| ClientError::io("cannot read", path, error))?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// Where a new recovery key will go. Made before the key is, so that no account
/// exists whose key nobody has.
pub(crate) enum KeyOutlet {
    /// Into this new file; it is removed again if no key comes.
    File { path: PathBuf, file: File, kept: bool },
    /// To the person at the terminal.
    Terminal,
}

impl KeyOutlet {
    /// Makes the file, or makes sure that somebody is there.
    pub(crate) fn prepare(file: Option<&Path>, flag: &str) -> Result<Self, Failure> {
        match file {
            Some(path) => {
                let file = create_private(path)
                    .map_err(|error| ClientError::io("cannot create", path, error))?;
                Ok(Self::File { path: path.to_owned(), file, kept: false })
            }
            None if can_ask() => Ok(Self::Terminal),
            None => Err(Failure::usage(
                "the recovery key has to go somewhere, and there is no terminal to show it",
                format!("Give {flag} FILE, a file that is not there yet."),
            )),
        }
    }

    /// Hands the key over.
    pub(crate) fn deliver(mut self, key: &str) -> Result<Option<PathBuf>, Failure> {
        let Self::File { path, file, kept } = &mut self else {
            show_and_check(key)?;
            return Ok(None);
        };
        *kept = true;
        let written = writeln!(file, "{key}").and_then(|()| file.sync_all());
        match written {
            Ok(()) => Ok(Some(path.clone())),
            Err(error) => {
                // Better on the screen than nowhere.
                say(&format!("The recovery key could not be written to its file:\n{key}"))?;
                Err(ClientError::io("cannot write", path, error).into())
            }
        }
    }
}

impl Drop for KeyOutlet {
    fn drop(&mut self) {
        if let Self::File { path, kept: false, .. } = self {
            // An empty file that stays is only untidy.
            std::fs::remove_file(path).ok();
        }
    }
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Shows the key, and has one group of it typed back.
fn show_and_check(key: &str) -> Result<(), Failure> {
    say(&format!(
        "\nYour recovery key, shown only now:\n\n    {key}\n\n\
         Write it down and keep it safe. It is the only way to your files when the password is \
         lost: nobody, not even the operator of the server, can reset it.\n"
    ))?;
    let groups: Vec<&str> = key.split([' ', '-']).filter(|group| !group.is_empty()).collect();
    let chance = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.subsec_micros());
    let wanted = chance as usize % groups.len().max(1);
    let Some(group) = groups.get(wanted) else { return Ok(()) };
    loop {
        let answer = ask(&format!("To be sure, type group {} of it:", wanted + 1))?;
        if answer.eq_ignore_ascii_case(group) {
            return say("That is right.");
        }
        say("That is not what it says above. Look again.")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("p");
        for (content, password) in
            [("secret", "secret"), ("two words \r\nmore\n", "two words "), ("", "")]
        {
            std::fs::write(&path, content).expect("written");
            assert_eq!(*first_line(&path).expect("readable"), password);
        }
    }

    #[test]
    fn a_key_file_is_new_private_and_gone_without_a_key() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("k");
        drop(KeyOutlet::prepare(Some(&path), "--f").expect("made"));
        assert!(!path.exists());
        let outlet = KeyOutlet::prepare(Some(&path), "--f").expect("made");
        assert!(KeyOutlet::prepare(Some(&path), "--f").is_err(), "nothing is overwritten");
        outlet.deliver("ABCD-1234").expect("written");
        assert_eq!(std::fs::read_to_string(&path).expect("readable"), "ABCD-1234\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
