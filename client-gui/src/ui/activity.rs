//! Who did what.

use super::tokens::{colours, size, space};
use super::widgets::{empty, problem, title};
use super::{View, icons};
use crate::text::{Texts, fill};
use coffer_client::human;
use coffer_client::protocol::message::event::{ActivityRecord, Deed};
use eframe::egui::{self, RichText, Ui};

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    title(ui, texts.activity);
    if let Some(trouble) = &view.state.model.activity.problem {
        return problem(ui, trouble);
    }
    let records = &view.state.model.activity.items;
    if records.is_empty() {
        return match view.state.model.activity.loading {
            true => empty(ui, icons::PULSE, texts.loading, ""),
            false => empty(ui, icons::PULSE, texts.no_activity, ""),
        };
    }
    let area = egui::ScrollArea::vertical().auto_shrink(false);
    area.show_rows(ui, 30.0, records.len(), |ui, range| {
        for record in records.get(range).unwrap_or_default() {
            row(ui, record, texts);
        }
    });
}

fn row(ui: &mut Ui, record: &ActivityRecord, texts: &Texts) {
    let c = colours(ui);
    let (icon, text) = words(&record.deed, texts);
    ui.horizontal(|ui| {
        ui.set_height(30.0);
        let time = human::time(record.at_millis);
        ui.label(RichText::new(time).size(size::CAPTION).color(c.muted));
        ui.add_space(space::S);
        ui.label(RichText::new(icon).color(c.accent));
        let by = if record.by.is_empty() { texts.somebody } else { &record.by };
        ui.label(fill(text, by));
        ui.label(RichText::new(what(record, texts)).color(c.accent));
    });
}

fn words(deed: &Deed, texts: &Texts) -> (&'static str, &'static str) {
    match deed {
        Deed::Created => (icons::PLUS, texts.did_created),
        Deed::Written | Deed::VersionRestored(_) => (icons::PENCIL_SIMPLE, texts.did_written),
        Deed::Renamed(_) => (icons::PENCIL_SIMPLE, texts.did_renamed),
        Deed::Moved(_) => (icons::CARET_RIGHT, texts.did_moved),
        Deed::Deleted => (icons::TRASH, texts.did_deleted),
        Deed::Restored => (icons::ARROW_COUNTER_CLOCKWISE, texts.did_restored),
        Deed::Shared(_) => (icons::SHARE_NETWORK, texts.did_shared),
        Deed::Unshared(_) => (icons::X, texts.did_unshared),
        Deed::Left => (icons::SIGN_OUT, texts.did_left),
        Deed::Downloaded => (icons::DOWNLOAD_SIMPLE, texts.did_downloaded),
        Deed::SignedIn(_) => (icons::LOCK_KEY, texts.did_signed_in),
    }
}

/// What it was done to.
fn what(record: &ActivityRecord, texts: &Texts) -> String {
    if let Deed::SignedIn(address) = &record.deed {
        return address.clone();
    }
    let place = || {
        record.location.as_ref().map(|at| match &at.owner {
            Some(owner) => format!("@{owner}/{}", at.names.join("/")),
            None => format!("/{}", at.names.join("/")),
        })
    };
    if record.names.is_empty() {
        return place().unwrap_or_default();
    }
    let named = record.names.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    match (record.count as usize).saturating_sub(record.names.len().min(3)) {
        0 => named,
        more => format!("{named} {}", fill(texts.and_more, more)),
    }
}
