//! What the client knows, in three parts: `Settings` (kept on disk), `Session` (where
//! the user is and what is open) and `Model` (what the worker has learned).
//!
//! Nothing here draws or waits; the reducer alone changes it.

pub mod address;
pub mod dialog;
pub mod filter;
pub mod folder;
pub mod model;
pub mod opened;
pub mod preview;
pub mod problem;
pub mod session;
pub mod settings;
pub mod transfer;
pub mod welcome;

pub use dialog::Dialog;
pub use folder::{Folder, Row, Sort};
pub use model::Model;
pub use problem::Problem;
pub use session::{Route, Session, Toast, Undo};
pub use settings::Settings;
pub use transfer::{Outcome, Phase, Transfer, TransferId};
pub use welcome::{Step, Way, Welcome};

/// Everything.
#[derive(Default)]
pub struct State {
    /// What the user has chosen.
    pub settings: Settings,
    /// Where the user is.
    pub session: Session,
    /// What is known of the server.
    pub model: Model,
}
