//! Other people and their safety numbers; groups of them.

use crate::app::App;
use crate::args::{Contact, Group};
use crate::exit::Failure;
use crate::views::share::{ContactView, GroupView, safety_lines, trust};
use crate::{format, secret};
use coffer_client::protocol::message::share::{ContactInfo, GroupEdit, Trust};
use coffer_client::{Client, Exit};
use serde_json::json;

/// Shows the safety numbers of people who are new to the user.
pub(super) fn introduce(
    app: &mut App,
    client: &Client,
    contacts: &[ContactInfo],
) -> Result<(), Failure> {
    let me = client.profile().user_name;
    for contact in contacts {
        let name = &contact.user_name;
        app.out.done(format!("This is the first time with {name}. Your safety number:"))?;
        for line in safety_lines(&contact.safety_number) {
            app.out.done(line)?;
        }
        app.out.done(format!(
            "Compare it with what {name} sees with `coffer contact {me}`, face to face or on the \
             telephone. If it is the same, nobody is in between: `coffer contact {name} --confirm`."
        ))?;
    }
    Ok(())
}

pub(super) async fn contact(app: &mut App, args: Contact) -> Result<(), Failure> {
    let client = app.client().await?;
    let found = client.contact(&args.name).await?;
    if !args.confirm {
        return show(app, &client, &found);
    }
    if !args.yes {
        ask(&found)?;
    }
    let changed = client.confirm_contact(&found.user_name, &found.safety_number).await?;
    let confirmed = client.contact(&found.user_name).await?;
    if app.out.json {
        return app.out.document(&ContactView::new(&confirmed));
    }
    if args.yes {
        show_number(app, &confirmed)?;
    }
    let durable = format::durable(Some(changed.machines));
    app.out.done(format!("the safety number with {} is confirmed{durable}", confirmed.user_name))
}

/// Shows the number to whoever is at the terminal, and asks about it.
fn ask(found: &ContactInfo) -> Result<(), Failure> {
    if !secret::can_ask() {
        let message = "nobody is there to compare the safety number";
        let hint = "Compare it, then add --yes to accept it without a question.";
        return Err(Failure::usage(message, hint));
    }
    let name = format::printable(&found.user_name).into_owned();
    if found.trust == Trust::Changed {
        secret::say(&warning(&name))?;
    }
    secret::say(&format!("The safety number that you and {name} have:"))?;
    for line in safety_lines(&found.safety_number) {
        secret::say(&line)?;
    }
    match secret::confirm(&format!("Does {name} see the same?"))? {
        true => Ok(()),
        false => Err(Failure::new(
            Exit::NotAllowed,
            "declined",
            "nothing was confirmed",
            "If the numbers differ, somebody may be in between: do not share, tell the operator.",
        )),
    }
}

fn warning(name: &str) -> String {
    format!(
        "WARNING: the key of {name} is NOT the one that you know. Either {name} has a new \
         account, or somebody pretends to be {name}.\n\
         Nothing is shared with this key, and nothing shared by it opens, until you confirm it."
    )
}

fn show_number(app: &mut App, found: &ContactInfo) -> Result<(), Failure> {
    app.out.line(format!("safety number with {}:", found.user_name))?;
    safety_lines(&found.safety_number).into_iter().try_for_each(|line| app.out.line(line))
}

fn show(app: &mut App, client: &Client, found: &ContactInfo) -> Result<(), Failure> {
    if app.out.json {
        return app.out.document(&ContactView::new(found));
    }
    let (name, me) = (&found.user_name, client.profile().user_name);
    if found.trust == Trust::Changed {
        warning(name).lines().try_for_each(|line| app.out.line(line))?;
    }
    show_number(app, found)?;
    let since = match found.since_millis {
        0 => String::new(),
        millis => format!(", since {}", format::time(millis)),
    };
    app.out.line(format!("trust: {}{since}", trust(found.trust)))?;
    if found.trust != Trust::Confirmed {
        app.out.done(format!(
            "Compare it with what {name} sees with `coffer contact {me}`; if it is the same: \
             `coffer contact {name} --confirm`."
        ))?;
    }
    Ok(())
}

pub(super) async fn group(app: &mut App, args: Group) -> Result<(), Failure> {
    let client = app.client().await?;
    let (name, edit, what) = match args {
        Group::List => return groups(app, &client).await,
        Group::Create { name, users } => (name, GroupEdit::Create(users), "is made".to_owned()),
        Group::Add { name, users } => {
            let what = format!("now has {}", users.join(", "));
            (name, GroupEdit::Add(users), what)
        }
        Group::Remove { name, users } => {
            let what = format!("no longer has {}", users.join(", "));
            (name, GroupEdit::Remove(users), what)
        }
        Group::Rename { name, new } => {
            let what = format!("is now called {new}");
            (name, GroupEdit::Rename(new), what)
        }
        Group::Delete { name } => (name, GroupEdit::Delete, "is deleted".to_owned()),
    };
    let changed = client.edit_group(&name, edit).await?;
    if app.out.json {
        let contacts = changed.new_contacts.iter().map(ContactView::new);
        return app.out.document(&json!({
            "group": name,
            "shares": changed.shares,
            "new_contacts": contacts.collect::<Vec<_>>(),
            "position": changed.position.to_string(),
            "machines": changed.machines,
        }));
    }
    let shares = match changed.shares {
        0 => String::new(),
        number => format!("; {} changed with it", format::count(number.into(), "share", "shares")),
    };
    app.out.done(format!("the group {name} {what}{shares}"))?;
    introduce(app, &client, &changed.new_contacts)
}

async fn groups(app: &mut App, client: &Client) -> Result<(), Failure> {
    let found = client.groups().await?;
    if app.out.json {
        let groups: Vec<_> = found.groups.iter().map(GroupView::new).collect();
        app.out.document(&json!({ "groups": groups, "damaged": found.damaged }))?;
    } else {
        for group in &found.groups {
            app.out.line(format!("{}: {}", group.name, group.members.join(", ")).trim_end())?;
        }
    }
    if found.damaged == 0 {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Integrity,
        coffer_client::protocol::ErrorCode::INTEGRITY.name(),
        format!("{} not open", format::count(found.damaged.into(), "group does", "groups do")),
        "Tell the operator, who can run `coffer-server check`.",
    ))
}
