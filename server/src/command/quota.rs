//! `users quota`: what a user may store, and how it is said.

use super::users::{ATTEMPTS, find, name_of, usage, with_store};
use crate::args::UserQuota;
use crate::failure::{Code, Failure, Outcome};
use crate::install::Installation;
use crate::{explain, output, size};
use coffer_protocol::UserId;
use coffer_service::admin::{self, AdminError};
use coffer_service::{Allowance, Limit, Quota};
use coffer_store::{Store, Usage};
use serde_json::json;

/// The word for what the configuration says.
const DEFAULT: &str = "default";

/// What was asked for; `None` leaves a limit as it is.
struct Wish {
    bytes: Option<Limit>,
    nodes: Option<Limit>,
}

impl Wish {
    fn read(args: &UserQuota) -> Outcome<Self> {
        let number = |text: &str| text.trim().parse().ok();
        Ok(Self {
            bytes: wished(args.bytes.as_deref(), size::parse, "an amount such as 50G")?,
            nodes: wished(args.files.as_deref(), number, "a number")?,
        })
    }

    fn is_none(&self) -> bool {
        self.bytes.is_none() && self.nodes.is_none()
    }

    fn onto(&self, old: Quota) -> Quota {
        Quota { bytes: self.bytes.unwrap_or(old.bytes), nodes: self.nodes.unwrap_or(old.nodes) }
    }
}

fn wished(
    text: Option<&str>,
    parse: impl Fn(&str) -> Option<u64>,
    wanted: &str,
) -> Outcome<Option<Limit>> {
    let Some(text) = text else { return Ok(None) };
    let limit = match text.trim() {
        size::NONE => Some(Limit::Unlimited),
        DEFAULT => Some(Limit::Default),
        number => parse(number).map(Limit::Most),
    };
    let refused = || {
        let what = format!("'{text}' is no limit");
        Failure::new(Code::Usage, what).hint(format!("Give {wanted}, `none` or `default`."))
    };
    limit.ok_or_else(refused).map(Some)
}

/// Sets what a user may store, and says what holds now.
pub(crate) fn run(args: &UserQuota) -> Outcome {
    let wish = Wish::read(args)?;
    let installation = Installation::load(&args.user.place)?;
    with_store(&installation, async |store| {
        let user = find(store, &installation, &args.user.user).await?;
        if !wish.is_none() {
            change(store, user.user, &wish).await?;
        }
        let standing = Standing::read(store, &installation, user.user).await?;
        let name = name_of(&installation, &user);
        match args.user.json {
            true => {
                let mut document = standing.document();
                document["user"] = json!(name);
                output::json(&document);
            }
            false => output::line(&format!("{name}: {}; {}", standing.bytes(), standing.nodes())),
        }
        Ok(())
    })
}

async fn change(store: &Store, user: UserId, wish: &Wish) -> Outcome {
    for _ in 0..ATTEMPTS {
        match admin::change_quota(store, user, |old| wish.onto(old)).await {
            Ok(_) => return Ok(()),
            Err(AdminError::Contended) => {}
            Err(error) => return Err(explain::admin(&error)),
        }
    }
    Err(explain::admin(&AdminError::Contended))
}

/// What a user has and may have.
pub(crate) struct Standing {
    /// What is in use.
    pub(crate) usage: Usage,
    quota: Quota,
    allowance: Allowance,
}

impl Standing {
    /// Reads it.
    pub(crate) async fn read(
        store: &Store,
        installation: &Installation,
        user: UserId,
    ) -> Outcome<Self> {
        let usage = usage(store, user).await?;
        let quota = admin::quota(store, user).await.map_err(|error| explain::admin(&error))?;
        let allowance = quota.over(installation.config.allowance());
        Ok(Self { usage, quota, allowance })
    }

    /// For programs; a limit that is not there is null.
    pub(crate) fn document(&self) -> serde_json::Value {
        let own = |limit| limit != Limit::Default;
        json!({
            "nodes": self.usage.nodes,
            "bytes": self.usage.bytes,
            "most_nodes": self.allowance.nodes,
            "most_bytes": self.allowance.bytes,
            "own_most_nodes": own(self.quota.nodes),
            "own_most_bytes": own(self.quota.bytes),
        })
    }

    /// The limit of bytes, in a word.
    pub(crate) fn most(&self) -> String {
        self.allowance.bytes.map_or_else(|| size::NONE.to_owned(), output::bytes)
    }

    /// Bytes in use, of those that are allowed.
    pub(crate) fn bytes(&self) -> String {
        let used = output::bytes(self.usage.bytes);
        match self.allowance.bytes {
            Some(most) => format!("{used} of {} stored ({})", output::bytes(most), self.by()),
            None => format!("{used} stored, no limit"),
        }
    }

    fn by(&self) -> &'static str {
        match self.quota.bytes {
            Limit::Default => "by the configuration",
            _ => "set for this user",
        }
    }

    /// Files and directories, of those that are allowed.
    pub(crate) fn nodes(&self) -> String {
        let nodes = self.usage.nodes;
        match self.allowance.nodes {
            Some(most) => format!("{nodes} of {most} files and directories"),
            None => format!("{nodes} files and directories"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_leaves_alone_what_it_does_not_name() {
        let bytes = wished(Some("50G"), size::parse, "").ok().flatten();
        assert_eq!(bytes, Some(Limit::Most(50 << 30)));
        assert_eq!(wished(Some("none"), size::parse, "").ok(), Some(Some(Limit::Unlimited)));
        assert_eq!(wished(Some("default"), size::parse, "").ok(), Some(Some(Limit::Default)));
        assert_eq!(wished(None, size::parse, "").ok(), Some(None));
        assert!(wished(Some("much"), size::parse, "").is_err());
        let old = Quota { bytes: Limit::Default, nodes: Limit::Most(7) };
        let new = Wish { bytes, nodes: None }.onto(old);
        assert_eq!(new, Quota { bytes: Limit::Most(50 << 30), nodes: Limit::Most(7) });
    }
}
