//! `POST /v1/token`: a request as RFC 8693 has it, and errors as RFC 6749 has them.

use serde_json::{Value, json};

use crate::form;

/// The path; it authenticates by the token that is given away.
pub(crate) const PATH: &str = "/v1/token";
/// The largest request, in bytes: two tokens, and what is asked for.
pub(crate) const LARGEST: usize = 64 * 1024;
/// The form of a request.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// The types of tokens that are taken; what each really is, its verification tells.
const TYPES: [&str; 3] = [
    "urn:ietf:params:oauth:token-type:jwt",
    "urn:ietf:params:oauth:token-type:access_token",
    "urn:ietf:params:oauth:token-type:id_token",
];

/// A request for an exchange.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// The token that another is asked for.
    pub subject_token: String,
    /// The token of whoever acts for the subject.
    pub actor_token: Option<String>,
    /// The roles that are asked for (`scope`).
    pub roles: Option<Vec<String>>,
    /// The connections that are asked for (`audience` or `resource`).
    pub connections: Option<Vec<String>>,
}

impl std::fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("TokenRequest");
        shown.field("roles", &self.roles).field("connections", &self.connections);
        shown.finish_non_exhaustive()
    }
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeProblem {
    /// `invalid_request` and the like.
    code: &'static str,
    description: String,
}

impl std::fmt::Display for ExchangeProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.description)
    }
}

impl ExchangeProblem {
    /// A problem by its registered name.
    #[must_use]
    pub fn new(code: &'static str, description: impl Into<String>) -> Self {
        Self { code, description: description.into() }
    }

    pub(crate) fn status(&self) -> u16 {
        match self.code {
            "temporarily_unavailable" => 429,
            "server_error" => 500,
            _ => 400,
        }
    }

    pub(crate) fn body(&self) -> Value {
        json!({ "error": self.code, "error_description": self.description })
    }
}

/// Reads a request.
pub(crate) fn request(form: &[u8]) -> Result<TokenRequest, ExchangeProblem> {
    let wrong = |what: String| ExchangeProblem::new("invalid_request", what);
    let pairs = form::pairs(form).ok_or_else(|| wrong("the body is no form".to_owned()))?;
    let all = |name: &str| -> Vec<String> {
        let found = pairs.iter().filter(|(its, value)| its == name && !value.is_empty());
        found.map(|(_, value)| value.clone()).collect()
    };
    let one = |name: &str| {
        let mut values = all(name).into_iter();
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(wrong(format!("`{name}` is there twice"))),
        }
    };
    let needed = |name: &str| one(name)?.ok_or_else(|| wrong(format!("`{name}` is missing")));
    if needed("grant_type")? != EXCHANGE {
        let only = format!("only {EXCHANGE} is given here");
        return Err(ExchangeProblem::new("unsupported_grant_type", only));
    }
    let is_known = |name: &str, kind: &str| match TYPES.contains(&kind) {
        true => Ok(()),
        false => Err(wrong(format!("`{name}` is no type that is known here"))),
    };
    is_known("subject_token_type", &needed("subject_token_type")?)?;
    if let Some(kind) = one("requested_token_type")? {
        is_known("requested_token_type", &kind)?;
    }
    let actor_token = one("actor_token")?;
    match (&actor_token, one("actor_token_type")?) {
        (Some(_), Some(kind)) => is_known("actor_token_type", &kind)?,
        (None, None) => {}
        _ => return Err(wrong("`actor_token` and `actor_token_type` go together".to_owned())),
    }
    let scope = one("scope")?;
    let mut connections = all("audience");
    connections.extend(all("resource"));
    Ok(TokenRequest {
        subject_token: needed("subject_token")?,
        actor_token,
        roles: scope.map(|scope| scope.split_whitespace().map(str::to_owned).collect()),
        connections: (!connections.is_empty()).then_some(connections),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange\
        &subject_token_type=urn:ietf:params:oauth:token-type:jwt";

    fn check(more: &str, expected: &str) {
        let problem = request(format!("{BASE}{more}").as_bytes()).unwrap_err();
        assert_eq!(problem.description, expected, "{more}");
    }

    #[test]
    fn a_request_is_read_with_its_escapes() {
        let form = format!(
            "{BASE}&subject_token=a.b%2Ec&scope=reader+writer&audience=one&resource=two%20x&other="
        );
        let asked = request(form.as_bytes()).unwrap();
        assert_eq!(asked.subject_token, "a.b.c");
        assert_eq!(asked.roles.as_deref(), Some(&["reader".to_owned(), "writer".to_owned()][..]));
        assert_eq!(asked.connections.as_deref(), Some(&["one".to_owned(), "two x".to_owned()][..]));
        assert!(!format!("{asked:?}").contains("a.b.c"), "a token is never shown");
    }

    #[test]
    fn what_is_wrong_is_named() {
        check("", "`subject_token` is missing");
        check("&subject_token=a&subject_token=b", "`subject_token` is there twice");
        check("&subject_token=a&actor_token=b", "`actor_token` and `actor_token_type` go together");
        check("&subject_token=%zz", "the body is no form");
        check("&subject_token=%f", "the body is no form");
        check("&subject_token=%ff", "the body is no form");
        let saml = "&subject_token=a&requested_token_type=urn:ietf:params:oauth:token-type:saml2";
        check(saml, "`requested_token_type` is no type that is known here");
        let other = request(b"grant_type=password").unwrap_err();
        assert_eq!(other.code, "unsupported_grant_type");
    }
}
