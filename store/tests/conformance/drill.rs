//! A restore drill: everything, a sample, and what cannot be restored.

use crate::following::replica;
use crate::loading::furnished;
use crate::site::Site;
use coffer_store::{CheckOptions, Extent, Role, Store};
use std::path::{Path, PathBuf};

fn chunk_files(data: &Path) -> Vec<PathBuf> {
    let shards = std::fs::read_dir(data.join("chunks")).unwrap();
    let files = shards.flat_map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

async fn problems(store: &Store) -> u64 {
    store.check(CheckOptions::default(), |_| {}).await.unwrap().counts.problems
}

pub(crate) async fn a_drill_restores_everything_or_a_sample(site: Site) {
    let (source, _) = furnished(&site).await;
    let expected = problems(&source).await;
    let copy_site = site.another();
    let copy = replica(&copy_site).await;
    let report = source.drill(&copy, Extent::All, &|_| {}).await.unwrap();
    assert_eq!((report.problem_count, report.chunks), (expected, 5), "{:?}", report.problems);
    assert_eq!(report.position, source.position().await.unwrap());
    assert_eq!(copy.state_root().await.unwrap(), source.state_root().await.unwrap());
    assert_eq!((copy.role(), source.role()), (Role::Replica, Role::Primary));
    let files = |site: &Site| chunk_files(&site.config.data_dir).len();
    assert_eq!(files(&copy_site), files(&site));
    let versions = report.versions;
    let few_site = site.another();
    let few = replica(&few_site).await;
    let report = source.drill(&few, Extent::Sample(1), &|_| {}).await.unwrap();
    assert_eq!(report.versions, 1);
    assert!(files(&few_site) <= 5);
    let all_site = site.another();
    let all = replica(&all_site).await;
    let report = source.drill(&all, Extent::Sample(100_000), &|_| {}).await.unwrap();
    assert_eq!(report.versions, versions);
    for store in [source, copy, few, all] {
        store.shutdown().await.unwrap();
    }
}

pub(crate) async fn a_drill_names_what_cannot_be_restored(site: Site) {
    let (source, _) = furnished(&site).await;
    let expected = problems(&source).await;
    let file = chunk_files(&site.config.data_dir).pop().unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let blob = file.file_name().unwrap().to_str().unwrap().split('.').next().unwrap().to_owned();
    for extent in [Extent::All, Extent::Sample(100_000)] {
        let copy_site = site.another();
        let copy = replica(&copy_site).await;
        let report = source.drill(&copy, extent, &|_| {}).await.unwrap();
        assert!(report.problem_count > expected, "{report:?}");
        let about = |text: &String| text.contains(&blob);
        let named = report.problems.iter().any(|one| about(&one.object) || about(&one.detail));
        assert!(named, "{:?}", report.problems);
        assert!(report.problems.iter().any(|one| one.owner.is_some()));
        copy.shutdown().await.unwrap();
    }
    // The machine itself is not changed, not even by a quarantine.
    assert!(file.exists());
    source.shutdown().await.unwrap();
}
