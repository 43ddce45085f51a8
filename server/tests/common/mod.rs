//! Real `coffer-server` processes on temporary data directories.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A command without the variables of whoever runs the tests.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coffer-server"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COFFER_") {
            command.env_remove(name);
        }
    }
    command.env_remove("NOTIFY_SOCKET").stdin(Stdio::null());
    command
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asserts that a command was refused: with this status and code, and a hint.
#[track_caller]
pub(crate) fn assert_refused(output: &Output, status: i32, code: &str) {
    let text = err(output);
    assert_eq!(output.status.code(), Some(status), "{text}");
    assert!(text.contains("error: ") && text.contains(&format!("[{code}]")), "{text}");
    assert!(text.contains("hint: "), "{text}");
}

/// Every file below a directory, with its size and a hash of its content.
pub(crate) fn snapshot(dir: &Path) -> BTreeMap<PathBuf, (usize, u64)> {
    let mut found = BTreeMap::new();
    let mut stack = vec![dir.to_owned()];
    while let Some(dir) = stack.pop() {
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                stack.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                let mut hasher = DefaultHasher::new();
                bytes.hash(&mut hasher);
                found.insert(path, (bytes.len(), hasher.finish()));
            }
        }
    }
    found
}

/// An initialised installation.
pub(crate) struct Site {
    dir: TempDir,
}

impl Site {
    /// Initialises on a free port of the loopback address, open for sign-up.
    pub(crate) fn new() -> Self {
        Self::with(&["--signup", "open"])
    }

    pub(crate) fn with(options: &[&str]) -> Self {
        let site = Self { dir: tempfile::tempdir().unwrap() };
        let mut args = vec!["init", "--listen", "127.0.0.1:0"];
        args.extend(options);
        let output = site.command(&args).output().unwrap();
        assert!(output.status.success(), "{}", err(&output));
        site
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.data().join(name)
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = program();
        command.args(args).arg("--data").arg(self.data());
        command
    }

    pub(crate) fn call(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command that must succeed; returns what it printed.
    #[track_caller]
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let output = self.call(args);
        assert!(output.status.success(), "{args:?}: {}", err(&output));
        out(&output)
    }

    /// Tries to run the server, which must be refused.
    #[track_caller]
    pub(crate) fn run_refused(&self, args: &[&str], status: i32, code: &str) {
        let mut all = vec!["run"];
        all.extend(args);
        let output = self.call(&all);
        assert_refused(&output, status, code);
        assert_eq!(out(&output), "", "nothing is printed before the server listens");
    }

    pub(crate) fn start(&self) -> Server {
        self.start_with(&[], |_| {})
    }

    /// Starts the server and waits until it listens.
    #[track_caller]
    pub(crate) fn start_with(&self, args: &[&str], prepare: impl FnOnce(&mut Command)) -> Server {
        let mut all = vec!["run"];
        all.extend(args);
        let mut command = self.command(&all);
        let log = self.dir.path().join("log");
        let file = std::fs::File::options().create(true).append(true).open(&log).unwrap();
        command.stdout(Stdio::piped()).stderr(file);
        prepare(&mut command);
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening on ").map(|rest| rest.trim().to_owned());
        let Some(address) = address else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("does not listen:\n{}", std::fs::read_to_string(log).unwrap());
        };
        Server { child, stdout, address, log }
    }
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) address: String,
    pub(crate) log: PathBuf,
}

impl Server {
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Sends SIGTERM and waits; returns the status and what else was printed.
    pub(crate) fn stop(mut self) -> (Option<i32>, String) {
        self.signal("-TERM");
        self.wait()
    }

    pub(crate) fn wait(&mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        if !status.success() {
            eprintln!("--- log\n{}", self.log());
        }
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (status.code(), rest)
    }

    /// Waits until the log says something.
    #[track_caller]
    pub(crate) fn wait_for_log(&self, text: &str) {
        for _ in 0..600 {
            if self.log().contains(text) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the log never says {text:?}:\n{}", self.log());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
