//! `cargo xtask quickstart`: the main job on real input, shown step by step.
//!
//! Guarantees: exit code 0 only if every step held; everything it makes is
//! below `.quickstart/`; the servers it started are stopped, unless asked to stay.

mod failover;
mod window;

use crate::process::{call, output};
use crate::scan;
use anyhow::{Context as _, Result, bail, ensure};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

const USER: &str = "demo";
const BIG_FILE_MIB: usize = 256;

/// Where everything of the demo is.
struct Demo {
    dir: PathBuf,
    server: PathBuf,
    replica: PathBuf,
    coffer: PathBuf,
}

/// The running server; stopped when dropped, unless it is to stay.
struct Server {
    child: Child,
    stays: bool,
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.stays {
            // The server may have ended by itself; then there is nothing to stop.
            let _ = Command::new("kill").arg(self.child.id().to_string()).status();
            let _ = self.child.wait();
        }
    }
}

/// Runs the demo.
pub(crate) fn run(root: &Path, keep: bool, debug: bool) -> Result<()> {
    let profile = if debug { "dev" } else { "release" };
    step(&format!("building the servers and the clients ({profile})"));
    let programs = ["-p", "coffer-server", "-p", "coffer-replica", "-p", "coffer-cli"];
    let packages = [&programs[..], &["-p", "coffer-gui"]].concat();
    let build = ["build", "--profile", profile, "--locked", "--bins"];
    call("cargo", &[&build[..], &packages[..]].concat())?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let release = target.join(if debug { "debug" } else { "release" });
    let demo = Demo {
        dir: root.join(".quickstart"),
        server: release.join("coffer-server"),
        replica: release.join("coffer-replica"),
        coffer: release.join("coffer"),
    };
    demo.start_afresh()?;
    let (mut server, link) = demo.start_server()?;
    let password = random_hex(12)?;
    demo.sign_up(&link, &password)?;
    let sources = demo.make_sources(root)?;
    demo.upload_and_download(&sources)?;
    demo.show_that_nothing_is_readable(&sources, &password)?;
    let mut standby = demo.start_standby()?;
    demo.kill_during_download(&mut server, &sources)?;
    demo.read_on(&sources)?;
    let mut server = demo.come_back()?;
    (server.stays, standby.stays) = (keep, keep);
    let gui = release.join("coffer-gui");
    if window::has_display() {
        demo.open_window(&gui)?;
    } else {
        done("no display: the desktop client is not opened; below is how to do it elsewhere");
    }
    demo.explain(&password, keep, [server.child.id(), standby.child.id()]);
    Ok(())
}

impl Demo {
    fn data(&self) -> PathBuf {
        self.dir.join("server")
    }

    fn start_afresh(&self) -> Result<()> {
        if let Ok(pid) = std::fs::read_to_string(self.dir.join("server.pid")) {
            let running = Path::new("/proc").join(pid.trim()).join("exe");
            if std::fs::read_link(running).is_ok_and(|exe| exe == self.server) {
                bail!("a demo server still runs; stop it first: kill {}", pid.trim());
            }
        }
        if self.dir.exists() {
            std::fs::remove_dir_all(&self.dir)?;
        }
        std::fs::create_dir_all(&self.dir)?;
        Ok(())
    }

    fn standby_data(&self) -> PathBuf {
        self.dir.join("standby")
    }

    fn start_server(&self) -> Result<(Server, String)> {
        step("initialising a server on loopback, with embedded SQLite");
        let listen = format!("127.0.0.1:{}", free_port()?);
        let init = Command::new(&self.server)
            .args(["init", "--listen", &listen, "--public-host", &listen, "--data"])
            .arg(self.data())
            .output()?;
        std::fs::write(self.dir.join("init.txt"), &init.stdout)?;
        ensure!(init.status.success(), "init failed: {}", String::from_utf8_lossy(&init.stderr));
        step("starting it");
        let server = self.run_server()?;
        let link = self.admin(&["link", "--invite"])?;
        Ok((server, link.lines().last().unwrap_or_default().trim().to_owned()))
    }

