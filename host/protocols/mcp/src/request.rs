//! What a client may ask of a server, by method, with exactly the params that the method has.

use crate::json::Json;
use crate::message::{INVALID_PARAMS, METHOD_NOT_FOUND, RpcError};
use crate::names::{self, check_uri, is_plain};

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `tools/list`
    Tools,
    /// `prompts/list`
    Prompts,
    /// `resources/list`
    Resources,
    /// `resources/templates/list`
    Templates,
}

impl Kind {
    /// The method that lists them.
    #[must_use]
    pub fn method(self) -> &'static str {
        match self {
            Self::Tools => "tools/list",
            Self::Prompts => "prompts/list",
            Self::Resources => "resources/list",
            Self::Templates => "resources/templates/list",
        }
    }

    /// The member of the result that holds them.
    #[must_use]
    pub fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
        }
    }

    /// The server's capability without which there are none.
    #[must_use]
    pub fn capability(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources | Self::Templates => "resources",
        }
    }
}

/// What a client asks for. Names and addresses are the client's, with a server's prefix where there are several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// `tools/call`
    Call {
        /// The tool.
        name: String,
        /// An object.
        arguments: Json,
    },
    /// `resources/read`
    Read(String),
    /// `resources/subscribe`
    Subscribe(String),
    /// `resources/unsubscribe`
    Unsubscribe(String),
    /// `prompts/get`
    Prompt {
        /// The prompt.
        name: String,
        /// An object of texts.
        arguments: Json,
    },
    /// `completion/complete`
    Complete {
        /// Of a prompt's argument, or else of a template's.
        of_prompt: bool,
        /// The prompt's name, or the template.
        name: String,
        /// What is completed, and what is known: the members `argument` and `context`.
        given: Json,
    },
    /// One of the lists.
    List(Kind),
    /// `logging/setLevel`
    Level(String),
}

impl Ask {
    /// Reads a request that is judged; `initialize` and `ping` are not.
    ///
    /// # Errors
    /// When nobody serves it, or not with these params.
    pub fn read(method: &str, params: &Json) -> Result<Self, RpcError> {
        let text = |name: &str| {
            let text = params.str_at(name).map(str::to_owned);
            text.ok_or_else(|| wrong(format!("{method} needs a text `{name}`")))
        };
        let uri = || {
            only(method, params, &["uri"])?;
            let uri = text("uri")?;
            check_uri(&uri).map_err(|refused| wrong(refused.to_string()))?;
            Ok(uri)
        };
        Ok(match method {
            "tools/call" if params.get("task").is_some() => {
                return Err(wrong("the gateway does not carry tasks: call it without".to_owned()));
            }
            "tools/call" => {
                only(method, params, &["name", "arguments"])?;
                Self::Call { name: plain(text("name")?)?, arguments: arguments(params)? }
            }
            "resources/read" => Self::Read(uri()?),
            "resources/subscribe" => Self::Subscribe(uri()?),
            "resources/unsubscribe" => Self::Unsubscribe(uri()?),
            "prompts/get" => {
                only(method, params, &["name", "arguments"])?;
                let arguments = arguments(params)?;
                if arguments.members().iter().any(|(_, value)| value.as_str().is_none()) {
                    return Err(wrong("a prompt's arguments are texts".to_owned()));
                }
                Self::Prompt { name: plain(text("name")?)?, arguments }
            }
            "completion/complete" => complete(method, params)?,
            "logging/setLevel" => {
                only(method, params, &["level"])?;
                Self::Level(text("level")?)
            }
            _ => return list(method, params),
        })
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self {
            Self::Call { .. } => "tools/call",
            Self::Read(_) => "resources/read",
            Self::Subscribe(_) => "resources/subscribe",
            Self::Unsubscribe(_) => "resources/unsubscribe",
            Self::Prompt { .. } => "prompts/get",
            Self::Complete { .. } => "completion/complete",
            Self::List(kind) => kind.method(),
            Self::Level(_) => "logging/setLevel",
        }
    }

    /// The params for the server that knows what is asked for under `name`.
    #[must_use]
    pub fn params(&self, name: &str) -> Json {
        let uri = || Json::object([("uri", Json::text(name))]);
        match self {
            Self::Call { arguments, .. } | Self::Prompt { arguments, .. } => {
                Json::object([("name", Json::text(name)), ("arguments", arguments.clone())])
            }
            Self::Read(_) | Self::Subscribe(_) | Self::Unsubscribe(_) => uri(),
            Self::Complete { of_prompt, given, .. } => {
                let (kind, member) =
                    if *of_prompt { ("ref/prompt", "name") } else { ("ref/resource", "uri") };
                let reference =
                    Json::object([("type", Json::text(kind)), (member, Json::text(name))]);
                let mut params = Json::object([("ref", reference)]);
                given.members().iter().for_each(|(name, value)| params.set(name, value.clone()));
                params
            }
            Self::List(_) => Json::Object(vec![]),
            Self::Level(level) => Json::object([("level", Json::text(level))]),
        }
    }
}

