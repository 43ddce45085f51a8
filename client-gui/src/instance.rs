//! One window for each home: a second start hands its link to the first, and ends.
//!
//! The first listens on loopback, and writes its port with a secret to `gui.instance`,
//! which only the user can read. A file of a window that is gone leads nowhere, and is
//! replaced.
//!
//! Guarantees: whoever does not know the secret is not listened to; what is read is
//! bounded in size and time.

use crate::worker::Wake;
use coffer_client::Home;
use coffer_client::home::write_private;
use data_encoding::HEXLOWER;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Longest line that is read: a link is far shorter.
const MAX_LINE: u64 = 4096;
/// How long the other side may take.
const PATIENCE: Duration = Duration::from_millis(500);
/// Links that wait to be looked at.
const MAX_WAITING: usize = 8;

/// What a start of the program turns out to be.
pub enum Claim {
    /// The first one: links of later ones come here.
    First(Links),
    /// A window is there already, and has the link now.
    HandedOver,
    /// No window is there, but this one cannot be found by others.
    Unclear,
}

/// The links of later starts.
pub struct Links {
    received: Receiver<String>,
    wake: Arc<OnceLock<Wake>>,
}

impl Links {
    /// Has the window drawn again when a link comes.
    pub fn wake(&self, wake: Wake) {
        // Only one window takes them.
        let _ = self.wake.set(wake);
    }

    /// The links that have come.
    pub fn take(&self) -> Vec<String> {
        self.received.try_iter().collect()
    }
}

/// Hands `link` (or nothing, to be shown) to the window that is there, or becomes it.
pub fn claim(home: &Home, link: &str) -> Claim {
    let file = home.root().join("gui.instance");
    if hand_over(&file, link).is_ok() {
        return Claim::HandedOver;
    }
    match listen(&file) {
        Ok(links) => Claim::First(links),
        Err(error) => {
            tracing::warn!(%error, "a second window cannot be led to this one");
            Claim::Unclear
        }
    }
}

fn hand_over(file: &Path, link: &str) -> io::Result<()> {
    let mut known = String::new();
    std::fs::File::open(file)?.take(MAX_LINE).read_to_string(&mut known)?;
    let (port, secret) = known.trim().split_once(' ').ok_or(io::ErrorKind::InvalidData)?;
    let port: u16 = port.parse().map_err(io::Error::other)?;
    let mut stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{secret} {}\n", link.trim()).as_bytes())?;
    match line(&stream)?.as_str() {
        "taken" => Ok(()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn listen(file: &Path) -> io::Result<Links> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut secret = [0; 16];
    getrandom::fill(&mut secret).map_err(io::Error::other)?;
    let secret = HEXLOWER.encode(&secret);
    let known = format!("{} {secret}\n", listener.local_addr()?.port());
    write_private(file, known.as_bytes()).map_err(io::Error::other)?;
    let (sender, received) = sync_channel(MAX_WAITING);
    let links = Links { received, wake: Arc::default() };
    let wake = Arc::clone(&links.wake);
    std::thread::Builder::new().name("coffer-instance".to_owned()).spawn(move || {
        for stream in listener.incoming().flatten() {
            // One at a time, and each for a moment only.
            if take(&stream, &secret, &sender).is_ok()
                && let Some(wake) = wake.get()
            {
                wake();
            }
        }
    })?;
    Ok(links)
}

fn take(mut stream: &TcpStream, secret: &str, links: &SyncSender<String>) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let said = line(stream)?;
    let Some((known, link)) = said.split_once(' ') else { return Ok(()) };
    if known == secret && links.try_send(link.to_owned()).is_ok() {
        stream.write_all(b"taken\n")?;
    }
    Ok(())
}

fn line(stream: &TcpStream) -> io::Result<String> {
    let mut text = String::new();
    BufReader::new(stream.take(MAX_LINE)).read_line(&mut text)?;
    Ok(text.trim_end_matches('\n').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The link that comes next.
    fn next(links: &Links) -> String {
        links.received.recv_timeout(Duration::from_secs(5)).expect("a link")
    }

    fn first(home: &Home) -> Links {
        match claim(home, "") {
            Claim::First(links) => links,
            _ => panic!("somebody else is there"),
        }
    }

    #[test]
    fn a_second_start_hands_its_link_to_the_first() {
        let dir = tempfile::tempdir().expect("directory");
        let home = Home::at(dir.path());
        let links = first(&home);
        assert!(matches!(claim(&home, "coffer://a:1/"), Claim::HandedOver));
        assert_eq!(next(&links), "coffer://a:1/");
        assert!(matches!(claim(&home, ""), Claim::HandedOver));
        assert_eq!(next(&links), "");
    }

    #[test]
    fn a_file_that_leads_nowhere_or_to_somebody_else_is_replaced() {
        let dir = tempfile::tempdir().expect("directory");
        let home = Home::at(dir.path());
        let file = dir.path().join("gui.instance");
        for text in ["", "1 x", "nonsense", "99999 x"] {
            std::fs::write(&file, text).expect("write");
            drop(first(&home));
        }
        let links = first(&home);
        // The right port, but not the secret.
        let known = std::fs::read_to_string(&file).expect("read");
        let port = known.split(' ').next().expect("a port");
        std::fs::write(&file, format!("{port} 00\n")).expect("write");
        assert!(hand_over(&file, "coffer://b:1/").is_err());
        assert!(links.take().is_empty());
    }
}
