//! Runs a transfer under the eyes of the user: progress is drawn, and Ctrl-C
//! cancels it cleanly.

use crate::app::App;
use crate::progress;
use coffer_client::Client;
use coffer_client::transfer::Tracker;
use std::convert::Infallible;
use std::future::Future;
use tokio_util::sync::CancellationToken;

/// Runs a transfer: draws its progress, and cancels it on Ctrl-C.
pub(super) async fn watched<T>(
    app: &App,
    client: &Client,
    tracker: &Tracker,
    cancel: &CancellationToken,
    work: impl Future<Output = T>,
) -> T {
    let reach = client.reach();
    let drawing = async {
        if app.out.draws() {
            app.notice.set_drawing(true);
            progress::draw(tracker.subscribe(), reach, &app.notice).await;
        }
        std::future::pending::<Infallible>().await
    };
    let interrupting = async {
        interrupted().await;
        cancel.cancel();
        std::future::pending::<Infallible>().await
    };
    let outcome = tokio::select! {
        outcome = work => outcome,
        never = drawing => match never {},
        never = interrupting => match never {},
    };
    app.notice.set_drawing(false);
    outcome
}

/// Waits for Ctrl-C, or for a polite request to end.
#[cfg(unix)]
pub(super) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers the signals end the process by themselves.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
pub(super) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
