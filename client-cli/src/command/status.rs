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
        position: info.position.to_string(),
        machines: info.machines,
        cluster,
    })
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
    let stored = format!(
        "{}; {} with earlier versions and the trash",
        format::count(info.nodes, "file or directory", "files and directories"),
        format::size(info.bytes)
    );
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
