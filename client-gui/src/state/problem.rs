//! What went wrong, as users are told of it.

use crate::text::{self, Language, errors};
use coffer_client::ClientError;

/// Something that went wrong, in words for the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// What happened, and why.
    pub message: String,
    /// What to do next; may be empty.
    pub hint: String,
    /// Stable code.
    pub code: String,
    /// What the library or the server said in English, with names and numbers; empty when
    /// that is the message.
    pub original: String,
}

impl Problem {
    /// In this language, if there are words for the code; the original is kept then.
    pub(crate) fn told(language: Language, said: &str, hint: &str, code: &str) -> Self {
        let (message, hint, original) = match errors::of(language, code) {
            Some((what, remedy)) => (what, remedy, said),
            None => (said, hint, ""),
        };
        let [message, hint, original, code] = [message, hint, original, code].map(str::to_owned);
        Self { message, hint, code, original }
    }

    /// What happened, and to what, unless that says it already.
    pub fn of(&self, name: &str) -> String {
        match self.message.contains(name) {
            true => self.message.clone(),
            false => format!("{name}: {}", self.message),
        }
    }
}

impl From<&ClientError> for Problem {
    fn from(error: &ClientError) -> Self {
        let (message, hint) = (sentence(error.to_string()), sentence(error.hint().to_owned()));
        Self::told(text::spoken(), &message, &hint, error.code())
    }
}

/// Begins with a capital letter.
fn sentence(mut text: String) -> String {
    if let Some(first) = text.get(..1).map(str::to_uppercase) {
        text.replace_range(..1, &first);
    }
    text
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        Self::from(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_an_error_begins_like_a_sentence() {
        let problem = Problem::from(ClientError::BadRecoveryKey);
        assert!(problem.message.starts_with("That is not"), "{}", problem.message);
        assert_eq!(sentence("check both".to_owned()), "Check both");
        assert_eq!([sentence(String::new()), sentence("über".to_owned())], ["", "über"]);
    }

    #[test]
    fn errors_are_told_in_the_language_of_the_window() {
        let told = |language, code| Problem::told(language, "No 'a.txt'", "Look", code);
        let german = told(Language::German, "not-found");
        assert_eq!(german.message, "Das gibt es dort nicht, oder nicht für Sie.");
        assert!(german.hint.ends_with('.') && !german.hint.contains("Look"), "{}", german.hint);
        assert_eq!((&*german.original, &*german.code), ("No 'a.txt'", "not-found"));
        for original in
            [told(Language::English, "not-found"), told(Language::German, "from-the-future")]
        {
            assert_eq!((&*original.message, &*original.hint), ("No 'a.txt'", "Look"));
            assert_eq!(original.original, "", "the message says it");
        }
    }

    #[test]
    fn trouble_names_what_it_is_about_once() {
        let trouble = |message: &str| Problem { message: message.to_owned(), ..Problem::default() };
        assert_eq!(trouble("It is gone").of("a.txt"), "a.txt: It is gone");
        assert_eq!(trouble("Cannot read a.txt").of("a.txt"), "Cannot read a.txt");
    }
}
