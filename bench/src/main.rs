//! Coffer beside its peers: the same work, in the same run, on the same
//! machine. Figures of different runs are not comparable; ratios of one run are.
//!
//! Source data lie in memory (`/dev/shm`), the servers' storage on the disk
//! below `target/bench`. Each round makes new random data, so nobody gains from
//! what an earlier round has stored. The table shows medians.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

mod data;
mod measure;
mod peers;
mod sharing;
mod table;

use anyhow::{Result, ensure};
use clap::Parser;
use data::Data;
use measure::Sample;
use peers::Peer;
use std::path::PathBuf;

/// What can be measured (design 5-quality, "Benchmarks").
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "verbatim")]
pub(crate) enum Work {
    /// Upload one big file
    W1,
    /// Download it
    W2,
    /// Upload many small files
    W3,
    /// Download them
    W4,
    /// Small operations on one connection
    W7,
    /// Very many shares, and a big shared directory; Coffer alone
    #[value(name = "sharing")]
    Sharing,
}

impl Work {
    const ALL: [Self; 6] = [Self::W1, Self::W2, Self::W3, Self::W4, Self::W7, Self::Sharing];
}

#[derive(Parser)]
struct Args {
    /// Works to measure; all without any
    works: Vec<Work>,
    /// Rounds; the table shows the median
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Size of the big file
    #[arg(long, default_value_t = 1024)]
    mib: usize,
    /// Number of small files, 4 KiB each, in directories of 100
    #[arg(long, default_value_t = 10_000)]
    files: usize,
    /// Only these peers (coffer, sftp, rsync, restic)
    #[arg(long)]
    peers: Vec<String>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let mut works = if args.works.is_empty() { Work::ALL.to_vec() } else { args.works };
    if works.contains(&Work::Sharing) {
        println!("{}", sharing::run()?);
        works.retain(|work| *work != Work::Sharing);
        if works.is_empty() {
            return Ok(());
        }
    }
    let storage = PathBuf::from("target/bench");
    if storage.exists() {
        std::fs::remove_dir_all(&storage)?;
    }
    std::fs::create_dir_all(&storage)?;
    let storage = storage.canonicalize()?;
    let mut peers = peers::all(&storage)?;
    peers.retain(|peer| args.peers.is_empty() || args.peers.iter().any(|name| name == peer.name()));
    ensure!(!peers.is_empty(), "none of these peers is installed");
    let mut samples: Vec<Sample> = Vec::new();
    for round in 0..args.rounds {
        eprintln!("round {} of {}: making data", round + 1, args.rounds);
        let data = Data::make(args.mib, args.files, &works)?;
        for peer in &mut peers {
            one_peer(peer.as_mut(), &works, &data, round, &mut samples)?;
        }
    }
    println!("{}", table::render(&works, &peers, &samples));
    Ok(())
}

/// All works of one peer on the data of one round. A download needs the upload
/// before it, so that one is done even when only the download is wanted.
fn one_peer(
    peer: &mut dyn Peer,
    works: &[Work],
    data: &Data,
    round: usize,
    samples: &mut Vec<Sample>,
) -> Result<()> {
    for (up, down, source) in [(Work::W1, Work::W2, data.big()), (Work::W3, Work::W4, data.small())]
    {
        if !works.contains(&up) && !works.contains(&down) {
            continue;
        }
        let remote = format!("{up:?}-{round}");
        eprintln!("  {}: {up:?} {down:?}", peer.name());
        let sample = peer.upload(&source, &remote)?;
        samples.push(Sample { work: up, ..sample });
        let target = data.target();
        let sample = peer.download(&remote, &target)?;
        samples.push(Sample { work: down, ..sample });
        data::assert_same(&source, &target, peer.name())?;
        std::fs::remove_dir_all(&target)?;
    }
    if works.contains(&Work::W7) {
        eprintln!("  {}: W7", peer.name());
        samples.extend(peer.small_operations(round)?);
    }
    Ok(())
}
