//! Password strength, judged where the password is typed.
//!
//! `zxcvbn` computes with 64 bits and is wrong, or panics in a build that checks
//! for overflow, on long passwords (factorials from 21 on, long walks over the
//! keyboard). It therefore sees 20 characters at a time: a password is at least
//! as hard to guess as any part of it, so the best part decides.

use crate::name::fold;
use crate::user::normalize_password;
use thiserror::Error;
use zeroize::Zeroizing;
use zxcvbn::feedback::Feedback;
use zxcvbn::{Entropy, Score, zxcvbn};

/// Characters that are judged together; the factorial of it fits 64 bits.
const PART: usize = 20;
/// Words of the user that are shorter appear everywhere.
const MIN_INPUT_CHARS: usize = 3;

/// Why a new password is refused, in words for its user.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason} {suggestion}")]
pub struct WeakPassword {
    /// What is wrong.
    pub reason: String,
    /// What would be better.
    pub suggestion: String,
}

const REASON: &str = "This password is easy to guess.";
const SUGGESTION: &str = "Use four or more unrelated words, or let a password manager make one.";

/// Refuses a password that is likely to be guessed. `user_inputs` are words an
/// attacker would try first (the user name, the contact, the server's name);
/// they count for nothing where the password contains them.
pub fn check_strength(password: &str, user_inputs: &[&str]) -> Result<(), WeakPassword> {
    let password = normalize_password(password).map_err(|error| WeakPassword {
        reason: format!("This password cannot be used: {error}."),
        suggestion: SUGGESTION.to_owned(),
    })?;
    let rest = without(password, user_inputs);
    match best_part(&rest, user_inputs) {
        Some(best) if best.score() >= Score::Three => Ok(()),
        best => Err(advice(best.as_ref().and_then(Entropy::feedback))),
    }
}

/// The password without the words of the user, if it contains any.
fn without(password: Zeroizing<String>, user_inputs: &[&str]) -> Zeroizing<String> {
    let mut rest = Zeroizing::new(fold(&password));
    let mut found = false;
    let mut inputs: Vec<String> = user_inputs.iter().map(|input| fold(input.trim())).collect();
    // An address goes before the name that is a part of it.
    inputs.sort_by_key(|input| std::cmp::Reverse(input.len()));
    for input in inputs {
        if input.chars().count() >= MIN_INPUT_CHARS && rest.contains(&input) {
            rest = Zeroizing::new(rest.replace(&input, ""));
            found = true;
        }
    }
    if found { rest } else { password }
}

/// The estimate of the part that is hardest to guess; `None` for no password.
fn best_part(password: &str, user_inputs: &[&str]) -> Option<Entropy> {
    let chars: Zeroizing<Vec<char>> = Zeroizing::new(password.chars().collect());
    let parts = chars.chunks(PART).map(|part| {
        let part: Zeroizing<String> = Zeroizing::new(part.iter().collect());
        zxcvbn(&part, user_inputs)
    });
    parts.max_by_key(Entropy::guesses)
}

fn advice(feedback: Option<&Feedback>) -> WeakPassword {
    let reason = feedback.and_then(Feedback::warning).map(|warning| warning.to_string());
    let suggestions = feedback.map(Feedback::suggestions).unwrap_or_default();
    WeakPassword {
        reason: reason.unwrap_or_else(|| REASON.to_owned()),
        suggestion: suggestions.first().map_or_else(|| SUGGESTION.to_owned(), ToString::to_string),
    }
}
