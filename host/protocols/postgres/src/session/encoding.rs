//! How the server reads the bytes of a text: its characters, and what a backslash is.
//!
//! Source: PostgreSQL documentation, "Character Set Support".

use std::borrow::Cow;

use palisade_sql::Effect;

use super::Session;
use crate::codec::frame::LONGEST_NAME;
use crate::reading::Reading;

/// Why a text is not accounted for that names something in characters which are not known.
pub(super) const UNKNOWN_NAME: &str =
    "it has a name with characters beyond ASCII, and the session's encoding is not UTF-8";

/// Why a text is not accounted for that names something which the server keeps otherwise than the judge.
pub(super) const OTHER_NAME: &str =
    "it has a name with characters beyond ASCII, and the database's encoding is not UTF-8";

/// How a server keeps names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// In UTF-8, as the judge does.
    Utf8,
    /// With a byte for each character, no two of which are one to it.
    OneByte,
    /// Otherwise.
    Otherwise,
}

impl Kept {
    /// By the value of `server_encoding`.
    fn of(encoding: &str) -> Self {
        let one_byte = ["LATIN", "ISO_8859_", "KOI8", "WIN"];
        match encoding {
            "UTF8" => Self::Utf8,
            _ if one_byte.iter().any(|start| encoding.starts_with(start)) => Self::OneByte,
            _ => Self::Otherwise,
        }
    }

    /// Whether a name beyond ASCII is kept as the judge does: such a server cuts a long one elsewhere, and folds capitals that the
    /// judge leaves.
    fn keeps(self, written: &str) -> bool {
        let folds = |c: char| !c.is_ascii() && !c.to_lowercase().eq([c]);
        let folded = !written.starts_with('"') && written.chars().any(folds);
        match self {
            Self::Utf8 => true,
            Self::OneByte => written.len() <= LONGEST_NAME && !folded,
            Self::Otherwise => false,
        }
    }
}

/// Where characters of another encoding begin for the judge: where Unicode has none.
const STAND_IN: u32 = 0xE000;

/// What the bytes of a client's texts stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Characters {
    /// UTF-8, or whatever the server takes them for.
    Utf8,
    /// Every byte below 128 is that character of ASCII, and the others are other characters or parts of such.
    BeyondAscii,
    /// A byte that looks like a character of ASCII may be a part of another.
    Mixed,
}

impl Characters {
    /// By the value of `client_encoding`.
    pub(super) fn of(encoding: &str) -> Self {
        let plain: String = encoding.chars().filter(char::is_ascii_alphanumeric).collect();
        match plain.to_ascii_uppercase().as_str() {
            "UTF8" | "UNICODE" | "SQLASCII" => Self::Utf8,
            "BIG5" | "GB18030" | "GBK" | "JOHAB" | "SJIS" | "SHIFTJIS" | "SHIFTJIS2004" | "UHC"
            | "MSKANJI" | "WIN932" | "WIN936" | "WIN949" | "WIN950" | "WINDOWS932"
            | "WINDOWS936" | "WINDOWS949" | "WINDOWS950" => Self::Mixed,
            other
                if [
                    "EUC", "ISO8859", "KOI8", "LATIN", "WIN", "ABC", "ALT", "TCVN", "VSCII", "MULE",
                ]
                .iter()
                .any(|start| other.starts_with(start)) =>
            {
                Self::BeyondAscii
            }
            _ => Self::Mixed,
        }
    }
}

/// What may have been set by what was sent before a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// All of it was answered, and the server has said what is set.
    Answered,
    /// What is to be answered may put back what was set once.
    Pending,
    /// What is to be answered may set anything, or put back what was never seen.
    Unseen,
}

/// What is known of how the server reads a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Encoding {
    pub(super) characters: Characters,
    /// Those of the session's encodings that are the hardest to read.
    pub(super) worst_characters: Characters,
    /// A backslash in a plain literal is a backslash.
    pub(super) conforming_strings: bool,
    /// It always was, so that functions' bodies are read by the server as by the judge.
    pub(super) always_conforming: bool,
    /// How the server keeps names.
    names: Kept,
}

