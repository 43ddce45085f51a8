//! A `coffer-replica` process: join, run, kill, restart, compare with its source.

use crate::server::{EASY, free_port, public_host, sign_up_work};
use crate::state::digests;
use crate::{Engine, MariaDb, Server, first_line, program};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longest time that a replica may take to catch up.
const CATCH_UP: Duration = Duration::from_mins(2);

/// A replica with a data directory of its own.
#[derive(Debug)]
pub struct Replica {
    dir: TempDir,
    /// Its database, where it is not embedded.
    pub database: Option<MariaDb>,
    address: String,
    public: Option<String>,
    child: Option<Child>,
}

/// A fresh token of a server.
pub fn token(server: &Server) -> String {
    let printed = server.admin_ok(&["replica", "token"]);
    printed.lines().last().expect("a token").to_owned()
}

/// How a machine becomes a replica.
#[derive(Debug)]
pub struct Joining {
    /// Link of the source.
    pub link: String,
    /// A token of the source.
    pub token: String,
    /// Where the replica will listen.
    pub address: String,
    /// The address it names to others, if it is another one: that of a proxy.
    pub public: Option<String>,
    /// Further options of `join`.
    pub options: Vec<String>,
}

impl Joining {
    /// The usual way, with a fresh token.
    pub fn of(server: &Server, options: &[&str]) -> Self {
        Self {
            link: server.admin_ok(&["link"]).trim().to_owned(),
            token: token(server),
            address: format!("127.0.0.1:{}", free_port()),
            public: None,
            options: options.iter().map(|option| (*option).to_owned()).collect(),
        }
    }

    /// Tries it in a directory.
    pub fn run(&self, data: &Path) -> Output {
        Command::new(program("coffer-replica"))
            .args(["join", "--listen", &self.address, "--token", &self.token])
            .args(&self.options)
            .arg("--data")
            .arg(data)
            .arg(&self.link)
            .envs(public_host(self.public.as_deref()))
            .envs([sign_up_work(EASY)])
            .stdin(Stdio::null())
            .output()
            .expect("coffer-replica")
    }
}

/// Tries to make a replica of a server in a directory.
pub fn try_join(server: &Server, data: &Path, token: &str, options: &[&str]) -> Output {
    Joining { token: token.to_owned(), ..Joining::of(server, options) }.run(data)
}

impl Replica {
    /// Joins a running server; does not run yet.
    pub fn join(server: &Server, engine: Engine, options: &[&str]) -> Self {
        Self::join_as(engine, Joining::of(server, options))
    }

    /// Joins in a way of one's own; does not run yet.
    pub fn join_as(engine: Engine, mut joining: Joining) -> Self {
        let dir = tempfile::Builder::new().prefix("coffer-replica").tempdir().expect("tempdir");
        let database = (engine == Engine::MariaDb).then(MariaDb::start);
        let url = database.as_ref().map(MariaDb::url);
        joining.options.extend(url.into_iter().flat_map(|url| ["--database".to_owned(), url]));
        let joined = joining.run(&dir.path().join("data"));
        assert!(joined.status.success(), "join: {}", String::from_utf8_lossy(&joined.stderr));
        Self { dir, database, address: joining.address, public: joining.public, child: None }
    }

    /// What was a server and is a replica now; does not run yet.
    pub fn from_server(server: &mut Server) -> Self {
        let (dir, database) = server.give_up();
        Self { dir, database, address: String::new(), public: None, child: None }
    }

    /// Joins and runs.
    pub fn start(server: &Server, engine: Engine) -> Self {
        let mut replica = Self::join(server, engine, &[]);
        replica.run();
        replica
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The address that it names to others, if it is another one.
    pub fn public(&self) -> Option<&str> {
        self.public.as_deref()
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// What the log says.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Starts the replica and waits until it listens.
    pub fn run(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.log_path());
        let mut child = Command::new(program("coffer-replica"))
            .args(["run", "--data"])
            .arg(self.data())
            .envs(public_host(self.public.as_deref()))
            .envs([sign_up_work(EASY)])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.expect("log file"))
            .spawn()
            .expect("coffer-replica");
        let line = first_line(&mut child);
        self.child = Some(child);
        let address = line.strip_prefix("listening on ");
        let address = address.unwrap_or_else(|| panic!("it does not start:\n{}", self.log()));
        self.address = address.to_owned();
    }

