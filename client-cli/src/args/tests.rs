//! The command line is what it was agreed to be.

use super::transfer::parse_range;
use super::*;
use clap::CommandFactory as _;
use clap::error::ErrorKind;

fn parse(line: &str) -> Result<Command, ErrorKind> {
    let words = std::iter::once("coffer").chain(line.split_whitespace());
    Cli::try_parse_from(words).map(|cli| cli.command).map_err(|error| error.kind())
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

/// The help of every command, at a fixed width.
fn all_help() -> String {
    fn add(command: &mut clap::Command, path: &str, out: &mut String) {
        let path = format!("{path} {}", command.get_name());
        let rule = "=".repeat(path.trim().len());
        let help = command.render_long_help().to_string();
        out.extend([path.trim(), "\n", &rule, "\n", &help, "\n"]);
        for child in command.get_subcommands_mut() {
            add(child, &path, out);
        }
    }
    let mut out = String::new();
    let mut command = Cli::command().term_width(100).version("0");
    command.build();
    add(&mut command, "", &mut out);
    let lines = out.lines().map(str::trim_end);
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn the_help_is_as_it_was_agreed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/help.txt");
    let help = all_help();
    if std::env::var_os("COFFER_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(path, &help).expect("the snapshot is written");
    }
    let agreed = std::fs::read_to_string(path).unwrap_or_default().replace('\r', "");
    assert!(
        help == agreed,
        "the help changed; look at it, then run with COFFER_UPDATE_SNAPSHOTS=1"
    );
}

#[test]
fn a_rate_has_a_letter() {
    let Ok(Command::Put(put)) = parse("put --limit-rate 10M a /d") else { panic!("not put") };
    assert_eq!(put.pace.limit_rate.map(std::num::NonZeroU64::get), Some(10 << 20));
    let Ok(Command::Cat(cat)) = parse("cat --limit-rate 1.5k /d") else { panic!("not cat") };
    assert_eq!(cat.pace.limit_rate.map(std::num::NonZeroU64::get), Some(1536));
    for wrong in ["10", "0", "fast", "-1M"] {
        let error = parse(&format!("get --limit-rate={wrong} /a b")).err();
        assert_eq!(error, Some(ErrorKind::ValueValidation), "{wrong}");
    }
}

#[test]
fn the_last_of_several_paths_is_the_target() {
    let Ok(Command::Put(put)) = parse("put a b c /d") else { panic!("not put") };
    assert_eq!(put.local, ["a", "b", "c"].map(PathBuf::from));
    assert_eq!(put.remote, "/d");
    let Ok(Command::Get(get)) = parse("get /a /b d") else { panic!("not get") };
    assert_eq!(get.remote, ["/a", "/b"]);
    assert_eq!(get.local, PathBuf::from("d"));
    assert_eq!(parse("put a").err(), Some(ErrorKind::MissingRequiredArgument));
}

#[test]
fn common_flags_may_stand_anywhere() {
    let words = ["coffer", "ls", "--json", "/a", "-q", "--profile", "work"];
    let cli = Cli::try_parse_from(words).expect("valid");
    assert!(cli.common.json && cli.common.quiet);
    assert_eq!(cli.common.profile, "work");
}

#[test]
fn mistakes_are_usage_errors() {
    for (line, kind) in [
        ("frobnicate", ErrorKind::InvalidSubcommand),
        ("login nonsense --user a", ErrorKind::ValueValidation),
        ("login coffer://h:1/", ErrorKind::MissingRequiredArgument),
        ("trash purge", ErrorKind::MissingRequiredArgument),
        ("trash purge --all 00", ErrorKind::ArgumentConflict),
        ("cat /a --range 9-1", ErrorKind::ValueValidation),
        ("cat /a --range x", ErrorKind::ValueValidation),
        ("restore /a", ErrorKind::MissingRequiredArgument),
        ("passwd --new-recovery-file f", ErrorKind::MissingRequiredArgument),
        ("rm", ErrorKind::MissingRequiredArgument),
        ("share /a ben", ErrorKind::MissingRequiredArgument),
        ("share /a ben own", ErrorKind::InvalidValue),
        ("share /a ben read --expires soon", ErrorKind::ValueValidation),
        ("shares --with-me --by-me", ErrorKind::ArgumentConflict),
        ("shares --with-me /a", ErrorKind::ArgumentConflict),
        ("group add friends", ErrorKind::MissingRequiredArgument),
        ("contact ben --yes", ErrorKind::MissingRequiredArgument),
        ("activity --since never", ErrorKind::ValueValidation),
    ] {
        assert_eq!(parse(line).err(), Some(kind), "{line}");
    }
}

#[test]
fn ranges_are_inclusive_and_may_be_open() {
    assert_eq!(parse_range("0-99"), Ok((0, Some(99))));
    assert_eq!(parse_range("5-"), Ok((5, None)));
    assert_eq!(parse_range("7-7"), Ok((7, Some(7))));
}

#[test]
fn shares_name_what_with_whom_and_how() {
    let line = "share /docs friends write --group --expires 7d";
    let Ok(Command::Share(share)) = parse(line) else { panic!("not share") };
    assert_eq!((share.path.as_str(), share.who.as_str()), ("/docs", "friends"));
    assert!(share.mode == Mode::Write && share.group && share.expires.is_some());
    let Ok(Command::Find(find)) = parse("find *.jpg") else { panic!("not find") };
    assert_eq!(find.path, None);
}
