//! What a recipient calls what is shared.
//!
//! Guarantees: of the things that one owner shares with a user, no two have the
//! same name; the one that was shared first keeps its name as it is, whatever
//! comes later; the name of every other one says by its share which it is.

use coffer_protocol::ShareId;
use coffer_protocol::limits::MAX_NAME_BYTES;
use std::collections::HashSet;
use unicode_normalization::UnicodeNormalization;

/// Fewest characters of a share's id in a name.
const SHORTEST: usize = 4;

/// One thing that an owner shares with the user.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    /// Its own name; `None` when it cannot be opened.
    pub(super) name: Option<String>,
    pub(super) created_millis: i64,
    pub(super) share: ShareId,
}

/// The form in which names are compared.
pub(super) fn same_form(name: &str) -> String {
    name.nfc().collect()
}

/// A name with some of the share's id, short enough to be a name.
fn told_apart(name: &str, id: &str) -> String {
    let room = MAX_NAME_BYTES.saturating_sub(id.len() + 1);
    format!("{}~{id}", &name[..name.floor_char_boundary(room)])
}

/// The name of each of the things that one owner shares with the user.
pub(super) fn shown_names(claims: &[Claim]) -> Vec<String> {
    let mut order: Vec<usize> = (0..claims.len()).collect();
    order.sort_by_key(|at| (claims[*at].created_millis, claims[*at].share));
    let mut shown = vec![None; claims.len()];
    let mut taken = HashSet::with_capacity(claims.len());
    for at in &order {
        if let Some(name) = &claims[*at].name
            && taken.insert(same_form(name))
        {
            shown[*at] = Some(name.clone());
        }
    }
    for at in order {
        if shown[at].is_none() {
            let claim = &claims[at];
            let (name, id) = (claim.name.as_deref().unwrap_or_default(), claim.share.to_string());
            let mut apart = (SHORTEST..=id.len()).map(|end| told_apart(name, &id[..end]));
            shown[at] = apart.find(|name| taken.insert(same_form(name)));
        }
    }
    // Two shares with one id do not exist; a name that is taken at full length
    // was given by somebody who copied it, and stays with them.
    shown.into_iter().map(Option::unwrap_or_default).collect()
}

/// Splits `name~xxxx` into the name and the beginning of a share's id.
pub(super) fn parted(name: &str) -> Option<(&str, &str)> {
    let (name, id) = name.rsplit_once('~')?;
    let is_id = id.len() >= SHORTEST && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then_some((name, id))
}

/// Whether a thing of this name could be meant by what was asked for.
pub(super) fn could_mean(name: Option<&str>, asked: &str) -> bool {
    let asked = same_form(asked);
    let base = parted(&asked).map(|(base, _)| base);
    match name.map(same_form) {
        None => base == Some(""),
        // A long name is cut to make room for the id.
        Some(name) => name == asked || base.is_some_and(|base| name.starts_with(base)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(name: &str, created_millis: i64, share: u8) -> Claim {
        let share = ShareId([share; 16]);
        Claim { name: Some(name.to_owned()), created_millis, share }
    }

    #[test]
    fn the_first_keeps_the_name_and_the_others_are_told_apart() {
        let claims =
            [claim("d", 2, 0xab), claim("d", 1, 0xcd), claim("e", 9, 1), claim("d", 3, 0xef)];
        assert_eq!(shown_names(&claims), ["d~abab", "d", "e", "d~efef"]);
        let same_time = [claim("d", 1, 2), claim("d", 1, 1)];
        assert_eq!(shown_names(&same_time), ["d~0202", "d"]);
    }

    #[test]
    fn names_of_one_form_are_one_name() {
        let claims = [claim("u\u{308}", 1, 1), claim("\u{fc}", 2, 2)];
        assert_eq!(shown_names(&claims), ["u\u{308}", "\u{fc}~0202"]);
    }

    #[test]
    fn more_of_the_id_is_shown_when_it_is_needed() {
        let near = ShareId([2, 2, 2, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]);
        let nearer = Claim { share: near, ..claim("d", 3, 0) };
        let claims =
            [claim("d", 1, 1), claim("d", 2, 2), nearer, claim("d~0202", 9, 7), claim("d", 4, 2)];
        let shown = shown_names(&claims);
        assert_eq!(shown[..4], ["d", "d~02020", "d~020202", "d~0202"]);
        let different: HashSet<_> = shown.iter().collect();
        assert_eq!(different.len(), shown.len());
    }

    #[test]
    fn what_cannot_be_opened_is_called_by_its_share() {
        let claims = [Claim { name: None, ..claim("", 1, 0x1f) }, claim("d", 2, 2)];
        assert_eq!(shown_names(&claims), ["~1f1f", "d"]);
        assert!(could_mean(None, "~1f1f"));
        assert!(!could_mean(None, "d"));
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let long = "\u{fc}".repeat(127);
        let shown = shown_names(&[claim(&long, 1, 1), claim(&long, 2, 2)]);
        assert_eq!(shown[1], format!("{}~0202", "\u{fc}".repeat(125)));
        assert!(could_mean(Some(&long), &shown[1]));
    }

    #[test]
    fn an_id_is_told_from_a_name() {
        assert_eq!(parted("d~0aF3"), Some(("d", "0aF3")));
        assert_eq!(parted("d~x~0aF3"), Some(("d~x", "0aF3")));
        assert_eq!(parted("d~0aF"), None);
        assert_eq!(parted("d~backup"), None);
        assert_eq!(parted("d"), None);
    }
}
