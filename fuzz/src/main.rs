//! Fuzzing of every decoder that reads bytes from outside.
//!
//! ```text
//! coffer-fuzz list
//! coffer-fuzz TARGET [--seconds N] [--seed S]
//! coffer-fuzz TARGET --replay FILE
//! ```
//!
//! What this is: mutation of valid inputs, on a stable compiler. What it is not:
//! guided by coverage, because the instrumentation for that (libFuzzer's, AFL's)
//! needs a nightly compiler or one of its own. In its place an input is kept and
//! mutated further when its outcome (accepted, or refused with a text) has not
//! been seen before, which reaches the layers behind a first check but finds its
//! way through a decoder less well than coverage would.
//!
//! The same seed gives the same inputs. An input that makes a target panic, or
//! that keeps it busy for a minute, is written to a file and named.

#![expect(clippy::print_stdout, reason = "the program reports to the person who runs it")]

mod mutate;
mod random;
mod runner;
mod targets;

use anyhow::{Context, Result, bail};
use clap::Parser;
use runner::{Budget, Ending, Runner};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use targets::Target;

#[derive(Parser)]
#[command(name = "coffer-fuzz", about = "Fuzz the decoders of Coffer", version)]
struct Args {
    /// A target, or `list`
    target: String,
    /// How long to look
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Where the inputs begin; random without
    #[arg(long)]
    seed: Option<u64>,
    /// Run the target on this file only
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seconds", "seed"])]
    replay: Option<PathBuf>,
    /// Where an input that fails is written
    #[arg(long, value_name = "DIRECTORY", default_value = "target/fuzz")]
    out: PathBuf,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    if args.target == "list" {
        for target in targets::ALL {
            println!("{}", target.name);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let Some(target) = targets::ALL.iter().find(|target| target.name == args.target) else {
        bail!("there is no target '{}'; `coffer-fuzz list` names them all", args.target);
    };
    match &args.replay {
        Some(file) => {
            let input =
                std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            println!("{}: {}", target.name, outcome((target.run)(&input)));
            Ok(ExitCode::SUCCESS)
        }
        None => fuzz(target, &args),
    }
}

fn outcome(outcome: targets::Outcome) -> String {
    match outcome {
        Ok(()) => "accepted".to_owned(),
        Err(reason) => format!("refused: {reason}"),
    }
}

fn fuzz(target: &'static Target, args: &Args) -> Result<ExitCode> {
    let seed = match args.seed {
        Some(seed) => seed,
        None => getrandom::u64().context("the operating system gave no random bytes")?,
    };
    println!("{}: seed {seed}, {} s", target.name, args.seconds);
    let budget = Budget { time: Duration::from_secs(args.seconds), executions: u64::MAX };
    let report = Runner::new(target, seed, args.out.clone()).run(budget);
    println!(
        "{}: {} executions, {} accepted, {} different outcomes",
        target.name, report.executions, report.accepted, report.outcomes
    );
    match report.ending {
        Ending::Budget => Ok(ExitCode::SUCCESS),
        Ending::Panic(file) => {
            println!("{}: panicked; the input is {}", target.name, file.display());
            println!("again: coffer-fuzz {} --replay {}", target.name, file.display());
            Ok(ExitCode::FAILURE)
        }
    }
}
