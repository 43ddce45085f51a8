//! What several views are made of.

use super::tokens::{Colours, colours, size, space, strong};
use crate::secret::Secret;
use crate::state::Problem;
use crate::text::Texts;
use eframe::egui::{
    self, Align, Color32, CornerRadius, FontId, Frame, Layout, Margin, Response, RichText, Role,
    Sense, Stroke, Ui, Vec2, WidgetInfo,
};

/// A button for the one thing that is probably wanted.
pub(crate) fn primary(ui: &mut Ui, enabled: bool, text: &str) -> Response {
    let c = colours(ui);
    ui.scope(|ui| {
        let widgets = &mut ui.visuals_mut().widgets;
        for (widget, fill) in [
            (&mut widgets.inactive, c.accent),
            (&mut widgets.hovered, c.accent_hover),
            (&mut widgets.active, c.accent_hover),
        ] {
            (widget.weak_bg_fill, widget.bg_fill) = (fill, fill);
            widget.bg_stroke = Stroke::NONE;
            widget.fg_stroke = Stroke::new(1.0, c.accent_text);
        }
        let text = RichText::new(text).font(strong(size::BODY)).color(c.accent_text);
        ui.add_enabled(enabled, egui::Button::new(text).min_size(Vec2::new(0.0, space::CONTROL)))
    })
    .inner
}

/// A button with an icon before its text.
pub(crate) fn button(ui: &mut Ui, icon: &str, text: &str) -> Response {
    let label = if icon.is_empty() { text.to_owned() } else { format!("{icon}  {text}") };
    let response = ui.add(egui::Button::new(label).min_size(Vec2::new(0.0, space::CONTROL)));
    named(&response, text);
    response
}

/// A button that is only an icon; its name is read aloud and shown when hovered.
pub(crate) fn icon_button(ui: &mut Ui, enabled: bool, icon: &str, name: &str) -> Response {
    let c = colours(ui);
    let colour = if enabled { c.text } else { c.muted.gamma_multiply(0.5) };
    let text = RichText::new(icon).size(18.0).color(colour);
    let side = Vec2::splat(space::CONTROL);
    let button = egui::Button::new(text).min_size(side).frame_when_inactive(false);
    let response = ui.add_enabled(enabled, button);
    named(&response, name);
    response.on_hover_text(name)
}

/// Gives something a name for those who cannot see it.
pub(crate) fn named(response: &Response, name: &str) {
    let enabled = response.enabled();
    let name = name.to_owned();
    response.widget_info(move || WidgetInfo::labeled(Role::Button, enabled, &name));
}

/// Gives a field that shows no label one for those who cannot see it.
pub(crate) fn labelled(ui: &Ui, response: &Response, name: &str) {
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_label(name));
}

/// A field with its label above.
pub(crate) fn field(ui: &mut Ui, label: &str, text: &mut String) -> Response {
    input(ui, label, text, false)
}

/// A field for a password; `hidden` says whether it can be read on the screen.
pub(crate) fn secret_field(ui: &mut Ui, label: &str, text: &mut Secret, hidden: bool) -> Response {
    let response = input(ui, label, text, hidden);
    forget_undo(ui, response.id);
    response
}

fn input(ui: &mut Ui, label: &str, text: &mut String, hidden: bool) -> Response {
    let c = colours(ui);
    ui.spacing_mut().item_spacing.y = space::XS;
    let label = ui.label(RichText::new(label).size(size::CAPTION).color(c.muted));
    let edit = egui::TextEdit::singleline(text)
        .password(hidden)
        .desired_width(f32::INFINITY)
        .margin(Margin::symmetric(10, 7))
        .align(egui::Align2::LEFT_CENTER);
    let response = ui.add(edit).labelled_by(label.id);
    ui.add_space(space::S);
    ui.spacing_mut().item_spacing.y = space::S;
    response
}

/// A text field remembers what was typed, to undo it; secrets are not to be kept.
fn forget_undo(ui: &Ui, id: egui::Id) {
    if let Some(mut state) = egui::TextEdit::load_state(ui.ctx(), id) {
        state.clear_undoer();
        egui::TextEdit::store_state(ui.ctx(), id, state);
    }
}

/// Gives a field the keyboard when nothing else has it; not in the moment in which the field
/// gives it up, which is how Enter is noticed.
pub(crate) fn focus_first(ui: &Ui, response: &Response) {
    if ui.memory(|memory| memory.focused().is_none()) && !response.lost_focus() {
        response.request_focus();
    }
}

/// A box to be ticked. Its frame is darker than that of buttons, which are known by their
/// text.
pub(crate) fn checkbox(ui: &mut Ui, ticked: &mut bool, text: &str) -> Response {
    let c = colours(ui);
    ui.scope(|ui| {
        let widgets = &mut ui.visuals_mut().widgets;
        for widget in [&mut widgets.inactive, &mut widgets.hovered, &mut widgets.active] {
            widget.bg_fill = c.background;
            widget.bg_stroke = Stroke::new(1.0, c.muted);
            widget.fg_stroke = Stroke::new(2.0, c.accent);
            widget.corner_radius = CornerRadius::same(3);
        }
        ui.checkbox(ticked, RichText::new(text).color(c.text))
    })
    .inner
}

/// A card on a page.
pub(crate) fn card<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> R {
    framed(ui, Margin::same(16), add)
}

/// A card that stands alone in the middle of the window.
pub(crate) fn sheet<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> R {
    framed(ui, Margin::same(24), add)
}

