//! What answers say of the writes that they confirm.

use coffer_protocol::{Position, Response};

/// The position that an answer names.
pub(super) fn position(response: &Response) -> Option<Position> {
    match response {
        Response::LoginDone(done) => Some(done.position),
        Response::Account(account) => Some(account.position),
        Response::Made(made) => Some(made.position),
        Response::Written(written) => Some(written.position),
        Response::Outcomes(outcomes) => Some(outcomes.position),
        Response::Purged(purged) => Some(purged.position),
        Response::Shared(shared) => Some(shared.position),
        Response::Changed(changed) => Some(changed.position),
        Response::GroupChanged(changed) => Some(changed.position),
        Response::BatchWritten(batch) => {
            batch.files.iter().flatten().map(|written| written.position).max()
        }
        _ => None,
    }
}

/// Machines that hold the write that is confirmed.
pub(super) fn machines(response: &Response) -> Option<u8> {
    match response {
        Response::Made(made) => Some(made.machines),
        Response::Written(written) => Some(written.machines),
        Response::Outcomes(outcomes) if outcomes.items.iter().any(Result::is_ok) => {
            Some(outcomes.machines)
        }
        Response::Purged(purged) => Some(purged.machines),
        Response::Shared(shared) => Some(shared.machines),
        Response::Changed(changed) => Some(changed.machines),
        Response::GroupChanged(changed) => Some(changed.machines),
        Response::BatchWritten(batch) => {
            batch.files.iter().flatten().map(|written| written.machines).min()
        }
        _ => None,
    }
}
