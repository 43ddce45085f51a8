//! What other programs do with a window. A window manager closes it; a file manager drags
//! files over it, and drops them: the source's side of XDND, version 5 (freedesktop.org,
//! "Drag-and-Drop Protocol for the X Window System").
//!
//! Guarantees: no wait is without an end.

use std::path::PathBuf;
use std::time::{Duration, Instant};
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, PropMode,
    SELECTION_NOTIFY_EVENT, SelectionNotifyEvent, SelectionRequestEvent, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;
use x11rb::{COPY_DEPTH_FROM_PARENT, COPY_FROM_PARENT, CURRENT_TIME};

/// Version of the protocol, in the byte of `XdndEnter` where it is said.
const VERSION: u32 = 5 << 24;
/// Longest wait for an answer of the window.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks a window to close, as a window manager does (ICCCM 4.2.8.1).
pub(crate) fn close(display: &str, window: Window) {
    let (display, _) = x11rb::connect(Some(display)).expect("the display");
    let atom = |name: &str| {
        let asked = display.intern_atom(false, name.as_bytes()).expect("asked");
        asked.reply().expect("an atom").atom
    };
    let data = [atom("WM_DELETE_WINDOW"), CURRENT_TIME, 0, 0, 0];
    let message = ClientMessageEvent::new(32, window, atom("WM_PROTOCOLS"), data);
    let sent = display.send_event(false, window, EventMask::NO_EVENT, message);
    sent.expect("sent").check().expect("taken");
}

/// See the module.
pub(crate) struct Dragged {
    display: RustConnection,
    source: Window,
    target: Window,
    /// The files, as `text/uri-list` (RFC 2483).
    uris: String,
}

impl Dragged {
    /// Drags these files to a place over a window, and waits until that has seen which.
    pub(crate) fn over(display: &str, target: Window, at: (u32, u32), files: &[PathBuf]) -> Self {
        let (display, screen) = x11rb::connect(Some(display)).expect("the display");
        let root = display.setup().roots[screen].root;
        let source = display.generate_id().expect("an id");
        let (depth, class) = (COPY_DEPTH_FROM_PARENT, WindowClass::INPUT_OUTPUT);
        let aux = CreateWindowAux::new();
        let made = display.create_window(
            depth,
            source,
            root,
            0,
            0,
            1,
            1,
            0,
            class,
            COPY_FROM_PARENT,
            &aux,
        );
        made.expect("a window");
        let uris = files.iter().map(|file| format!("file://{}\r\n", file.display())).collect();
        let dragged = Self { display, source, target, uris };
        let selection = dragged.atom("XdndSelection");
        let owned = dragged.display.set_selection_owner(source, selection, CURRENT_TIME);
        owned.expect("the selection");
        let list = dragged.atom("text/uri-list");
        dragged.tell("XdndEnter", [source, VERSION, list, 0, 0]);
        let copy = dragged.atom("XdndActionCopy");
        dragged.tell("XdndPosition", [source, 0, at.0 << 16 | at.1, CURRENT_TIME, copy]);
        dragged.until("XdndStatus");
        dragged
    }

    /// Lets them fall.
    pub(crate) fn drop_there(self) {
        self.tell("XdndDrop", [self.source, 0, CURRENT_TIME, 0, 0]);
        self.until("XdndFinished");
    }

    fn atom(&self, name: &str) -> Atom {
        let asked = self.display.intern_atom(false, name.as_bytes()).expect("asked");
        asked.reply().expect("an atom").atom
    }

    fn tell(&self, what: &str, data: [u32; 5]) {
        let message = ClientMessageEvent::new(32, self.target, self.atom(what), data);
        let sent = self.display.send_event(false, self.target, EventMask::NO_EVENT, message);
        sent.expect("sent");
        self.display.flush().expect("flushed");
    }

    /// Hands the files over when they are asked for, until the window says this.
    fn until(&self, wanted: &str) {
        let (wanted, begun) = (self.atom(wanted), Instant::now());
        loop {
            match self.display.poll_for_event().expect("the display") {
                Some(Event::SelectionRequest(asked)) => self.hand_over(asked),
                Some(Event::ClientMessage(said)) if said.type_ == wanted => return,
                Some(_) => {}
                None => std::thread::sleep(Duration::from_millis(20)),
            }
            assert!(begun.elapsed() < PATIENCE, "the window does not answer");
        }
    }

    fn hand_over(&self, asked: SelectionRequestEvent) {
        let SelectionRequestEvent { requestor, property, target, selection, time, .. } = asked;
        let text = self.uris.as_bytes();
        let put =
            self.display.change_property8(PropMode::REPLACE, requestor, property, target, text);
        put.expect("the files");
        let notify = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time,
            requestor,
            selection,
            target,
            property,
        };
        let sent = self.display.send_event(false, requestor, EventMask::NO_EVENT, notify);
        sent.expect("sent");
        self.display.flush().expect("flushed");
    }
}
