//! Uploads and downloads that are paused, and go on after a restart.

use crate::window::{Chosen, Window};
use coffer_gui::command::Command;
use coffer_gui::state::{Outcome, Phase};
use coffer_tests::{Coffer, Engine, Rng, Server};
use std::num::NonZeroU64;

/// Enough to take a while.
const BIG: usize = 32 << 20;

#[test]
fn a_paused_upload_goes_on_after_a_restart_and_arrives_whole() {
    let server = Server::start(Engine::Sqlite);
    let ada = Coffer::sign_up(&server, "ada");
    let dir = tempfile::tempdir().expect("directory");
    let source = dir.path().join("big.bin");
    let bytes = Rng::new("paused").bytes(BIG);
    std::fs::write(&source, &bytes).expect("write");
    let (mut window, home) = Window::of(&ada, &server, Chosen::default());
    // Slow enough to be paused in the middle, however fast the machine is.
    window.wish(Command::SetLimit(true, NonZeroU64::new(8 << 20)));
    window.wish(Command::Upload(vec![source]));
    window.until("some of it", |app| app.state().model.transfers[0].progress.bytes_done > 0);
    let id = window.app().state().model.transfers[0].id;
    window.wish(Command::PauseTransfer(id));
    window.until("rest", |app| app.state().model.transfers[0].phase == Phase::Paused);
    assert!(ada.run(&["stat", "/big.bin"]).code != 0, "it was paused in the middle");
    drop(window);

    let mut again = Window::open(home.path(), Chosen::default());
    again.until("what was kept", |app| app.state().model.transfers.len() == 1);
    assert_eq!(again.app().state().model.transfers[0].phase, Phase::Paused);
    again.wish(Command::SetLimit(true, None));
    again.wish(Command::ResumeAll);
    again.until("the end", |app| {
        matches!(app.state().model.transfers[0].outcome(), Some(Outcome::Done { files: 1, .. }))
    });
    assert!(ada.cat("/big.bin") == bytes, "it arrived whole");
}