impl Default for Encoding {
    fn default() -> Self {
        Self {
            characters: Characters::Utf8,
            worst_characters: Characters::Utf8,
            conforming_strings: true,
            always_conforming: true,
            names: Kept::Utf8,
        }
    }
}

impl Encoding {
    /// Follows a setting that decides how texts are read.
    pub(super) fn follow(&mut self, name: &str, value: &str) {
        match name {
            "client_encoding" => {
                self.characters = Characters::of(value);
                self.worst_characters = self.worst_characters.max(self.characters);
            }
            "server_encoding" => self.names = Kept::of(value),
            "standard_conforming_strings" => {
                self.conforming_strings = value == "on";
                self.always_conforming &= self.conforming_strings;
            }
            _ => {}
        }
    }

    /// Whether the server keeps the names in a text as the judge does.
    pub(super) fn keeps_names(self, text: &str) -> bool {
        let escaped = || text.as_bytes().windows(3).any(|at| at.eq_ignore_ascii_case(b"u&\""));
        let otherwise = |written: &str| !written.is_ascii() && !self.names.keeps(written);
        let beyond = || !text.is_ascii() && palisade_sql::has_name(text, otherwise);
        self.names == Kept::Utf8 || !(escaped() || beyond())
    }

    /// Takes into account what a text that is sent sets: the server tells of that only once the text has run.
    pub(super) fn may_become(&mut self, reading: &Reading) {
        for effect in reading.statements.iter().flat_map(|statement| &statement.effects) {
            let Effect::Set { name, value, .. } = effect else { continue };
            let value = value.as_deref().unwrap_or_default();
            match name.as_str() {
                "client_encoding" => {
                    self.worst_characters = self.worst_characters.max(Characters::of(value));
                }
                "standard_conforming_strings" => {
                    let plain: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
                    let is_on = matches!(&*plain.to_ascii_lowercase(), "on" | "true" | "yes" | "1");
                    self.always_conforming &= is_on;
                }
                _ => {}
            }
        }
    }

    /// The text, if the server reads it as the judge does; owned where bytes of another encoding have stand-ins.
    ///
    /// # Errors
    /// Why it does not.
    pub(super) fn readable(
        self,
        text: &[u8],
        before: Before,
    ) -> Result<Cow<'_, str>, &'static str> {
        let (conforming, characters) = match before {
            Before::Answered => (self.conforming_strings, self.characters),
            Before::Pending => (self.always_conforming, self.worst_characters),
            Before::Unseen => (false, Characters::Mixed),
        };
        if !conforming && text.contains(&b'\\') {
            return Err("it has a backslash, and standard_conforming_strings may be off");
        }
        match characters {
            Characters::BeyondAscii if !text.is_ascii() => {
                let stand_in = |byte: &u8| match byte {
                    0..128 => char::from(*byte),
                    other => char::from_u32(STAND_IN + u32::from(*other)).unwrap_or_default(),
                };
                Ok(Cow::Owned(text.iter().map(stand_in).collect()))
            }
            Characters::Mixed if !text.is_ascii() => {
                Err("it has characters beyond ASCII, and the session's encoding may not be UTF-8")
            }
            _ => match std::str::from_utf8(text) {
                Ok(text) => Ok(Cow::Borrowed(text)),
                Err(_invalid) => Err("it is not valid UTF-8"),
            },
        }
    }
}

impl Session {
    /// What may have been set by what was sent before.
    pub(super) fn before(&self) -> Before {
        match (self.due.is_settled(), self.transaction.is_unseen()) {
            (true, _) => Before::Answered,
            (false, true) => Before::Unseen,
            (false, false) => Before::Pending,
        }
    }

    /// Whether the server reads the bodies of functions that a text calls as the judge does: the text itself may put something
    /// back that was never seen.
    pub(super) fn follows(&self, text: &str) -> bool {
        let hidden = self.before() == Before::Unseen;
        let several = || text.trim_end_matches([';', ' ', '\n']).contains(';');
        let hidden = hidden || (self.transaction.is_unseen() && several());
        self.encoding.always_conforming && !hidden
    }
}

