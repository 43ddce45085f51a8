//! Who is signed in, and where.

use crate::app::App;
use crate::exit::Failure;
use crate::format;
use crate::views::machine::ClusterView;
use coffer_client::protocol::message::account::AccountInfo;
use coffer_client::{Client, Profile};
use serde::Serialize;

#[derive(Serialize)]
struct AccountView<'a> {
    user: &'a str,
    user_id: String,
    contact: Option<&'a str>,
    created: Option<String>,
    created_millis: i64,
    profile: &'a str,
    server: String,
    server_id: String,
    fingerprint: String,
    nodes: u64,
    bytes: u64,
    most_nodes: Option<u64>,
    most_bytes: Option<u64>,
    position: String,
    machines: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<ClusterView>,
}

fn document(
    app: &mut App,
    client: &Client,
    info: &AccountInfo,
    profile: &Profile,
    cluster: Option<ClusterView>,
) -> Result<(), Failure> {
    app.out.document(&AccountView {
        user: &info.user_name,
        user_id: info.user_id.to_string(),
        contact: info.contact.as_deref(),
        created: format::timestamp(info.created_millis),
        created_millis: info.created_millis,
        profile: &client.options().profile,
        server: profile.target(),
        server_id: profile.server_id.to_string(),
        fingerprint: profile.fingerprint.to_string(),
        nodes: info.nodes,
        bytes: info.bytes,
        most_nodes: info.most_nodes,
        most_bytes: info.most_bytes,
        position: info.position.to_string(),
        machines: info.machines,
        cluster,
    })
}

/// What is in use, and of how much.
fn stored(info: &AccountInfo) -> String {
    let nodes = format::count(info.nodes, "file or directory", "files and directories");
    let bytes = format::size(info.bytes);
    let of_nodes = info.most_nodes.map(|most| format!(" (of {most})")).unwrap_or_default();
    let of_bytes = info.most_bytes.map(|most| format!(" of {}", format::size(most)));
    let of_bytes = of_bytes.unwrap_or_default();
    format!("{nodes}{of_nodes}; {bytes}{of_bytes} with earlier versions and the trash")
}

pub(super) async fn whoami(app: &mut App) -> Result<(), Failure> {
    let client = app.client().await?;
    let (info, profile) = (client.who_am_i().await?, client.profile());
    if app.out.json {
        return document(app, &client, &info, &profile, None);
    }
    app.out.line(format!("{} at {}", info.user_name, profile.target()))?;
    if let Some(contact) = &info.contact {
        app.out.line(format!("contact {contact}"))?;
    }
    app.out.line(format!("since {}", format::time(info.created_millis)))
}

pub(super) async fn status(app: &mut App) -> Result<(), Failure> {
    let client = app.client().await?;
    let info = client.who_am_i().await?;
    let (said, sightings) = client.look_around().await;
    let profile = client.profile();
    let cluster = ClusterView::new(said.as_ref(), &client.reach().borrow(), &profile, &sightings);
    if app.out.json {
        return document(app, &client, &info, &profile, Some(cluster));
    }
    let stored = stored(&info);
    let safety = format!(
        "a confirmed write is durable on {}",
        format::count(info.machines.into(), "machine", "machines")
    );
    for (label, value) in [
        ("server", profile.target()),
        ("connected", cluster.connection()),
        ("fingerprint", profile.fingerprint.to_string()),
        ("user", info.user_name.clone()),
        ("profile", client.options().profile.clone()),
        ("stored", stored),
        ("safety", safety),
        ("position", info.position.to_string()),
    ] {
        app.out.line(format!("{label:<12} {value}"))?;
    }
    for (number, line) in cluster.lines().enumerate() {
        let label = if number == 0 { "machines" } else { "" };
        app.out.line(format!("{label:<12} {line}"))?;
    }
    Ok(())
}
