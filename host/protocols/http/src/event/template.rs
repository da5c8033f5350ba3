//! Path templates: `/v1/users/{id}` stands for every user, so that policies and their memory need not know each.
//!
//! A template fits to the letter. Some servers tell neither upper from lower case nor a slash at the end from none, and which do
//! is not known: what fits for them alone is told as a doubt (`path-may-be`), which the path itself stays beside.

/// The fact that names a template which the path fits for some servers.
const MAY_BE: &str = "path-may-be";

/// The templates of a connection, in order; the first that fits counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Templates {
    all: Vec<Template>,
    /// The service's own host.
    host: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Template {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Word(String),
    Name(String),
}

impl Templates {
    /// Reads templates.
    ///
    /// # Errors
    /// The first that is none.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let all = texts.into_iter().map(template).collect::<Result<_, _>>()?;
        Ok(Self { all, host: String::new() })
    }

    /// The same of the service at this host: what addresses name there is its own.
    #[must_use]
    pub fn at(self, host: impl Into<String>) -> Self {
        Self { host: host.into(), ..self }
    }

    /// The service's own host; empty where it is not known.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The object that a canonical path stands for, and what a template tells of it.
    pub(super) fn apply(&self, path: &str) -> (String, Vec<(String, String)>) {
        let mut facts = vec![];
        for template in &self.all {
            if let Some(values) = template.fit(path, Closely::ToTheLetter) {
                facts.push(("path".to_owned(), path.to_owned()));
                facts.extend(told("path", values));
                return (template.text.clone(), facts);
            }
            // A later one that fits to the letter does not dispel it.
            if let Some(values) = template.fit(path, Closely::ForSomeServers) {
                facts.push((MAY_BE.to_owned(), template.text.clone()));
                facts.extend(told(MAY_BE, values));
            }
        }
        (path.to_owned(), facts)
    }
}

/// How closely a template fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closely {
    ToTheLetter,
    ForSomeServers,
}

fn told(fact: &str, values: Vec<(&str, &str)>) -> impl Iterator<Item = (String, String)> {
    values.into_iter().map(move |(name, value)| (format!("{fact}:{name}"), value.to_owned()))
}

fn template(text: &str) -> Result<Template, String> {
    let wrong = || format!("`{text}` is no path template: write it as /v1/users/{{id}}");
    let rest = text.strip_prefix('/').ok_or_else(wrong)?;
    let segment = |part: &str| {
        let inner = part.strip_prefix('{').and_then(|inner| inner.strip_suffix('}'));
        match inner {
            Some("") => Err(wrong()),
            Some(name) => Ok(Segment::Name(name.to_owned())),
            None if part.contains(['{', '}', '?', '#']) => Err(wrong()),
            None => Ok(Segment::Word(part.to_owned())),
        }
    };
    let segments = rest.split('/').map(segment).collect::<Result<_, _>>()?;
    Ok(Template { text: text.to_owned(), segments })
}

impl Template {
    /// The names in it with their values, where it fits.
    fn fit<'t>(&'t self, path: &'t str, closely: Closely) -> Option<Vec<(&'t str, &'t str)>> {
        let mut parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let mut segments = self.segments.as_slice();
        if closely == Closely::ForSomeServers {
            if parts.last().is_some_and(|part| part.is_empty()) {
                parts.pop();
            }
            if let Some((Segment::Word(word), before)) = segments.split_last()
                && word.is_empty()
            {
                segments = before;
            }
        }
        if parts.len() != segments.len() {
            return None;
        }
        let mut values = Vec::new();
        for (segment, part) in segments.iter().zip(parts) {
            match segment {
                Segment::Word(word) if closely.is_same(word, part) => {}
                Segment::Word(_) => return None,
                Segment::Name(_) if part.is_empty() => return None,
                Segment::Name(name) => values.push((name.as_str(), part)),
            }
        }
        Some(values)
    }
}

impl Closely {
    fn is_same(self, word: &str, part: &str) -> bool {
        match self {
            Self::ToTheLetter => word == part,
            Self::ForSomeServers => word.eq_ignore_ascii_case(part),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "/v1/users/{id}";

    fn told(templates: &[&str], path: &str) -> (String, Vec<(String, String)>) {
        Templates::new(templates.iter().copied()).unwrap().apply(path)
    }

    fn facts(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_fits_for_some_servers_is_told_as_a_doubt_beside_the_path_itself() {
        let doubt = facts(&[(MAY_BE, USER), ("path-may-be:id", "42")]);
        for path in ["/v1/users/42/", "/V1/users/42", "/v1/USERS/42/"] {
            assert_eq!(told(&[USER], path), (path.to_owned(), doubt.clone()));
        }
        let slashed = "/v1/users/{id}/";
        let doubt = facts(&[(MAY_BE, slashed), ("path-may-be:id", "42")]);
        assert_eq!(told(&[slashed], "/v1/users/42"), ("/v1/users/42".to_owned(), doubt));
        for other in ["/v1/users/", "/v1/users", "/v1/users/42/keys", "/v1/users/42//", "/"] {
            assert_eq!(told(&[USER], other), (other.to_owned(), vec![]));
        }
    }

    #[test]
    fn a_template_that_fits_to_the_letter_dispels_no_doubt_of_one_before_it() {
        let any = "/v1/{kind}/{id}";
        let (object, told) = told(&[USER, any], "/v1/Users/42");
        assert_eq!(object, any);
        let doubt = [(MAY_BE, USER), ("path-may-be:id", "42")];
        let known = [("path", "/v1/Users/42"), ("path:kind", "Users"), ("path:id", "42")];
        assert_eq!(told, facts(&[doubt.as_slice(), known.as_slice()].concat()));
    }

    #[test]
    fn what_fits_to_the_letter_leaves_no_doubt() {
        let known = facts(&[("path", "/v1/users/42"), ("path:id", "42")]);
        assert_eq!(told(&[USER, "/V1/users/{x}"], "/v1/users/42"), (USER.to_owned(), known));
    }
}
