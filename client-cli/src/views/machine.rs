//! The machines of an installation, as `coffer status` shows them.

use crate::notice;
use coffer_client::protocol::message::cluster::{ClusterInfo, ServerRole};
use coffer_client::{Profile, Reach, Sighting};
use serde::Serialize;
use std::time::Duration;

/// Which machine serves, and which there are.
#[derive(Serialize)]
pub(crate) struct ClusterView {
    /// `primary`, `standby`, or `none`.
    connected_to: &'static str,
    /// Host and port of the machine that serves.
    served_by: Option<String>,
    /// Where it stands.
    position: Option<String>,
    /// Where the primary stands, as far as it has heard.
    head: Option<String>,
    /// Age of what it shows.
    behind_millis: u64,
    /// Machines that hold everything up to its position.
    machines: Option<u8>,
    endpoints: Vec<EndpointView>,
}

#[derive(Serialize)]
struct EndpointView {
    address: String,
    fingerprint: String,
    /// By what it says, or else by the list.
    role: &'static str,
    answers: bool,
    epoch: Option<u64>,
    millis: Option<u64>,
    /// Age of what a standby has.
    behind_millis: Option<u64>,
    /// Why it does not answer.
    error: Option<String>,
}

fn name(role: ServerRole) -> &'static str {
    match role {
        ServerRole::Primary => "primary",
        ServerRole::Standby => "standby",
        ServerRole::Keyless => "keyless",
        ServerRole::Fenced => "fenced",
    }
}

impl ClusterView {
    pub(crate) fn new(
        said: Option<&ClusterInfo>,
        reach: &Reach,
        profile: &Profile,
        sightings: &[Sighting],
    ) -> Self {
        let (connected_to, served_by) = match reach {
            Reach::Primary => ("primary", Some(profile.target())),
            Reach::Standby { machine, .. } => ("standby", Some(machine.to_string())),
            Reach::Unreachable { .. } => ("none", None),
        };
        Self {
            connected_to,
            served_by,
            position: said.map(|info| info.position.to_string()),
            head: said.map(|info| info.head.to_string()),
            behind_millis: said.map_or(0, |info| info.behind_millis),
            machines: said.map(|info| info.machines),
            endpoints: sightings.iter().map(EndpointView::new).collect(),
        }
    }

    /// What serves, in one line.
    pub(crate) fn connection(&self) -> String {
        let served_by = self.served_by.as_deref().unwrap_or_default();
        match self.connected_to {
            "standby" => {
                let age = notice::age(Duration::from_millis(self.behind_millis));
                format!("to a standby, {served_by}, {age}: read only")
            }
            "primary" => "to the primary".to_owned(),
            _ => "to no machine".to_owned(),
        }
    }

    /// A line for each machine.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.endpoints.iter().map(|endpoint| {
            let EndpointView { role, address, .. } = endpoint;
            let answer = match (&endpoint.error, endpoint.millis) {
                (None, Some(millis)) => {
                    let behind = endpoint.behind_millis.map(Duration::from_millis);
                    let behind = behind.map(|behind| format!(", {}", notice::age(behind)));
                    format!("answers in {millis} ms{}", behind.unwrap_or_default())
                }
                (Some(error), _) => format!("does not answer: {error}"),
                (None, None) => String::new(),
            };
            format!("{role:<8} {address}  {answer}")
        })
    }
}

impl EndpointView {
    fn new(sighting: &Sighting) -> Self {
        let answer = sighting.answer.as_ref().ok();
        Self {
            address: sighting.machine.to_string(),
            fingerprint: sighting.machine.pin.to_string(),
            role: name(answer.map_or(sighting.listed, |answer| answer.role)),
            answers: answer.is_some(),
            epoch: answer.map(|answer| answer.epoch),
            millis: answer.map(|answer| answer.took.as_millis() as u64),
            behind_millis: answer
                .and_then(|answer| answer.behind)
                .map(|behind| behind.as_millis() as u64),
            error: sighting.answer.as_ref().err().map(ToString::to_string),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_client::protocol::link::Fingerprint;
    use coffer_client::{Answer, ClientError, Machine};

    #[test]
    fn each_machine_has_a_line_that_says_whether_it_answers() {
        let machine =
            |host: &str| Machine { host: host.to_owned(), port: 7440, pin: Fingerprint([1; 32]) };
        let took = Duration::from_millis(12);
        let sightings = [
            Sighting {
                machine: machine("a"),
                listed: ServerRole::Primary,
                answer: Err(ClientError::Unreachable {
                    target: "a:7440".to_owned(),
                    detail: "refused".to_owned(),
                }),
            },
            Sighting {
                machine: machine("b"),
                listed: ServerRole::Primary,
                answer: Ok(Answer {
                    role: ServerRole::Standby,
                    epoch: 2,
                    took,
                    behind: Some(took),
                }),
            },
        ];
        let endpoints: Vec<_> = sightings.iter().map(EndpointView::new).collect();
        let view = ClusterView {
            connected_to: "standby",
            served_by: Some("b:7440".to_owned()),
            position: None,
            head: None,
            behind_millis: 3_500,
            machines: None,
            endpoints,
        };
        assert_eq!(view.connection(), "to a standby, b:7440, 4 s behind: read only");
        let lines: Vec<String> = view.lines().collect();
        assert_eq!(
            lines,
            [
                "primary  a:7440  does not answer: the server at a:7440 cannot be reached: refused",
                "standby  b:7440  answers in 12 ms, 1 s behind",
            ]
        );
    }
}
