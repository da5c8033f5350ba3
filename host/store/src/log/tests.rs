use std::fs::{File, OpenOptions};

use super::*;
use crate::Store;
use crate::engine::Engine;
use crate::recovery::recover;

const SESSION: SessionId = SessionId(1);

fn with_log(options: Options, test: impl FnOnce(&Log)) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let lock = File::create(dir.path().join("lock")).unwrap();
    let engine = Engine::open(dir.path().join("index"), options.durability, lock).unwrap();
    let folder = Folder::open(dir.path().join("segments")).unwrap();
    let index = Arc::new(Index::open(Arc::new(engine)).unwrap());
    let recovered = recover(&folder, &index).unwrap();
    test(&Log::open(folder, index, recovered, options).unwrap());
    dir
}

/// The disk is full from now on.
fn fill_disk(log: &Log) -> Arc<File> {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    log.tail().unwrap().active.divert(full)
}

fn refused(log: &Log) {
    let refused = log.append(SESSION, 7, b"refused").unwrap_err();
    assert!(matches!(refused, StoreError::Failed { .. }), "{refused}");
}

#[test]
#[cfg(target_os = "linux")]
fn after_a_write_that_failed_nothing_is_accepted() {
    with_log(Options::default(), |log| {
        let _ = log.append(SESSION, 7, b"good").unwrap();
        let good = fill_disk(log);
        assert!(matches!(log.append(SESSION, 7, b"lost"), Err(StoreError::Io { .. })));
        log.tail().unwrap().active.divert(good.try_clone().unwrap());
        refused(log);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn the_refusal_names_the_first_failure() {
    with_log(Options::default(), |log| {
        fill_disk(log);
        log.append(SESSION, 7, b"lost").unwrap_err();
        let text = log.append(SESSION, 7, b"refused").unwrap_err().to_string();
        assert!(text.contains("00000001.seg") && text.contains("No space left"), "{text}");
    });
}

#[test]
#[cfg(target_os = "linux")]
fn after_a_failure_what_was_stored_can_be_read_and_appended_to_once_reopened() {
    let dir = with_log(Options::default(), |log| {
        let _ = log.append(SESSION, 7, b"good").unwrap();
        fill_disk(log);
        log.append(SESSION, 7, b"lost").unwrap_err();
        assert_eq!(log.locate(SESSION).unwrap().active, (1, 16 + 40 + 4));
    });
    let store = Store::open(dir.path(), Options::default()).unwrap();
    assert_eq!(store.append(SESSION, 7, b"again").unwrap().sequence, 1);
    let payloads: Vec<_> = store.events(SESSION, 0).unwrap().map(|e| e.unwrap().payload).collect();
    assert_eq!(payloads, [b"good".to_vec(), b"again".to_vec()]);
}

#[test]
fn a_segment_that_cannot_be_begun_ends_the_log() {
    with_log(Options { segment_bytes: 1, ..Options::default() }, |log| {
        std::fs::create_dir(log.folder.raw(2)).unwrap();
        assert!(matches!(log.append(SESSION, 7, b""), Err(StoreError::Io { .. })));
        refused(log);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_sync_that_failed_ends_the_log() {
    with_log(Options { durability: Durability::Disk, ..Options::default() }, |log| {
        let receipt = log.append(SESSION, 7, b"not synced").unwrap();
        // A pipe cannot be synced.
        let (_reader, writer) = std::io::pipe().unwrap();
        let pipe: std::os::fd::OwnedFd = writer.into();
        log.tail().unwrap().active.divert(pipe.into());
        assert!(matches!(log.wait_durable(receipt), Err(StoreError::Io { .. })));
        assert!(!log.is_durable(receipt));
        refused(log);
    });
}
