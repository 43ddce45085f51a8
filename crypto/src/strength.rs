//! Password strength, judged where the password is typed.

use crate::user::normalize_password;
use thiserror::Error;
use zxcvbn::{Score, zxcvbn};

/// Why a new password is refused, in words for its user.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason} {suggestion}")]
pub struct WeakPassword {
    /// What is wrong.
    pub reason: String,
    /// What would be better.
    pub suggestion: String,
}

const SUGGESTION: &str = "Use four or more unrelated words, or let a password manager make one.";

/// Refuses a password that is likely to be guessed. `user_inputs` are words an
/// attacker would try first: the user name, the contact, the server's name.
pub fn check_strength(password: &str, user_inputs: &[&str]) -> Result<(), WeakPassword> {
    let weak = |reason: String, suggestion: String| WeakPassword { reason, suggestion };
    let password = normalize_password(password).map_err(|error| {
        let mut reason = error.to_string();
        reason.push('.');
        weak(reason, SUGGESTION.to_owned())
    })?;
    let estimate = zxcvbn(&password, user_inputs);
    if estimate.score() >= Score::Three {
        return Ok(());
    }
    let feedback = estimate.feedback();
    let reason = feedback
        .and_then(zxcvbn::feedback::Feedback::warning)
        .map_or_else(|| "This password is easy to guess.".to_owned(), |text| text.to_string());
    let hints = feedback.map(zxcvbn::feedback::Feedback::suggestions).unwrap_or_default();
    let suggestion = hints.first().map_or_else(|| SUGGESTION.to_owned(), ToString::to_string);
    Err(weak(reason, suggestion))
}
