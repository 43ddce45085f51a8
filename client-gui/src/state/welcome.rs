//! The way in: link, account, recovery key.

use super::Problem;
use crate::secret::Secret;
use coffer_client::protocol::link::{Fingerprint, Link};

/// Where the way in has got to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Step {
    /// The link is asked for.
    #[default]
    Link,
    /// Sign in to this server, or sign up.
    Account,
    /// A recovery key has to be put away.
    Recovery,
}

/// How an account is entered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// With the password.
    #[default]
    SignIn,
    /// As a new one.
    SignUp,
    /// With the recovery key, because the password is forgotten.
    Recover,
}

/// An account that was used on this computer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Profile.
    pub profile: String,
    /// User name.
    pub user: String,
    /// Host and port.
    pub server: String,
    /// The link that leads there.
    pub link: Link,
}

/// See the module. The fields of the form are written by the view.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "a form; each is a box of its own")]
pub struct Welcome {
    /// Where it has got to.
    pub step: Step,
    /// The link as typed.
    pub link_text: String,
    /// The link as understood.
    pub link: Option<Link>,
    /// How the account is entered.
    pub way: Way,
    /// User name as typed.
    pub user: String,
    /// Recovery key as typed, when the password is forgotten.
    pub present_key: Secret,
    /// Contact as typed.
    pub contact: String,
    /// Password as typed; taken out when it is used.
    pub password: Secret,
    /// The same again.
    pub password_again: Secret,
    /// Whether the password can be read on the screen.
    pub reveal: bool,
    /// What is said of the strength of a new password.
    pub strength: Option<Result<(), String>>,
    /// Work is going on.
    pub busy: bool,
    /// What went wrong.
    pub problem: Option<Problem>,
    /// A server without a known fingerprint: to be compared by the user.
    pub unknown: Option<Fingerprint>,
    /// A new recovery key, shown once.
    pub recovery_key: Secret,
    /// Its last group, as typed back.
    pub typed_back: String,
    /// What was typed back is wrong.
    pub typed_wrong: bool,
    /// The key was written to a file.
    pub key_saved: bool,
    /// Accounts of this computer.
    pub known: Vec<Known>,
}

impl Welcome {
    /// Asks for the password of a known account.
    pub fn name(&mut self, known: Known) {
        self.link_text = known.link.to_string();
        (self.link, self.user) = (Some(known.link), known.user);
        (self.step, self.way, self.problem) = (Step::Account, Way::SignIn, None);
    }

    /// Whether a link is asked for, and nothing is typed yet.
    pub fn is_blank(&self) -> bool {
        self.step == Step::Link && self.link_text.is_empty()
    }

    /// Whether the last group of the recovery key was typed back.
    pub fn has_kept_the_key(&self) -> bool {
        let last = self.recovery_key.rsplit('-').next().unwrap_or("");
        !last.is_empty() && self.typed_back.trim().eq_ignore_ascii_case(last)
    }
}
