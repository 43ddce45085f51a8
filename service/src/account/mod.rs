//! Accounts: sign-up, sign-in, credentials, the end of an account.

mod credentials;
mod erase;
mod info;
mod login;
mod secrets;
mod signup;
mod unshare;

pub(crate) use erase::{USER_DELETING, condemned};
pub(crate) use secrets::open_user_name;
pub(crate) use unshare::ending_of_shares;
