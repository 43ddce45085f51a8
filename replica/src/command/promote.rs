//! `promote`: makes this standby the primary.
//!
//! Guarantees: a machine that cannot be the primary (no key, not filled, damaged) is
//! refused before anything is changed anywhere; if the primary answers, it stops
//! first, and nothing is lost; if it does not, what may be lost is told, and nothing
//! happens without consent unless that is nothing. It can be interrupted anywhere and
//! repeated.

use crate::args;
use crate::identity::{Identity, Replica};
use crate::note::Notebook;
use crate::source::{self, SourceError};
use coffer_protocol::error::ErrorCode;
use coffer_protocol::link::Fingerprint;
use coffer_protocol::message::cluster::{Endpoint, ServerRole};
use coffer_protocol::message::peer::{Course, ReplicaKind, SteppedDown};
use coffer_protocol::{Position, Request, Response};
use coffer_server::args::Place;
use coffer_server::host::{self, Installation, promotion};
use coffer_server::{Code, Failure, Outcome, output};
use coffer_store::{CheckOptions, Role, Seat, Store};
use coffer_transport::Target;
use futures_util::future::join_all;
use serde_json::json;
use std::time::{Duration, Instant};

/// Longest time that the other machines, all together, are given to say where they are; and
/// that the primary is given to answer at all, however often it is asked: whoever promotes
/// because it is gone waits for that.
const ANSWER: Duration = Duration::from_secs(10);
/// While this machine fetches what it lacks: time between two looks, and time without
/// any progress after which the switch is broken off. As long is waited for a primary that
/// answers, and has to finish what it has begun.
const LOOK: Duration = Duration::from_millis(50);
const STALLED: Duration = Duration::from_mins(1);
/// A replica that is farther behind lets the primary go on until it has caught up.
const MOST_BEHIND: u64 = 10_000;
/// Attempts to ask the primary: the running replica has the same connection.
const ATTEMPTS: usize = 5;

/// What may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// The primary has stopped, and everything is here.
    Nothing,
    /// So many entries that were heard of are not here.
    Entries(u64),
    /// The primary was not heard since this replica has begun to note it.
    Unknown,
}

/// Promotes.
pub(crate) fn run(args: &args::Promote) -> Outcome {
    let replica = Replica::load(&args.place.data, &host::environment())?;
    let data = replica.data.root().display();
    if replica.identity.kind == ReplicaKind::Keyless {
        let message = "this replica is keyless and cannot be promoted";
        return Err(Failure::new(Code::WrongMoment, message).hint(format!(
            "Give it the master key first: coffer-replica unlock --data {data} --master-key FILE"
        )));
    }
    let place = Place { data: args.place.data.clone() };
    let installation = Installation::load_with(&place, &host::environment())?;
    let outcome = host::block_on(async {
        let store = installation.open_admin().await?;
        let work = Work { args, replica: &replica, installation: &installation, store: &store };
        let outcome = work.promote().await;
        host::close(&store).await;
        outcome
    });
    let (seat, loss) = outcome?;
    tell(args, &seat, loss);
    Ok(())
}

fn tell(args: &args::Promote, seat: &Seat, loss: Option<Loss>) {
    let data = args.place.data.display();
    if args.json {
        let lost = match loss {
            Some(Loss::Entries(count)) => Some(count),
            Some(Loss::Nothing) | None => Some(0),
            Some(Loss::Unknown) => None,
        };
        return output::json(&json!({
            "promoted": true,
            "before": loss.is_none(),
            "epoch": seat.position.epoch,
            "seq": seat.position.seq,
            "planned": loss == Some(Loss::Nothing),
            "possibly_lost_entries": lost,
        }));
    }
    match loss {
        None => output::line(&format!("this machine is the primary already, {}", seat.position)),
        Some(_) => output::line(&format!("this machine is the primary now, {}", seat.position)),
    }
    output::line(&format!("If it does not run, start it:  coffer-replica run --data {data}"));
    output::line(
        &"The old primary serves nobody from its first contact on. Make it a standby there:",
    );
    output::line(&"  coffer-server rejoin --data DIR");
}

/// What the command works with.
struct Work<'a> {
    args: &'a args::Promote,
    replica: &'a Replica,
    installation: &'a Installation,
    store: &'a Store,
}

