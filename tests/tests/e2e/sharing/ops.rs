//! What each operation of the table sends, and what a success must look like.

use super::scene::{Cast, NEW, OLD, Scene};
use super::table::{Op, Subject, Way};
use coffer_protocol::message::share::{Mode, WhichShares};
use coffer_protocol::message::tree::Expect;
use coffer_protocol::{ErrorCode, NodeId, Place, WireError};
use coffer_tests::person::{Answer, Person, inside, node_place, user};

/// Tries it. `Ok` means that it was done, and that the result was looked at.
pub(crate) async fn perform(op: Op, cast: &Cast, scene: &Scene) -> Answer<()> {
    let actor = scene.actor(cast);
    let (target, file) = (node_place(scene.target()), node_place(scene.file()));
    let directory = node_place(scene.directory());
    match op {
        Op::Ls => assert!(!actor.list(&directory).await?.is_empty()),
        Op::Stat => assert_eq!(actor.stat(&target).await?.node, scene.target()),
        Op::Read => assert_eq!(actor.read(&file, None).await?, NEW),
        Op::Get => return download(actor, scene).await,
        Op::Find => {
            assert!(!actor.walk(&directory, Some("F*")).await?.is_empty());
        }
        Op::Versions => assert_eq!(actor.versions(&file).await?.len(), 2),
        Op::ReadOld => {
            let first = revisions(cast, scene.file()).await[1];
            assert_eq!(actor.read(&file, Some(first)).await?, OLD);
        }
        Op::CopyOut => return copy_out(actor, cast, scene).await,
        Op::Activity => drop(actor.activity(Some(&target), None).await?),
        Op::ListTrash => {
            let place = node_place(scene.inner);
            let trash = actor.trash_in(&place).await?;
            assert!(trash.iter().any(|trashed| trashed.entry.node == scene.gone));
        }
        Op::ShareList => drop(actor.shares(WhichShares::Of(target)).await?),
        _ => return change(op, cast, scene).await,
    }
    Ok(())
}

/// The same for what changes something.
async fn change(op: Op, cast: &Cast, scene: &Scene) -> Answer<()> {
    let actor = scene.actor(cast);
    let (target, file) = (node_place(scene.target()), node_place(scene.file()));
    let free = |name: &str| inside(scene.directory(), &format!("{name}-{}", scene.number));
    match op {
        Op::Mkdir => {
            let name = format!("new-{}", scene.number);
            let made = actor.mkdir(&node_place(scene.directory()), &name).await?;
            assert_eq!(cast.owner.stat(&node_place(made)).await?.parent, scene.directory());
        }
        Op::Put => written(actor.put(&free("put"), b"new", Expect::Absent).await?.node, cast).await,
        Op::Upload => {
            let big = vec![3; 70_000];
            written(actor.put_big(&free("upload"), &big, Expect::Absent).await?.node, cast).await;
        }
        Op::Overwrite => {
            actor.put(&file, b"third", Expect::Anything).await?;
            assert_eq!(cast.owner.read(&file, None).await?, b"third");
            let versions = cast.owner.versions(&file).await?;
            assert_eq!((versions.len(), &versions[0].author), (3, &actor.name));
        }
        Op::CopyIn => {
            let (own, _) = scene.own_file(cast).await;
            written(actor.cp(&own, &free("copied")).await?, cast).await;
        }
        Op::CopyInside => written(actor.cp(&file, &free("copied")).await?, cast).await,
        Op::MoveIn => return move_in(actor, cast, scene, &free("moved")).await,
        Op::Rename => {
            actor.mv(&target, &renamed(cast, scene).await).await?;
        }
        Op::MoveInside => {
            actor.mv(&target, &free("moved")).await?;
            assert_eq!(cast.owner.stat(&target).await?.parent, scene.directory());
        }
        Op::MoveOut => return move_out(actor, cast, scene).await,
        Op::Rm => {
            actor.rm(&target).await?;
            let trash = cast.owner.trash().await?;
            assert!(trash.iter().any(|trashed| trashed.entry.node == scene.target()));
        }
        Op::Restore => {
            actor.restore(scene.gone, None).await?;
            assert_eq!(cast.owner.stat(&inside(scene.inner, "gone")).await?.node, scene.gone);
        }
        Op::RestoreVersion => {
            let first = revisions(cast, scene.file()).await[1];
            actor.restore_version(&file, first).await?;
            assert_eq!(cast.owner.read(&file, None).await?, OLD);
        }
        Op::Purge => return purge(actor, cast, scene).await,
        Op::PurgeVersions => assert_eq!(actor.purge_versions(&file).await?, 1),
        Op::Reshare => {
            let with =
                if actor.name == cast.stranger.name { &cast.recipient } else { &cast.stranger };
            actor.share(&target, &user(&with.name), Mode::Read).await?;
        }
        Op::Unshare => return unshare(actor, cast, scene).await,
        Op::Leave => {
            actor.leave(scene.target()).await?;
            if matches!(scene.way, Way::Read | Way::Write) {
                let gone = actor.stat(&target).await.map_err(|error| error.code);
                assert_eq!(gone, Err(ErrorCode::NOT_FOUND));
            }
        }
        other => unreachable!("{other:?} only reads"),
    }
    Ok(())
}

