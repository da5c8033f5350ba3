//! What the gateway knows of PostgreSQL's built-in types: their names, and what may stand in for their values.

use palisade_mask::CellForm;

/// Names of the built-in types by OID (`pg_type.dat`), as far as people meet them.
const NAMES: [(u32, &str); 48] = [
    (16, "bool"),
    (17, "bytea"),
    (18, "char"),
    (19, "name"),
    (20, "int8"),
    (21, "int2"),
    (23, "int4"),
    (24, "regproc"),
    (25, "text"),
    (26, "oid"),
    (114, "json"),
    (142, "xml"),
    (199, "json[]"),
    (600, "point"),
    (650, "cidr"),
    (700, "float4"),
    (701, "float8"),
    (705, "unknown"),
    (774, "macaddr8"),
    (790, "money"),
    (829, "macaddr"),
    (869, "inet"),
    (1000, "bool[]"),
    (1001, "bytea[]"),
    (1005, "int2[]"),
    (1007, "int4[]"),
    (1009, "text[]"),
    (1014, "bpchar[]"),
    (1015, "varchar[]"),
    (1016, "int8[]"),
    (1042, "bpchar"),
    (1043, "varchar"),
    (1082, "date"),
    (1083, "time"),
    (1114, "timestamp"),
    (1184, "timestamptz"),
    (1186, "interval"),
    (1266, "timetz"),
    (1560, "bit"),
    (1562, "varbit"),
    (1700, "numeric"),
    (2205, "regclass"),
    (2249, "record"),
    (2275, "cstring"),
    (2278, "void"),
    (2950, "uuid"),
    (3802, "jsonb"),
    (4072, "jsonpath"),
];

/// The first OID that is not the server's own.
const FIRST_USER_OID: u32 = 16384;

const JSONB: u32 = 3802;

/// A type's name; its number where it has none here.
pub(super) fn name(oid: u32) -> String {
    match NAMES.binary_search_by_key(&oid, |(known, _)| *known) {
        Ok(at) => NAMES.get(at).map(|(_, name)| (*name).to_owned()).unwrap_or_default(),
        Err(_) => format!("oid {oid}"),
    }
}

/// What may stand in for a value of this type in this format, and how many bytes before it stay as they are.
pub(super) fn form(oid: u32, format: i16) -> (CellForm, usize) {
    match (oid, format) {
        // Binary text and JSON are the text itself.
        (18 | 19 | 25 | 142 | 705 | 1042 | 1043 | 2275, _) => (CellForm::Text, 0),
        (114, _) | (JSONB, 0) => (CellForm::JsonText, 0),
        // Binary jsonb: a version, then the text.
        (JSONB, _) => (CellForm::JsonText, 1),
        // Enums, citext and the like read as text; of anything else in binary nothing is known.
        (FIRST_USER_OID.., 0) => (CellForm::Text, 0),
        _ => (CellForm::Opaque, 0),
    }
}

/// A value as text for the record.
pub(super) fn show(oid: u32, format: i16, value: &[u8]) -> String {
    if format == 0 {
        return String::from_utf8_lossy(value).into_owned();
    }
    let shown = match oid {
        16 => value.first().map(|byte| if *byte == 0 { "f".into() } else { "t".into() }),
        20 => value.try_into().ok().map(|bytes| i64::from_be_bytes(bytes).to_string()),
        21 => value.try_into().ok().map(|bytes| i16::from_be_bytes(bytes).to_string()),
        23 => value.try_into().ok().map(|bytes| i32::from_be_bytes(bytes).to_string()),
        26 => value.try_into().ok().map(|bytes| u32::from_be_bytes(bytes).to_string()),
        700 => value.try_into().ok().map(|bytes| f32::from_be_bytes(bytes).to_string()),
        701 => value.try_into().ok().map(|bytes| f64::from_be_bytes(bytes).to_string()),
        18 | 19 | 25 | 114 | 142 | 705 | 1042 | 1043 | 2275 => {
            Some(String::from_utf8_lossy(value).into_owned())
        }
        JSONB => value.get(1..).map(|text| String::from_utf8_lossy(text).into_owned()),
        _ => None,
    };
    shown.unwrap_or_else(|| hex(value))
}

fn hex(value: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = "\\x".to_owned();
    for byte in value {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_sorted_for_the_search() {
        assert!(NAMES.is_sorted_by_key(|(oid, _)| *oid));
        assert_eq!(name(23), "int4");
        assert_eq!(name(99999), "oid 99999");
    }

    #[test]
    fn binary_values_are_shown_as_people_read_them() {
        assert_eq!(show(23, 1, &42i32.to_be_bytes()), "42");
        assert_eq!(show(16, 1, &[1]), "t");
        assert_eq!(show(17, 1, &[0xde, 0xad]), "\\xdead");
        assert_eq!(show(23, 1, &[1]), "\\x01");
    }
}