    fn run_server(&self) -> Result<Server> {
        let (child, address) = self.run_daemon(&self.server, &self.data(), "server")?;
        std::fs::write(self.dir.join("server.pid"), child.id().to_string())?;
        done(&format!("listening on {address}"));
        Ok(Server { child, stays: false })
    }

    /// Starts a daemon and waits until it listens.
    fn run_daemon(&self, program: &Path, data: &Path, name: &str) -> Result<(Child, String)> {
        let log_path = self.dir.join(format!("{name}.log"));
        let log = std::fs::File::options().create(true).append(true).open(&log_path)?;
        let mut child = Command::new(program)
            .args(["run", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let stdout = child.stdout.take().context("no output of the daemon")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        match line.trim().strip_prefix("listening on ") {
            Some(address) => Ok((child, address.to_owned())),
            None => bail!("it did not start:\n{}", std::fs::read_to_string(&log_path)?),
        }
    }

    /// A command of the operator.
    fn admin(&self, args: &[&str]) -> Result<String> {
        let data = self.data();
        let args = [args, &["--data", utf8(&data)?]].concat();
        output(utf8(&self.server)?, &args)
    }

    fn coffer(&self, args: &[&str]) -> Result<String> {
        let output = Command::new(&self.coffer)
            .args(args)
            .env("COFFER_HOME", self.dir.join("client"))
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()?;
        ensure!(output.status.success(), "`coffer {}` failed: {}", args.join(" "), output.status);
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn sign_up(&self, link: &str, password: &str) -> Result<()> {
        step("signing up");
        let password_file = self.dir.join("password.txt");
        std::fs::write(&password_file, password)?;
        let recovery_file = self.dir.join("recovery-key.txt");
        let (password_file, recovery_file) = (utf8(&password_file)?, utf8(&recovery_file)?);
        let files = ["--password-file", password_file, "--recovery-file", recovery_file];
        let mut args = vec!["signup", link, "--user", USER];
        args.extend(files);
        args.extend(["--contact", "demo@quickstart.example"]);
        self.coffer(&args)?;
        done(&format!("user {USER:?}, with a recovery key"));
        Ok(())
    }

    /// The project's own sources, and a file of random bytes.
    fn make_sources(&self, root: &Path) -> Result<PathBuf> {
        step(&format!("copying the project's sources, making a file of {BIG_FILE_MIB} MiB"));
        let sources = self.dir.join("original");
        copy_tree(root, &sources.join("sources"))?;
        let mut big = std::fs::File::create(sources.join("big-random-file.bin"))?;
        let mut block = vec![0; 1 << 20];
        for _ in 0..BIG_FILE_MIB {
            getrandom::fill(&mut block)?;
            big.write_all(&block)?;
        }
        Ok(sources)
    }

    fn upload_and_download(&self, sources: &Path) -> Result<()> {
        let copy = self.dir.join("downloaded");
        let (files, bytes) = measure(sources)?;
        for (what, args) in [
            ("uploading", ["put", utf8(sources)?, "/demo"]),
            ("downloading", ["get", "/demo", utf8(&copy)?]),
        ] {
            step(what);
            let start = Instant::now();
            self.coffer(&args)?;
            let seconds = start.elapsed().as_secs_f64();
            let rate = bytes as f64 / seconds / f64::from(1 << 20);
            done(&format!("{files} files, {} MiB in {seconds:.2} s: {rate:.0} MiB/s", bytes >> 20));
        }
        step("comparing every byte");
        run_quietly("diff", &["-r", utf8(sources)?, utf8(&copy)?])?;
        done("what came back is what went in");
        println!("{}", self.coffer(&["ls", "-l", "/demo"])?.trim_end());
        Ok(())
    }

    fn show_that_nothing_is_readable(&self, sources: &Path, password: &str) -> Result<()> {
        step("looking for names, contents, contact and password in everything the server stored");
        let readme = std::fs::read(sources.join("sources/README.md"))?;
        let big = std::fs::read(sources.join("big-random-file.bin"))?;
        let mut needles = scan::needles("password", password.as_bytes());
        needles.extend(scan::needles("contact", b"demo@quickstart.example"));
        needles.extend(scan::needles("file name", b"big-random-file.bin"));
        needles.extend(scan::needles("file name", b"ARCHITECTURE.md"));
        needles.extend(scan::needles("directory name", b"client-cli"));
        needles.extend(scan::needles("text", readme.get(..40).unwrap_or(&readme)));
        needles.extend(scan::needles("content", big.get(1000..1032).unwrap_or_default()));
        let mut found = Vec::new();
        let scanned = scan::scan(&self.data(), &needles, &mut found)?;
        for found in &found {
            eprintln!("  found: {} in {}", found.what, found.file.display());
        }
        ensure!(found.is_empty(), "stored bytes can be read");
        done(&format!("{} MiB scanned for {} patterns: none found", scanned >> 20, needles.len()));
        let mut files = Vec::new();
        collect_some_files(&self.data().join("chunks"), &mut files)?;
        for file in files {
            println!("    {}", file.strip_prefix(&self.dir).unwrap_or(&file).display());
        }
        Ok(())
    }

    fn explain(&self, password: &str, keep: bool, [pid, standby]: [u32; 2]) {
        let (dir, server, coffer) =
            (self.dir.display(), self.server.display(), self.coffer.display());
        let replica = self.replica.display();
        println!("\nAll of it held. To go on by hand:");
        println!("  export COFFER_HOME={dir}/client");
        if keep {
            println!("  (server and standby run; stop them with: kill {pid} {standby})");
        } else {
            println!("  {server} run --data {dir}/server &");
            println!("  {replica} run --data {dir}/standby &");
        }
        println!("  {coffer} ls -l /demo");
        println!("  {coffer} put SOMETHING /");
        println!("  {coffer} --help");
        println!("  {coffer}-gui --profile default    # the desktop client, with a display");
        println!("Everything of this demo, to look at or delete: {dir}");
        println!("  server/            what the server stores, master.key and coffer.toml");
        println!(
            "  client/            the client's profile for user {USER:?} (password {password})"
        );
        println!("  recovery-key.txt   opens the account when the password is lost");
        println!("  standby/           what the standby stores: the same, and a master.key");
        println!("  server.log         what the server said; standby.log: the standby");
    }
}

fn utf8(path: &Path) -> Result<&str> {
    path.to_str().context("the path of the project is not UTF-8")
}

fn step(what: &str) {
    println!("\x1b[1m• {what}\x1b[0m");
}

fn done(what: &str) {
    println!("  \x1b[32m✓\x1b[0m {what}");
}

fn run_quietly(program: &str, args: &[&str]) -> Result<()> {
    let status = Command::new(program).args(args).status()?;
    ensure!(status.success(), "{program}: {status}");
    Ok(())
}

/// A port of loopback that nothing listens on.
fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn random_hex(bytes: usize) -> Result<String> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random)?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Copies what belongs to the project: no build output, nothing hidden.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        let name = path.file_name().context("no name")?;
        if name == "target" || name.to_string_lossy().starts_with('.') {
            continue;
        }
        match path.is_dir() {
            true => copy_tree(&path, &to.join(name))?,
            false => {
                std::fs::copy(&path, to.join(name))?;
            }
        }
    }
    Ok(())
}

/// Files and bytes below a directory.
fn measure(dir: &Path) -> Result<(u64, u64)> {
    let mut total = (0, 0);
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let (files, bytes) = match entry.file_type()?.is_dir() {
            true => measure(&entry.path())?,
            false => (1, entry.metadata()?.len()),
        };
        total = (total.0 + files, total.1 + bytes);
    }
    Ok(total)
}

/// Some file names of the chunk directory, to show what they look like.
fn collect_some_files(dir: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        match path.is_dir() {
            true => collect_some_files(&path, found)?,
            false => found.push(path),
        }
        if found.len() >= 3 {
            break;
        }
    }
    Ok(())
}
