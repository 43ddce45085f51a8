//! What of a search is shown: where, which kind, changed when, how big.

use super::tokens::{colours, size, space};
use super::widgets::{self, button};
use super::{View, icons};
use crate::command::Command;
use crate::look::Look;
use crate::state::filter::{Bulk, Filter, Scope, Sort};
use crate::text::{Texts, fill};
use eframe::egui::{RichText, Ui};

pub(super) fn show(ui: &mut Ui, view: &mut View<'_>) {
    if view.state.session.found.is_none() {
        return;
    }
    let texts = view.texts();
    let before = view.state.session.filter;
    let mut filter = before;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        ui.label(RichText::new(icons::FUNNEL).size(16.0).color(colours(ui).muted));
        let scopes = Scope::ALL.map(|scope| (scope, scope_name(scope, texts)));
        choice(ui, texts.where_, &scopes, &mut filter.scope);
        let mut sorts = vec![(None, texts.any_kind.to_owned())];
        sorts.extend(Sort::ALL.map(|sort| (Some(sort), sort_name(sort, texts))));
        choice(ui, texts.kind, &sorts, &mut filter.sort);
        let mut days = vec![(None, texts.any_time.to_owned())];
        days.extend(Filter::DAYS.map(|days| (Some(days), since(days, texts))));
        choice(ui, texts.modified, &days, &mut filter.days);
        let mut bulks = vec![(None, texts.any_size.to_owned())];
        bulks.extend(Bulk::ALL.map(|bulk| (Some(bulk), bulk_name(bulk, texts))));
        choice(ui, texts.size, &bulks, &mut filter.bulk);
        if filter.leaves_out() && button(ui, icons::X, texts.no_filter).clicked() {
            filter = Filter { scope: filter.scope, ..Filter::default() };
        }
    });
    ui.add_space(space::XS);
    if filter != before {
        view.wish(Command::Look(Look::Filter(filter)));
    }
}

fn choice<T: Copy + PartialEq>(ui: &mut Ui, name: &str, all: &[(T, String)], chosen: &mut T) {
    let now = all.iter().find(|(value, _)| value == chosen);
    let text = format!("{}  {}", now.map_or("", |(_, text)| text), icons::CARET_DOWN);
    let text = RichText::new(text).size(size::CAPTION + 1.0);
    let menu = ui.menu_button(text, |ui| {
        ui.set_min_width(150.0);
        for (value, text) in all {
            if ui.radio(value == chosen, text).clicked() {
                *chosen = *value;
                ui.close();
            }
        }
    });
    widgets::named(&menu.response, name);
    menu.response.on_hover_text(name);
}

fn scope_name(scope: Scope, texts: &Texts) -> String {
    let name = match scope {
        Scope::Here => texts.this_folder,
        Scope::Mine => texts.my_files,
        Scope::Shared => texts.shared_with_me,
        Scope::Everywhere => texts.everywhere,
    };
    name.to_owned()
}

fn sort_name(sort: Sort, texts: &Texts) -> String {
    let name = match sort {
        Sort::Folders => texts.folders,
        Sort::Documents => texts.documents,
        Sort::Pictures => texts.pictures,
        Sort::Media => texts.sound_and_film,
        Sort::Others => texts.others,
    };
    name.to_owned()
}

fn since(days: u16, texts: &Texts) -> String {
    match days {
        1 => texts.last_day.to_owned(),
        days => fill(texts.last_days, days),
    }
}

fn bulk_name(bulk: Bulk, texts: &Texts) -> String {
    let name = match bulk {
        Bulk::Small => texts.below_a_mib,
        Bulk::Middle => texts.up_to_100_mib,
        Bulk::Big => texts.above_100_mib,
    };
    name.to_owned()
}
