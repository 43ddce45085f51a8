//! Signing in and up.

use crate::command::{Command, Entrance, Job};
use crate::secret::Secret;
use crate::state::welcome::{Known, Step, Way, Welcome};
use crate::state::{Problem, Route, Session, State};
use crate::text::{Language, errors, fill};
use coffer_client::check_strength;
use coffer_client::protocol::link::Link;

/// Code of a password that is easy to guess.
const WEAK: &str = "weak-password";
/// Longest profile name that is made of a user and a server.
const MAX_PROFILE: usize = 60;

pub(super) fn command(state: &mut State, command: Command) -> Vec<Job> {
    let welcome = &mut state.session.welcome;
    match command {
        Command::UseLink => {
            use_link(welcome, state.settings.language);
            Vec::new()
        }
        Command::TryHere => {
            (welcome.busy, welcome.problem) = (true, None);
            vec![Job::StartLocal]
        }
        Command::UseKnown(index) => {
            let Some(known) = welcome.known.get(index).cloned() else { return Vec::new() };
            let profile = known.profile.clone();
            welcome.name(known);
            // Saved keys do not open a window that was locked.
            welcome.busy = !state.settings.locked;
            if welcome.busy { vec![Job::Resume(profile)] } else { Vec::new() }
        }
        Command::ForgetKnown(index) if index < welcome.known.len() => {
            vec![Job::ForgetAccount(welcome.known.remove(index).profile)]
        }
        Command::SwitchAccount(profile) => {
            state.session.switching = profile;
            vec![Job::EndSession]
        }
        Command::DropLink(file) => vec![Job::ReadLink(file)],
        Command::ForgetLink => {
            welcome.step = Step::Link;
            (welcome.problem, welcome.unknown) = (None, None);
            Vec::new()
        }
        Command::PasswordTyped => {
            welcome.strength = judge(welcome, state.settings.language);
            Vec::new()
        }
        Command::ForgotPassword(forgot) => {
            welcome.way = if forgot { Way::Recover } else { Way::SignIn };
            (welcome.password, welcome.password_again) = Default::default();
            (welcome.strength, welcome.problem) = (None, None);
            Vec::new()
        }
        Command::Enter => enter(state),
        Command::Trust => {
            let trust = welcome.unknown.take();
            if let (Some(link), Some(trust)) = (&mut welcome.link, trust) {
                link.fingerprint = Some(trust);
            }
            enter(state)
        }
        Command::RecoveryKept => {
            welcome.typed_wrong = !welcome.has_kept_the_key();
            if welcome.typed_wrong {
                return Vec::new();
            }
            let known = std::mem::take(&mut welcome.known);
            *welcome = Welcome { known, ..Welcome::default() };
            super::go(state, Route::home())
        }
        Command::SaveRecovery(path) => {
            vec![Job::SaveRecovery(path, welcome.recovery_key.clone())]
        }
        Command::PrintRecovery => vec![Job::Print(paper(state))],
        Command::SignOut => vec![Job::SignOut],
        _ => Vec::new(),
    }
}

/// A link that was copied somewhere, for who has not typed anything yet.
pub(super) fn link_seen(session: &mut Session, link: String) {
    if session.route == Route::Welcome && session.welcome.is_blank() {
        session.welcome.link_text = link;
    }
}

/// A file that was dropped holds no link.
pub(super) fn no_link(state: &mut State) {
    let message = state.settings.texts().no_link.to_owned();
    let code = "no-link".to_owned();
    state.session.welcome.problem = Some(Problem { message, code, ..Problem::default() });
}

