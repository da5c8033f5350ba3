//! Headers that repeat what a message says (revision 2026-07-28, Transports): whoever goes by them must find there what the
//! message has.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::json::Json;

/// The name of a tool, a prompt or a resource.
pub(crate) const NAME: &str = "mcp-name";
/// The method.
pub(crate) const METHOD: &str = "mcp-method";
/// The revision.
pub(crate) const VERSION: &str = "mcp-protocol-version";
/// What stands before the names of a tool's arguments.
pub(crate) const ARGUMENT: &str = "mcp-param-";

/// The member of a tool's schema by which an argument is repeated.
const MARK: &str = "x-mcp-header";
/// How a value begins and ends that is not itself in the header.
const WRAPPED: (&str, &str) = ("=?base64?", "?=");
/// Schemas are not searched deeper.
const DEEPEST: usize = 64;
/// Members of a schema that hold values and no schemas.
const VALUES: [&str; 4] = ["default", "examples", "const", "enum"];

/// The member of a method's params that the header with the name repeats.
pub(crate) fn named_by(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" => Some("uri"),
        _ => None,
    }
}

/// A value as a header has it.
pub(crate) fn encode(value: &str) -> String {
    let plain = value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && value == value.trim();
    if plain && unwrapped(value).is_none() {
        return value.to_owned();
    }
    format!("{}{}{}", WRAPPED.0, STANDARD.encode(value), WRAPPED.1)
}

/// What a header says; none where it cannot be read.
pub(crate) fn decode(header: &str) -> Option<String> {
    let Some(wrapped) = unwrapped(header) else { return Some(header.to_owned()) };
    String::from_utf8(STANDARD.decode(wrapped).ok()?).ok()
}

fn unwrapped(header: &str) -> Option<&str> {
    header.strip_prefix(WRAPPED.0)?.strip_suffix(WRAPPED.1)
}

/// The arguments of a tool that headers repeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mirror(Vec<Mirrored>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Mirrored {
    /// The names that lead to the argument.
    path: Vec<String>,
    /// The header's name behind the prefix, in lower case.
    header: String,
    is_integer: bool,
}

impl Mirror {
    /// Those that a tool's schema marks; none where it marks something that cannot be repeated.
    pub(crate) fn of(schema: &Json) -> Self {
        let mut found = Vec::new();
        let is_valid = walk(schema, Some(&mut Vec::new()), &mut found, 0);
        let mut headers: Vec<&str> = found.iter().map(|it| it.header.as_str()).collect();
        headers.sort_unstable();
        let before = headers.len();
        headers.dedup();
        if is_valid && headers.len() == before { Self(found) } else { Self::default() }
    }

    /// The headers for these arguments, by name.
    pub(crate) fn headers(&self, arguments: &Json) -> Vec<(String, String)> {
        let headers = self.0.iter().filter_map(|it| {
            let value = spelled(at(arguments, &it.path)?)?;
            Some((format!("{ARGUMENT}{}", it.header), encode(&value)))
        });
        headers.collect()
    }

    /// Checks that headers, by their names behind the prefix in lower case, say what the arguments do.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) fn check(
        &self,
        arguments: &Json,
        headers: &[(String, String)],
    ) -> Result<(), &'static str> {
        for it in &self.0 {
            let said = headers.iter().find(|(name, _)| *name == it.header).map(|(_, said)| said);
            let value = at(arguments, &it.path).and_then(spelled);
            match (value, said) {
                (None, None) => {}
                (Some(value), Some(said)) if it.same(&value, said) => {}
                (Some(_), Some(_)) => return Err("a header says something else than an argument"),
                (None, Some(_)) => return Err("a header repeats an argument that is not there"),
                (Some(_), None) => return Err("an argument is not repeated in its header"),
            }
        }
        let known = |(name, _): &(String, String)| self.0.iter().any(|it| it.header == *name);
        match headers.iter().all(known) {
            true => Ok(()),
            false => Err("a header repeats an argument that the tool does not have repeated"),
        }
    }
}

impl Mirrored {
    fn same(&self, value: &str, said: &str) -> bool {
        value == said || (self.is_integer && whole(value).is_some() && whole(value) == whole(said))
    }
}

/// A whole number without the zeros that change nothing: `42.0` is `42`.
fn whole(number: &str) -> Option<&str> {
    let (digits, zeros) = number.split_once('.').unwrap_or((number, "0"));
    let bare = digits.strip_prefix('-').unwrap_or(digits);
    let is_one = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit());
    (is_one && !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0')).then_some(digits)
}

fn at<'a>(arguments: &'a Json, path: &[String]) -> Option<&'a Json> {
    path.iter().try_fold(arguments, |value, name| value.get(name))
}

/// A value as it is repeated; none for those that are not.
fn spelled(value: &Json) -> Option<String> {
    match value {
        Json::Text(text) => Some(text.clone()),
        Json::Number(spelled) => Some(spelled.clone()),
        Json::Bool(value) => Some(value.to_string()),
        Json::Null | Json::List(_) | Json::Object(_) => None,
    }
}

