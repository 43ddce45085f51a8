//! How the program ends: every failure as a sentence, a hint, a stable code and
//! one of the exit codes that scripts rely on.

use crate::format;
use coffer_client::protocol::ErrorCode;
use coffer_client::protocol::error::Conflict;
use coffer_client::{ClientError, Exit};
use serde::Serialize;
use std::io::{self, Write};

/// The user pressed Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

/// A failure, ready to be shown.
#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    /// Stable code.
    pub(crate) code: &'static str,
    /// What happened.
    pub(crate) message: String,
    /// What to do next; may be empty.
    pub(crate) hint: String,
    /// Exit code.
    pub(crate) exit: u8,
    /// What it is about, when the message does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    /// Who was first, when a write lost the race.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) conflict: Option<Box<First>>,
    /// It was said already.
    #[serde(skip)]
    pub(crate) silent: bool,
}

/// Who was first.
#[derive(Debug, Serialize)]
pub(crate) struct First {
    by: String,
    at_millis: i64,
    revision: u64,
}

impl Failure {
    pub(crate) fn new(
        exit: Exit,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let (message, hint) = (message.into(), hint.into());
        let exit = exit as u8;
        Self { code, message, hint, exit, path: None, conflict: None, silent: false }
    }

    /// What was asked for cannot be asked for.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message, hint)
    }

    /// An end that needs no more words.
    pub(crate) fn silent(exit: u8) -> Self {
        let mut failure = Self::new(Exit::Failed, "failed", "", "");
        failure.exit = exit;
        failure.silent = true;
        failure
    }

    /// Some of several items failed; they are named already.
    pub(crate) fn partial() -> Self {
        Self::silent(Exit::Partial as u8)
    }

    pub(crate) fn interrupted() -> Self {
        let mut failure = Self::new(Exit::Failed, "interrupted", "interrupted", "");
        failure.exit = INTERRUPTED;
        failure
    }

    /// Says what the failure is about.
    pub(crate) fn about(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Names the entry that was asked for, if the failure is about one and does
    /// not name it yet: the codes of the tree and of contents, and those about
    /// its owner where the path names one.
    pub(crate) fn about_entry(self, path: impl Into<String>) -> Self {
        let path = path.into();
        let of_owner = [ErrorCode::NO_SUCH_USER, ErrorCode::CONTACT_CHANGED];
        let is_about = |code: ErrorCode| {
            (300..500).contains(&code.0) || path.starts_with('@') && of_owner.contains(&code)
        };
        let is_ours = |(code, name): &&(ErrorCode, &str)| *name == self.code && is_about(*code);
        match self.path.is_none() && ErrorCode::ALL.iter().any(|known| is_ours(&known)) {
            true => self.about(path),
            false => self,
        }
    }

    /// Shows it on `out` (standard error): lines for people, or one JSON document.
    pub(crate) fn show(&self, json: bool, out: &mut dyn Write) -> io::Result<()> {
        if self.silent {
            return Ok(());
        }
        if json {
            #[derive(Serialize)]
            struct Document<'a> {
                error: &'a Failure,
            }
            serde_json::to_writer(&mut *out, &Document { error: self })?;
            return writeln!(out);
        }
        match &self.path {
            Some(path) => writeln!(
                out,
                "error: {}: {} [{}]",
                format::printable(path),
                format::printable(&self.message),
                self.code
            )?,
            None => writeln!(out, "error: {} [{}]", format::printable(&self.message), self.code)?,
        }
        if !self.hint.is_empty() {
            writeln!(out, "hint: {}", format::printable(&self.hint))?;
        }
        Ok(())
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        if let ClientError::Output(cause) = error {
            return cause.into();
        }
        let exit = exit_of(&error);
        let mut failure = Self::new(exit, error.code(), error.to_string(), error.hint());
        if matches!(error, ClientError::Interrupted) {
            failure.exit = INTERRUPTED;
        }
        if let ClientError::Wire(wire) = &error {
            if let Some(conflict) = &wire.conflict {
                failure.explain(conflict);
            }
            if let Some(command) = command_for(wire.code) {
                let space = if failure.hint.is_empty() { "" } else { " " };
                failure.hint.extend([space, "(", command, ")"]);
            }
        }
        failure
    }
}

impl Failure {
    /// Names who was first, and how to keep both.
    fn explain(&mut self, first: &Conflict) {
        let at = format::time(first.at_millis);
        let who = format!("{} was first, at {at} (revision {})", first.by, first.revision);
        self.message = format!("{} ({who})", self.message.trim_end_matches('.'));
        self.hint = String::from(
            "Look at it first; to keep both, store yours under another name. Writing over \
                     it keeps the other as an earlier version (`coffer versions`).",
        );
        let by = first.by.clone();
        let (at_millis, revision) = (first.at_millis, first.revision);
        self.conflict = Some(Box::new(First { by, at_millis, revision }));
    }
}

/// The command that does what the server's hint speaks of.
fn command_for(code: ErrorCode) -> Option<&'static str> {
    match code {
        ErrorCode::CONTACT_CHANGED => Some("`coffer contact NAME`"),
        ErrorCode::NO_SUCH_SHARE => Some("`coffer shares`"),
        ErrorCode::NO_SUCH_GROUP => Some("`coffer group list`"),
        _ => None,
    }
}

