use std::collections::BTreeSet;

use palisade_policy::{Action, Cover, Field, Treatment};
use proptest::prelude::*;

use palisade_mask::Masker;

use super::super::covered::Covered;
use super::*;

/// A copy of two columns of which the second is covered.
fn mask(format: CopyFormat) -> CopyMask {
    mask_of(&shape(format))
}

fn shape(format: CopyFormat) -> CopyShape {
    CopyShape {
        is_of_nothing: false,
        format,
        header: false,
        delimiter: if format == CopyFormat::Csv { b',' } else { b'\t' },
        quote: b'"',
        escape: b'"',
        null: if format == CopyFormat::Csv { "" } else { "\\N" }.to_owned(),
        fields: Some(vec![Field::default(), Field::default()]),
        any: Field::default(),
    }
}

fn mask_of(copy: &CopyShape) -> CopyMask {
    let mut covered = Treatment::default();
    covered.add(0, &Action::Replace("***".into()));
    CopyMask {
        format: match copy.format {
            CopyFormat::Text => Format::Text(Text::new(copy)),
            CopyFormat::Csv => Format::Csv(Csv::new(copy)),
            CopyFormat::Binary => Format::Binary(Binary::default()),
        },
        header: false,
        masks: vec![CellMask::default(), CellMask::new(&covered).unwrap()],
        partial: vec![],
    }
}

/// Masks what comes in pieces, and gives what leaves, without its frames.
fn masked(format: CopyFormat, pieces: &[&[u8]]) -> Result<Vec<u8>, Broken> {
    masked_by(mask(format), pieces)
}

fn masked_by(mut mask: CopyMask, pieces: &[&[u8]]) -> Result<Vec<u8>, Broken> {
    let masker = Masker::new([7; 32]);
    let mut shown = Vec::new();
    for piece in pieces {
        let mut out = BytesMut::new();
        let mut covering = Covering { masker: &masker, seen: &mut Covered::default() };
        mask.data(&mut covering, piece, &mut out, |_| {})?;
        let mut rest = &out[..];
        while let Some(header) = crate::codec::peek(rest, u32::MAX).unwrap() {
            shown.extend_from_slice(&rest[5..header.size]);
            rest = &rest[header.size..];
        }
    }
    assert!(mask.is_done(), "something is left over");
    Ok(shown)
}

fn check(format: CopyFormat, given: &str, expected: &str) {
    let shown = masked(format, &[given.as_bytes()]).unwrap();
    assert_eq!(String::from_utf8(shown).unwrap(), expected);
}

#[test]
fn a_cell_of_a_text_copy_is_covered_and_null_stays() {
    check(CopyFormat::Text, "a\tsecret\nb\t\\N\n", "a\t***\nb\t\\N\n");
}

#[test]
fn an_empty_null_of_a_text_copy_is_covered_as_an_empty_value_is() {
    let copy = CopyShape { null: String::new(), ..shape(CopyFormat::Text) };
    let shown = masked_by(mask_of(&copy), &[b"a\t\n\t\n"]).unwrap();
    assert_eq!(shown, b"a\t***\n\t***\n");
}

#[test]
fn an_escaped_delimiter_does_not_cut_a_cell() {
    check(CopyFormat::Text, "a\\\tb\tsecret\n", "a\\\tb\t***\n");
}

#[test]
fn a_quoted_csv_cell_may_hold_delimiters_quotes_and_line_breaks() {
    check(CopyFormat::Csv, "\"a,\"\"b\nc\",\"se,cr\"\"et\n\"\n", "\"a,\"\"b\nc\",\"***\"\n");
}

#[test]
fn a_csv_null_is_told_from_an_empty_text() {
    check(CopyFormat::Csv, "a,\nb,\"\"\n", "a,\nb,\"***\"\n");
}

#[test]
fn a_row_with_other_columns_than_planned_stops_the_copy() {
    for format in [CopyFormat::Text, CopyFormat::Csv] {
        let delimiter = if format == CopyFormat::Csv { "," } else { "\t" };
        let more = format!("a{delimiter}b{delimiter}c\n");
        assert!(masked(format, &[more.as_bytes()]).is_err());
        assert!(masked(format, &[b"a\n"]).is_err());
    }
}

/// A binary copy of one row.
fn binary(second: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    bytes.extend_from_slice(&[0, 2, 0, 0, 0, 1, b'a']);
    match second {
        Some(value) => {
            bytes.extend_from_slice(&u32::try_from(value.len()).unwrap().to_be_bytes());
            bytes.extend_from_slice(value);
        }
        None => bytes.extend_from_slice(&[255; 4]),
    }
    bytes.extend_from_slice(&[255, 255]);
    bytes
}

#[test]
fn a_covered_binary_value_becomes_null() {
    let shown = masked(CopyFormat::Binary, &[&binary(Some(b"secret"))]).unwrap();
    assert_eq!(shown, binary(None));
}

#[test]
fn what_is_no_binary_copy_stops() {
    assert!(masked(CopyFormat::Binary, &[b"not a header, but long enough"]).is_err());
}

#[test]
fn a_detectors_hit_in_csv_keeps_the_row_whole() {
    let mut treatment = Treatment::default();
    treatment.add(0, &Action::Scan(vec!["email".into()]));
    assert_eq!(treatment.scan, BTreeSet::from(["email".to_owned()]));
    let mut mask = mask(CopyFormat::Csv);
    mask.masks[1] = CellMask::new(&treatment).unwrap();
    let mut out = BytesMut::new();
    let mut covering = Covering { masker: &Masker::new([7; 32]), seen: &mut Covered::default() };
    mask.data(&mut covering, b"1,me@example.com\n", &mut out, |_| {}).unwrap();
    let shown = String::from_utf8_lossy(&out).into_owned();
    assert!(!shown.contains("me@example.com") && shown.contains("1,"), "{shown}");
    assert!(Cover::Nullify > Cover::Pseudonym);
}

proptest! {
    #[test]
    fn however_a_copy_is_cut_the_same_leaves(cut in 0usize..40) {
        let whole = binary(Some(b"a longer secret value"));
        let cut = cut.min(whole.len());
        let pieces = [&whole[..cut], &whole[cut..]];
        prop_assert_eq!(masked(CopyFormat::Binary, &pieces).unwrap(), binary(None));
        let csv = b"\"a\nb\",\"secret\"\n\"c\",\"other\"\n";
        let cut = cut.min(csv.len());
        let shown = masked(CopyFormat::Csv, &[&csv[..cut], &csv[cut..]]).unwrap();
        prop_assert_eq!(shown, b"\"a\nb\",\"***\"\n\"c\",\"***\"\n");
    }

    #[test]
    fn no_bytes_make_a_mask_panic(data in prop::collection::vec(any::<u8>(), 0..200)) {
        for format in [CopyFormat::Text, CopyFormat::Csv, CopyFormat::Binary] {
            let mut mask = mask(format);
            let mut covering = Covering { masker: &Masker::new([7; 32]), seen: &mut Covered::default() };
            let _ = mask.data(&mut covering, &data, &mut BytesMut::new(), |_| {});
        }
    }
}
