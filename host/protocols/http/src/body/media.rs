//! Media types (RFC 9110 section 8.3), as far as they say how a body is read.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use crate::Refused;

/// How a body is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// JSON (RFC 8259).
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data` (RFC 7578).
    Multipart {
        /// What stands between its parts.
        boundary: String,
    },
    /// A GraphQL document alone.
    GraphQl,
    /// Anything else, which is not read.
    Opaque,
}

impl Kind {
    /// The kind of a body of this type.
    ///
    /// # Errors
    /// When the type is malformed, names another encoding than UTF-8 for what is to be read, or one without ASCII for what is
    /// not.
    pub fn of(content_type: Option<&HeaderValue>) -> Result<Self, Refused> {
        let Some(value) = content_type else { return Ok(Self::Opaque) };
        let (essence, parameters) = parse(text_of(value)?)?;
        let parameter = |wanted: &str| {
            let found = parameters.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.as_str())
        };
        let kind = match essence.as_str() {
            essence if is_json(essence) => Self::Json,
            "application/x-www-form-urlencoded" => Self::Form,
            "application/graphql" => Self::GraphQl,
            "multipart/form-data" => {
                // Some readers take whatever has `boundary` in its name, or in its value.
                let is_known =
                    |(name, _): &(String, String)| name == "boundary" || name == "charset";
                if !parameters.iter().all(is_known) {
                    return Err(Refused::Body("its type has a parameter that readers may go by"));
                }
                multipart(parameter("boundary").unwrap_or_default())?
            }
            _ => Self::Opaque,
        };
        match parameter("charset") {
            None => Ok(kind),
            Some(charset) if is_utf_8(charset) => Ok(kind),
            // Servers decode the names of the query by it as well.
            Some(charset) if kind == Self::Opaque && is_like_ascii(charset) => Ok(kind),
            Some(_) if kind == Self::Opaque => Err(Refused::Form("its charset is not like ASCII")),
            Some(_) => Err(Refused::Form("its charset is not UTF-8")),
        }
    }

    /// Checks the type that a request without a body has: servers decode the names of the query by its charset.
    ///
    /// # Errors
    /// When it names one without ASCII, or in a way that servers could read differently.
    pub(crate) fn of_none(content_type: Option<&HeaderValue>) -> Result<(), Refused> {
        let Some(value) = content_type else { return Ok(()) };
        // A type of nothing may be malformed where it names no charset.
        let names_one =
            value.as_bytes().windows(7).any(|word| word.eq_ignore_ascii_case(b"charset"));
        if names_one {
            Self::of(content_type)?;
        }
        Ok(())
    }
}

fn text_of(value: &HeaderValue) -> Result<&str, Refused> {
    value.to_str().map_err(|_| Refused::Head("the Content-Type is no text"))
}

/// Whether a text in this charset is UTF-8.
fn is_utf_8(charset: &str) -> bool {
    ["utf-8", "utf8", "us-ascii"].iter().any(|name| charset.eq_ignore_ascii_case(name))
}

/// Whether a charset has ASCII's characters where ASCII has them, and nowhere else.
fn is_like_ascii(charset: &str) -> bool {
    let charset = charset.to_ascii_lowercase();
    let is_of = |family: &str| {
        let number = charset.strip_prefix(family);
        number.is_some_and(|number| number.starts_with(|first: char| first.is_ascii_digit()))
    };
    is_utf_8(&charset)
        // What tools say of bytes that are no text.
        || matches!(charset.as_str(), "ascii" | "binary")
        || ["iso-8859-", "windows-125", "latin"].into_iter().any(is_of)
}

fn is_json(essence: &str) -> bool {
    match essence {
        "application/json" | "text/json" => true,
        // What clients of AWS send.
        "application/x-amz-json-1.0" | "application/x-amz-json-1.1" => true,
        other => other.ends_with("+json"),
    }
}

/// How a part of a multipart body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// As the value of a field, or not at all where it is a file.
    Plain,
    /// As JSON.
    Json,
    /// Not at all, though servers may fill fields from it.
    Bound,
}

impl Part {
    /// How a part of this type is read.
    ///
    /// # Errors
    /// When the type is malformed, or says that its text is in another encoding than the one it is judged in.
    pub(super) fn of(content_type: Option<&str>, is_file: bool) -> Result<Self, Refused> {
        let Some(text) = content_type else { return Ok(Self::Plain) };
        if !text.is_ascii() {
            return Err(Refused::Body("the type of a part is malformed"));
        }
        let (essence, parameters) = parse(text)?;
        if parameters.iter().any(|(name, value)| name == "charset" && !is_utf_8(value)) {
            return Err(Refused::Form("the charset of a part is not UTF-8"));
        }
        let (family, kind) = essence.split_once('/').unwrap_or_default();
        Ok(match family {
            _ if is_json(&essence) => Self::Json,
            // Pictures are files to everybody, those in XML too.
            "image" | "audio" | "video" | "font" if is_file => Self::Plain,
            "multipart" | "message" => Self::Bound,
            _ if kind.split(['+', '.', '-']).any(|word| BOUND.contains(&word)) => Self::Bound,
            "text" => Self::Plain,
            _ if is_file => Self::Plain,
            _ => Self::Bound,
        })
    }
}

/// Words of types that servers fill fields from, besides JSON.
const BOUND: [&str; 19] = [
    "xml",
    "yaml",
    "yml",
    "toml",
    "urlencoded",
    "graphql",
    "json",
    "json5",
    "jsonl",
    "ndjson",
    "jsonlines",
    "cbor",
    "smile",
    "msgpack",
    "messagepack",
    "bson",
    "ion",
    "protobuf",
    "hal",
];

/// RFC 2046 section 5.1.1, without the space, which no client uses, and the comma, at which some readers stop.
fn multipart(boundary: &str) -> Result<Kind, Refused> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_-./:=?".contains(&byte);
    if boundary.is_empty() || boundary.len() > 70 || !boundary.bytes().all(fits) {
        return Err(Refused::Body("its boundary is none"));
    }
    Ok(Kind::Multipart { boundary: boundary.to_owned() })
}

/// The type without its parameters, in lower case.
pub(crate) fn essence(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?.split(';').next()?;
    Some(text.trim().to_ascii_lowercase())
}

/// Whether a response says once at most what it is, in an encoding that has ASCII's characters where ASCII has them: in
/// others (UTF-16, UTF-7) no secret looks like one.
pub(crate) fn is_plainly_typed(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let Some(value) = values.next() else { return true };
    let Ok(text) = value.to_str() else { return false };
    let text = text.to_ascii_lowercase();
    let charsets =
        text.match_indices("charset").filter_map(|(at, word)| text.get(at + word.len()..));
    let is_plain = |rest: &str| {
        let name = rest.trim_start_matches([' ', '\t', '=', '"', '\'']);
        let end = name.find([';', ' ', '\t', '"', '\'', ',']).unwrap_or(name.len());
        let name = name.get(..end).unwrap_or_default();
        name.is_empty() || is_like_ascii(name)
    };
    values.next().is_none() && charsets.into_iter().all(is_plain)
}

type Parameters = Vec<(String, String)>;

fn parse(text: &str) -> Result<(String, Parameters), Refused> {
    let wrong = Refused::Head("the Content-Type is malformed");
    let (essence, mut rest) = text.split_once(';').unwrap_or((text, ""));
    let essence = essence.trim().to_ascii_lowercase();
    let is_type = |part: &str| !part.is_empty() && part.bytes().all(crate::head::is_token);
    if !essence.split_once('/').is_some_and(|(a, b)| is_type(a) && is_type(b)) {
        return Err(wrong);
    }
    let mut parameters = Parameters::new();
    loop {
        rest = rest.trim_matches([' ', '\t', ';']);
        if rest.is_empty() {
            return Ok((essence, parameters));
        }
        let (name, value) = rest.split_once('=').ok_or(wrong)?;
        let name = name.trim().to_ascii_lowercase();
        let (value, left) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or(wrong)?,
            None => value.split_at(value.find([';', ' ', '\t']).unwrap_or(value.len())),
        };
        let left_ends = left.is_empty() || left.trim_start().starts_with(';');
        // `charset*=` and `boundary*0=` are read by some, and by others not.
        let is_odd = value.contains(['\\', '"']) || name.contains('*') || !is_type(&name);
        if is_odd || !left_ends || parameters.iter().any(|(known, _)| *known == name) {
            return Err(wrong);
        }
        parameters.push((name, value.to_owned()));
        rest = left;
    }
}
