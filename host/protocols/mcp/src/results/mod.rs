//! What came back, as the client may see it and as the record keeps it.
//!
//! Only members that the protocol has are passed on, so that each of them is treated as what it is.

mod broken;
mod embedded;
mod literal;
mod masks;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use palisade_policy::{Denial, GateSession, RecordedField, RecordedResult};

pub(crate) use self::masks::Masks;
use crate::json::Json;
use crate::request::Ask;

/// What stands where something was that cannot be masked.
const WITHHELD: &str = "withheld: what cannot be read cannot be masked";

/// How addresses are shown to the client.
pub(crate) type Address<'a> = &'a dyn Fn(&str) -> String;

/// Treats one result, part by part.
pub(crate) struct Treatment<'a> {
    /// The session's gate.
    pub(crate) gate: &'a mut GateSession,
    /// Its masks.
    pub(crate) masks: &'a mut Masks,
    /// How addresses are shown.
    pub(crate) address: Address<'a>,
    /// What is kept of it.
    pub(crate) kept: Kept,
}

/// What is kept of a result, to a limit in bytes.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    rows: Vec<Vec<Option<String>>>,
    count: u64,
    room: usize,
    truncated: bool,
}

impl Kept {
    pub(crate) fn new(limit: usize) -> Self {
        Self { room: limit, ..Self::default() }
    }

    /// Keeps one part of a result.
    pub(crate) fn add(&mut self, kind: &str, text: &str) {
        self.count += 1;
        let size = kind.len() + text.len();
        if size > self.room {
            self.truncated = true;
            return;
        }
        self.room -= size;
        self.rows.push(vec![Some(kind.to_owned()), Some(text.to_owned())]);
    }

    /// The record of it.
    pub(crate) fn recorded(self, bytes: usize, tag: &str) -> RecordedResult {
        let field = |name: &str| RecordedField {
            name: name.to_owned(),
            type_name: "text".to_owned(),
            masked: false,
            sources: None,
        };
        RecordedResult {
            fields: vec![field("part"), field("content")].into(),
            rows: self.rows,
            row_count: self.count,
            bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
            truncated: self.truncated,
            tag: tag.to_owned(),
            observed: std::sync::Arc::default(),
        }
    }
}