fn wrong(what: String) -> RpcError {
    RpcError::new(INVALID_PARAMS, what)
}

/// Params that a method does not have could mean something to a server.
fn only(method: &str, params: &Json, known: &[&str]) -> Result<(), RpcError> {
    let members = params.members().iter().map(|(name, _)| name.as_str());
    let mut unknown = members.filter(|name| *name != "_meta" && !known.contains(name));
    match unknown.next() {
        None => Ok(()),
        Some(_) => Err(wrong(format!("{method} has params that the gateway does not know"))),
    }
}

fn plain(name: String) -> Result<String, RpcError> {
    let what = "a name is of ASCII letters, digits, _, -, ., / and :, and no longer than 128";
    if is_plain(&name) { Ok(name) } else { Err(wrong(what.to_owned())) }
}

fn arguments(params: &Json) -> Result<Json, RpcError> {
    let arguments = params.get("arguments").cloned().unwrap_or(Json::Object(vec![]));
    if !arguments.is_object() {
        return Err(wrong("arguments must be an object".to_owned()));
    }
    if arguments.confusable_name().is_some() {
        return Err(wrong("the arguments have names that can be taken for others: they differ in case alone, or by a letter that only looks so".to_owned()));
    }
    Ok(arguments)
}

fn complete(method: &str, params: &Json) -> Result<Ask, RpcError> {
    only(method, params, &["ref", "argument", "context"])?;
    let reference = params.get("ref").unwrap_or(&Json::Null);
    let (of_prompt, name) = match reference.str_at("type") {
        Some("ref/prompt") => (true, reference.str_at("name")),
        Some("ref/resource") => (false, reference.str_at("uri")),
        _ => (false, None),
    };
    let name = name.ok_or_else(|| wrong("`ref` names no prompt and no template".to_owned()))?;
    let name = if of_prompt { plain(name.to_owned())? } else { template(name)? };
    let mut given = params.clone();
    given.take("ref");
    given.take("_meta");
    if given.confusable_name().is_some() {
        return Err(wrong("two names differ in case alone".to_owned()));
    }
    if !is_completed(given.get("argument")) {
        return Err(wrong("`argument` is a `name` and a `value`, both texts".to_owned()));
    }
    if given.get("context").is_some_and(|context| !is_known(context)) {
        return Err(wrong("`context` has `arguments`, which are texts".to_owned()));
    }
    Ok(Ask::Complete { of_prompt, name, given })
}

/// Whether that is an argument as it is told: what else a server may take of it would not be judged.
fn is_completed(argument: Option<&Json>) -> bool {
    argument.is_some_and(|argument| {
        let said = ["name", "value"].map(|name| argument.str_at(name).is_some());
        said == [true, true] && argument.members().len() == said.len()
    })
}

/// The same of what is known besides.
fn is_known(context: &Json) -> bool {
    let is_text = |(_, value): &(_, Json)| matches!(value, Json::Text(_));
    context.is_object()
        && context.members().iter().all(|(name, inner)| {
            name == "arguments" && inner.is_object() && inner.members().iter().all(is_text)
        })
}

/// A template is an address but for its braces (RFC 6570).
fn template(text: &str) -> Result<String, RpcError> {
    let address = text.replace(['{', '}'], "");
    check_uri(&address.replace('*', "")).map_err(|refused| wrong(refused.to_string()))?;
    Ok(text.to_owned())
}

fn list(method: &str, params: &Json) -> Result<Ask, RpcError> {
    let kinds = [Kind::Tools, Kind::Prompts, Kind::Resources, Kind::Templates];
    let Some(kind) = kinds.into_iter().find(|kind| kind.method() == method) else {
        let what = match method.starts_with("tasks/") {
            true => "the gateway does not carry tasks",
            false => "the gateway does not serve this method",
        };
        return Err(RpcError::new(METHOD_NOT_FOUND, what));
    };
    only(method, params, &["cursor"])?;
    // Everything is on the first page.
    match params.get("cursor") {
        None | Some(Json::Null) => Ok(Ask::List(kind)),
        Some(_) => Err(wrong("there is no such page".to_owned())),
    }
}

