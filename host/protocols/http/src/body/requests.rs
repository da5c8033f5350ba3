//! Requests that a body or a query holds, by which one endpoint does what others would be asked for: OData's and Microsoft Graph's `$batch`,
//! Facebook's and Azure's batches.

use std::collections::HashMap;

use http::Uri;

use crate::target::is_method;

/// So many other hosts are told apart; of more, any may be this one.
const MOST_HOSTS: usize = 64;

/// Whom the requests in a body or a query are for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Some name no host.
    here: bool,
    /// The hosts that others name, in lower case.
    hosts: Vec<String>,
}

impl Requests {
    /// Whether one of them is for a service of these names. What names another service is that one's business.
    pub(crate) fn are_for(&self, names: &[&str]) -> bool {
        let is =
            |name: &&str| self.hosts.iter().any(|host| unrooted(name).eq_ignore_ascii_case(host));
        self.here || names.iter().any(is)
    }

    /// One more, by what it says of its path.
    fn add(&mut self, path: &str) {
        match host_of(path) {
            Some(host) if self.hosts.len() < MOST_HOSTS => self.hosts.push(host),
            _ => self.here = true,
        }
    }

    fn extend(&mut self, others: Self) {
        self.here |= others.here || self.hosts.len() + others.hosts.len() > MOST_HOSTS;
        if !self.here {
            self.hosts.extend(others.hosts);
        }
    }
}

/// The host of an address that has a scheme; none where the text may as well be a path of this service.
fn host_of(path: &str) -> Option<String> {
    let (scheme, _) = path.trim_start().split_once("://")?;
    let is_scheme =
        scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let uri: Uri = path.trim().parse().ok().filter(|_| is_scheme)?;
    Some(unrooted(uri.host()?).to_ascii_lowercase())
}

/// A name without the dot of the root behind it, which leads to the same host.
fn unrooted(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

/// What a member of an object says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Its method.
    Method,
    /// Its path.
    Path,
}

impl Part {
    /// What a member of this name says: readers pass over its case, and people write its words together or not.
    pub(super) fn of(name: &str) -> Option<Self> {
        const METHODS: [&str; 3] = ["method", "httpmethod", "requestmethod"];
        const PATHS: [&str; 10] = [
            "url",
            "uri",
            "path",
            "endpoint",
            "relativeurl",
            "relativeuri",
            "relativepath",
            "requesturl",
            "requesturi",
            "requestpath",
        ];
        let letters = || name.bytes().filter(|byte| !b"_-".contains(byte));
        let is = |word: &&str| letters().map(|byte| byte.to_ascii_lowercase()).eq(word.bytes());
        if METHODS.iter().any(is) {
            return Some(Self::Method);
        }
        PATHS.iter().any(is).then_some(Self::Path)
    }
}

/// What one object says of a request.
#[derive(Debug, Default)]
pub(super) struct Asked {
    has_method: bool,
    paths: Requests,
}

impl Asked {
    /// One of its members says this.
    pub(super) fn say(&mut self, part: Part, value: &str) {
        match part {
            Part::Method => self.has_method |= is_method(value.trim()),
            Part::Path => self.paths.add(value),
        }
    }

    /// Adds it to those that were found, where it is a request.
    pub(super) fn end(self, found: &mut Requests) {
        if self.has_method {
            found.extend(self.paths);
        }
    }
}

/// The same of fields that say it together, by the names around them: forms and queries write objects so, and names of members
/// may be paths.
#[derive(Default)]
pub(super) struct ByField(HashMap<String, Asked>);

impl ByField {
    /// A field of this path has a value.
    pub(super) fn say(&mut self, field: &str, value: &str) {
        let Some((within, name)) = field.rsplit_once('.') else { return };
        if let Some(part) = Part::of(name) {
            self.0.entry(within.to_owned()).or_default().say(part, value);
        }
    }

    /// Adds the requests among them to those that were found.
    pub(super) fn end(self, found: &mut Requests) {
        self.0.into_values().for_each(|asked| asked.end(found));
    }
}

/// Whether a name or a value of a query may say a method, by itself or as JSON: hardly any does.
pub(super) fn may_say_method(text: &str) -> bool {
    let word = b"method";
    text.as_bytes().windows(word.len()).any(|it| it.eq_ignore_ascii_case(word))
        || text.contains("\\u")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_for_this_service_unless_its_address_surely_names_another() {
        for (path, expected) in [
            ("/users/7", true),
            ("users/7?x=://", true),
            ("//other/users/7", true),
            ("HTTPS://Api.Example:443/users/7", true),
            ("https://a@api.example/users/7", true),
            ("https://api.example./users/7", true),
            (" https://api.example/users/7", true),
            ("https://other.example\\@api.example/users/7", true),
            ("https://other.example/users/7", false),
            ("wss://hooks.example", false),
        ] {
            let mut requests = Requests::default();
            requests.add(path);
            assert_eq!(requests.are_for(&["gateway", "api.example"]), expected, "{path}");
        }
    }

    #[test]
    fn of_more_hosts_than_are_kept_any_may_be_this_one() {
        let mut requests = Requests::default();
        for number in 0..=MOST_HOSTS {
            requests.add(&format!("https://h{number}.example/"));
        }
        assert!(requests.are_for(&["api.example"]));
    }

    #[test]
    fn a_member_is_known_by_its_words() {
        for name in ["method", "Method", "httpMethod", "http_method", "REQUEST-METHOD"] {
            assert_eq!(Part::of(name), Some(Part::Method), "{name}");
        }
        for name in ["url", "URI", "relative_url", "relativeUrl", "relative_path", "path"] {
            assert_eq!(Part::of(name), Some(Part::Path), "{name}");
        }
        for name in ["", "methods", "href", "verb"] {
            assert_eq!(Part::of(name), None, "{name}");
        }
    }
}