impl Treatment<'_> {
    /// The result of a request, as the client may see it.
    ///
    /// # Errors
    /// When it must be withheld.
    pub(crate) fn result(&mut self, ask: &Ask, result: &Json) -> Result<Json, Denial> {
        match ask {
            Ask::Call { .. } => self.call(result),
            Ask::Read(_) => self.read(result),
            Ask::Prompt { .. } => self.prompt(result),
            Ask::Complete { given, .. } => self.completion(given, result),
            Ask::Subscribe(_) | Ask::Unsubscribe(_) | Ask::List(_) | Ask::Level(_) => {
                Ok(Json::Object(vec![]))
            }
        }
    }

    fn call(&mut self, result: &Json) -> Result<Json, Denial> {
        let mut shown = Json::Object(vec![]);
        // First, so that what is covered in it is covered in texts as well.
        let structured = match result.get("structuredContent") {
            Some(structured) => Some(self.masks.json(self.gate, structured)?),
            None => None,
        };
        let content = result.get("content").and_then(Json::as_list).unwrap_or_default();
        let content: Result<Vec<_>, _> = content.iter().map(|part| self.part(part)).collect();
        shown.set("content", Json::List(content?));
        if let Some(structured) = structured {
            self.kept.add("structured", &structured.to_text());
            shown.set("structuredContent", structured);
        }
        if let Some(Json::Bool(failed)) = result.get("isError") {
            shown.set("isError", Json::Bool(*failed));
        }
        Ok(shown)
    }

    fn read(&mut self, result: &Json) -> Result<Json, Denial> {
        let contents = result.get("contents").and_then(Json::as_list).unwrap_or_default();
        let contents: Result<Vec<_>, _> = contents.iter().map(|it| self.resource(it)).collect();
        Ok(Json::object([("contents", Json::List(contents?))]))
    }

    fn prompt(&mut self, result: &Json) -> Result<Json, Denial> {
        let mut shown = Json::Object(vec![]);
        self.texts(result, &mut shown, &["description"])?;
        let messages = result.get("messages").and_then(Json::as_list).unwrap_or_default();
        let messages: Result<Vec<_>, Denial> = messages
            .iter()
            .map(|message| {
                let role =
                    if message.str_at("role") == Some("assistant") { "assistant" } else { "user" };
                let content = message.get("content").unwrap_or(&Json::Null);
                Ok(Json::object([("role", Json::text(role)), ("content", self.part(content)?)]))
            })
            .collect();
        shown.set("messages", Json::List(messages?));
        Ok(shown)
    }

    /// Values of the argument that was asked about: they are covered as those of its key.
    fn completion(&mut self, given: &Json, result: &Json) -> Result<Json, Denial> {
        let argument = given.get("argument").and_then(|argument| argument.str_at("name"));
        let argument = argument.unwrap_or_default();
        let completion = result.get("completion").unwrap_or(&Json::Null);
        let values = completion.get("values").and_then(Json::as_list).unwrap_or_default();
        let values: Result<Vec<_>, Denial> = values
            .iter()
            .filter_map(Json::as_str)
            .map(|value| {
                let value = self.masks.value(self.gate, argument, value)?;
                self.kept.add("value", &value);
                Ok(Json::text(value))
            })
            .collect();
        let mut shown = Json::object([("values", Json::List(values?))]);
        if matches!(completion.get("total"), Some(Json::Number(_))) {
            copy(completion, &mut shown, &["total"]);
        }
        if matches!(completion.get("hasMore"), Some(Json::Bool(_))) {
            copy(completion, &mut shown, &["hasMore"]);
        }
        Ok(Json::object([("completion", shown)]))
    }

    /// A content block (revision 2025-11-25, schema `ContentBlock`).
    pub(crate) fn part(&mut self, part: &Json) -> Result<Json, Denial> {
        let kind = part.str_at("type").unwrap_or_default();
        match kind {
            "text" => {
                let text = part.str_at("text").unwrap_or_default();
                let text = self.masks.text(self.gate, "text/plain", text)?;
                self.kept.add("text", &text);
                Ok(text_part(&text))
            }
            "image" | "audio" => {
                let media = part.str_at("mimeType").unwrap_or_default();
                let data = part.str_at("data").filter(|data| is_base64(data));
                let passes = is_media(media) && self.masks.passes(self.gate, media)?;
                let Some(data) = data.filter(|_| passes) else {
                    self.kept.add(kind, WITHHELD);
                    return Ok(text_part(&format!("[{kind} {WITHHELD}]")));
                };
                self.kept.add(kind, &format!("{media}, {} characters of base64", data.len()));
                let mut shown = Json::object([("type", Json::text(kind))]);
                copy(part, &mut shown, &["data", "mimeType"]);
                Ok(shown)
            }
            "resource" => {
                let resource = self.resource(part.get("resource").unwrap_or(&Json::Null))?;
                Ok(Json::object([("type", Json::text("resource")), ("resource", resource)]))
            }
            "resource_link" => {
                let mut shown = Json::object([("type", Json::text(kind))]);
                self.described(part, &mut shown)?;
                self.kept.add(kind, &shown.to_text());
                Ok(shown)
            }
            _ => {
                self.kept.add("unknown", WITHHELD);
                Ok(text_part("[content of a kind that the gateway does not know is withheld]"))
            }
        }
    }

    /// The contents of a resource: text, or bytes in base64.
    fn resource(&mut self, resource: &Json) -> Result<Json, Denial> {
        let uri = resource.str_at("uri").unwrap_or_default();
        let uri = self.masks.text(self.gate, "text/plain", &(self.address)(uri))?;
        let media = resource.str_at("mimeType").filter(|media| is_media(media));
        let mut shown = Json::object([("uri", Json::text(&uri))]);
        if let Some(media) = media {
            shown.set("mimeType", Json::text(media));
        }
        if let Some(text) = resource.str_at("text") {
            // A text is treated as one, whatever else the server says that it is.
            let kind = media.filter(|media| media.starts_with("text/")).unwrap_or("text/plain");
            let text = self.masks.text(self.gate, kind, text)?;
            self.kept.add(&uri, &text);
            shown.set("text", Json::text(text));
            return Ok(shown);
        }
        let media = media.unwrap_or("application/octet-stream");
        let blob = resource.str_at("blob").filter(|blob| is_base64(blob));
        let passes = self.masks.passes(self.gate, media)?;
        if let Some(blob) = blob.filter(|_| passes) {
            self.kept.add(&uri, &format!("{media}, {} characters of base64", blob.len()));
            shown.set("blob", Json::text(blob));
        } else {
            self.kept.add(&uri, WITHHELD);
            shown.set("mimeType", Json::text("text/plain"));
            shown.set("text", Json::text(format!("[{WITHHELD}]")));
        }
        Ok(shown)
    }

    /// What a list says of a prompt, a resource or a template, or a link of a resource.
    pub(crate) fn described(&mut self, item: &Json, shown: &mut Json) -> Result<(), Denial> {
        for member in ["uri", "uriTemplate"] {
            if let Some(uri) = item.str_at(member) {
                let uri = self.masks.text(self.gate, "text/plain", &(self.address)(uri))?;
                shown.set(member, Json::text(uri));
            }
        }
        self.texts(item, shown, &["name", "title", "description"])?;
        if let Some(media) = item.str_at("mimeType").filter(|media| is_media(media)) {
            shown.set("mimeType", Json::text(media));
        }
        if matches!(item.get("size"), Some(Json::Number(_))) {
            copy(item, shown, &["size"]);
        }
        if let Some(arguments) = item.get("arguments") {
            shown.set("arguments", self.masks.json(self.gate, arguments)?);
        }
        Ok(())
    }

    fn texts(&mut self, from: &Json, to: &mut Json, names: &[&str]) -> Result<(), Denial> {
        for name in names {
            if let Some(text) = from.str_at(name) {
                let text = self.masks.text(self.gate, "text/plain", text)?;
                to.set(name, Json::text(text));
            }
        }
        Ok(())
    }
}

/// A content block of text.
pub(crate) fn text_part(text: &str) -> Json {
    Json::object([("type", Json::text("text")), ("text", Json::text(text))])
}

fn copy(from: &Json, to: &mut Json, names: &[&str]) {
    for name in names {
        if let Some(value) = from.get(name) {
            to.set(name, value.clone());
        }
    }
}

/// Whether this is bytes in Base64 (RFC 4648 sections 4 and 5): a text in their place could be read.
fn is_base64(text: &str) -> bool {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [&STANDARD, &URL_SAFE]
        .iter()
        .any(|alphabet| GeneralPurpose::new(alphabet, LENIENT).decode(text).is_ok())
}

/// Whether this is a media type and nothing else (RFC 6838).
fn is_media(media: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&^_.+-/;= ".contains(&byte);
    media.len() <= 128 && media.contains('/') && media.bytes().all(plain)
}
