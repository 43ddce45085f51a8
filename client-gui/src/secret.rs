//! Text that nobody else is to read: passwords and recovery keys.
//!
//! Guarantees: wiped when it is dropped; never shown by `Debug`.

use std::fmt;
use std::ops::{Deref, DerefMut};
use zeroize::Zeroizing;

/// See the module. A form writes into it, the client library reads it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<Zeroizing<String>> for Secret {
    fn from(text: Zeroizing<String>) -> Self {
        Self(text)
    }
}

impl Deref for Secret {
    type Target = String;

    fn deref(&self) -> &String {
        &self.0
    }
}

impl DerefMut for Secret {
    fn deref_mut(&mut self) -> &mut String {
        &mut self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Job;

    #[test]
    fn what_is_printed_of_a_job_has_no_password() {
        let secret = || Secret::from("plum harbour".to_owned());
        let job = Job::ChangePassword(secret(), secret(), true);
        assert_eq!(format!("{job:?}"), "ChangePassword(Secret(..), Secret(..), true)");
    }
}
