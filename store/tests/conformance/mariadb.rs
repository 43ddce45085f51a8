//! A private MariaDB server for tests.
//!
//! It runs in a temporary directory under `/tmp` (paths of sockets are short),
//! on a free port of the loopback interface, and ends with the process that
//! started it, however that ends: a small shell waits for the end of its input,
//! which this process holds open, and kills the server by its id.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The database user of the tests, and its password.
pub(crate) const USER: &str = "coffer";
pub(crate) const PASSWORD: &str = "correct horse";

/// Small files, so that a data directory is copied quickly.
const FILES: [&str; 2] =
    ["--innodb-log-file-size=16M", "--innodb-data-file-path=ibdata1:10M:autoextend"];

/// Runs the server until the input ends. If the last line was not `keep`, the
/// tests have ended, in order or not: what the server has not written yet is not
/// wanted any more, and the directory goes as well.
const KEEPER: &str = r#"
"$@" &
server=$!
read -r word
[ "$word" = keep ] && how=TERM || how=KILL
kill -"$how" "$server" 2>/dev/null
wait "$server"
[ "$word" = keep ] || rm -rf "$SERVER_DIRECTORY"
"#;

/// A running (or stopped) server.
pub(crate) struct Mariadb {
    directory: PathBuf,
    port: u16,
    keeper: Option<(Child, ChildStdin)>,
    options: Vec<String>,
}

/// The server that the tests of this process share.
pub(crate) fn shared() -> &'static Mariadb {
    static SHARED: OnceLock<Mariadb> = OnceLock::new();
    SHARED.get_or_init(|| Mariadb::start(&[]))
}

/// Where a program is, if it is installed.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    places
        .extend(["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"].map(PathBuf::from));
    places.iter().map(|place| place.join(name)).find(|path| path.is_file()).unwrap_or_else(|| {
        panic!(
            "{name} is not installed, but the store has to be tested against MariaDB: \
             install it (Debian, Ubuntu: apt-get install mariadb-server) and run this again"
        )
    })
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0)
}

/// A data directory to copy, made once for all tests of this build directory.
fn template() -> PathBuf {
    let base = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(base).unwrap();
    let lock = fs::File::create(base.join("mariadb-template.lock")).unwrap();
    lock.lock().unwrap();
    let template = base.join("mariadb-template-3");
    if !template.join("mysql").is_dir() {
        let _ = fs::remove_dir_all(&template);
        let mut install = Command::new(program("mariadb-install-db"));
        install.arg("--no-defaults");
        if is_root() {
            install.arg("--user=root");
        }
        install
            .arg(format!("--datadir={}", template.display()))
            .args(["--auth-root-authentication-method=normal", "--skip-test-db"])
            .args(FILES);
        let output = install.output().unwrap();
        assert!(output.status.success(), "mariadb-install-db: {output:?}");
        // Half of all files, for views that nobody looks at.
        fs::remove_dir_all(template.join("sys")).unwrap();
    }
    template
}

/// A port that nobody listens on, below those that the system gives to outgoing
/// connections, so that none of these takes it before the server does.
fn free_port() -> u16 {
    loop {
        let mut random = [0; 2];
        getrandom::fill(&mut random).unwrap();
        let port = 10_000 + u16::from_be_bytes(random) % 22_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Mariadb {
    /// Starts a server with further options.
    pub(crate) fn start(options: &[&str]) -> Self {
        let template = template();
        let directory = tempfile::Builder::new().prefix("cofdb").tempdir_in("/tmp").unwrap().keep();
        let copied =
            Command::new("cp").arg("-r").arg(template).arg(directory.join("data")).status();
        assert!(copied.unwrap().success(), "the template is copied");
        let port = free_port();
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let mut server = Self { directory, port, keeper: None, options };
        server.resume();
        server.statement(&format!(
            "CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}'; \
             GRANT ALL ON *.* TO '{USER}'@'%';"
        ));
        server
    }

    /// Starts the server again, on the same port and data.
    pub(crate) fn resume(&mut self) {
        assert!(self.keeper.is_none());
        let at = |name: &str| self.directory.join(name).display().to_string();
        // That of one that was killed.
        let _ = fs::remove_file(at("s"));
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(program("mariadbd")).arg("--no-defaults");
        if is_root() {
            command.arg("--user=root");
        }
        command
            .arg(format!("--datadir={}", at("data")))
            .arg(format!("--socket={}", at("s")))
            .arg(format!("--pid-file={}", at("pid")))
            .arg(format!("--log-error={}", at("log.err")))
            .arg(format!("--port={}", self.port))
            .args(["--bind-address=127.0.0.1", "--skip-name-resolve", "--performance-schema=OFF"])
            .args(FILES)
            .arg("--innodb-buffer-pool-size=64M")
            .args(["--innodb-flush-log-at-trx-commit=1", "--max-connections=300"])
            .args(&self.options)
            .env("SERVER_DIRECTORY", &self.directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut keeper = command.spawn().unwrap();
        let input = keeper.stdin.take().unwrap();
        self.keeper = Some((keeper, input));
        let end = Instant::now() + Duration::from_mins(1);
        while !self.answers() {
            let log = fs::read_to_string(at("log.err")).unwrap_or_default();
            let failed = log.contains("[ERROR] Aborting") || Instant::now() > end;
            assert!(!failed, "MariaDB does not start: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A client is a process: none is started before there is something to ask.
    fn answers(&self) -> bool {
        self.directory.join("s").exists() && self.client("SELECT 1").is_ok()
    }

    /// Stops the server in order.
    pub(crate) fn stop(&mut self) {
        if let Some((mut keeper, mut input)) = self.keeper.take() {
            input.write_all(b"keep\n").unwrap();
            drop(input);
            keeper.wait().unwrap();
        }
    }

    /// Kills the server as a crash would.
    pub(crate) fn kill(&mut self) {
        let pid = fs::read_to_string(self.directory.join("pid")).unwrap();
        let killed = Command::new("kill").args(["-9", pid.trim()]).status().unwrap();
        assert!(killed.success());
        self.stop();
    }

    /// Runs statements as the administrator.
    pub(crate) fn statement(&self, sql: &str) {
        let output = self.client(sql);
        output.unwrap_or_else(|text| panic!("{sql}: {text}"));
    }

    /// Runs statements as the administrator; that they fail is all right.
    pub(crate) fn try_statement(&self, sql: &str) {
        drop(self.client(sql));
    }

    fn client(&self, sql: &str) -> Result<(), String> {
        let mut client = Command::new(program("mariadb"))
            .args(["--no-defaults", "--user=root"])
            .arg(format!("--socket={}", self.directory.join("s").display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| e.to_string())?;
        let mut input = client.stdin.take().unwrap();
        // A client that gives up early says why on its error output.
        let _ = input.write_all(sql.as_bytes());
        drop(input);
        let output = client.wait_with_output().map_err(|e| e.to_string())?;
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    /// Makes an empty database and returns its URL.
    pub(crate) fn database(&self, name: &str) -> String {
        self.statement(&format!("CREATE DATABASE {name}"));
        format!("mysql://{USER}@127.0.0.1:{}/{name}", self.port)
    }
}

impl Drop for Mariadb {
    fn drop(&mut self) {
        if let Some((mut keeper, input)) = self.keeper.take() {
            drop(input);
            keeper.wait().unwrap();
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}
