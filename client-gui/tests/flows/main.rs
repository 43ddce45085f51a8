//! What people do with the desktop client, in a window without a screen, against real
//! servers.

mod entering;
mod files;
mod looking;
mod names;
mod outside;
mod people;
mod transfers;
mod weather;
mod window;
