//! Whose things there are to be had.

use coffer_protocol::message::share::{GroupEdit, Mode, WhichShares};
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{NodeId, Place};
use coffer_tests::person::{Person, inside, node_place, user};
use coffer_tests::{Engine, Server};

pub(crate) const SECRET: &[u8] = b"what nobody else may read";

/// Ada's tree:
///
/// ```text
/// /private/secret            two versions
/// /private/gone              in the trash
/// /private/shared/f, d/f     Bob: WRITE
/// /private/shared/gone       in the trash
/// /readable/f                Bob: READ
/// ```
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) ada: Person,
    pub(crate) bob: Person,
    pub(crate) eve: Person,
    pub(crate) private: NodeId,
    pub(crate) secret: NodeId,
    pub(crate) gone: NodeId,
    pub(crate) shared: NodeId,
    pub(crate) deep: NodeId,
    pub(crate) file: NodeId,
    pub(crate) gone_inside: NodeId,
    pub(crate) readable: NodeId,
}

impl Stage {
    pub(crate) async fn set(engine: Engine) -> Self {
        let server = Server::start(engine);
        let link = server.link().parse().expect("a link");
        let ada = Person::sign_up(&link, "ada").await;
        let bob = Person::sign_up(&link, "bob").await;
        let eve = Person::sign_up(&link, "eve").await;
        let paths = ["private", "private/shared", "private/shared/d", "readable"];
        let nodes = ada.make_dirs(&ada.own(""), &paths).await.expect("directories");
        let [private, shared, deep, readable] = nodes[..] else { panic!("four") };
        let put = async |place: Place, data: &[u8]| {
            ada.put(&place, data, Expect::Anything).await.expect("written").node
        };
        put(inside(private, "secret"), b"an older secret").await;
        let secret = put(inside(private, "secret"), SECRET).await;
        let gone = put(inside(private, "gone"), SECRET).await;
        let file = put(inside(shared, "f"), b"for bob").await;
        put(inside(deep, "f"), b"for bob").await;
        let gone_inside = put(inside(shared, "gone"), b"was for bob").await;
        put(inside(readable, "f"), b"for bob").await;
        for node in [gone, gone_inside] {
            ada.rm(&node_place(node)).await.expect("deleted");
        }
        let bobs = user(&bob.name);
        ada.share(&node_place(shared), &bobs, Mode::Write).await.expect("shared");
        ada.share(&node_place(readable), &bobs, Mode::Read).await.expect("shared");
        let members = GroupEdit::Create(vec![bob.name.clone()]);
        ada.edit_group("team", members).await.expect("a group");
        for person in [&bob, &eve] {
            person.put(&person.own("own"), b"own", Expect::Absent).await.expect("written");
        }
        Self {
            server,
            ada,
            bob,
            eve,
            private,
            secret,
            gone,
            shared,
            deep,
            file,
            gone_inside,
            readable,
        }
    }

    /// Everything of Ada's, as she sees it.
    pub(crate) async fn state(&self) -> String {
        let ada = &self.ada;
        let tree = ada.walk(&ada.own(""), None).await.expect("a tree");
        let trash = ada.trash().await.expect("a trash");
        let shares = ada.shares(WhichShares::ByMe).await.expect("shares");
        let versions = ada.versions(&node_place(self.secret)).await.expect("versions");
        let groups = ada.groups().await.expect("groups");
        let (nodes, bytes) = (ada.account().await.nodes, ada.account().await.bytes);
        format!("{tree:#?} {trash:#?} {shares:#?} {versions:#?} {groups:#?} {nodes} {bytes}")
    }
}
