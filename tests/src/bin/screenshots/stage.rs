//! A display of its own, with the client in it, and the hands of a user.
//!
//! Guarantees: display and program end with their handle; no wait is without an end.

use crate::Size;
use crate::others::{self, Dragged};
use coffer_tests::{first_line, program};
use std::cell::RefCell;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for a window, or for a picture that does not change any more.
const PATIENCE: Duration = Duration::from_mins(1);
/// Time between two pictures that have to be the same.
const STILL: Duration = Duration::from_millis(300);

/// A place in the window: see [`Stage::place`].
pub(crate) type At = (i32, i32);

/// See the module.
pub(crate) struct Stage {
    screen: Child,
    client: Child,
    display: String,
    window: String,
    size: Size,
    dragged: RefCell<Option<Dragged>>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.end();
        for child in [&mut self.client, &mut self.screen] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Stage {
    /// Closes the client, which ends the server that it may have started on this computer.
    fn end(&mut self) {
        let begun = Instant::now();
        if !std::thread::panicking() && matches!(self.client.try_wait(), Ok(None)) {
            others::close(&self.display, self.number());
        }
        while matches!(self.client.try_wait(), Ok(None)) && begun.elapsed() < PATIENCE / 20 {
            std::thread::sleep(STILL / 10);
        }
    }

    /// Opens the client of this home in a window of this size, with these arguments.
    /// A desktop with a tray has a bus.
    pub(crate) fn open(size: Size, home: &Path, args: &[String], bus: Option<&str>) -> Self {
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
        let display = format!(":{}", first_line(&mut screen));
        let mut client = Command::new(program("coffer-gui"));
        client
            .args(args)
            .env("COFFER_HOME", home)
            .env("DISPLAY", &display)
            .env("WINIT_X11_SCALE_FACTOR", size.scale.to_string())
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .envs(bus.map(|bus| ("DBUS_SESSION_BUS_ADDRESS", bus)));
        let client = client.spawn().expect("coffer-gui");
        let (window, dragged) = (String::new(), RefCell::default());
        let mut stage = Self { screen, client, display, window, size, dragged };
        stage.window = stage.find_window();
        stage.hand(&["windowmove", &stage.window, "0", "0"]);
        let (width, height) = (width.to_string(), height.to_string());
        stage.hand(&["windowsize", &stage.window, &width, &height]);
        stage.hand(&["windowfocus", &stage.window]);
        // Nothing is under the pointer that it would make stand out.
        stage.point((-1, -1));
        stage.rest();
        stage
    }

    fn find_window(&self) -> String {
        let mut window = None;
        until("the client opens no window", || {
            window = self.visible_window();
            window.is_some()
        });
        window.unwrap_or_default()
    }

    fn visible_window(&self) -> Option<String> {
        let found = self.tool("xdotool", &["search", "--onlyvisible", "--name", "^Coffer$"]);
        String::from_utf8_lossy(&found).lines().next().map(str::to_owned)
    }

    /// Whether the window is of the least height.
    pub(crate) fn is_low(&self) -> bool {
        self.size.height < 700
    }

    fn number(&self) -> u32 {
        self.window.parse().expect("the number of a window")
    }

    /// Closes the window, and waits until it is gone.
    pub(crate) fn close_window(&self) {
        others::close(&self.display, self.number());
        until("the window stays", || self.visible_window().is_none());
    }

    /// Waits until a window that was closed is there again.
    pub(crate) fn await_window(&self) {
        self.find_window();
        self.rest();
    }

    fn tool(&self, program: &str, args: &[&str]) -> Vec<u8> {
        let ran = Command::new(program).args(args).env("DISPLAY", &self.display).output();
        ran.unwrap_or_else(|error| panic!("{program}: {error}")).stdout
    }

    fn hand(&self, args: &[&str]) {
        self.tool("xdotool", args);
    }

    /// Waits until nothing moves any more but the mark in a text, which comes and goes; what
    /// never stops is waited for no longer than a few seconds.
    pub(crate) fn rest(&self) -> Vec<u8> {
        let begun = Instant::now();
        let mut before = [Vec::new(), Vec::new()];
        loop {
            std::thread::sleep(STILL);
            let now = self.tool("import", &["-window", "root", "-depth", "8", "ppm:-"]);
            if before.contains(&now) || begun.elapsed() > PATIENCE / 10 {
                return now;
            }
            before.rotate_left(1);
            before[1] = now;
        }
    }

    /// Presses keys, one combination after the other, such as `ctrl+k`.
    pub(crate) fn keys(&self, keys: &[&str]) {
        for key in keys {
            self.hand(&["key", "--clearmodifiers", key]);
            std::thread::sleep(Duration::from_millis(120));
        }
    }

    /// The same, each when the one before has been seen: two that move the keyboard are one
    /// in the eyes of a window that is drawn only now and then.
    pub(crate) fn steps(&self, keys: &[&str]) {
        for key in keys {
            self.keys(&[key]);
            self.rest();
        }
    }

    /// A place on the display, in pixels: points from the left and from above, negative ones
    /// from the right and from below.
    fn place(&self, (x, y): At) -> (u32, u32) {
        let along = |at: i32, length: u32| match at {
            0.. => at.unsigned_abs(),
            _ => length.saturating_sub(at.unsigned_abs()),
        };
        let Size { width, height, scale } = self.size;
        (along(x, width) * scale, along(y, height) * scale)
    }

    /// Moves the pointer there.
    pub(crate) fn point(&self, at: At) {
        let (x, y) = self.place(at);
        self.hand(&["mousemove", &x.to_string(), &y.to_string()]);
        std::thread::sleep(STILL / 2);
    }

    /// Clicks with the left button.
    pub(crate) fn click(&self, at: At) {
        self.point(at);
        self.hand(&["click", "1"]);
        std::thread::sleep(STILL);
    }

    /// Clicks with the right button.
    pub(crate) fn click_right(&self, at: At) {
        self.point(at);
        self.hand(&["click", "3"]);
        std::thread::sleep(STILL);
    }

    /// Turns the wheel by so many clicks.
    pub(crate) fn wheel_down(&self, at: At, clicks: u32) {
        self.point(at);
        self.hand(&["click", "--repeat", &clicks.to_string(), "--delay", "10", "5"]);
        self.rest();
    }

    /// Takes what is here there, and does not let it go.
    pub(crate) fn drag(&self, from: At, to: At) {
        self.point(from);
        self.hand(&["mousedown", "1"]);
        for step in [(from.0 + 12, from.1 + 4), to, (to.0 + 2, to.1)] {
            self.point(step);
        }
    }

    /// Lets go of it.
    pub(crate) fn let_go(&self) {
        self.hand(&["mouseup", "1"]);
        self.rest();
    }

    /// Drags files of another program over the window.
    pub(crate) fn drag_files(&self, files: &[PathBuf]) {
        let at = self.place((400, 300));
        let dragged = Dragged::over(&self.display, self.number(), at, files);
        *self.dragged.borrow_mut() = Some(dragged);
    }

    /// Lets them fall.
    pub(crate) fn drop_files(&self) {
        if let Some(dragged) = self.dragged.borrow_mut().take() {
            dragged.drop_there();
        }
        self.rest();
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

fn until(otherwise: &str, mut wanted: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !wanted() {
        assert!(begun.elapsed() < PATIENCE, "{otherwise}");
        std::thread::sleep(STILL);
    }
}
