//! The keyboard.

use super::{View, browser, grid};
use crate::command::Command;
use crate::look::Look;
use crate::outside::Outside;
use crate::pasted;
use eframe::egui::{Event, Id, Key, Modifiers, Ui};

const SHIFT_COMMAND: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

pub(super) fn read(ui: &mut Ui, view: &mut View<'_>) {
    if view.state.session.dialog.is_some() {
        return;
    }
    if pressed(ui, Modifiers::COMMAND, Key::K) {
        return view.wish(Command::Palette);
    }
    for (modifiers, key, command) in [
        (Modifiers::ALT, Key::ArrowLeft, Command::Backward),
        (Modifiers::ALT, Key::ArrowRight, Command::Forward),
        (Modifiers::ALT, Key::ArrowUp, Command::Up),
        (Modifiers::NONE, Key::F5, Command::Refresh),
        (Modifiers::COMMAND, Key::F, Command::Look(Look::AskFind)),
        (Modifiers::COMMAND, Key::I, Command::ToggleDetails),
        (Modifiers::COMMAND, Key::Num1, Command::Look(Look::Grid(false))),
        (Modifiers::COMMAND, Key::Num2, Command::Look(Look::Grid(true))),
    ] {
        if pressed(ui, modifiers, key) {
            view.wish(command);
        }
    }
    if pressed(ui, Modifiers::COMMAND, Key::L) && view.state.session.route.folder().is_some() {
        view.wish(Command::Look(Look::AskPath));
    }
    // Keys that mean something in a text field are left to it.
    if !view.state.session.route.has_list() || ui.ctx().text_edit_focused() {
        return;
    }
    list(ui, view);
    clipboard(ui, view);
    type_ahead(ui, view);
}

fn pressed(ui: &Ui, modifiers: Modifiers, key: Key) -> bool {
    ui.input_mut(|input| input.consume_key(modifiers, key))
}

fn list(ui: &Ui, view: &mut View<'_>) {
    let columns = grid::columns(ui, view).cast_signed();
    let page = if view.state.settings.grid { 3 * columns } else { 15 };
    if columns > 1 {
        for (modifiers, shift) in [(Modifiers::SHIFT, true), (Modifiers::NONE, false)] {
            for (key, by) in [(Key::ArrowRight, 1), (Key::ArrowLeft, -1)] {
                if pressed(ui, modifiers, key) {
                    view.wish(Command::Step(by, shift));
                }
            }
        }
    }
    for (modifiers, key, command) in [
        (SHIFT_COMMAND, Key::N, Command::AskFolder),
        (SHIFT_COMMAND, Key::S, Command::Outside(Outside::SaveAs)),
        (Modifiers::COMMAND, Key::Enter, Command::Outside(Outside::Open)),
        (Modifiers::COMMAND, Key::A, Command::SelectAll),
        (Modifiers::COMMAND, Key::Z, Command::UndoLast),
        (Modifiers::COMMAND, Key::E, Command::Edit),
        (Modifiers::COMMAND, Key::S, Command::AskShare),
        (Modifiers::SHIFT, Key::ArrowDown, Command::Step(columns, true)),
        (Modifiers::SHIFT, Key::ArrowUp, Command::Step(-columns, true)),
        (Modifiers::NONE, Key::ArrowDown, Command::Step(columns, false)),
        (Modifiers::NONE, Key::ArrowUp, Command::Step(-columns, false)),
        (Modifiers::NONE, Key::PageDown, Command::Step(page, false)),
        (Modifiers::NONE, Key::PageUp, Command::Step(-page, false)),
        (Modifiers::NONE, Key::Home, Command::Step(-(1 << 24), false)),
        (Modifiers::NONE, Key::End, Command::Step(1 << 24, false)),
        (Modifiers::NONE, Key::Enter, Command::OpenSelected),
        (Modifiers::NONE, Key::Backspace, Command::Up),
        (Modifiers::NONE, Key::F2, Command::AskRename),
        (Modifiers::NONE, Key::Delete, Command::Delete),
        (Modifiers::NONE, Key::Escape, Command::SelectNone),
    ] {
        if pressed(ui, modifiers, key) {
            view.wish(command);
        }
    }
    if !is_typing(ui) && pressed(ui, Modifiers::NONE, Key::Space) {
        view.wish(Command::Look(Look::Quick));
    }
    if pressed(ui, Modifiers::COMMAND, Key::U) {
        browser::choose_files(view);
    }
    if pressed(ui, Modifiers::COMMAND, Key::D) {
        browser::download(view);
    }
}

/// The window system turns these keys into events of their own.
fn clipboard(ui: &Ui, view: &mut View<'_>) {
    let wishes: Vec<_> = ui.input(|input| {
        let wish = |event: &Event| match event {
            Event::Copy => Some(Command::Clip(false)),
            Event::Cut => Some(Command::Clip(true)),
            // Files that were copied in another program, or what was copied here.
            Event::Paste(text) => Some(match pasted::files(text) {
                files if files.is_empty() => Command::Paste,
                files => Command::Upload(files),
            }),
            _ => None,
        };
        input.events.iter().filter_map(wish).collect()
    });
    view.wishes.extend(wishes);
}

/// Letters that come within this time, in seconds, are one beginning of a name.
const PAUSE: f64 = 0.8;

fn type_ahead_id() -> Id {
    Id::unique("type-ahead")
}

/// Whether the beginning of a name is being typed.
fn is_typing(ui: &Ui) -> bool {
    let (_, at): (String, f64) =
        ui.data(|data| data.get_temp(type_ahead_id())).unwrap_or((String::new(), f64::MIN));
    ui.input(|input| input.time) - at < PAUSE
}

/// Letters go to the next name that begins with them.
fn type_ahead(ui: &Ui, view: &mut View<'_>) {
    let id = type_ahead_id();
    let (now, typed) = ui.input(|input| {
        let text = input.events.iter().filter_map(|event| match event {
            Event::Text(text) => Some(text.as_str()),
            _ => None,
        });
        (input.time, text.collect::<String>())
    });
    if typed.is_empty() || typed == " " && !is_typing(ui) {
        return;
    }
    let (before, at): (String, f64) = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    let typed = if now - at < PAUSE { before + &typed } else { typed };
    if typed == "/" {
        return view.wish(Command::Look(Look::AskFind));
    }
    ui.data_mut(|data| data.insert_temp(id, (typed.clone(), now)));
    view.wish(Command::TypeAhead(typed));
}