impl Work<'_> {
    /// Returns what the machine is now, and what may be lost; `None`: it had been
    /// promoted before.
    async fn promote(&self) -> Outcome<(Seat, Option<Loss>)> {
        let seat = self.seat().await?;
        match seat.role {
            Role::Primary => return Ok((seat, None)),
            Role::Loading => return Err(not_filled()),
            Role::Replica if seat.position.seq == 0 => return Err(not_filled()),
            Role::Replica => {}
        }
        self.look_for_damage().await?;
        let newest = self.look_at_others(&seat).await?;
        let loss = match self.ask_to_step_down(&seat).await? {
            Some(stepped) => self.wait_for(stepped).await.map(|()| Loss::Nothing)?,
            None => self.consent(&seat)?,
        };
        let replica = self.replica.identity.replica;
        let seat = promotion::promote(self.store, self.installation, replica, newest).await?;
        Ok((seat, Some(loss)))
    }

    async fn seat(&self) -> Outcome<Seat> {
        self.store.look_again().await.map_err(|error| host::explain_store(&error))
    }

    /// Looks at everything but the contents of chunk files.
    async fn look_for_damage(&self) -> Outcome {
        output::note(&"looking whether everything is here");
        let options = CheckOptions { quick: true, ..CheckOptions::default() };
        let report = self.store.check(options, |_| ()).await;
        let report = report.map_err(|error| host::explain_store(&error))?;
        if report.is_clean() {
            return Ok(());
        }
        for problem in &report.problems {
            output::note(&problem.to_string());
        }
        let message = format!("{} problems were found here", report.counts.problems);
        Err(Failure::new(Code::ProblemsFound, message).hint(
            "A replica heals itself from its source while that runs; see `coffer-replica check`. \
             Nothing was changed.",
        ))
    }

    /// Asks the other standbys where they are: the one that has most should be
    /// promoted. Returns the newest epoch that any of them knows.
    async fn look_at_others(&self, seat: &Seat) -> Outcome<u64> {
        let mut newest = seat.position.epoch;
        let others = promotion::others(self.store, self.installation).await?;
        let ask = |other| tokio::time::timeout(ANSWER, self.ask_where(other));
        let asked = join_all(others.iter().map(ask)).await;
        for (other, asked) in others.iter().zip(asked) {
            let Ok(Ok((role, at))) = asked else { continue };
            newest = newest.max(at.epoch);
            let place = format!("{}:{}", other.host, other.port);
            if at.epoch > seat.position.epoch {
                let message = format!("{place} knows of epoch {} already", at.epoch);
                return Err(Failure::new(Code::WrongMoment, message)
                    .hint("Another machine was promoted: let this one follow it."));
            }
            if role == ServerRole::Standby && at.seq > seat.position.seq && !self.args.accept_loss {
                let ahead = at.seq - seat.position.seq;
                let message = format!("the standby {place} has {ahead} entries more than this one");
                return Err(Failure::new(Code::LossPossible, message).hint(
                    "Promote that one, or wait until this one has caught up. --accept-loss \
                     promotes this one all the same. Nothing was changed.",
                ));
            }
        }
        Ok(newest)
    }

    /// Where a machine stands.
    async fn ask_where(&self, other: &Endpoint) -> Result<(ServerRole, Position), SourceError> {
        let connection = source::open(&target(other)).await?;
        let (role, epoch) = (connection.welcome().role, connection.welcome().epoch);
        let proof = promotion::harmless(self.installation);
        source::ask(&connection, Request::ShowEpoch(Box::new(proof))).await?;
        let seq = connection.as_of();
        connection.close().await;
        Ok((role, Position { epoch, seq }))
    }

    /// Asks the primary to stop; `None`: it cannot be reached.
    async fn ask_to_step_down(&self, seat: &Seat) -> Outcome<Option<SteppedDown>> {
        let primary = promotion::primary(self.store, self.installation).await?;
        let target = primary.map_or_else(|| self.replica.identity.source.clone(), |p| target(&p));
        let place = format!("{}:{}", target.host, target.port);
        output::note(&format!("asking the primary {place} to stop"));
        let begun = Instant::now();
        for attempt in 1.. {
            match self.step_down(&target, seat).await {
                Ok(stepped) => {
                    output::note(&format!("the primary has stopped at {}", stepped.position));
                    return Ok(Some(stepped));
                }
                Err(Stopped::Refused(failure)) => return Err(failure),
                // The running replica may have taken the connection over.
                Err(Stopped::Away(_)) if attempt < ATTEMPTS && begun.elapsed() < ANSWER => {
                    tokio::time::sleep(LOOK * 2).await;
                }
                Err(Stopped::Away(why)) => {
                    output::note(&format!("the primary {place} does not answer: {why}"));
                    break;
                }
            }
        }
        Ok(None)
    }

    async fn step_down(&self, target: &Target, seat: &Seat) -> Result<SteppedDown, Stopped> {
        let head = self.store.journal_head().await;
        let head = head.map_err(|error| Stopped::Refused(host::explain_store(&error)))?;
        let Identity { kind, .. } = &self.replica.identity;
        let key = (*kind == ReplicaKind::Standby).then_some(&self.installation.secret);
        let (connection, welcome) = in_time(ANSWER, async {
            let connection = source::open(target).await?;
            let welcome = source::greet(&connection, &self.replica.identity, &head, key).await?;
            Ok((connection, welcome))
        })
        .await?;
        self.may_stop(welcome.course, welcome.head, seat)?;
        let answer = in_time(STALLED, source::ask(&connection, Request::StepDown)).await?;
        connection.close().await;
        match answer {
            Response::SteppedDown(stepped) => Ok(stepped),
            _ => Err(SourceError::Strange.into()),
        }
    }

    /// Whether this machine can get everything that the primary has, soon.
    fn may_stop(&self, course: Course, head: Position, seat: &Seat) -> Result<(), Stopped> {
        let no = |message: String, hint: &str| {
            Err(Stopped::Refused(Failure::new(Code::WrongMoment, message).hint(hint)))
        };
        match course {
            Course::Follow => {}
            Course::Snapshot => {
                let message = "this replica is too far behind and has to be filled first";
                return no(message.to_owned(), "Wait until it has caught up.");
            }
            Course::Fork => {
                let message = "the histories of this replica and the primary have parted";
                return no(message.to_owned(), "Promote another one, or fill this one anew.");
            }
        }
        let behind = head.seq.saturating_sub(seat.position.seq);
        if behind > MOST_BEHIND {
            let message = format!("this replica is {behind} entries behind");
            return no(message, "Wait until it has caught up; the primary goes on meanwhile.");
        }
        if host::is_held(&self.replica.data) {
            return Ok(());
        }
        no(
            "the replica does not run, and cannot fetch what the primary has written last"
                .to_owned(),
            "Start it (coffer-replica run) and try again. Nothing was changed.",
        )
    }

    /// Waits until everything is here that the primary had when it stopped.
    async fn wait_for(&self, stepped: SteppedDown) -> Outcome {
        let mut progress = (0, Instant::now());
        loop {
            let seat = self.seat().await?;
            if seat.position == stepped.position && seat.chain_hash == stepped.chain_hash {
                return Ok(());
            }
            if seat.position.seq > progress.0 {
                progress = (seat.position.seq, Instant::now());
            }
            if progress.1.elapsed() > STALLED || seat.position.seq > stepped.position.seq {
                let message = format!(
                    "the primary has stopped at {}, and this replica stays at {}",
                    stepped.position, seat.position
                );
                return Err(Failure::new(Code::WrongMoment, message).hint(
                    "See `coffer-replica status`, then promote again. To let the primary go on \
                     instead, run there: coffer-server unfence",
                ));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The primary is away: says what may be lost, and whether that is accepted.
    fn consent(&self, seat: &Seat) -> Outcome<Loss> {
        let note = Notebook::read(&self.replica.data);
        let heard = note.and_then(|note| note.contact_millis.map(|at| (note.head, at)));
        let (loss, message) = if let Some((head, at)) = heard {
            let count = head.saturating_sub(seat.position.seq);
            let at = output::time(at);
            let message = format!(
                "{count} entries that the primary had at {at} are not here; what it has \
                 acknowledged on 1 machine since then is not known here"
            );
            (Loss::Entries(count), message)
        } else {
            let message = "it is not known what the primary has that is not here";
            (Loss::Unknown, message.to_owned())
        };
        output::note(&message);
        if self.args.accept_loss || loss == Loss::Entries(0) {
            return Ok(loss);
        }
        Err(Failure::new(Code::LossPossible, message).hint(
            "Bring the primary back if that can be done: then nothing is lost. Otherwise repeat \
             the command with --accept-loss. Nothing was changed.",
        ))
    }
}

/// Waits for an answer of the primary, but not for ever.
async fn in_time<T>(
    patience: Duration,
    answer: impl Future<Output = Result<T, SourceError>>,
) -> Result<T, Stopped> {
    match tokio::time::timeout(patience, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Stopped::Away(format!("nothing came for {} s", patience.as_secs()))),
    }
}

/// Why the primary has not stopped.
enum Stopped {
    /// It does not answer.
    Away(String),
    /// It may not, or must not.
    Refused(Failure),
}

impl From<SourceError> for Stopped {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Lost(why) => Self::Away(why),
            SourceError::Refused(error) if error.code == ErrorCode::SHUTTING_DOWN => {
                Self::Away(error.message)
            }
            SourceError::Refused(error) if error.code == ErrorCode::FENCED => Self::Refused(
                Failure::new(
                    Code::WrongMoment,
                    "the primary says that another machine was promoted before",
                )
                .hint("Let this machine follow that one."),
            ),
            other => Self::Refused(
                Failure::new(Code::SourceRefused, other.to_string())
                    .hint("See the log of the primary. Nothing was changed."),
            ),
        }
    }
}

fn target(endpoint: &Endpoint) -> Target {
    let pin = Some(Fingerprint(endpoint.fingerprint));
    Target { host: endpoint.host.clone(), port: endpoint.port, pin }
}

fn not_filled() -> Failure {
    Failure::new(Code::WrongMoment, "this replica has not got everything yet")
        .hint("Wait until `coffer-replica status` says that it follows.")
}
