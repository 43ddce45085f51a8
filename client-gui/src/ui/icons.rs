//! Icons of the Phosphor font (MIT), by the names they have there. The font stands behind
//! the text font, so an icon can stand in any text.

pub(crate) const HOUSE: &str = "\u{E2C2}";
pub(crate) const FOLDER: &str = "\u{E24A}";
pub(crate) const FOLDER_PLUS: &str = "\u{E258}";
pub(crate) const FILE: &str = "\u{E230}";
pub(crate) const FILE_TEXT: &str = "\u{E23A}";
pub(crate) const FILE_PLUS: &str = "\u{E236}";
pub(crate) const FILE_IMAGE: &str = "\u{EA24}";
pub(crate) const FILE_VIDEO: &str = "\u{EA22}";
pub(crate) const FILE_AUDIO: &str = "\u{EA20}";
pub(crate) const FILE_PDF: &str = "\u{E702}";
pub(crate) const FILE_ZIP: &str = "\u{E958}";
pub(crate) const FILE_CODE: &str = "\u{E914}";
pub(crate) const USERS: &str = "\u{E4D6}";
pub(crate) const SHARE_NETWORK: &str = "\u{E408}";
pub(crate) const CLOCK: &str = "\u{E19A}";
pub(crate) const TRASH: &str = "\u{E4A6}";
pub(crate) const PULSE: &str = "\u{E000}";
pub(crate) const ARROWS_DOWN_UP: &str = "\u{E098}";
pub(crate) const HARD_DRIVES: &str = "\u{E2A0}";
pub(crate) const GEAR: &str = "\u{E270}";
pub(crate) const CARET_LEFT: &str = "\u{E138}";
pub(crate) const CARET_RIGHT: &str = "\u{E13A}";
pub(crate) const CARET_UP: &str = "\u{E13C}";
pub(crate) const CARET_DOWN: &str = "\u{E136}";
pub(crate) const ARROW_UP: &str = "\u{E08E}";
pub(crate) const MAGNIFYING_GLASS: &str = "\u{E30C}";
pub(crate) const UPLOAD_SIMPLE: &str = "\u{E4C0}";
pub(crate) const DOWNLOAD_SIMPLE: &str = "\u{E20C}";
pub(crate) const SIDEBAR_SIMPLE: &str = "\u{EC24}";
pub(crate) const CHECK: &str = "\u{E182}";
pub(crate) const CHECK_CIRCLE: &str = "\u{E184}";
pub(crate) const WARNING: &str = "\u{E4E0}";
pub(crate) const X: &str = "\u{E4F6}";
pub(crate) const PENCIL_SIMPLE: &str = "\u{E3B4}";
pub(crate) const PRINTER: &str = "\u{E3DC}";
pub(crate) const COPY: &str = "\u{E1CA}";
pub(crate) const ARROW_COUNTER_CLOCKWISE: &str = "\u{E038}";
pub(crate) const ARROW_CLOCKWISE: &str = "\u{E036}";
pub(crate) const SIGN_OUT: &str = "\u{E42A}";
pub(crate) const LOCK_KEY: &str = "\u{E2FE}";
pub(crate) const EYE: &str = "\u{E220}";
pub(crate) const EYE_SLASH: &str = "\u{E224}";
pub(crate) const PLUS: &str = "\u{E3D4}";
pub(crate) const USER_CIRCLE: &str = "\u{E4C4}";
pub(crate) const VAULT: &str = "\u{E76E}";
pub(crate) const SHIELD_CHECK: &str = "\u{E40C}";
pub(crate) const WIFI_SLASH: &str = "\u{E4F2}";
pub(crate) const CLOCK_COUNTER_CLOCKWISE: &str = "\u{E1A0}";
pub(crate) const FOLDER_OPEN: &str = "\u{E256}";
pub(crate) const SCISSORS: &str = "\u{EAE0}";
pub(crate) const SQUARES_FOUR: &str = "\u{E464}";
pub(crate) const ARROW_SQUARE_OUT: &str = "\u{E5DE}";
pub(crate) const FUNNEL: &str = "\u{E266}";
pub(crate) const LIST_BULLETS: &str = "\u{E2F2}";
pub(crate) const FLOPPY_DISK: &str = "\u{E248}";
pub(crate) const PAUSE: &str = "\u{E39E}";
pub(crate) const PLAY: &str = "\u{E3D0}";
pub(crate) const DEVICES: &str = "\u{EBA4}";
pub(crate) const KEY: &str = "\u{E2D6}";
pub(crate) const USER_PLUS: &str = "\u{E4D0}";

#[cfg(test)]
mod tests {
    use eframe::egui::{self, FontData, FontDefinitions, FontFamily, FontId};
    use std::sync::Arc;

    /// Whether a font has a glyph.
    fn glyphs(bytes: &'static [u8]) -> impl Fn(char) -> bool {
        let mut fonts = FontDefinitions::empty();
        fonts.font_data.insert("one".to_owned(), Arc::new(FontData::from_static(bytes)));
        for family in [FontFamily::Proportional, FontFamily::Monospace] {
            fonts.families.insert(family, vec!["one".to_owned()]);
        }
        let ctx = egui::Context::default();
        ctx.set_fonts(fonts);
        ctx.run_ui(egui::RawInput::default(), |_| {}).textures_delta.clear();
        move |c| ctx.fonts_mut(|fonts| fonts.has_glyph(&FontId::proportional(14.0), c))
    }

    #[test]
    fn every_icon_is_in_the_font_of_icons_alone() {
        let icons = glyphs(include_bytes!("../../assets/fonts/Phosphor-subset.ttf"));
        let regular = glyphs(include_bytes!("../../assets/fonts/Inter-Regular-subset.otf"));
        let strong = glyphs(include_bytes!("../../assets/fonts/Inter-SemiBold-subset.otf"));
        let names = include_str!("icons.rs").lines().filter(|line| line.starts_with("pub(crate)"));
        for line in names {
            let code = line.split(['{', '}']).nth(1).expect("a code point");
            let code = u32::from_str_radix(code, 16).expect("a number");
            let icon = char::from_u32(code).expect("a character");
            assert!(icons(icon) && !regular(icon) && !strong(icon), "{line}");
        }
        assert!(regular('a') && strong('ß'));
    }
}
