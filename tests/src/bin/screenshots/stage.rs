//! A display of its own, with the client in it, and the hands of a user.
//!
//! Guarantees: display and program end with their handle; no wait is without an end.

use crate::Size;
use coffer_tests::program;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for a window, or for a picture that does not change any more.
const PATIENCE: Duration = Duration::from_mins(1);
/// Time between two pictures that have to be the same.
const STILL: Duration = Duration::from_millis(400);

/// See the module.
pub(crate) struct Stage {
    screen: Child,
    client: Child,
    display: String,
    window: String,
}

impl Drop for Stage {
    fn drop(&mut self) {
        for child in [&mut self.client, &mut self.screen] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Stage {
    /// Opens the client of this home in a window of this size, with these arguments.
    pub(crate) fn open(size: Size, home: &Path, args: &[String]) -> Self {
        let (width, height) = (size.width * size.scale, size.height * size.scale);
        // The tools come and go before the client is there: with the last of them a display
        // begins anew, and refuses whoever connects at that moment.
        let mut screen = Command::new("Xvfb")
            .args(["-displayfd", "1", "-noreset", "-nolisten", "tcp", "-screen", "0"])
            .arg(format!("{width}x{height}x24"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb");
        let mut number = String::new();
        let said = screen.stdout.take().expect("piped");
        BufReader::new(said).read_line(&mut number).expect("the number of the display");
        let display = format!(":{}", number.trim());
        let client = Command::new(program("coffer-gui"))
            .args(args)
            .env("COFFER_HOME", home)
            .env("DISPLAY", &display)
            .env("WINIT_X11_SCALE_FACTOR", size.scale.to_string())
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .spawn()
            .expect("coffer-gui");
        let mut stage = Self { screen, client, display, window: String::new() };
        stage.window = stage.find_window();
        stage.hand(&["windowmove", &stage.window, "0", "0"]);
        let (width, height) = (width.to_string(), height.to_string());
        stage.hand(&["windowsize", &stage.window, &width, &height]);
        stage.hand(&["windowfocus", &stage.window]);
        stage.rest();
        stage
    }

    fn find_window(&self) -> String {
        let begun = Instant::now();
        loop {
            let found = self.tool("xdotool", &["search", "--onlyvisible", "--name", "^Coffer$"]);
            if let Some(window) = String::from_utf8_lossy(&found).lines().next() {
                return window.to_owned();
            }
            assert!(begun.elapsed() < PATIENCE, "the client opens no window");
            std::thread::sleep(STILL);
        }
    }

    fn tool(&self, program: &str, args: &[&str]) -> Vec<u8> {
        let ran = Command::new(program).args(args).env("DISPLAY", &self.display).output();
        ran.unwrap_or_else(|error| panic!("{program}: {error}")).stdout
    }

    fn hand(&self, args: &[&str]) {
        self.tool("xdotool", args);
    }

    /// Waits until nothing moves any more; what never stops is waited for no longer than
    /// a few seconds.
    pub(crate) fn rest(&self) -> Vec<u8> {
        let begun = Instant::now();
        let mut before = Vec::new();
        loop {
            std::thread::sleep(STILL);
            let now = self.tool("import", &["-window", "root", "-depth", "8", "ppm:-"]);
            if now == before || begun.elapsed() > PATIENCE / 10 {
                return now;
            }
            before = now;
        }
    }

    /// Presses keys, one combination after the other, such as `ctrl+k`.
    pub(crate) fn keys(&self, keys: &[&str]) {
        for key in keys {
            self.hand(&["key", "--clearmodifiers", key]);
            std::thread::sleep(Duration::from_millis(120));
        }
    }

    /// Types a text.
    pub(crate) fn text(&self, text: &str) {
        self.hand(&["type", "--delay", "40", text]);
        std::thread::sleep(STILL);
    }

    /// Chooses a command by its name.
    pub(crate) fn command(&self, name: &str) {
        self.keys(&["ctrl+k"]);
        std::thread::sleep(STILL);
        self.text(name);
        self.keys(&["Return"]);
        self.rest();
    }

    /// Goes to a directory by its path.
    pub(crate) fn go(&self, path: &str) {
        self.keys(&["ctrl+l"]);
        std::thread::sleep(STILL);
        self.keys(&["ctrl+a"]);
        self.text(path);
        self.keys(&["Return"]);
        self.rest();
    }

    /// Keeps what is to be seen.
    pub(crate) fn shot(&self, path: &Path) {
        let picture = self.rest();
        let to = format!("png:{}", path.display());
        let convert = Command::new("convert").args(["ppm:-", &to]).stdin(Stdio::piped()).spawn();
        let mut convert = convert.expect("convert");
        convert.stdin.take().expect("piped").write_all(&picture).expect("the picture");
        assert!(convert.wait().expect("convert").success(), "{}", path.display());
    }
}
