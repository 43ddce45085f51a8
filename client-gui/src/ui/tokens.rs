//! The look: colours by their role, type sizes, spacing and radii, for light and dark.
//!
//! Guarantees: no view names a colour of its own, and text has a contrast of at least
//! 4.5:1 to what it stands on (tested).

use eframe::egui::{
    self, Color32, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Shadow,
    Stroke, TextStyle, Theme, Vec2, Visuals,
};
use std::sync::Arc;

/// Sizes of type, in points.
pub(crate) mod size {
    pub(crate) const CAPTION: f32 = 12.0;
    pub(crate) const BODY: f32 = 14.0;
    pub(crate) const STRONG: f32 = 16.0;
    pub(crate) const TITLE: f32 = 20.0;
    pub(crate) const DISPLAY: f32 = 28.0;
}

/// Distances, in points, on a grid of four.
pub(crate) mod space {
    pub(crate) const XS: f32 = 4.0;
    pub(crate) const S: f32 = 8.0;
    pub(crate) const M: f32 = 16.0;
    pub(crate) const L: f32 = 24.0;
    pub(crate) const SIDEBAR: f32 = 224.0;
    pub(crate) const DETAILS: f32 = 300.0;
    pub(crate) const CONTROL: f32 = 32.0;
    pub(crate) const ROW: f32 = 36.0;
    pub(crate) const ROW_COMPACT: f32 = 28.0;
    pub(crate) const CARD: f32 = 440.0;
}

const RADIUS: u8 = 8;
const RADIUS_CONTROL: u8 = 6;

/// Colours by what they mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Colours {
    pub(crate) background: Color32,
    pub(crate) surface: Color32,
    pub(crate) raised: Color32,
    pub(crate) hairline: Color32,
    pub(crate) text: Color32,
    pub(crate) muted: Color32,
    pub(crate) accent: Color32,
    pub(crate) accent_hover: Color32,
    pub(crate) accent_text: Color32,
    pub(crate) selection: Color32,
    pub(crate) hover: Color32,
    pub(crate) success: Color32,
    pub(crate) warning: Color32,
    pub(crate) warning_back: Color32,
    pub(crate) danger: Color32,
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

const LIGHT: Colours = Colours {
    background: rgb(0x00F5_F7F8),
    surface: rgb(0x00FF_FFFF),
    raised: rgb(0x00FF_FFFF),
    hairline: rgb(0x00DD_E3E6),
    text: rgb(0x0017_2226),
    muted: rgb(0x0050_6068),
    accent: rgb(0x000B_6E74),
    accent_hover: rgb(0x0009_5B60),
    accent_text: rgb(0x00FF_FFFF),
    selection: rgb(0x00D5_ECED),
    hover: rgb(0x00EA_EFF1),
    success: rgb(0x0017_6B3B),
    warning: rgb(0x008A_5400),
    warning_back: rgb(0x00FF_F1D6),
    danger: rgb(0x00AB_2626),
};

const DARK: Colours = Colours {
    background: rgb(0x0012_191D),
    surface: rgb(0x0018_2126),
    raised: rgb(0x0020_2B31),
    hairline: rgb(0x002E_3B42),
    text: rgb(0x00E6_EDEF),
    muted: rgb(0x009F_B0B7),
    accent: rgb(0x004C_BFC3),
    accent_hover: rgb(0x005C_C9CC),
    accent_text: rgb(0x0007_2224),
    selection: rgb(0x001D_4549),
    hover: rgb(0x0025_3239),
    success: rgb(0x0066_C68D),
    warning: rgb(0x00F0_B866),
    warning_back: rgb(0x003A_2D15),
    danger: rgb(0x00F6_9990),
};

/// The colours that go with what is shown at present.
pub(crate) fn colours(ui: &egui::Ui) -> Colours {
    colours_of(ui.visuals().dark_mode)
}

/// The colours of the dark or the light look.
pub(crate) fn colours_of(dark: bool) -> Colours {
    if dark { DARK } else { LIGHT }
}

/// Semibold text.
pub(crate) fn strong_family() -> FontFamily {
    FontFamily::Name("strong".into())
}

/// Semibold text of this size.
pub(crate) fn strong(size: f32) -> FontId {
    FontId::new(size, strong_family())
}

/// Gives the whole context this look.
pub(crate) fn install(ctx: &egui::Context) {
    ctx.set_fonts(fonts());
    for (theme, colours) in [(Theme::Light, LIGHT), (Theme::Dark, DARK)] {
        ctx.style_mut_of(theme, |style| dress(style, theme, &colours));
    }
}

fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let mut add = |name: &str, bytes: &'static [u8]| {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    };
    add("inter", include_bytes!("../../assets/fonts/Inter-Regular-subset.otf"));
    add("inter-strong", include_bytes!("../../assets/fonts/Inter-SemiBold-subset.otf"));
    add("phosphor", include_bytes!("../../assets/fonts/Phosphor-subset.ttf"));
    let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let with = |first: &str| {
        // The text font is without the code points of the icons. It comes first, because
        // its box stands for what no font has; that of the icons cannot be seen.
        let mut family = vec![first.to_owned(), "phosphor".to_owned()];
        family.extend(fallback.iter().cloned());
        family
    };
    fonts.families.insert(FontFamily::Proportional, with("inter"));
    fonts.families.insert(strong_family(), with("inter-strong"));
    if let Some(family) = fonts.families.get_mut(&FontFamily::Monospace) {
        family.push("phosphor".to_owned());
    }
    fonts
}

fn dress(style: &mut egui::Style, theme: Theme, colours: &Colours) {
    style.text_styles = [
        (TextStyle::Small, FontId::proportional(size::CAPTION)),
        (TextStyle::Body, FontId::proportional(size::BODY)),
        (TextStyle::Button, FontId::proportional(size::BODY)),
        (TextStyle::Heading, strong(size::TITLE)),
        (TextStyle::Monospace, FontId::monospace(size::BODY)),
    ]
    .into();
    style.spacing.item_spacing = Vec2::new(space::S, space::S);
    style.spacing.button_padding = Vec2::new(12.0, 6.0);
    style.spacing.interact_size.y = space::CONTROL;
    style.spacing.menu_margin = Margin::same(6);
    style.spacing.scroll = egui::style::ScrollStyle::thin();
    style.interaction.selectable_labels = false;
    style.visuals = visuals(theme, colours);
}

fn visuals(theme: Theme, colours: &Colours) -> Visuals {
    let mut visuals = theme.default_visuals();
    let radius = CornerRadius::same(RADIUS_CONTROL);
    visuals.override_text_color = None;
    visuals.weak_text_color = Some(colours.muted);
    visuals.hyperlink_color = colours.accent;
    visuals.panel_fill = colours.background;
    visuals.window_fill = colours.raised;
    visuals.window_stroke = Stroke::new(1.0, colours.hairline);
    visuals.window_corner_radius = CornerRadius::same(RADIUS);
    visuals.menu_corner_radius = CornerRadius::same(RADIUS);
    visuals.extreme_bg_color = colours.surface;
    visuals.faint_bg_color = colours.hover;
    visuals.text_edit_bg_color = Some(colours.surface);
    visuals.warn_fg_color = colours.warning;
    visuals.error_fg_color = colours.danger;
    visuals.selection.bg_fill = colours.selection;
    visuals.selection.stroke = Stroke::new(1.0, colours.accent);
    let shadow =
        Shadow { offset: [0, 4], blur: 16, spread: 0, color: Color32::from_black_alpha(40) };
    visuals.popup_shadow = shadow;
    visuals.window_shadow = shadow;
    let widgets = &mut visuals.widgets;
    for (widget, fill, stroke, text) in [
        (&mut widgets.noninteractive, colours.background, colours.hairline, colours.text),
        (&mut widgets.inactive, colours.surface, colours.hairline, colours.text),
        (&mut widgets.hovered, colours.hover, colours.hairline, colours.text),
        (&mut widgets.active, colours.selection, colours.accent, colours.text),
        (&mut widgets.open, colours.hover, colours.hairline, colours.text),
    ] {
        widget.bg_fill = fill;
        widget.weak_bg_fill = fill;
        widget.bg_stroke = Stroke::new(1.0, stroke);
        widget.fg_stroke = Stroke::new(1.0, text);
        widget.corner_radius = radius;
        widget.expansion = 0.0;
    }
    visuals
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance (WCAG 2.1).
    fn luminance(colour: Color32) -> f64 {
        let channel = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(colour.r()) + 0.7152 * channel(colour.g()) + 0.0722 * channel(colour.b())
    }

    fn contrast(one: Color32, other: Color32) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn text_can_be_read_on_everything_it_stands_on() {
        for c in [LIGHT, DARK] {
            let backs = [c.background, c.surface, c.raised, c.selection, c.hover];
            for text in [c.text, c.muted, c.accent, c.danger, c.success, c.warning] {
                for back in backs {
                    assert!(
                        contrast(text, back) >= 4.5,
                        "{text:?} on {back:?}: {}",
                        contrast(text, back)
                    );
                }
            }
            assert!(contrast(c.accent_text, c.accent) >= 4.5);
            assert!(contrast(c.accent_text, c.accent_hover) >= 4.5);
            assert!(contrast(c.warning, c.warning_back) >= 4.5);
        }
    }
}
