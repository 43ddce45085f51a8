//! What the user has chosen. Kept in `gui.toml` beside the profiles.
//!
//! Guarantees: a file that cannot be read gives the defaults, never an error at start;
//! no secret is in it.

use crate::text::{Language, Texts};
use coffer_client::Home;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;
use std::path::PathBuf;

const FILE: &str = "gui.toml";
/// More than any file this program writes.
const MAX_BYTES: u64 = 64 << 10;

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the desktop has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a box of its own")]
pub struct Settings {
    /// Light or dark.
    pub theme: Theme,
    /// Language of all texts.
    pub language: Language,
    /// Low rows in lists.
    pub compact: bool,
    /// Tiles instead of a list.
    pub grid: bool,
    /// Whether the details are shown beside the list.
    pub details: bool,
    /// Where downloads go; `None`: the system's folder for them.
    pub downloads: Option<PathBuf>,
    /// Most bytes a second that all uploads together send.
    pub upload_limit: Option<NonZeroU64>,
    /// Most bytes a second that all downloads together fetch.
    pub download_limit: Option<NonZeroU64>,
    /// Minutes without keyboard or mouse after which the window is locked.
    pub lock_after: Option<u16>,
    /// The window is locked, or was when the program ended: the password is asked for.
    pub locked: bool,
    /// Whether the desktop shows no messages while the window is in the background.
    pub quiet: bool,
    /// Whether a window that is closed goes on in the tray, where there is one.
    pub keep_in_tray: bool,
    /// Profile that was last signed in to.
    pub profile: Option<String>,
}

impl Settings {
    /// What was kept, or the defaults.
    pub fn load(home: &Home) -> Self {
        let path = home.root().join(FILE);
        let small = std::fs::metadata(&path).is_ok_and(|found| found.len() <= MAX_BYTES);
        let text = small.then(|| std::fs::read_to_string(&path).ok()).flatten();
        text.and_then(|text| toml::from_str(&text).ok()).unwrap_or_default()
    }

    /// Keeps it.
    pub fn save(&self, home: &Home) -> std::io::Result<()> {
        let text = toml::to_string(self).map_err(std::io::Error::other)?;
        std::fs::create_dir_all(home.root())?;
        std::fs::write(home.root().join(FILE), text)
    }

    /// The texts of the language.
    pub fn texts(&self) -> &'static Texts {
        self.language.texts()
    }

    /// The directory that downloads go to.
    pub fn download_dir(&self) -> PathBuf {
        let home = || std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE"));
        let system = || home().map(|home| PathBuf::from(home).join("Downloads"));
        self.downloads.clone().or_else(system).unwrap_or_else(std::env::temp_dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_kept_and_a_damaged_file_is_no_obstacle() {
        let dir = tempfile::tempdir().expect("directory");
        let home = Home::at(dir.path().join("home"));
        let wanted =
            Settings { theme: Theme::Dark, language: Language::German, ..Settings::default() };
        wanted.save(&home).expect("saved");
        assert_eq!(Settings::load(&home), wanted);
        std::fs::write(home.root().join(FILE), "theme = 7").expect("write");
        assert_eq!(Settings::load(&home), Settings::default());
    }
}