    /// Kills the replica without warning.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            child.wait().expect("wait for coffer-replica");
        }
    }

    /// Asks the replica to stop and waits; returns its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        self.child.take().and_then(|mut child| {
            let pid = rustix::process::Pid::from_child(&child);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            child.wait().expect("wait for coffer-replica").code()
        })
    }

    /// Runs a command of the operator.
    pub fn admin(&self, args: &[&str]) -> Output {
        Command::new(program("coffer-replica"))
            .args(args)
            .arg("--data")
            .arg(self.data())
            .envs(public_host(self.public.as_deref()))
            .envs([sign_up_work(EASY)])
            .stdin(Stdio::null())
            .output()
            .expect("coffer-replica")
    }

    /// Runs a command of the server on the directory, as can be done with that of a
    /// standby.
    pub fn server_admin(&self, args: &[&str]) -> Output {
        Command::new(program("coffer-server"))
            .args(args)
            .arg("--data")
            .arg(self.data())
            .stdin(Stdio::null())
            .output()
            .expect("coffer-server")
    }

    /// The connection link of a standby.
    pub fn link(&self) -> String {
        let output = self.server_admin(&["link"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Makes it follow the machine of a link.
    pub fn follow(&self, link: &str) {
        let output = self.admin(&["follow", link]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Waits until it is connected to the machine with this address.
    pub fn wait_until_following(&self, address: &str) {
        let begun = Instant::now();
        loop {
            let status = self.status();
            if status["connected"] == true && status["source"] == address {
                return;
            }
            assert!(begun.elapsed() < CATCH_UP, "not connected to {address}: {status}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What `status` says.
    pub fn status(&self) -> serde_json::Value {
        let output = self.admin(&["status", "--json"]);
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(text.trim())
            .unwrap_or_else(|_| panic!("status: {text}{}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Number of the last entry that is durable here.
    pub fn seq(&self) -> u64 {
        self.status()["seq"].as_u64().expect("a number")
    }

    /// Waits until the replica has everything that the server has now.
    pub fn catch_up(&self, server: &Server) {
        let wanted = server_seq(server);
        let begun = Instant::now();
        while self.seq() < wanted {
            let status = self.status();
            assert!(begun.elapsed() < CATCH_UP, "behind {wanted}: {status}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Asserts that everything stored is the same here and there, once the replica
    /// has caught up with a server that nobody writes to. The server's own upkeep
    /// may write, so a difference has to last.
    pub fn assert_same_as(&self, server: &Server) {
        for attempt in 0.. {
            self.catch_up(server);
            let theirs = digests(&server.data(), server.database.as_ref());
            let ours = digests(&self.data(), self.database.as_ref());
            if theirs == ours {
                return;
            }
            let only = |one: &BTreeSet<(String, String)>, other| -> Vec<_> {
                one.difference(other).take(20).cloned().collect()
            };
            let (here, there) = (only(&ours, &theirs), only(&theirs, &ours));
            assert!(attempt < 5, "rows differ: only here {here:#?}, only there {there:#?}");
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// Waits until everything stored but the journal is the same as at another machine,
    /// to which nobody writes.
    pub fn assert_rows_as(&self, other: &Self) {
        let rows = |replica: &Self| -> BTreeSet<(String, String)> {
            let mut rows = digests(&replica.data(), replica.database.as_ref());
            rows.retain(|(table, _)| table != "journal");
            rows
        };
        let begun = Instant::now();
        loop {
            let (ours, theirs) = (rows(self), rows(other));
            if ours == theirs {
                return;
            }
            let differ: Vec<_> = ours.symmetric_difference(&theirs).take(20).collect();
            assert!(begun.elapsed() < CATCH_UP, "rows differ: {differ:#?}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// Asserts that `coffer-replica check` finds nothing wrong.
    pub fn assert_check_is_clean(&self) {
        let output = self.admin(&["check"]);
        let (out, err) = (&output.stdout, &output.stderr);
        let (out, err) = (String::from_utf8_lossy(out), String::from_utf8_lossy(err));
        assert!(output.status.success(), "check found problems:\n{out}\n{err}");
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            eprintln!("--- end of the replica's log ---");
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}

/// Number of the newest entry of a server.
pub fn server_seq(server: &Server) -> u64 {
    // Its exit status says whether the server runs, which does not matter here.
    let output = server.admin(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    status["seq"].as_u64().expect("a number")
}
