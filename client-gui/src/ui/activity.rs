//! Who did what.

use super::tokens::{colours, size, space};
use super::widgets::{empty, problem, title};
use super::{View, icons};
use crate::text::{Texts, fill};
use coffer_client::human;
use coffer_client::protocol::message::event::{ActivityRecord, Deed};
use eframe::egui::{self, Rect, RichText, Sense, Stroke, Ui, pos2, vec2};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>) {
    let texts = view.texts();
    title(ui, texts.activity);
    if let Some(trouble) = &view.state.model.activity.problem {
        return problem(ui, trouble, texts);
    }
    let records = &view.state.model.activity.items;
    if records.is_empty() {
        return match view.state.model.activity.loading {
            true => empty(ui, icons::PULSE, texts.loading, ""),
            false => empty(ui, icons::PULSE, texts.no_activity, ""),
        };
    }
    chart(ui, records, texts);
    let area = egui::ScrollArea::vertical().auto_shrink(false);
    area.show_rows(ui, 30.0, records.len(), |ui, range| {
        for record in records.get(range).unwrap_or_default() {
            row(ui, record, texts);
        }
    });
}

/// Days that the chart has.
const DAYS: usize = 30;

/// How many of the records are of each of the last days, today last.
fn per_day(records: &[ActivityRecord], zone: &TimeZone, today: Date) -> [u32; DAYS] {
    let mut days = [0; DAYS];
    for record in records {
        let Ok(at) = Timestamp::from_millisecond(record.at_millis) else { continue };
        let Ok(ago) = today.since(at.to_zoned(zone.clone()).date()) else { continue };
        let ago = usize::try_from(ago.get_days()).ok().filter(|ago| *ago < DAYS);
        if let Some(day) = ago {
            days[DAYS - 1 - day] += 1;
        }
    }
    days
}

/// A bar for each day.
fn chart(ui: &mut Ui, records: &[ActivityRecord], texts: &Texts) {
    let c = colours(ui);
    let zone = TimeZone::system();
    let today = Timestamp::now().to_zoned(zone.clone()).date();
    let days = per_day(records, &zone, today);
    let most = days.iter().copied().max().unwrap_or(0).max(1);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 56.0), Sense::hover());
    let step = rect.width() / DAYS as f32;
    for (index, count) in days.iter().enumerate() {
        let height = *count as f32 / most as f32 * rect.height();
        let left = rect.left() + index as f32 * step;
        let top = rect.bottom() - height.max(if *count > 0 { 2.0 } else { 0.0 });
        let bar = Rect::from_min_max(pos2(left + 1.0, top), pos2(left + step - 1.0, rect.bottom()));
        ui.painter().rect_filled(bar, 2, c.accent);
    }
    ui.painter().hline(rect.x_range(), rect.bottom(), Stroke::new(1.0, c.hairline));
    let text = fill(texts.days_of_activity, DAYS);
    ui.label(RichText::new(&text).size(size::CAPTION).color(c.muted));
    ui.add_space(space::S);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &text));
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

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_client::protocol::NodeId;

    #[test]
    fn deeds_are_counted_by_the_day_of_the_users_clock() {
        let deed = |at: &str| ActivityRecord {
            at_millis: at.parse::<Timestamp>().expect("a time").as_millisecond(),
            by: String::new(),
            deed: Deed::Created,
            node: NodeId([0; 16]),
            location: None,
            count: 1,
            names: Vec::new(),
        };
        let records = [
            deed("2026-03-31T10:00:00Z"),
            deed("2026-03-30T23:30:00Z"),
            deed("2026-03-30T21:30:00Z"),
            deed("2026-01-01T00:00:00Z"),
        ];
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let days = per_day(&records, &zone, jiff::civil::date(2026, 3, 31));
        assert_eq!((days[DAYS - 1], days[DAYS - 2]), (2, 1), "half past midnight is today");
        assert_eq!(days.iter().sum::<u32>(), 3, "what is older is not there");
    }
}
