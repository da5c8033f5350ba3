use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;

const PLUGIN: Hash256 = [1; 32];
const CODE: &[u8] = b"compiled code";

fn open(folder: &TempDir, key: u8) -> Cache {
    Cache::open(folder.path(), &[key; 32], &Engine::default()).unwrap()
}

fn written() -> (TempDir, Cache) {
    let folder = TempDir::new().unwrap();
    let cache = open(&folder, 1);
    cache.write(&PLUGIN, CODE).unwrap();
    (folder, cache)
}

/// Changes the one file in the folder.
fn tamper(cache: &Cache, change: impl FnOnce(&mut Vec<u8>)) {
    let path = cache.path(&PLUGIN);
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(&path, bytes).unwrap();
}

#[test]
fn what_was_written_is_read() {
    let (_folder, cache) = written();
    assert_eq!(cache.read(&PLUGIN).unwrap(), CODE);
}

#[test]
fn it_is_read_after_a_restart_too() {
    let (folder, _) = written();
    assert_eq!(open(&folder, 1).read(&PLUGIN).unwrap(), CODE);
}

#[test]
fn what_was_not_written_is_not_read() {
    let (_folder, cache) = written();
    assert_eq!(cache.read(&[2; 32]), None);
}

#[test]
fn a_file_signed_with_another_key_is_refused() {
    let (folder, _) = written();
    assert_eq!(open(&folder, 2).read(&PLUGIN), None);
}

#[test]
fn a_changed_file_is_refused_whichever_byte_was_changed() {
    let (_folder, cache) = written();
    for index in 0..CODE.len() + TAG {
        tamper(&cache, |bytes| bytes[index] ^= 1);
        assert_eq!(cache.read(&PLUGIN), None);
        tamper(&cache, |bytes| bytes[index] ^= 1);
    }
    assert!(cache.read(&PLUGIN).is_some());
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let (_folder, cache) = written();
    for length in (0..CODE.len() + TAG).rev() {
        tamper(&cache, |bytes| bytes.truncate(length));
        assert_eq!(cache.read(&PLUGIN), None);
    }
}

#[test]
fn the_file_of_one_plugin_cannot_stand_in_for_another() {
    let (_folder, cache) = written();
    fs::rename(cache.path(&PLUGIN), cache.path(&[2; 32])).unwrap();
    assert_eq!(cache.read(&[2; 32]), None);
}

#[test]
fn another_engine_does_not_see_the_file() {
    let (folder, _) = written();
    let mut config = wasmtime::Config::new();
    config.epoch_interruption(true);
    let engine = Engine::new(&config).unwrap();
    let cache = Cache::open(folder.path(), &[1; 32], &engine).unwrap();
    assert_eq!(cache.read(&PLUGIN), None);
}

#[test]
fn only_the_owner_can_read_it_and_nothing_else_is_left_behind() {
    let (folder, cache) = written();
    cache.write(&PLUGIN, CODE).unwrap();
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_hash_is_sha_256() {
    assert!(hex(&hash(b"")).starts_with("e3b0c44298fc1c149afbf4c8996fb924"));
}
