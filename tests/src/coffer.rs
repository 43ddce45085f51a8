//! The `coffer` command line of one user, with a configuration of its own.

use crate::{Server, program};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Password of every user of the tests; passes the strength check.
pub const PASSWORD: &str = "plum-Harbour-92-violet";

/// One user's command line.
#[derive(Debug)]
pub struct Coffer {
    dir: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: Vec<u8>,
    /// Standard error.
    pub err: String,
}

impl Ran {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }
}

/// What an acknowledged write says about itself.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// Machines that it is durable on.
    pub machines: u64,
    /// Epoch of its position.
    pub epoch: u64,
    /// Number of its journal entry.
    pub seq: u64,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: output.stdout,
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Default for Coffer {
    fn default() -> Self {
        Self::new()
    }
}

impl Coffer {
    /// A command line that knows no server yet.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("coffer-user").tempdir().expect("tempdir");
        std::fs::write(dir.path().join("password"), PASSWORD).expect("write");
        Self { dir }
    }

    /// Signs a user up and in.
    pub fn sign_up(server: &Server, user: &str) -> Self {
        Self::sign_up_by(&server.link(), user)
    }

    /// Signs a user up and in, by a link.
    pub fn sign_up_by(link: &str, user: &str) -> Self {
        let coffer = Self::new();
        let (password, recovery) = (coffer.password_file(), coffer.recovery_file());
        let args = ["--password-file", utf8(&password), "--recovery-file", utf8(&recovery)];
        let ran = coffer.run(&[&["signup", link, "--user", user], &args[..]].concat());
        assert_eq!(ran.code, 0, "signup: {}", ran.err);
        coffer
    }

    /// File with the password.
    pub fn password_file(&self) -> PathBuf {
        self.dir.path().join("password")
    }

    /// File with the recovery key.
    pub fn recovery_file(&self) -> PathBuf {
        self.dir.path().join("recovery")
    }

    /// The configuration directory.
    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// A scratch path of this user.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A command with this user's configuration, not yet started.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program("coffer"));
        command.args(args).env("COFFER_HOME", self.home()).stdin(Stdio::null());
        command.current_dir(self.dir.path());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        self.command(args).output().expect("coffer").into()
    }

    /// Runs a command that reads `input`.
    pub fn run_with_input(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("coffer");
        let mut stdin = child.stdin.take().expect("piped");
        let input = input.to_vec();
        let writer = std::thread::spawn(move || {
            // The program may end without reading all of it.
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().expect("coffer");
        writer.join().expect("writer");
        output.into()
    }

    /// Runs a command that must succeed; returns what it printed.
    pub fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
        ran.text()
    }

    /// Runs a command that must end with `code`; returns standard error.
    pub fn fails(&self, code: i32, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, code, "{args:?}: {}{}", ran.text(), ran.err);
        ran.err
    }

    /// Runs a command with `--json` and parses its one document.
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let text = self.ok(&[&["--json"], args].concat());
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("not one JSON document: {text}"))
    }

    /// Contents of a remote file.
    pub fn cat(&self, path: &str) -> Vec<u8> {
        let ran = self.run(&["cat", path]);
        assert_eq!(ran.code, 0, "cat {path}: {}", ran.err);
        ran.out
    }

    /// Writes a remote file.
    pub fn write(&self, path: &str, bytes: &[u8]) {
        let ran = self.run_with_input(&["write", path], bytes);
        assert_eq!(ran.code, 0, "write {path}: {}", ran.err);
    }

    /// Tries to write a remote file; returns what is acknowledged.
    pub fn written(&self, path: &str, bytes: &[u8]) -> Result<Written, Ran> {
        self.written_with(&[], path, bytes)
    }

    /// The same, with options.
    pub fn written_with(&self, options: &[&str], path: &str, bytes: &[u8]) -> Result<Written, Ran> {
        let ran = self.run_with_input(&[options, &["--json", "write", path]].concat(), bytes);
        if ran.code != 0 {
            return Err(ran);
        }
        let json: serde_json::Value = serde_json::from_str(&ran.text()).expect("JSON");
        let position = json["position"].as_str().expect("a position");
        let (epoch, seq) = position.split_once('.').expect("an epoch and a number");
        let number = |text: &str| text.parse().expect("a number");
        let machines = json["machines"].as_u64().expect("a number");
        Ok(Written { machines, epoch: number(epoch), seq: number(seq) })
    }
}

/// A path of the tests, which is always UTF-8.
pub fn utf8(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}
