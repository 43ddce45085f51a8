//! A `coffer-server` process: initialise, run, kill, restart, look inside.

use crate::{MariaDb, first_line, program};
use coffer_protocol::link::Link;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// Where a server keeps its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Embedded.
    Sqlite,
    /// A private MariaDB.
    MariaDb,
}

/// A server with a data directory of its own.
#[derive(Debug)]
pub struct Server {
    dir: TempDir,
    /// Its database, where it is not embedded.
    pub database: Option<MariaDb>,
    /// Address it listens on.
    pub address: String,
    /// Address that its links name, if it is another one: that of a proxy.
    pub public: Option<String>,
    child: Option<Child>,
    /// Difficulty of a sign-up; `None`: as it is without a word about it.
    pub sign_up_work: Option<u8>,
    /// Programs put before `coffer-server run`, such as `strace`.
    pub wrapper: Vec<String>,
}

/// A port that was free a moment ago, below those that the system gives to
/// outgoing connections, so that it stays free.
pub fn free_port() -> u16 {
    loop {
        let port = 10_000 + (getrandom::u32().expect("randomness") % 22_000) as u16;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The setting that makes a machine name another address than its own.
pub(crate) fn public_host(address: Option<&str>) -> Option<(&'static str, &str)> {
    address.map(|address| ("COFFER_PUBLIC_HOST", address))
}

/// Difficulty of a sign-up in tests: many sign up.
pub(crate) const EASY: u8 = 3;

/// The setting of the difficulty of a sign-up.
pub(crate) fn sign_up_work(bits: u8) -> (&'static str, String) {
    ("COFFER_WORK_SIGN_UP", bits.to_string())
}

/// A link to the same machine under another address.
pub fn link_at(link: &str, address: &str) -> String {
    let link: Link = link.trim().parse().expect("a link");
    let address: SocketAddr = address.parse().expect("an address with a port");
    Link { host: address.ip().to_string(), port: address.port(), ..link }.to_string()
}

impl Server {
    /// Initialises a server, open for sign-up, and starts it.
    pub fn start(engine: Engine) -> Self {
        let mut server = Self::init(engine, &["--signup", "open"]);
        server.run();
        server
    }

    /// Initialises a server with further options.
    pub fn init(engine: Engine, options: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("coffer").tempdir().expect("tempdir");
        let database = (engine == Engine::MariaDb).then(MariaDb::start);
        let address = format!("127.0.0.1:{}", free_port());
        let server = Self {
            dir,
            database,
            address,
            public: None,
            child: None,
            sign_up_work: Some(EASY),
            wrapper: vec![],
        };
        let url = server.database.as_ref().map(MariaDb::url);
        let mut args = vec!["init", "--listen", &server.address];
        args.extend(url.iter().flat_map(|url| ["--database", url]));
        args.extend(options);
        let output = server.admin(&args);
        assert!(output.status.success(), "init: {}", String::from_utf8_lossy(&output.stderr));
        server
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The log of all runs.
    pub fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// What the log says.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Runs an administrator's command, with `--data` added.
    pub fn admin(&self, args: &[&str]) -> Output {
        Command::new(program("coffer-server"))
            .args(args)
            .arg("--data")
            .arg(self.data())
            .envs(public_host(self.public.as_deref()))
            .stdin(Stdio::null())
            .output()
            .expect("coffer-server")
    }

    /// Runs an administrator's command that must succeed; returns what it printed.
    pub fn admin_ok(&self, args: &[&str]) -> String {
        let output = self.admin(args);
        let (out, err) = (&output.stdout, &output.stderr);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(err));
        String::from_utf8_lossy(out).into_owned()
    }

    /// Starts the server and waits until it listens.
    pub fn run(&mut self) {
        assert!(self.try_run(), "the server does not start:\n{}", self.log());
    }

    /// Starts the server; false if it ended before it listened.
    pub fn try_run(&mut self) -> bool {
        let log = std::fs::File::options().create(true).append(true).open(self.log_path());
        let server = program("coffer-server");
        let mut words: Vec<&Path> = self.wrapper.iter().map(Path::new).collect();
        words.push(&server);
        let mut child = Command::new(words[0])
            .args(&words[1..])
            .args(["run", "--data"])
            .arg(self.data())
            .envs(public_host(self.public.as_deref()))
            .envs(self.sign_up_work.map(sign_up_work))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.expect("log file"))
            .spawn()
            .expect("coffer-server");
        let line = first_line(&mut child);
        self.child = Some(child);
        line.starts_with("listening on ")
    }

    /// Process id of the running server (of the wrapper, where there is one).
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the server runs").id()
    }

    /// Kills the server without warning.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself, which is what some tests provoke.
            let _ = child.kill();
            child.wait().expect("wait for coffer-server");
        }
    }

    /// Waits until the server (or its wrapper) has ended by itself.
    pub fn wait(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.wait().expect("wait for coffer-server");
        }
    }

    /// Asks the server to stop and waits; returns its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        let child = self.child.take();
        child.and_then(|mut child| {
            let pid = rustix::process::Pid::from_child(&child);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            child.wait().expect("wait for coffer-server").code()
        })
    }

    /// Whether the process is still there.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Gives up directory and database, to whoever goes on with them.
    pub fn give_up(&mut self) -> (TempDir, Option<MariaDb>) {
        self.kill();
        let empty = tempfile::Builder::new().prefix("coffer").tempdir().expect("tempdir");
        (std::mem::replace(&mut self.dir, empty), self.database.take())
    }

    /// A connection link with an invitation.
    pub fn link(&self) -> String {
        let printed = self.admin_ok(&["link", "--invite"]);
        printed.lines().last().unwrap_or_default().trim().to_owned()
    }

    /// Peak resident memory of the running server, in KiB.
    pub fn peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("/proc");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("VmHWM");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
    }

    /// Asserts that `coffer-server check` finds nothing wrong.
    pub fn assert_check_is_clean(&self) {
        let output = self.admin(&["check"]);
        let (out, err) = (&output.stdout, &output.stderr);
        let (out, err) = (String::from_utf8_lossy(out), String::from_utf8_lossy(err));
        assert!(output.status.success(), "check found problems:\n{out}\n{err}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            eprintln!("--- end of the server's log ---");
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}
