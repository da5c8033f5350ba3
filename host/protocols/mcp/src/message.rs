//! JSON-RPC 2.0 messages, as MCP narrows them: params are objects, ids are texts or whole numbers, results are objects.

use crate::json::{Json, JsonRefused};

/// Nobody needs more messages in one batch.
const LARGEST_BATCH: usize = 64;
/// The longest id that is a text.
const LONGEST_ID: usize = 256;

/// What a request is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Id {
    /// A whole number, as it is spelled.
    Number(String),
    /// A text.
    Text(String),
}

impl Id {
    /// As JSON.
    #[must_use]
    pub fn json(&self) -> Json {
        match self {
            Self::Number(number) => Json::Number(number.clone()),
            Self::Text(text) => Json::text(text.clone()),
        }
    }

    /// Reads an id.
    #[must_use]
    pub fn read(json: &Json) -> Option<Self> {
        match json {
            Json::Text(text) if text.len() <= LONGEST_ID => Some(Self::Text(text.clone())),
            Json::Number(number) => {
                number.parse::<i64>().is_ok().then(|| Self::Number(number.clone()))
            }
            _ => None,
        }
    }
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Something to be answered.
    Request {
        /// Its id.
        id: Id,
        /// What is asked for.
        method: String,
        /// An object.
        params: Json,
    },
    /// Something to be known.
    Notification {
        /// What happened.
        method: String,
        /// An object.
        params: Json,
    },
    /// An answer; the result is an object.
    Result {
        /// The request's id.
        id: Id,
        /// What came of it.
        result: Json,
    },
    /// A failure.
    Error {
        /// The request's id, where it could be read.
        id: Option<Id>,
        /// What went wrong.
        error: RpcError,
    },
}

/// A JSON-RPC error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcError {
    /// Its code.
    pub code: i64,
    /// Its words.
    pub message: String,
    /// More, where there is.
    pub data: Option<Json>,
}

/// The text is no JSON.
pub const PARSE_ERROR: i64 = -32700;
/// The JSON is no message, or not one that may come now.
pub const INVALID_REQUEST: i64 = -32600;
/// Nobody serves this method.
pub const METHOD_NOT_FOUND: i64 = -32601;
/// The method is not served with these params.
pub const INVALID_PARAMS: i64 = -32602;
/// It failed here.
pub const INTERNAL_ERROR: i64 = -32603;
/// It was denied.
pub const DENIED: i64 = -32010;
/// A header says something else than the message (revision 2026-07-28, error codes).
pub const HEADER_MISMATCH: i64 = -32020;
/// The revision is not spoken here (revision 2026-07-28, error codes).
pub const UNSUPPORTED_VERSION: i64 = -32022;

impl RpcError {
    /// An error without data.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> Json {
        let mut json = Json::object([
            ("code", Json::Number(self.code.to_string())),
            ("message", Json::text(&self.message)),
        ]);
        if let Some(data) = &self.data {
            json.set("data", data.clone());
        }
        json
    }
}

/// Why something is no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageRefused {
    /// It is no JSON, or none with one reading.
    #[error("the message is refused: {0}")]
    Json(#[from] JsonRefused),
    /// It is a batch, where there are none.
    #[error("the message is a batch, which this revision of the protocol does not have")]
    Batch,
    /// It is a batch of nothing, or of too much.
    #[error("a batch has 1 to {LARGEST_BATCH} messages")]
    BatchSize,
    /// It is not as JSON-RPC has it.
    #[error("the message is malformed: {1}")]
    Malformed(Option<Id>, &'static str),
}

impl MessageRefused {
    /// The answer that it deserves.
    #[must_use]
    pub fn answer(&self) -> Message {
        let code = match self {
            Self::Json(_) => PARSE_ERROR,
            _ => INVALID_REQUEST,
        };
        let id = match self {
            Self::Malformed(id, _) => id.clone(),
            _ => None,
        };
        Message::Error { id, error: RpcError::new(code, self.to_string()) }
    }
}

impl Message {
    /// Reads a message, or several in a batch where `batches` says that there may be one.
    ///
    /// # Errors
    /// When it has no single reading; of a batch, when one of its messages has none.
    pub fn read(text: &[u8], batches: bool) -> Result<Vec<Self>, MessageRefused> {
        match Json::read(text)? {
            Json::List(_) if !batches => Err(MessageRefused::Batch),
            Json::List(list) if list.is_empty() || list.len() > LARGEST_BATCH => {
                Err(MessageRefused::BatchSize)
            }
            Json::List(list) => list.into_iter().map(Self::of).collect(),
            one => Ok(vec![Self::of(one)?]),
        }
    }

    /// Reads one message.
    fn of(mut json: Json) -> Result<Self, MessageRefused> {
        let spelled = json.take("id");
        let id = spelled.as_ref().and_then(Id::read);
        let malformed = |what| MessageRefused::Malformed(id.clone(), what);
        if !json.is_object() {
            return Err(malformed("it is no object"));
        }
        if json.str_at("jsonrpc") != Some("2.0") {
            return Err(malformed("jsonrpc must be \"2.0\""));
        }
        let (method, params) = (json.take("method"), json.take("params"));
        let (result, error) = (json.take("result"), json.take("error"));
        if json.members().len() != 1 {
            return Err(malformed("it has members that JSON-RPC does not know"));
        }
        // An error to what could not be read has the id null.
        let null = matches!(spelled, Some(Json::Null)) && error.is_some();
        if spelled.is_some() && id.is_none() && !null {
            return Err(malformed("an id is a text or a whole number"));
        }
        match (method, result, error) {
            (Some(Json::Text(method)), None, None) => {
                let params = params.unwrap_or(Json::Object(vec![]));
                if !params.is_object() {
                    return Err(malformed("params must be an object"));
                }
                Ok(match id {
                    Some(id) => Self::Request { id, method, params },
                    None => Self::Notification { method, params },
                })
            }
            (None, Some(result), None) if params.is_none() => match id {
                Some(id) if result.is_object() => Ok(Self::Result { id, result }),
                _ => Err(malformed("a result is an object and has an id")),
            },
            (None, None, Some(error)) if params.is_none() => {
                let error = read_error(error).ok_or_else(|| malformed("its error is none"))?;
                Ok(Self::Error { id, error })
            }
            _ => Err(malformed("it must have one of method, result and error")),
        }
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> Json {
        let mut json = Json::object([("jsonrpc", Json::text("2.0"))]);
        match self {
            Self::Request { id, method, params } => {
                json.set("id", id.json());
                json.set("method", Json::text(method));
                json.set("params", params.clone());
            }
            Self::Notification { method, params } => {
                json.set("method", Json::text(method));
                if !params.members().is_empty() {
                    json.set("params", params.clone());
                }
            }
            Self::Result { id, result } => {
                json.set("id", id.json());
                json.set("result", result.clone());
            }
            Self::Error { id, error } => {
                json.set("id", id.as_ref().map_or(Json::Null, Id::json));
                json.set("error", error.json());
            }
        }
        json
    }
}

fn read_error(mut json: Json) -> Option<RpcError> {
    let Json::Number(code) = json.get("code")? else { return None };
    let code = code.parse().ok()?;
    let message = json.str_at("message")?.to_owned();
    Some(RpcError { code, message, data: json.take("data") })
}

#[cfg(test)]
mod tests;
