use proptest::prelude::*;

use super::*;
use crate::SessionId;
use crate::frame::{Header, Payload};

const SEGMENT: u64 = 3;

/// A folder with one packed segment of `count` frames, 1000 bytes each: 40 header, 960 payload.
fn packed(count: u64) -> (tempfile::TempDir, Folder) {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::open(dir.path().to_owned()).unwrap();
    let mut file = raw::open(&folder, SEGMENT).unwrap();
    for sequence in 0..count {
        let header = Header { session: SessionId(1), sequence, at_micros: 0 };
        // Hardly compressible, so that the blocks are of a realistic size.
        let mut word = sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let payload: Vec<u8> = (0..960).map(|_| next(&mut word)).collect();
        let frame = [&Payload::new(&payload).unwrap().head(header), &payload[..]].concat();
        file.write_all(&frame).unwrap();
    }
    pack(&folder, SEGMENT, &Pace::default()).unwrap();
    (dir, folder)
}

fn next(word: &mut u64) -> u8 {
    *word ^= *word << 13;
    *word ^= *word >> 7;
    *word ^= *word << 17;
    word.to_le_bytes()[3]
}

fn open(folder: &Folder, offset: u64) -> Result<Frames<PackedSource>, StoreError> {
    let path = folder.packed(SEGMENT);
    let source = source(File::open(&path).unwrap(), &path, SEGMENT, offset)?;
    Ok(Frames::new(source, SEGMENT, offset))
}

/// The sequence numbers from `offset` on, up to the first error.
fn read(folder: &Folder, offset: u64) -> (Vec<u64>, Option<StoreError>) {
    let mut seen = Vec::new();
    let mut frames = match open(folder, offset) {
        Ok(frames) => frames,
        Err(error) => return (seen, Some(error)),
    };
    loop {
        match frames.next() {
            Ok(Some(frame)) => seen.push(frame.header.sequence),
            Ok(None) => return (seen, None),
            Err(error) => return (seen, Some(error)),
        }
    }
}

fn change(folder: &Folder, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(folder.packed(SEGMENT)).unwrap();
    change(&mut bytes);
    fs::write(folder.packed(SEGMENT), bytes).unwrap();
}

#[test]
fn all_frames_come_back_in_order() {
    let (_dir, folder) = packed(1000);
    let (seen, error) = read(&folder, raw::HEADER_BYTES);
    assert_eq!(seen, (0..1000).collect::<Vec<_>>());
    assert!(error.is_none(), "{error:?}");
}

#[test]
fn reading_may_begin_at_any_frame() {
    let (_dir, folder) = packed(1000);
    for first in [1, 261, 262, 263, 264, 265, 999, 1000] {
        let (seen, _) = read(&folder, raw::HEADER_BYTES + first * 1000);
        assert_eq!(seen, (first..1000).collect::<Vec<_>>(), "from frame {first}");
    }
}

#[test]
fn an_empty_segment_packs_and_reads_as_none() {
    let (_dir, folder) = packed(0);
    assert!(matches!(read(&folder, raw::HEADER_BYTES), (seen, None) if seen.is_empty()));
}

#[test]
fn nothing_partial_is_left_behind() {
    let (_dir, folder) = packed(10);
    assert!(!folder.partial(SEGMENT).exists());
}

#[test]
fn a_damaged_block_is_named_by_segment_and_offset_and_those_before_it_are_read() {
    let (_dir, folder) = packed(1000);
    let path = folder.packed(SEGMENT);
    let source = source(File::open(&path).unwrap(), &path, SEGMENT, raw::HEADER_BYTES).unwrap();
    let (raw_offset, at) = source.index[1];
    change(&folder, |bytes| bytes[usize::try_from(at).unwrap() + 100] ^= 1);
    let (seen, error) = read(&folder, raw::HEADER_BYTES);
    assert_eq!(seen.len() as u64, (raw_offset - raw::HEADER_BYTES) / 1000);
    match error.unwrap() {
        StoreError::Damaged { segment, offset, .. } => {
            assert_eq!((segment, offset), (SEGMENT, raw_offset));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_cut_short_is_damaged() {
    let (_dir, folder) = packed(1000);
    change(&folder, |bytes| bytes.truncate(bytes.len() / 2));
    assert!(matches!(read(&folder, raw::HEADER_BYTES).1, Some(StoreError::Damaged { .. })));
}

#[test]
fn an_empty_file_is_damaged() {
    let (_dir, folder) = packed(1);
    change(&folder, Vec::clear);
    assert!(matches!(read(&folder, raw::HEADER_BYTES).1, Some(StoreError::Damaged { .. })));
}

#[test]
fn a_version_of_tomorrow_is_refused() {
    let (_dir, folder) = packed(1);
    change(&folder, |bytes| bytes[4] = 2);
    let error = read(&folder, raw::HEADER_BYTES).1;
    assert!(matches!(error, Some(StoreError::Version { version: 2, .. })), "{error:?}");
}

#[test]
fn the_file_of_another_segment_is_refused() {
    let (_dir, folder) = packed(1);
    change(&folder, |bytes| bytes[8] = 4);
    assert!(matches!(read(&folder, raw::HEADER_BYTES).1, Some(StoreError::Damaged { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_flipped_bit_is_reported_and_what_is_read_is_true(
        at: prop::sample::Index,
        bit in 0..8_u32,
    ) {
        let (_dir, folder) = packed(300);
        change(&folder, |bytes| {
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
        });
        let (seen, error) = read(&folder, raw::HEADER_BYTES);
        prop_assert!(error.is_some());
        prop_assert_eq!(seen.clone(), (0..seen.len() as u64).collect::<Vec<_>>());
    }
}

#[test]
fn a_packed_form_that_cannot_be_written_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::open(dir.path().to_owned()).unwrap();
    fs::write(folder.raw(SEGMENT), [7; 100]).unwrap();
    assert!(pack(&folder, SEGMENT, &Pace::default()).is_err());
    assert!(!folder.partial(SEGMENT).exists());
}
