//! The Coffer desktop client: a window onto the `client` library.
//!
//! Guarantees: nothing the window does waits for the network; what the user does is a
//! [`command::Command`], turned into state and jobs by a reducer that knows no window;
//! the password is never saved, and its field forgets it when it is used.

pub mod app;
pub mod command;
pub mod desktop;
pub mod instance;
pub mod kind;
pub mod look;
pub mod media;
pub mod outside;
mod pasted;
pub mod pdf;
mod print;
pub mod reduce;
pub mod report;
pub mod secret;
pub mod state;
pub mod syntax;
pub mod text;
pub mod tray;
mod ui;
pub mod worker;

pub use app::{App, Start};
