//! `multipart/form-data` (RFC 7578), in the one form that clients write: nothing before the first part or behind the last,
//! no header but three and each of them once, no name in another encoding.

use palisade_policy::Within;

use super::media::Part;
use super::names::words;
use super::{GraphQl, Missing, Reading, check_pair, json};
use crate::Refused;

/// More parts are refused.
const MOST: usize = 1000;

pub(super) fn read(body: &[u8], boundary: &str, reading: &mut Reading) -> Result<(), Refused> {
    let opening = format!("--{boundary}");
    let between = format!("\r\n--{boundary}");
    let mut rest = body
        .strip_prefix(opening.as_bytes())
        .ok_or(Refused::Body("something stands before its first part"))?;
    for _ in 0..MOST {
        if let Some(end) = rest.strip_prefix(b"--") {
            return match end {
                b"" | b"\r\n" => Ok(()),
                _ => Err(Refused::Body("something stands behind its last part")),
            };
        }
        let part = rest.strip_prefix(b"\r\n").ok_or(Refused::Body("a boundary is malformed"))?;
        let end = find(part, between.as_bytes()).ok_or(Refused::Body("a part has no end"))?;
        let content = part.get(..end).unwrap_or_default();
        // Lenient readers take it for a boundary behind a bare newline as well.
        if find(content, opening.as_bytes()).is_some() {
            return Err(Refused::Body("its boundary stands within a part"));
        }
        read_part(content, reading)?;
        rest = part.get(end + between.len()..).unwrap_or_default();
    }
    Err(Refused::Body("it has too many parts"))
}

fn read_part(part: &[u8], reading: &mut Reading) -> Result<(), Refused> {
    // A part without headers has no name.
    let end = find(part, b"\r\n\r\n").ok_or(Refused::Body("a part has no headers"))?;
    let head = part.get(..end).unwrap_or_default();
    let head = std::str::from_utf8(head).map_err(|_| Refused::Body("a part's head is no UTF-8"))?;
    let value = part.get(end + 4..).unwrap_or_default();
    let (disposition, content_type) = read_head(head, value.len())?;
    let (name, file) = names_of(disposition)?;
    check_pair(&name, value)?;
    // A file without a name is a field to many servers.
    let is_field = file.as_ref().is_none_or(String::is_empty);
    let part = Part::of(content_type, !is_field)?;
    let fields = reading.named(&name)?;
    if let Some(file) = file {
        fields.iter().try_for_each(|field| reading.fact("file", *field, &file))?;
    }
    match std::str::from_utf8(value) {
        Ok(text) if is_field && part == Part::Json => reading.text(&name, text)?,
        Ok(text) if is_field => reading.pair(&name, text)?,
        // What is no text is a value that is not told.
        Err(_) if is_field => reading.cut = true,
        // Servers of GraphQL take these whether they are files or not.
        Ok(text) if part == Part::Json || GraphQl::is_of(&name) => reading.ask(&name, text),
        Err(_) if GraphQl::is_of(&name) => reading.graphql.miss(Missing::Stored),
        _ => {}
    }
    match part {
        Part::Plain => Ok(()),
        Part::Json => {
            // As that of an object, where it is one's.
            let within = match words(&name).join(".") {
                path if path.is_empty() => reading.field(Within::default(), name)?,
                path => reading.field(Within::default(), path)?,
            };
            read_json(value, reading, (within, is_field))
        }
        Part::Bound => {
            reading.unread = true;
            Ok(())
        }
    }
}

/// What a part says of itself: its disposition, and its type. Its length must be so many bytes, where it tells one.
fn read_head(head: &str, length: usize) -> Result<(&str, Option<&str>), Refused> {
    let malformed = Refused::Body("a part's head is malformed");
    let (mut disposition, mut content_type, mut told) = (None, None, None);
    for line in head.split("\r\n") {
        let is_odd = |letter: char| letter.is_control() && letter != '\t';
        if line.contains(is_odd) || line.starts_with([' ', '\t']) {
            return Err(malformed);
        }
        let (name, text) = line.split_once(':').ok_or(malformed)?;
        let place = match name.to_ascii_lowercase().as_str() {
            "content-disposition" => &mut disposition,
            "content-type" => &mut content_type,
            "content-length" => &mut told,
            _ => return Err(Refused::Body("a part has a header that readers may go by")),
        };
        if place.replace(text.trim_matches([' ', '\t'])).is_some() {
            return Err(Refused::Body("a part has a header twice"));
        }
    }
    // There are readers that go by it.
    if told.is_some_and(|told| told != length.to_string()) {
        return Err(Refused::Body("a part is not as long as it says"));
    }
    Ok((disposition.ok_or(Refused::Body("a part has no name"))?, content_type))
}

/// A part that says that it is JSON is an object's to servers, whether it is called a file or not.
fn read_json(
    value: &[u8],
    reading: &mut Reading,
    (field, is_field): (Within, bool),
) -> Result<(), Refused> {
    match json::read_within(value, reading, field) {
        // A file may be meant as one.
        Err(Refused::Body(_)) if !is_field => {
            reading.unread = true;
            Ok(())
        }
        read => read,
    }
}

/// `form-data; name="…"; filename="…"`, each once, quoted, without escapes.
fn names_of(disposition: &str) -> Result<(String, Option<String>), Refused> {
    let wrong = Refused::Body("a part's name is malformed");
    let mut rest = disposition.strip_prefix("form-data").ok_or(wrong)?;
    let (mut name, mut file) = (None, None);
    while !rest.is_empty() {
        let parameter = rest.strip_prefix(';').ok_or(wrong)?.trim_start_matches([' ', '\t']);
        let (key, quoted) = parameter.split_once("=\"").ok_or(wrong)?;
        let (value, left) = quoted.split_once('"').ok_or(wrong)?;
        let place = match key {
            "name" => &mut name,
            "filename" => &mut file,
            _ => return Err(wrong),
        };
        if place.is_some() || is_read_otherwise(value) {
            return Err(wrong);
        }
        *place = Some(value.to_owned());
        rest = left.trim_start_matches([' ', '\t']);
    }
    Ok((name.ok_or(wrong)?, file))
}

/// Whether readers may find something else in a quoted name: by an escape, by an encoded word (RFC 2047, which Java's decode in
/// it), or by another parameter in the midst of it (which some look for with patterns).
fn is_read_otherwise(value: &str) -> bool {
    let holds_name = || {
        let mut packed: String = value.split([' ', '\t']).collect();
        packed.make_ascii_lowercase();
        packed.contains("name=") || packed.contains("name*")
    };
    value.chars().any(|letter| letter == '\\' || letter.is_control())
        || value.contains("=?")
        || holds_name()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
