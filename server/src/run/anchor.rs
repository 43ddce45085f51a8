//! The anchor: the newest position that this server has acknowledged, kept
//! outside the database and authenticated with the master key.
//!
//! Guarantees: a database that was put back to an older state, or to another
//! history, is noticed at start and not served unless the operator says so; the
//! anchor never runs ahead of what is committed.

use crate::data_dir::{self, DataDir};
use crate::failure::{Code, Failure, Outcome};
use coffer_crypto::ServerSecret;
use coffer_protocol::{Position, ServerId};
use data_encoding::HEXLOWER;

const MAGIC: &str = "coffer-anchor";
const FORMAT: u32 = 1;

/// A point of the history: where, and the hash of everything up to there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Anchor {
    /// Where.
    pub position: Position,
    /// Chain hash of the journal at that entry.
    pub chain: [u8; 32],
}

impl Anchor {
    /// What the MAC is over.
    fn image(&self, server_id: &ServerId) -> Vec<u8> {
        let mut image = Vec::with_capacity(16 + 4 + 32 + 16 + 32);
        image.extend_from_slice(MAGIC.as_bytes());
        image.extend_from_slice(&FORMAT.to_be_bytes());
        image.extend_from_slice(server_id.as_bytes());
        image.extend_from_slice(&self.position.epoch.to_be_bytes());
        image.extend_from_slice(&self.position.seq.to_be_bytes());
        image.extend_from_slice(&self.chain);
        image
    }

    fn to_text(self, server_id: &ServerId, secret: &ServerSecret) -> String {
        let mac = secret.anchor_mac(&self.image(server_id));
        format!(
            "{MAGIC} {FORMAT}\nepoch {}\nseq {}\nchain {}\nmac {}\n",
            self.position.epoch,
            self.position.seq,
            HEXLOWER.encode(&self.chain),
            HEXLOWER.encode(&mac),
        )
    }

    fn parse(text: &str, server_id: &ServerId, secret: &ServerSecret) -> Option<Self> {
        let mut lines = text.lines();
        let mut value = |key: &str| {
            let (name, value) = lines.next()?.split_once(' ')?;
            (name == key).then_some(value)
        };
        let hash = |text: &str| HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok();
        if value(MAGIC)?.parse() != Ok(FORMAT) {
            return None;
        }
        let epoch = value("epoch")?.parse().ok()?;
        let seq = value("seq")?.parse().ok()?;
        let chain: [u8; 32] = hash(value("chain")?)?;
        let mac: [u8; 32] = hash(value("mac")?)?;
        let anchor = Self { position: Position { epoch, seq }, chain };
        // The file is no secret and nobody can ask twice: plain comparison will do.
        (secret.anchor_mac(&anchor.image(server_id)) == mac).then_some(anchor)
    }

    /// Writes the anchor.
    pub(crate) fn write(
        self,
        data: &DataDir,
        server_id: &ServerId,
        secret: &ServerSecret,
    ) -> Outcome {
        data_dir::write(&data.anchor_path(), self.to_text(server_id, secret).as_bytes())
    }

    /// Reads the anchor; `None` if the file is missing.
    pub(crate) fn read(
        data: &DataDir,
        server_id: &ServerId,
        secret: &ServerSecret,
    ) -> Outcome<Option<Self>> {
        let path = data.anchor_path();
        if !path.exists() {
            return Ok(None);
        }
        let text = data_dir::read_text(&path)?;
        match Self::parse(&text, server_id, secret) {
            Some(anchor) => Ok(Some(anchor)),
            None => Err(Failure::new(
                Code::FileDamaged,
                format!("{} is damaged or belongs to another installation", path.display()),
            )
            .hint(
                "Restore it from a backup. If it cannot be had, make sure that the database is \
                 the newest one, remove the file and start once with --accept-rollback.",
            )),
        }
    }
}

/// What the database says about the anchored position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Newest position.
    pub position: Position,
    /// Chain hash at the anchored entry, if the journal still has it.
    pub chain_at_anchor: Option<[u8; 32]>,
}

/// There is no anchor.
pub(crate) fn missing() -> Failure {
    rolled_back(
        "the file `anchor` is missing, so nobody can tell whether the database is the newest one"
            .to_owned(),
    )
}

fn rolled_back(message: String) -> Failure {
    Failure::new(Code::RolledBack, message).hint(
        "Bring the newest database back. If this is a restored backup and you know that what \
         came after it is lost, start once with --accept-rollback.",
    )
}

impl Anchor {
    /// Compares the anchor with the database.
    pub(crate) fn compare(self, head: Head) -> Outcome {
        let (mine, theirs) = (self.position, head.position);
        if theirs.seq < mine.seq || theirs.epoch < mine.epoch {
            return Err(rolled_back(format!(
                "the database is at position {theirs}, but this server had acknowledged \
                 everything up to {mine}"
            )));
        }
        match head.chain_at_anchor {
            Some(chain) if chain != self.chain => Err(rolled_back(format!(
                "the history in the database differs from what this server had acknowledged at \
                 {mine}"
            ))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_crypto::MasterKey;

    fn secret() -> ServerSecret {
        ServerSecret::derive(&MasterKey::generate().unwrap(), &[1; 32])
    }

    fn anchor(epoch: u64, seq: u64) -> Anchor {
        Anchor { position: Position { epoch, seq }, chain: [5; 32] }
    }

    fn head(epoch: u64, seq: u64, chain: Option<[u8; 32]>) -> Head {
        Head { position: Position { epoch, seq }, chain_at_anchor: chain }
    }

    #[test]
    fn an_anchor_reads_back_and_any_change_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let (data, secret, id) = (DataDir::new(dir.path()), secret(), ServerId([2; 32]));
        assert_eq!(Anchor::read(&data, &id, &secret).unwrap(), None);
        anchor(1, 77).write(&data, &id, &secret).unwrap();
        assert_eq!(Anchor::read(&data, &id, &secret).unwrap(), Some(anchor(1, 77)));
        let text = std::fs::read_to_string(data.anchor_path()).unwrap();
        std::fs::write(data.anchor_path(), text.replace("seq 77", "seq 70")).unwrap();
        assert_eq!(Anchor::read(&data, &id, &secret).unwrap_err().code, Code::FileDamaged);
        std::fs::write(data.anchor_path(), &text).unwrap();
        assert!(Anchor::read(&data, &ServerId([3; 32]), &secret).is_err());
        assert!(Anchor::read(&data, &id, &self::secret()).is_err());
    }

    #[test]
    fn only_the_same_history_at_least_as_new_is_served() {
        let old = anchor(2, 100);
        assert!(old.compare(head(2, 100, Some([5; 32]))).is_ok());
        assert!(old.compare(head(2, 200, Some([5; 32]))).is_ok());
        assert!(old.compare(head(3, 200, None)).is_ok());
        for bad in [head(2, 99, None), head(1, 200, None), head(2, 200, Some([6; 32]))] {
            assert_eq!(old.compare(bad).unwrap_err().code, Code::RolledBack, "{bad:?}");
        }
        assert_eq!(missing().code, Code::RolledBack);
    }
}
