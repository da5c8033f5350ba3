use std::fs::{self, OpenOptions};

use super::*;

fn folder() -> (tempfile::TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::open(dir.path().to_owned()).unwrap();
    (dir, folder)
}

fn active(folder: &Folder) -> Active {
    Active::open(folder, 1, raw::HEADER_BYTES, &Arc::new(Ahead::start())).unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn what_was_appended_is_in_the_file_at_once() {
    let (_dir, folder) = folder();
    let mut active = active(&folder);
    assert!(matches!(active.way, Way::Window(_)), "tests run on a file system that promises room");
    active.append([b"one", b"two"]).unwrap();
    let bytes = fs::read(folder.raw(1)).unwrap();
    assert_eq!(&bytes[16..22], b"onetwo");
    assert!(bytes[22..].iter().all(|byte| *byte == 0));
}

#[test]
fn a_segment_that_is_let_go_ends_with_its_last_frame() {
    let (_dir, folder) = folder();
    let mut active = active(&folder);
    active.append([b"one", b"two"]).unwrap();
    drop(active);
    assert_eq!(fs::read(folder.raw(1)).unwrap().split_off(16), b"onetwo");
}

#[test]
fn frames_larger_than_a_window_and_across_its_end_are_whole() {
    let (_dir, folder) = folder();
    let mut active = active(&folder);
    let mut expected = vec![];
    for (number, bytes) in [(1, 700_000), (2, 700_000), (3, 5 << 20), (4, 10)] {
        let payload = vec![number; bytes];
        active.append([&[9; 40], &payload]).unwrap();
        expected.extend_from_slice(&[9; 40]);
        expected.extend_from_slice(&payload);
    }
    drop(active);
    assert!(fs::read(folder.raw(1)).unwrap().split_off(16) == expected);
}

#[test]
fn frames_go_on_from_window_to_window() {
    let (_dir, folder) = folder();
    let mut active = active(&folder);
    let mut expected = vec![];
    for number in 0..10_000_u32 {
        let payload = number.to_string().repeat(100);
        active.append([b"head", payload.as_bytes()]).unwrap();
        expected.extend_from_slice(b"head");
        expected.extend_from_slice(payload.as_bytes());
    }
    drop(active);
    assert!(fs::read(folder.raw(1)).unwrap().split_off(16) == expected);
}

#[test]
fn both_ways_write_the_same() {
    let (_dir, folder) = folder();
    let mut active = active(&folder);
    active.append([b"one", b"two"]).unwrap();
    let file = OpenOptions::new().write(true).open(folder.raw(1)).unwrap();
    active.divert(file);
    active.append([b"three", b"four"]).unwrap();
    active.file.set_len(active.end).unwrap();
    assert_eq!(fs::read(folder.raw(1)).unwrap().split_off(16), b"onetwothreefour");
}

#[test]
#[cfg(target_os = "linux")]
fn what_no_memory_can_stand_for_is_written() {
    let (_dir, folder) = folder();
    let mut active = active(&folder);
    // A device has no room to promise, as a file of ext4 without extents.
    active.file = Arc::new(OpenOptions::new().write(true).open("/dev/null").unwrap());
    active.append([b"one", b"two"]).unwrap();
    assert!(matches!(active.way, Way::Write(_)));
    assert_eq!(active.end, 22);
}

#[test]
#[cfg(target_os = "linux")]
fn where_there_is_no_room_the_frame_is_refused_before_anything_is_written() {
    let (_dir, folder) = folder();
    let mut active = active(&folder);
    // A file that may only be read has no room.
    active.file = Arc::new(File::open(folder.raw(1)).unwrap());
    active.append([b"one", b"two"]).unwrap_err();
    assert_eq!((active.end, fs::read(folder.raw(1)).unwrap().len()), (16, 16));
}
