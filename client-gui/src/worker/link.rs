//! Connection links that the user has at hand: on the clipboard, or in a file.

use super::Shared;
use crate::command::Event;
use coffer_client::protocol::link::Link;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// More of a file is not read: a link is short, and so is what it is sent with.
const MAX_BYTES: u64 = 64 << 10;

impl Shared {
    /// Tells of a link that was copied in another program.
    pub(super) async fn look_for_link(self: &Arc<Self>) {
        let worker = Arc::clone(self);
        let copied = tokio::task::spawn_blocking(move || worker.desktop.copied_text()).await;
        if let Some(link) = find(&copied.unwrap_or_default()) {
            self.tell(Event::LinkSeen(link)).await;
        }
    }

    /// Uses the link in a file that was dropped on the window.
    pub(super) async fn read_link(&self, file: PathBuf) {
        let read = tokio::task::spawn_blocking(move || read(&file)).await;
        let found = read.ok().and_then(Result::ok).and_then(|text| find(&text));
        self.tell(found.map_or(Event::NoLink, Event::Handed)).await;
    }
}

fn read(file: &Path) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The first whole link in a text, which may say other things around it.
fn find(text: &str) -> Option<String> {
    let words = text.split(|c: char| c.is_whitespace() || "<>\"'".contains(c));
    words.filter(|word| word.parse::<Link>().is_ok()).map(str::to_owned).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_found_among_other_words() {
        let link = "coffer://files.example:7440/?invite=abc";
        for text in [
            link.to_owned(),
            format!("Come in: <{link}> Yours, Ada"),
            format!("coffer://nonsense\r\n{link}\r\n"),
        ] {
            assert_eq!(find(&text).as_deref(), Some(link), "{text}");
        }
        assert_eq!(find("https://files.example/ and coffer:// alone"), None);
    }
}