/// Looks for marks in a schema, and says whether all of them are where they may be: at a property that is reached by
/// properties alone, whose path is known.
fn walk(
    schema: &Json,
    mut path: Option<&mut Vec<String>>,
    found: &mut Vec<Mirrored>,
    depth: usize,
) -> bool {
    if depth > DEEPEST {
        return false;
    }
    if let Json::List(list) = schema {
        return list.iter().all(|inner| walk(inner, None, found, depth + 1));
    }
    let mut is_valid = true;
    for (name, value) in schema.members() {
        is_valid &= match (name.as_str(), path.as_deref_mut()) {
            (MARK, Some(path)) if !path.is_empty() => mark(schema, value, path, found),
            (MARK, _) => false,
            ("properties", Some(path)) => value.members().iter().all(|(name, inner)| {
                path.push(name.clone());
                let is_valid = walk(inner, Some(path), found, depth + 1);
                path.pop();
                is_valid
            }),
            ("properties", None) => {
                value.members().iter().all(|(_, inner)| walk(inner, None, found, depth + 1))
            }
            (name, _) if VALUES.contains(&name) => true,
            _ => walk(value, None, found, depth + 1),
        };
    }
    is_valid
}

fn mark(schema: &Json, mark: &Json, path: &[String], found: &mut Vec<Mirrored>) -> bool {
    let kind = schema.str_at("type").unwrap_or_default();
    let is_token = |text: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !text.is_empty() && text.bytes().all(plain)
    };
    let Some(header) = mark.as_str().filter(is_token) else { return false };
    found.push(Mirrored {
        path: path.to_vec(),
        header: header.to_ascii_lowercase(),
        is_integer: kind == "integer",
    });
    matches!(kind, "string" | "integer" | "boolean")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        Json::read(text.as_bytes()).unwrap()
    }

    const SCHEMA: &str = r#"{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"limit":{"type":"object","properties":{"rows":{"type":"integer","x-mcp-header":"Rows"}}}}}"#;

    fn check(arguments: &str, headers: &[(&str, &str)]) -> bool {
        let headers: Vec<_> =
            headers.iter().map(|(name, said)| ((*name).to_owned(), (*said).to_owned())).collect();
        Mirror::of(&json(SCHEMA)).check(&json(arguments), &headers).is_ok()
    }

    #[test]
    fn a_value_is_read_as_it_was_written() {
        for value in ["a", "", " a", "é\n", "=?base64?eA==?=", "a b"] {
            assert_eq!(decode(&encode(value)).as_deref(), Some(value), "{value:?}");
        }
        assert_eq!(decode("=?base64?eB==?="), None, "bits that nobody reads");
        assert_eq!(decode("=?base64?/w==?="), None, "no text");
    }

    #[test]
    fn a_header_says_what_the_argument_does_or_is_not_there_at_all() {
        let arguments = r#"{"region":"eu","limit":{"rows":42}}"#;
        assert!(check(arguments, &[("region", "eu"), ("rows", "42.0")]));
        for headers in [
            &[("region", "us"), ("rows", "42")][..],
            &[("region", "eu")],
            &[("region", "eu"), ("rows", "4.2e1")],
            &[("region", "eu"), ("rows", "42"), ("other", "x")],
        ] {
            assert!(!check(arguments, headers), "{headers:?}");
        }
        assert!(check(r#"{"region":null}"#, &[]));
        assert!(!check("{}", &[("region", "eu")]));
    }

    #[test]
    fn what_is_sent_is_what_is_checked() {
        let mirror = Mirror::of(&json(SCHEMA));
        let arguments = json(r#"{"region":"ü","limit":{"rows":7}}"#);
        let headers = mirror.headers(&arguments);
        assert_eq!(
            headers.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            ["mcp-param-region", "mcp-param-rows"]
        );
        let strip = |(name, said): &(String, String)| {
            (name.strip_prefix(ARGUMENT).unwrap().to_owned(), decode(said).unwrap())
        };
        let headers: Vec<_> = headers.iter().map(strip).collect();
        assert_eq!(mirror.check(&arguments, &headers), Ok(()));
    }

    #[test]
    fn a_schema_that_marks_what_cannot_be_repeated_marks_nothing() {
        for schema in [
            r#"{"x-mcp-header":"a"}"#,
            r#"{"properties":{"a":{"type":"number","x-mcp-header":"a"}}}"#,
            r#"{"properties":{"a":{"type":"string","x-mcp-header":"a b"}}}"#,
            r#"{"properties":{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}}"#,
            r#"{"properties":{"a":{"type":"string","x-mcp-header":"a"},"b":{"items":{"properties":{"c":{"type":"string","x-mcp-header":"c"}}}}}}"#,
        ] {
            assert_eq!(Mirror::of(&json(schema)), Mirror::default(), "{schema}");
        }
        let named =
            r#"{"properties":{"x-mcp-header":{"type":"string","default":{"x-mcp-header":"d"}}}}"#;
        assert_eq!(Mirror::of(&json(named)), Mirror::default());
    }
}
