//! A MariaDB of one's own: data in a temporary directory with a short path
//! (socket paths are limited to 107 bytes), loopback only.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A running (or killed) MariaDB.
#[derive(Debug)]
pub struct MariaDb {
    dir: TempDir,
    port: u16,
    child: Option<Child>,
}

/// Where Debian keeps daemons.
fn daemon(name: &str) -> PathBuf {
    ["/usr/sbin", "/usr/bin", "/usr/local/bin", "/usr/local/sbin"]
        .iter()
        .map(|dir| Path::new(dir).join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed: `cargo xtask test` installs it"))
}

fn user_option() -> Vec<String> {
    let root = rustix::process::geteuid().is_root();
    root.then(|| "--user=root".to_owned()).into_iter().collect()
}

/// Small files, so that a data directory is copied quickly.
const FILES: [&str; 2] =
    ["--innodb-log-file-size=16M", "--innodb-data-file-path=ibdata1:10M:autoextend"];

/// A data directory to copy, made once for all tests of this build directory.
/// `mariadb-install-db` fails when two of it run at the same time, so a lock that
/// the tests of the store share is held meanwhile.
fn template() -> PathBuf {
    let base = crate::target_dir().join("tmp");
    std::fs::create_dir_all(&base).expect("create");
    let lock = std::fs::File::create(base.join("mariadb-template.lock")).expect("lock file");
    lock.lock().expect("lock");
    let (template, unfinished) =
        (base.join("mariadb-template-e2e-2"), base.join("mariadb-unfinished"));
    if !template.is_dir() {
        // Left by a test that was cut off, if it is there.
        let _ = std::fs::remove_dir_all(&unfinished);
        let output = Command::new(daemon("mariadb-install-db"))
            .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
            .args(user_option())
            .args(FILES)
            .arg(format!("--datadir={}", unfinished.display()))
            .output()
            .expect("mariadb-install-db");
        assert!(output.status.success(), "mariadb-install-db: {output:?}");
        // Half of all files, for views that nobody looks at.
        std::fs::remove_dir_all(unfinished.join("sys")).expect("remove");
        std::fs::rename(unfinished, &template).expect("rename");
    }
    template
}

impl MariaDb {
    /// Creates a data directory and starts the daemon with an empty database `coffer`.
    pub fn start() -> Self {
        let dir = tempfile::Builder::new().prefix("cmdb").tempdir_in("/tmp").expect("tempdir");
        let copied = Command::new("cp")
            .arg("-r")
            .arg(template())
            .arg(dir.path().join("data"))
            .status()
            .expect("cp");
        assert!(copied.success(), "the prepared data directory cannot be copied");
        let mut database = Self { dir, port: crate::server::free_port(), child: None };
        database.run(&[]);
        database.sql("CREATE DATABASE coffer CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
        database
    }

    /// Starts the daemon on the existing data.
    pub fn run(&mut self, options: &[&str]) {
        let path = |name: &str| self.dir.path().join(name).display().to_string();
        let socket = self.socket();
        // That of one that was killed.
        let _ = std::fs::remove_file(&socket);
        let child = Command::new(daemon("mariadbd"))
            .arg("--no-defaults")
            .args(user_option())
            .arg(format!("--datadir={}", path("data")))
            .arg(format!("--socket={}", socket.display()))
            .arg(format!("--pid-file={}", path("pid")))
            .arg(format!("--log-error={}", path("log")))
            .arg(format!("--port={}", self.port))
            .args(["--bind-address=127.0.0.1", "--innodb-buffer-pool-size=64M"])
            .args(FILES)
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mariadbd");
        self.child = Some(child);
        let deadline = Instant::now() + Duration::from_mins(1);
        // A client is a process: none is started before there is something to ask.
        let answers = || self.client("SELECT 1").is_ok_and(|status| status.success());
        while !(socket.exists() && answers()) {
            assert!(Instant::now() < deadline, "mariadbd does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    fn client(&self, statement: &str) -> std::io::Result<std::process::ExitStatus> {
        Command::new("mariadb")
            .args(["--no-defaults", "-u", "root"])
            .arg(format!("--socket={}", self.socket().display()))
            .args(["-e", statement])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
    }

    /// Runs a statement as root.
    pub fn sql(&self, statement: &str) {
        let status = self.client(statement).expect("the mariadb client");
        assert!(status.success(), "failed: {statement}");
    }

    /// The rows of a statement, run as root in the database of the server; the
    /// columns as text.
    pub fn rows(&self, statement: &str) -> Vec<Vec<String>> {
        let output = Command::new("mariadb")
            .args(["--no-defaults", "-u", "root", "-N", "-B", "coffer"])
            .arg(format!("--socket={}", self.socket().display()))
            .args(["-e", statement])
            .output()
            .expect("the mariadb client");
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{statement}: {problem}");
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }

    /// Connection URL for `coffer-server`.
    pub fn url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}/coffer", self.port)
    }

    /// Kills the daemon without warning.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("kill mariadbd");
            child.wait().expect("wait for mariadbd");
        }
    }

    /// Everything it stores.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        self.kill();
    }
}
