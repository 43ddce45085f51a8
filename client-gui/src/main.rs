//! `coffer-gui`: opens the window.

#![cfg_attr(windows, windows_subsystem = "windows")]

use clap::Parser;
use coffer_client::Home;
use coffer_gui::desktop::System;
use coffer_gui::instance::{self, Claim};
use coffer_gui::{App, Start};
use eframe::egui;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// The Coffer desktop client.
#[derive(Parser)]
#[command(name = "coffer-gui", version)]
struct Args {
    /// Connection link to start with (coffer://…).
    link: Option<String>,
    /// Sign in with the saved keys of this profile.
    #[arg(long)]
    profile: Option<String>,
    /// Where profiles and settings are kept, instead of the usual place.
    #[arg(long, env = "COFFER_HOME")]
    home: Option<PathBuf>,
    /// Draw the first page of the PDF that is read, and end: what the client starts itself for.
    #[arg(long, hide = true)]
    draw_page: bool,
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let args = Args::parse();
    if args.draw_page {
        return Ok(coffer_gui::pdf::serve());
    }
    let filter = EnvFilter::try_from_env("COFFER_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let home = match args.home {
        Some(home) => Home::at(home),
        None => Home::locate()?,
    };
    coffer_gui::report::install(home.root().to_owned());
    let links = match instance::claim(&home, args.link.as_deref().unwrap_or_default()) {
        Claim::First(links) => Some(links),
        Claim::HandedOver => return Ok(ExitCode::SUCCESS),
        // Two windows are better than none.
        Claim::Unclear => None,
    };
    let viewport = egui::ViewportBuilder::default()
        .with_title("Coffer")
        .with_app_id("coffer")
        .with_icon(icon())
        .with_inner_size([1280.0, 800.0])
        .with_min_inner_size([900.0, 600.0]);
    let options = eframe::NativeOptions { viewport, ..eframe::NativeOptions::default() };
    let desktop = Box::new(System);
    let start = Start { home, link: args.link, profile: args.profile, desktop, links, tray: true };
    eframe::run_native(
        "coffer",
        options,
        Box::new(|context| Ok(Box::new(App::new(&context.egui_ctx, start)?))),
    )?;
    Ok(ExitCode::SUCCESS)
}

/// The icon of the window, which is also the one of the program in `deploy/`.
fn icon() -> egui::IconData {
    let png = include_bytes!("../assets/icon.png");
    eframe::icon_data::from_png_bytes(png).unwrap_or_default()
}