/// Whether a text that was read with stand-ins says more with them than what values are.
pub(super) fn names_what_is_not_known(text: &str) -> bool {
    let stands_in = |c: char| (STAND_IN..STAND_IN + 256).contains(&u32::from(c));
    palisade_sql::has_name_with(text, stands_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readable(encoding: &str, text: &[u8]) -> Result<bool, &'static str> {
        let encoding = Encoding { characters: Characters::of(encoding), ..Encoding::default() };
        let text = encoding.readable(text, Before::Answered)?;
        Ok(!names_what_is_not_known(&text))
    }

    #[test]
    fn values_in_other_encodings_are_read_around() {
        for encoding in ["LATIN1", "koi8-r", "WIN1251", "EUC_JP", "ISO_8859_5"] {
            assert_eq!(readable(encoding, b"SELECT 'caf\xe9' FROM t"), Ok(true), "{encoding}");
        }
    }

    #[test]
    fn names_in_other_encodings_are_not_known() {
        for text in [&b"SELECT * FROM caf\xe9"[..], b"SELECT \"\xe9\" FROM t", b"SELECT f\xe9(1)"] {
            assert_eq!(readable("LATIN1", text), Ok(false));
        }
    }

    #[test]
    fn encodings_that_mix_bytes_of_ascii_into_characters_are_not_read() {
        for encoding in ["SJIS", "BIG5", "GBK", "UHC", "JOHAB", "GB18030", "something"] {
            assert!(readable(encoding, b"SELECT '\x95\\'").is_err(), "{encoding}");
            assert_eq!(readable(encoding, b"SELECT 1"), Ok(true), "{encoding}");
        }
    }

    #[test]
    fn a_backslash_is_not_read_while_it_may_escape() {
        let encoding = Encoding { conforming_strings: false, ..Encoding::default() };
        assert!(encoding.readable(b"SELECT 'a\\' , ' FROM t --'", Before::Answered).is_err());
        assert!(encoding.readable(b"SELECT 'a'", Before::Answered).is_ok());
    }

    #[test]
    fn what_was_sent_before_may_put_a_setting_back() {
        let encoding = Encoding {
            always_conforming: false,
            worst_characters: Characters::Mixed,
            ..Encoding::default()
        };
        for text in [&b"SELECT '\\'"[..], "SELECT 'é'".as_bytes()] {
            assert!(encoding.readable(text, Before::Answered).is_ok());
            assert!(encoding.readable(text, Before::Pending).is_err());
        }
    }

    #[test]
    fn what_is_sent_behind_what_is_not_followed_is_read_if_it_is_read_in_one_way_only() {
        let encoding = Encoding::default();
        for text in [&b"SELECT '\\'"[..], "SELECT '\u{e9}'".as_bytes()] {
            assert!(encoding.readable(text, Before::Pending).is_ok());
            assert!(encoding.readable(text, Before::Unseen).is_err());
        }
        assert!(encoding.readable(b"SELECT 'a'", Before::Unseen).is_ok());
    }

    #[test]
    fn names_that_a_server_keeps_otherwise_than_in_utf_8_are_not_known() {
        let mut encoding = Encoding::default();
        let kept = ["SELECT \u{e9} AS gr\u{f6}\u{df}e FROM t", "SELECT id AS \"\u{c9}\" FROM t"];
        let long = format!("SELECT {} FROM t", "\u{e9}".repeat(32));
        let others = ["SELECT \u{c9} FROM t", "SELECT U&\"\\00e9\" FROM t", &long];
        assert!(kept.iter().chain(&others).all(|text| encoding.keeps_names(text)));
        for name in
            ["LATIN1", "WIN1252", "KOI8R", "ISO_8859_5", "EUC_JP", "SQL_ASCII", "MULE_INTERNAL"]
        {
            encoding.follow("server_encoding", name);
            assert!(!others.iter().any(|text| encoding.keeps_names(text)), "{name}");
            let in_bytes = encoding.names == Kept::OneByte;
            assert!(kept.iter().all(|text| encoding.keeps_names(text) == in_bytes), "{name}");
            assert!(encoding.keeps_names("SELECT a FROM t WHERE b = '\u{e9}'"));
        }
        assert_eq!(encoding.names, Kept::Otherwise);
    }
}