async fn revisions(cast: &Cast, file: NodeId) -> Vec<u64> {
    let versions = cast.owner.versions(&node_place(file)).await.expect("versions");
    versions.into_iter().map(|version| version.revision).collect()
}

/// What is made in a tree belongs to the owner of the tree.
async fn written(node: NodeId, cast: &Cast) {
    cast.owner.stat(&node_place(node)).await.expect("the owner's");
}

/// A new name beside the old one. The parent of a shared root is not shared:
/// there the name is one in another directory in which the person may write.
async fn renamed(cast: &Cast, scene: &Scene) -> Place {
    let name = format!("renamed-{}", scene.number);
    let actor = scene.actor(cast);
    if actor.stat(&node_place(scene.parent())).await.is_ok() || actor.name == cast.stranger.name {
        return inside(scene.parent(), &name);
    }
    let (home, number) = (cast.owner.own(""), cast.next());
    let writable = cast.owner.mkdir(&home, &format!("writable-{number}")).await;
    let writable = writable.expect("a directory");
    let shared = cast.owner.share(&node_place(writable), &user(&actor.name), Mode::Write).await;
    shared.expect("shared");
    inside(writable, &name)
}

async fn download(actor: &Person, scene: &Scene) -> Answer<()> {
    if scene.subject != Subject::Directory {
        assert_eq!(actor.read_batch(scene.file()).await?, NEW);
        return Ok(());
    }
    for found in actor.walk(&node_place(scene.inner), None).await? {
        if found.entry.name == "f" {
            assert_eq!(actor.read_batch(found.entry.node).await?, NEW);
        }
    }
    Ok(())
}

async fn copy_out(actor: &Person, cast: &Cast, scene: &Scene) -> Answer<()> {
    let to = actor.own(&format!("copy-{}", cast.next()));
    match scene.subject {
        Subject::Directory => {
            let root = actor.make_dirs(&actor.own(""), &[&to.names[0]]).await?[0];
            actor.cp(&inside(scene.inner, "f"), &inside(root, "f")).await?;
        }
        _ => drop(actor.cp(&node_place(scene.file()), &to).await?),
    }
    Ok(())
}

/// As between file systems: copied, and the original deleted.
async fn move_in(actor: &Person, cast: &Cast, scene: &Scene, to: &Place) -> Answer<()> {
    let (own, node) = scene.own_file(cast).await;
    match actor.mv(&own, to).await {
        Err(error) if error.code == ErrorCode::OTHER_OWNER => {
            written(actor.cp(&own, to).await?, cast).await;
            actor.rm(&own).await?;
        }
        other => {
            other?;
        }
    }
    assert_ne!(actor.stat(&own).await.ok().map(|entry| entry.node), Some(node));
    Ok(())
}

async fn move_out(actor: &Person, cast: &Cast, scene: &Scene) -> Answer<()> {
    let to = actor.own(&format!("moved-{}", cast.next()));
    let target = node_place(scene.target());
    match actor.mv(&target, &to).await {
        Err(error) if error.code == ErrorCode::OTHER_OWNER => {
            copy_out(actor, cast, scene).await?;
            actor.rm(&target).await?;
        }
        other => {
            other?;
        }
    }
    Ok(())
}

/// A purge says how much it has purged; what is not there is nothing.
async fn purge(actor: &Person, cast: &Cast, scene: &Scene) -> Answer<()> {
    let count = actor.purge(&[scene.gone]).await?;
    if !cast.owner.trash_in(&node_place(scene.inner)).await?.is_empty() {
        assert_eq!(count, 0);
        return Err(WireError::new(ErrorCode::NOT_FOUND, "nothing was purged", ""));
    }
    assert_eq!(count, 1);
    Ok(())
}

/// The owner's own turn needs something to take back.
async fn unshare(actor: &Person, cast: &Cast, scene: &Scene) -> Answer<()> {
    let (target, with) = (node_place(scene.target()), user(&cast.recipient.name));
    if actor.name == cast.owner.name {
        actor.share(&target, &with, Mode::Read).await?;
    }
    actor.unshare(&target, &with).await?;
    let left = cast.owner.shares(WhichShares::Of(target)).await?;
    assert!(left.is_empty(), "{left:?}");
    Ok(())
}
