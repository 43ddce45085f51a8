//! What another daemon of an installation has in common with this one: how it
//! opens its store, listens, serves, stops, and explains what went wrong.

pub use crate::command::check::check;
pub use crate::command::repair::{ask as ask_repair, remaining as remaining_damage};
pub use crate::command::status::role_name;
pub use crate::explain::store as explain_store;
pub use crate::install::{Installation, block_on, close, environment};
pub use crate::lock::is_held;
pub use crate::log::{start as start_log, start_quiet as start_quiet_log};
pub use crate::port::settle as settle_port;
pub use crate::promotion;
pub use crate::run::listener::bind;
pub use crate::run::metrics::{measure_store, start as start_metrics};
pub use crate::run::signals::Signals;
pub use crate::run::supervisor;
pub use crate::run::{Options, Server, Serving, keep_up_follower, run_installation, settle_memory};
pub use crate::standing::StoreStanding;
pub use crate::tls::adopt as adopt_authority;
