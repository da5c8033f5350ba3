//! Path templates: `/v1/users/{id}` stands for every user, so that policies and their memory need not know each.

/// The templates of a connection, in order; the first that fits counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Templates(Vec<Template>);

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
        texts.into_iter().map(template).collect::<Result<_, _>>().map(Self)
    }

    /// The object that a canonical path stands for, and what a template tells of it.
    pub(super) fn apply(&self, path: &str) -> (String, Vec<(String, String)>) {
        for template in &self.0 {
            if let Some(mut facts) = template.fit(path) {
                facts.insert(0, ("path".to_owned(), path.to_owned()));
                return (template.text.clone(), facts);
            }
        }
        (path.to_owned(), vec![])
    }
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
    fn fit(&self, path: &str) -> Option<Vec<(String, String)>> {
        let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        if parts.len() != self.segments.len() {
            return None;
        }
        let mut facts = Vec::new();
        for (segment, part) in self.segments.iter().zip(parts) {
            match segment {
                Segment::Word(word) if word == part => {}
                Segment::Word(_) => return None,
                Segment::Name(_) if part.is_empty() => return None,
                Segment::Name(name) => facts.push((format!("path:{name}"), part.to_owned())),
            }
        }
        Some(facts)
    }
}