/// The exit class of an error. Moving a directory into itself is a wish that
/// cannot be met, not a command line that cannot be read.
fn exit_of(error: &ClientError) -> Exit {
    match error.wire_code() {
        Some(ErrorCode::INTO_ITSELF) => Exit::Failed,
        _ if matches!(error, ClientError::IntoItself | ClientError::HomeDirectory) => Exit::Failed,
        _ => error.exit(),
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            // The reader has seen enough.
            return Self::silent(Exit::Failed as u8);
        }
        Self::new(Exit::Failed, "output", format!("the output cannot be written: {error}"), "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_client::protocol::WireError;

    fn exit(error: impl Into<ClientError>) -> u8 {
        Failure::from(error.into()).exit
    }

    #[test]
    fn only_failures_about_an_entry_take_its_name() {
        let failure = |code: ErrorCode| Failure::new(Exit::Failed, code.name(), "", "");
        let path = |failure: Failure| failure.about_entry("/here").path;
        assert_eq!(path(failure(ErrorCode::NOT_FOUND)).as_deref(), Some("/here"));
        assert_eq!(path(failure(ErrorCode::INTEGRITY)).as_deref(), Some("/here"));
        assert_eq!(path(failure(ErrorCode::NOT_SIGNED_IN)), None);
        assert_eq!(path(failure(ErrorCode::NO_SUCH_USER)), None);
        let of_owner = failure(ErrorCode::NO_SUCH_USER).about_entry("@zed");
        assert_eq!(of_owner.path.as_deref(), Some("@zed"));
        assert_eq!(path(failure(ErrorCode::EXISTS).about("/there")).as_deref(), Some("/there"));
    }

    fn shown(failure: &Failure, json: bool) -> String {
        let mut out = Vec::new();
        failure.show(json, &mut out).expect("memory");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn exit_codes_are_those_of_the_contract() {
        let wire = |code| WireError::new(code, "", "");
        assert_eq!(exit(wire(ErrorCode::INTERNAL)), 1);
        assert_eq!(exit(wire(ErrorCode::NOT_EMPTY)), 4);
        assert_eq!(exit(wire(ErrorCode::INTO_ITSELF)), 1);
        assert_eq!(exit(wire(ErrorCode::BAD_PATTERN)), 2);
        assert_eq!(exit(wire(ErrorCode::NOT_FOUND)), 3);
        assert_eq!(exit(wire(ErrorCode::NO_SUCH_VERSION)), 3);
        assert_eq!(exit(wire(ErrorCode::EXISTS)), 4);
        assert_eq!(exit(wire(ErrorCode::CONFLICT)), 4);
        assert_eq!(exit(wire(ErrorCode::SIGN_IN_REFUSED)), 5);
        assert_eq!(exit(wire(ErrorCode::INVITE_INVALID)), 5);
        assert_eq!(exit(wire(ErrorCode::INTEGRITY)), 7);
        for missing in [ErrorCode::NO_SUCH_USER, ErrorCode::NO_SUCH_SHARE, ErrorCode::NO_SUCH_GROUP]
        {
            assert_eq!(exit(wire(missing)), 3, "{missing}");
        }
        assert_eq!(exit(wire(ErrorCode::GROUP_EXISTS)), 4);
        for refused in [ErrorCode::NOT_ALLOWED, ErrorCode::OTHER_OWNER, ErrorCode::CONTACT_CHANGED]
        {
            assert_eq!(exit(wire(refused)), 9, "{refused}");
        }
        let target = "h:1".to_owned();
        assert_eq!(exit(ClientError::Unreachable { target, detail: String::new() }), 6);
        assert_eq!(exit(ClientError::NotSignedIn { profile: "p".to_owned() }), 5);
        assert_eq!(exit(ClientError::Interrupted), 130);
        assert_eq!(Failure::usage("", "").exit, 2);
        assert_eq!(Failure::partial().exit, 8);
    }

    #[test]
    fn an_error_is_a_sentence_a_hint_and_a_code() {
        let failure: Failure =
            ClientError::from(WireError::new(ErrorCode::NOT_FOUND, "no such file", "Look again."))
                .into();
        assert_eq!(shown(&failure, false), "error: no such file [not-found]\nhint: Look again.\n");
        let json: serde_json::Value = serde_json::from_str(&shown(&failure, true)).expect("JSON");
        assert_eq!(json["error"]["code"], "not-found");
        assert_eq!(json["error"]["exit"], 3);
        let about = failure.about("/a\u{1b}[2J");
        assert!(shown(&about, false).starts_with("error: /a\\u{1b}[2J: no such file"));
    }

    #[test]
    fn a_lost_race_says_who_won_and_how_to_keep_both() {
        let mut wire = WireError::new(ErrorCode::CONFLICT, "the file was changed.", "");
        wire.conflict = Some(Conflict { by: "ada".to_owned(), at_millis: 0, revision: 7 });
        let failure = Failure::from(ClientError::from(wire));
        let text = shown(&failure, false);
        assert!(text.contains("ada was first") && text.contains("revision 7"), "{text}");
        assert!(text.contains("hint: ") && text.contains("keep both"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&shown(&failure, true)).expect("JSON");
        assert_eq!(json["error"]["conflict"]["by"], "ada");
    }

    #[test]
    fn a_closed_pipe_ends_quietly() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(shown(&failure, false), "");
    }
}
