//! A server on this computer: for a first try, and for those who need no other machine.
//!
//! Guarantees: it listens on loopback only; its files are in `local/` beside the
//! profiles and are kept; it is stopped in order when the application ends.

use super::{Shared, locked};
use crate::command::Event;
use crate::state::Problem;
use crate::text::{self, Texts, fill};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running server; stopped when dropped.
pub(super) struct LocalServer(Child);

impl Drop for LocalServer {
    fn drop(&mut self) {
        stop(&mut self.0);
    }
}

#[cfg(unix)]
fn stop(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process};
    let asked = Pid::from_raw(child.id().cast_signed()).map(|pid| kill_process(pid, Signal::TERM));
    if !matches!(asked, Some(Ok(()))) {
        let _ = child.kill();
    }
    let _ = child.wait();
}

/// Elsewhere a process cannot be asked to end; the server loses nothing by it.
#[cfg(not(unix))]
fn stop(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn data(home: &Path) -> PathBuf {
    home.join("local").join("data")
}

/// File with the address that it listens on.
fn address_file(home: &Path) -> PathBuf {
    home.join("local").join("address")
}

/// A program that lies beside this one.
pub(super) fn program(name: &str) -> PathBuf {
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let own = std::env::current_exe().unwrap_or_default();
    let beside = own.ancestors().skip(1).take(2).map(|dir| dir.join(&name));
    // Otherwise the system looks for it where programs are.
    beside.into_iter().find(|path| path.is_file()).unwrap_or_else(|| PathBuf::from(name))
}

fn problem(what: fn(&Texts) -> &'static str, why: &str) -> Problem {
    let texts = text::spoken().texts();
    Problem {
        message: fill(what(texts), why.trim()),
        hint: texts.local_hint.to_owned(),
        code: "no-local-server".to_owned(),
        ..Problem::default()
    }
}

/// Makes it, if it is not there yet, and runs it.
fn start(home: &Path) -> Result<LocalServer, Problem> {
    let (data, program) = (data(home), program("coffer-server"));
    if !data.exists() {
        std::fs::create_dir_all(home.join("local"))
            .map_err(|error| problem(|texts| texts.local_is_not_made, &error.to_string()))?;
        let init = ["init", "--listen", "127.0.0.1:0", "--signup", "invite", "--data"];
        admin(&program, &init, &data)?;
    }
    let log = std::fs::File::create(home.join("local").join("log"));
    let log = log.map_or_else(|_| Stdio::null(), Stdio::from);
    let mut command = Command::new(&program);
    command.args(["run", "--data"]).arg(&data).stdin(Stdio::null());
    let child = command.stdout(Stdio::piped()).stderr(log).spawn();
    let mut server = LocalServer(
        child.map_err(|error| problem(|texts| texts.local_does_not_start, &error.to_string()))?,
    );
    let mut line = String::new();
    if let Some(stdout) = server.0.stdout.take() {
        let _ = BufReader::new(stdout).read_line(&mut line);
    }
    let Some(address) = line.trim().strip_prefix("listening on ") else {
        let said = std::fs::read_to_string(home.join("local").join("log")).unwrap_or_default();
        return Err(problem(
            |texts| texts.local_does_not_start,
            said.lines().last().unwrap_or(text::spoken().texts().says_nothing),
        ));
    };
    std::fs::write(address_file(home), address)
        .map_err(|error| problem(|texts| texts.local_is_not_used, &error.to_string()))?;
    Ok(server)
}

/// Runs a command of the operator; the last line that it prints.
fn admin(program: &Path, args: &[&str], data: &Path) -> Result<String, Problem> {
    let ran = Command::new(program).args(args).arg(data).stdin(Stdio::null()).output();
    let ran = ran.map_err(|error| problem(|texts| texts.local_is_not_made, &error.to_string()))?;
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    match ran.status.success() {
        true => Ok(said.lines().last().unwrap_or_default().trim().to_owned()),
        false => {
            Err(problem(|texts| texts.local_is_not_made, &String::from_utf8_lossy(&ran.stderr)))
        }
    }
}

impl Shared {
    /// Runs the server of this computer, and says how to make an account there.
    pub(super) async fn start_local(&self) {
        let event = match self.run_local().await {
            Ok(()) => {
                let data = data(self.home.root());
                let link = move || {
                    admin(&program("coffer-server"), &["link", "--invite", "--data"], &data)
                };
                let link = tokio::task::spawn_blocking(link).await;
                link.unwrap_or_else(|error| {
                    Err(problem(|texts| texts.local_gives_no_link, &error.to_string()))
                })
            }
            Err(problem) => Err(problem),
        };
        self.tell(match event {
            Ok(link) => Event::LocalServer(link),
            Err(problem) => Event::Refused(problem, None),
        })
        .await;
    }

    /// Runs it when this is its address and it does not run yet.
    pub(super) async fn start_if_local(&self, address: &str) {
        let known = std::fs::read_to_string(address_file(self.home.root())).unwrap_or_default();
        if known == address {
            // If it does not start, connecting will say so.
            let _ = self.run_local().await;
        }
    }

    async fn run_local(&self) -> Result<(), Problem> {
        if locked(&self.local).is_some() {
            return Ok(());
        }
        let home = self.home.root().to_owned();
        let started = tokio::task::spawn_blocking(move || start(&home)).await;
        let server = started.unwrap_or_else(|error| {
            Err(problem(|texts| texts.local_is_gone, &error.to_string()))
        })?;
        *locked(&self.local) = Some(server);
        Ok(())
    }
}
