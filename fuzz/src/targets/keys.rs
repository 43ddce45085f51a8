//! Master keys and recovery keys, as typed.

use super::{Outcome, Target, refused, text};
use coffer_crypto::{MasterKey, RecoveryKey};

pub(super) const TARGET: Target = Target {
    name: "keys",
    words: &[b"coffer-master-key-1 ", b"coffer-master-key-2 ", b"-", b" ", b"O", b"I", b"l", b"U"],
    corpus: || {
        [
            "coffer-master-key-1 000G-40R4-0M30-E209-185G-R38E-1W81-24GK-2GAH-C5RR-34D1-P70X-3RFW-5DQD",
            "E1RQ-4WVM-ENV7-EY3S-F9XQ-RZBY-FY08-30M3-GJ2R-D1W8-H658-Q34D-HT7T-YATV",
        ]
        .map(|key| key.as_bytes().to_vec())
        .to_vec()
    },
    run,
};

fn run(input: &[u8]) -> Outcome {
    let text = text(input);
    if text.trim_start().starts_with("coffer") {
        let key = MasterKey::parse_file_text(&text).map_err(refused)?;
        let written = key.to_file_text();
        let again = MasterKey::parse_file_text(&written).map_err(refused)?;
        assert!(*again.to_file_text() == *written, "a master key does not read back");
    } else {
        let key = RecoveryKey::parse(&text).map_err(refused)?;
        let written = key.to_text();
        let again = RecoveryKey::parse(&written).map_err(refused)?;
        assert!(*again.to_text() == *written, "a recovery key does not read back");
    }
    Ok(())
}
