//! What people do with the desktop client, in a window without a screen, against real
//! servers.

mod entering;
mod files;
mod looking;
mod names;
mod outside;
mod people;
mod transfers;
#[cfg(target_os = "linux")]
mod tray;
mod weather;
mod window;