/// What is printed of the recovery key: also whose it is, and where.
fn paper(state: &State) -> Secret {
    /// Groups in a line: few, so that nobody loses their place.
    const GROUPS: usize = 4;
    let texts = state.settings.texts();
    let whose = state.model.user.as_ref().map_or_else(String::new, |user| {
        let (name, server) = (texts.user_name, texts.server);
        format!("{name}: {}\n{server}: {}\n\n", user.name, user.server)
    });
    let key = &state.session.welcome.recovery_key;
    let (title, lead) = (texts.recovery_title, texts.recovery_lead);
    // Written at once into room that is enough: what moves or is put together elsewhere is
    // not wiped.
    let room = title.len() + whose.len() + 2 * key.len() + lead.len() + 64;
    let mut paper = Secret::from(String::with_capacity(room));
    paper.extend([title, "\n\n", &whose]);
    for (index, group) in key.split('-').enumerate() {
        let between = match index {
            0 => "    ",
            _ if index.is_multiple_of(GROUPS) => "\n    ",
            _ => "-",
        };
        paper.extend([between, group]);
    }
    paper.extend(["\n\n", lead, "\n"]);
    paper
}

fn use_link(welcome: &mut Welcome, language: Language) {
    match welcome.link_text.trim().parse::<Link>() {
        Ok(link) => {
            // A link with an invitation is for somebody who has no account yet.
            welcome.way = if link.invite.is_some() { Way::SignUp } else { Way::SignIn };
            welcome.link = Some(link);
            (welcome.step, welcome.problem) = (Step::Account, None);
        }
        Err(error) => {
            let said = fill(language.texts().bad_link, error);
            welcome.problem = Some(Problem::told(language, &said, "", "bad-link"));
        }
    }
}

/// What is to be said of a new password.
fn judge(welcome: &Welcome, language: Language) -> Option<Result<(), String>> {
    if welcome.way == Way::SignIn || welcome.password.is_empty() {
        return None;
    }
    let host = welcome.link.as_ref().map_or("", |link| link.host.as_str());
    let inputs = [welcome.user.as_str(), &welcome.contact, host, "coffer"];
    let judged = check_strength(&welcome.password, &inputs);
    Some(judged.map_err(|weak| match errors::of(language, WEAK) {
        Some((what, remedy)) => format!("{what} {remedy}"),
        None => weak.to_string(),
    }))
}

fn enter(state: &mut State) -> Vec<Job> {
    let texts = state.settings.texts();
    let welcome = &mut state.session.welcome;
    let Some(link) = welcome.link.clone() else { return Vec::new() };
    let problem = |message: String, code: &str| Problem {
        message,
        code: code.to_owned(),
        ..Problem::default()
    };
    welcome.problem = None;
    if welcome.way != Way::SignIn {
        if let Some(Err(weak)) = judge(welcome, state.settings.language) {
            welcome.problem = Some(problem(weak, WEAK));
            return Vec::new();
        }
        if *welcome.password != *welcome.password_again {
            welcome.problem = Some(problem(texts.passwords_differ.to_owned(), "passwords-differ"));
            return Vec::new();
        }
    }
    let contact = Some(welcome.contact.trim().to_owned()).filter(|contact| !contact.is_empty());
    let entrance = match welcome.way {
        Way::SignIn => Entrance::SignIn,
        Way::SignUp => Entrance::SignUp(contact),
        Way::Recover => Entrance::Recover(welcome.present_key.clone()),
    };
    let user = welcome.user.trim().to_owned();
    (welcome.busy, welcome.reveal) = (true, false);
    vec![Job::Enter {
        trust: link.fingerprint,
        profile: profile_name(&user, &link, &welcome.known),
        link: Box::new(link),
        user,
        password: welcome.password.clone(),
        entrance,
    }]
}

/// The name that the profile of a user at a server has, or gets: one that no other account
/// of this computer has.
fn profile_name(user: &str, link: &Link, known: &[Known]) -> String {
    let server = format!("{}:{}", link.host, link.port);
    let is_it = |known: &&Known| known.user.eq_ignore_ascii_case(user) && known.server == server;
    if let Some(known) = known.iter().find(is_it) {
        return known.profile.clone();
    }
    let typed = format!("{user}-{}-{}", link.host, link.port).to_lowercase();
    let good = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = typed.chars().map(good).take(MAX_PROFILE).collect();
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.clone()).chain(numbered);
    let is_free = |name: &String| known.iter().all(|known| known.profile != *name);
    names.find(is_free).unwrap_or(name)
}