/// What a client asks for, and whose: by its prefix, where several servers are offered as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aim {
    /// The server's place in the connection.
    pub server: usize,
    /// The name or address that the server knows.
    pub name: String,
}

impl Ask {
    /// Finds the server that is meant, among these; none where all are, or nobody is.
    #[must_use]
    pub fn aim(&self, servers: &[String]) -> Option<Aim> {
        let (name, is_uri) = match self {
            Self::Call { name, .. } | Self::Prompt { name, .. } => (name, false),
            Self::Read(uri) | Self::Subscribe(uri) | Self::Unsubscribe(uri) => (uri, true),
            Self::Complete { of_prompt, name, .. } => (name, !of_prompt),
            Self::List(_) | Self::Level(_) => return None,
        };
        if servers.len() == 1 {
            return Some(Aim { server: 0, name: name.clone() });
        }
        let (server, name) = if is_uri { names::split_uri(name) } else { names::split(name) }?;
        let server = servers.iter().position(|known| known == server)?;
        Some(Aim { server, name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, params: &str) -> Result<Ask, i64> {
        let params = Json::read(params.as_bytes()).unwrap();
        Ask::read(method, &params).map_err(|error| error.code)
    }

    #[test]
    fn what_is_sent_has_the_params_that_were_judged_and_no_others() {
        let ask = read("tools/call", r#"{"name":"a__b","arguments":{"x":1},"_meta":{"k":1}}"#);
        let ask = ask.unwrap();
        let aim = ask.aim(&["z".into(), "a".into()]).unwrap();
        assert_eq!((aim.server, aim.name.as_str()), (1, "b"));
        assert_eq!(ask.params(&aim.name).to_text(), r#"{"name":"b","arguments":{"x":1}}"#);
    }

    #[test]
    fn params_that_servers_could_take_for_others_are_refused() {
        for (method, params) in [
            ("tools/call", r#"{"name":"a","Name":"b"}"#),
            ("tools/call", r#"{"name":"a","task":{}}"#),
            ("tools/call", r#"{"name":"a","arguments":[1]}"#),
            ("tools/call", r#"{"name":"a","arguments":{"p":1,"P":2}}"#),
            ("tools/call", "{\"name\":\"a\",\"arguments\":{\"x\":{\"de\u{17f}t\":1}}}"),
            ("tools/call", r#"{"name":"deletе"}"#),
            (
                "completion/complete",
                r#"{"ref":{"type":"ref/prompt","name":"a"},"argument":{"name":"x","value":"","Value":"y"}}"#,
            ),
            ("tools/call", r#"{"arguments":{}}"#),
            ("resources/read", r#"{"uri":"file:///a/../b"}"#),
            ("prompts/get", r#"{"name":"a","arguments":{"x":1}}"#),
            ("tools/list", r#"{"cursor":"x"}"#),
            ("completion/complete", r#"{"ref":{"type":"ref/other"}}"#),
        ] {
            assert_eq!(read(method, params), Err(INVALID_PARAMS), "{method} {params}");
        }
        for more in [
            r#""argument":{"name":"x","value":["/etc/shadow"]}"#,
            r#""argument":{"name":"x"}"#,
            r#""argument":{"name":"x","value":"","other":"/etc"}"#,
            r#""argument":{"name":"x","value":""},"context":{"arguments":{"path":1}}"#,
            r#""argument":{"name":"x","value":""},"context":{"path":"/etc"}"#,
        ] {
            let params = format!(r#"{{"ref":{{"type":"ref/prompt","name":"a"}},{more}}}"#);
            assert_eq!(read("completion/complete", &params), Err(INVALID_PARAMS), "{more}");
        }
    }

    #[test]
    fn unknown_methods_are_served_by_nobody() {
        for method in ["tools/Call", "tasks/get", "server/discover", "", "rpc.discover"] {
            assert_eq!(read(method, "{}"), Err(METHOD_NOT_FOUND), "{method}");
        }
    }

    #[test]
    fn a_completion_goes_out_as_it_came() {
        let params = r#"{"ref":{"type":"ref/resource","uri":"git+repo://{owner}/x"},"argument":{"name":"owner","value":"a"}}"#;
        let ask = read("completion/complete", params).unwrap();
        let aim = ask.aim(&["git".into(), "b".into()]).unwrap();
        assert_eq!(aim.name, "repo://{owner}/x");
        assert_eq!(ask.params("git+repo://{owner}/x").to_text(), params);
    }
}