fn framed<R>(ui: &mut Ui, margin: Margin, add: impl FnOnce(&mut Ui) -> R) -> R {
    let c = colours(ui);
    Frame::new()
        .fill(c.surface)
        .stroke(Stroke::new(1.0, c.hairline))
        .corner_radius(CornerRadius::same(10))
        .inner_margin(margin)
        .show(ui, add)
        .inner
}

/// A heading of a page, with room around it.
pub(crate) fn title(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).font(strong(size::TITLE)));
    ui.add_space(space::XS);
}

/// Small text that is not so important.
pub(crate) fn muted(ui: &mut Ui, text: &str) -> Response {
    let c = colours(ui);
    ui.label(RichText::new(text).color(c.muted))
}

/// The middle of a page that has nothing to show.
pub(crate) fn empty(ui: &mut Ui, icon: &str, title: &str, lead: &str) {
    let c = colours(ui);
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.25).min(140.0));
        ui.label(RichText::new(icon).size(44.0).color(c.muted));
        ui.add_space(space::S);
        ui.label(RichText::new(title).font(strong(size::STRONG)));
        if !lead.is_empty() {
            ui.label(RichText::new(lead).color(c.muted));
        }
        ui.add_space(space::S);
    });
}

/// What went wrong, what to do, and its code; the details fold out.
pub(crate) fn problem(ui: &mut Ui, problem: &Problem, texts: &Texts) {
    let c = colours(ui);
    let frame = Frame::new()
        .fill(c.warning_back)
        .corner_radius(CornerRadius::same(6))
        .inner_margin(Margin::symmetric(12, 10));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = space::XS;
        let text = format!("{}  {}", super::icons::WARNING, problem.message);
        ui.label(RichText::new(text).color(c.warning));
        if !problem.hint.is_empty() {
            ui.label(RichText::new(&problem.hint).color(c.text));
        }
        ui.label(RichText::new(&problem.code).size(size::CAPTION).color(c.text));
        original(ui, problem, texts);
    });
}

/// Folds out what was said of a problem in the first place, and copies it: names and
/// numbers, which are nowhere else, and what others can look up.
pub(crate) fn original(ui: &mut Ui, problem: &Problem, texts: &Texts) {
    if problem.original.is_empty() {
        return;
    }
    let c = colours(ui);
    let head = RichText::new(texts.details).size(size::CAPTION).color(c.text);
    let fold = egui::CollapsingHeader::new(head).id_salt(("original", &problem.original));
    fold.show(ui, |ui| {
        let said = RichText::new(&problem.original).size(size::CAPTION).color(c.text);
        ui.add(egui::Label::new(said).wrap());
        if button(ui, super::icons::COPY, texts.copy).clicked() {
            ui.ctx().copy_text(format!("{} ({})", problem.original, problem.code));
        }
    });
}

/// A button that is only an icon, on top of something that is clicked as a whole; whether it
/// was clicked.
pub(crate) fn icon_at(ui: &mut Ui, rect: egui::Rect, icon: &str, name: &str) -> bool {
    let layout = Layout::right_to_left(Align::Center);
    let builder = egui::UiBuilder::new().max_rect(rect).layout(layout);
    ui.scope_builder(builder, |ui| icon_button(ui, true, icon, name).clicked()).inner
}

/// Something that is clicked as a whole, painted by the caller; `selected` and hover are
/// painted here.
pub(crate) fn row(ui: &mut Ui, height: f32, selected: bool, sense: Sense) -> Response {
    let c = colours(ui);
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), height), sense);
    let fill = match (selected, response.hovered()) {
        (true, _) => c.selection,
        (false, true) => c.hover,
        (false, false) => Color32::TRANSPARENT,
    };
    ui.painter().rect_filled(rect, CornerRadius::same(6), fill);
    response
}

/// One line of text at a place, cut with an ellipsis where it does not fit.
pub(crate) fn line(
    ui: &Ui,
    rect: egui::Rect,
    text: &str,
    font: FontId,
    colour: Color32,
    right: bool,
) {
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font, colour);
    job.wrap = egui::text::TextWrapping::truncate_at_width(rect.width().max(0.0));
    let galley = ui.painter().layout_job(job);
    let x = if right { rect.right() - galley.size().x } else { rect.left() };
    let at = egui::pos2(x, rect.center().y - galley.size().y / 2.0);
    ui.painter().with_clip_rect(rect.intersect(ui.clip_rect())).galley(at, galley, colour);
}

/// Buttons of a dialog: to the right, the wanted one last.
pub(crate) fn actions<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> R {
    ui.add_space(space::S);
    let line = Vec2::new(ui.available_width(), space::CONTROL);
    ui.allocate_ui_with_layout(line, Layout::right_to_left(Align::Center), add).inner
}

/// A thin bar that shows how much is done.
pub(crate) fn bar(ui: &mut Ui, fraction: f32, colours: &Colours) {
    let (rect, response) =
        ui.allocate_exact_size(Vec2::new(ui.available_width(), 6.0), Sense::hover());
    let round = CornerRadius::same(3);
    ui.painter().rect_filled(rect, round, colours.hairline);
    let mut done = rect;
    done.set_width(rect.width() * fraction);
    ui.painter().rect_filled(done, round, colours.accent);
    response.widget_info(|| {
        let mut info = WidgetInfo::new(Role::ProgressIndicator);
        info.value = Some(f64::from(fraction));
        info
    });
}
