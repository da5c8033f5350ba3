//! Masks a response's body as it comes, by the machine for its media type.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use palisade_mask::stream::{
    EventStream, FormStream, JsonStream, Limits, LinesStream, MaskStream, Masks, TextStream,
    Unreadable,
};
use palisade_mask::{DocumentMask, Masker, PlanRefused};
use palisade_policy::{Action, Denial, Masking};

/// How a body of some media type can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readable {
    Json,
    Lines,
    Events,
    Form,
    Text,
    /// As text, but for its keys, which stand in a form of their own.
    Keyed,
    No,
}

/// Texts that are written for people, or as code: their keys, if they have any, are in quotation marks.
const PROSE: [&str; 42] = [
    "plain",
    "html",
    "css",
    "javascript",
    "ecmascript",
    "x-javascript",
    "typescript",
    "x-typescript",
    "jsx",
    "tsx",
    "markdown",
    "x-markdown",
    "x-rst",
    "rtf",
    "troff",
    "vtt",
    "x-component",
    "vnd.turbo-stream.html",
    "x-scss",
    "less",
    "cache-manifest",
    "uri-list",
    "x-c",
    "x-csrc",
    "x-c++",
    "x-c++src",
    "x-diff",
    "x-patch",
    "x-go",
    "x-java",
    "x-java-source",
    "x-log",
    "x-perl",
    "x-php",
    "x-python",
    "x-script.python",
    "x-ruby",
    "x-rust",
    "rust",
    "x-sh",
    "x-shellscript",
    "x-sql",
];

impl Readable {
    fn of(essence: &str) -> Self {
        match essence {
            "application/json"
            | "text/json"
            | "text/x-json"
            | "application/x-amz-json-1.0"
            | "application/x-amz-json-1.1" => Self::Json,
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-jsonlines"
            | "application/json-lines"
            | "text/x-ndjson" => Self::Lines,
            "text/event-stream" => Self::Events,
            "application/x-www-form-urlencoded" => Self::Form,
            "application/xml" | "application/yaml" | "application/x-yaml" | "application/toml"
            | "application/csv" => Self::Keyed,
            "application/javascript" | "application/graphql" => Self::Text,
            other if other.ends_with("+json") => Self::Json,
            other if other.ends_with("+xml") || other.ends_with("+yaml") => Self::Keyed,
            other => match other.strip_prefix("text/") {
                Some(kind) if PROSE.contains(&kind) => Self::Text,
                // Tables and records of any form have keys.
                Some(_) => Self::Keyed,
                None => Self::No,
            },
        }
    }
}

/// What masks one body.
#[derive(Debug)]
pub(crate) struct Mask {
    machine: Box<dyn MaskStream>,
    /// Whether what is judged goes on at once, however little it is.
    pub(crate) eager: bool,
    /// Whether it is searched as text, and not by a grammar that refuses what is none.
    is_text: bool,
}

impl Mask {
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Result<Vec<u8>, Denial> {
        // UTF-16 is known by its mark or guessed whatever its type says.
        if self.is_text && piece.contains(&0) {
            return Err(unreadable("it holds zero bytes, as texts in other encodings do"));
        }
        let mut out = Vec::with_capacity(piece.len());
        self.machine.feed(piece, &mut out).map_err(|error| broken(&error))?;
        Ok(out)
    }

    /// Whether nothing had to be covered so far.
    pub(crate) fn changed_nothing(&self) -> bool {
        self.machine.covered() == 0
    }

    /// Appends what is left at the end.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Denial> {
        self.machine.finish(out).map_err(|error| broken(&error))
    }
}

/// How many plans of a session are kept ready: one for each media type that it gets, and one for headers.
const MOST_PLANS: usize = 4;

/// A session's plans, ready to be applied, each beside what it was made from; the policies make few of them, and give the same
/// ones again and again.
#[derive(Debug, Default)]
pub(crate) struct Plans(Mutex<VecDeque<Ready>>);

type Ready = (Arc<Masking>, Option<Arc<DocumentMask>>);

impl Plans {
    /// The plan for documents; `None` where it leaves all of them as they are.
    ///
    /// # Errors
    /// Why what it is for is withheld.
    pub(crate) fn of(&self, masking: &Arc<Masking>) -> Result<Option<Arc<DocumentMask>>, Denial> {
        let known = |ready: &&Ready| Arc::ptr_eq(&ready.0, masking);
        if let Some((_, plan)) = self.ready().iter().find(known) {
            return Ok(plan.clone());
        }
        let refused = |error: PlanRefused| unreadable(&error.to_string());
        let mask = DocumentMask::new(masking).map_err(refused)?;
        let plan = (!mask.is_keep()).then(|| Arc::new(mask));
        let mut ready = self.ready();
        ready.truncate(MOST_PLANS - 1);
        ready.push_front((Arc::clone(masking), plan.clone()));
        Ok(plan)
    }

    fn ready(&self) -> MutexGuard<'_, VecDeque<Ready>> {
        // An entry comes or goes: a panic elsewhere does not make it wrong.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The machine for a body of this media type.
///
/// # Errors
/// When it cannot be read as the plan needs it.
pub(crate) fn machine(
    plan: Arc<DocumentMask>,
    masking: &Masking,
    masker: &Masker,
    essence: &str,
    held: usize,
) -> Result<Mask, Denial> {
    let masks =
        Masks { plan, masker: masker.clone(), limits: Limits { held, ..Limits::default() } };
    let readable = Readable::of(essence);
    let machine: Box<dyn MaskStream> = match readable {
        Readable::Json => Box::new(JsonStream::new(masks)),
        Readable::Lines => Box::new(LinesStream::new(masks)),
        Readable::Events => Box::new(EventStream::new(masks)),
        Readable::Form => Box::new(FormStream::new(masks)),
        Readable::Keyed if covers_by_key(masking) => {
            return Err(unreadable("its keys are in a form that is not read"));
        }
        Readable::Text | Readable::Keyed => Box::new(TextStream::new(masks)),
        Readable::No => return Err(unreadable("it is of a type that is not read")),
    };
    let eager = matches!(readable, Readable::Events | Readable::Lines);
    let is_text = matches!(readable, Readable::Text | Readable::Keyed);
    Ok(Mask { machine, eager, is_text })
}

/// Whether a policy covers values by their keys.
pub(crate) fn covers_by_key(masking: &Masking) -> bool {
    let keys = masking.documents.iter().flat_map(|rules| &rules.keys);
    keys.into_iter().any(|(_, action)| *action != Action::Keep)
}

/// The denial of what cannot be masked.
pub(crate) fn unreadable(why: &str) -> Denial {
    Denial {
        reason: format!("the response must be masked, and cannot be: {why}"),
        rule: "gateway.unmaskable".to_owned(),
        hint: "Ask for it as JSON, or for less of it.".to_owned(),
    }
}

fn broken(error: &Unreadable) -> Denial {
    unreadable(&error.to_string())
}

#[cfg(test)]
mod tests {
    use palisade_policy::{Plan, Shape};

    use super::*;

    #[test]
    fn a_text_with_zero_bytes_is_not_searched_in_vain() {
        let rest = Action::Scan(vec!["aws-key".to_owned()]);
        let scan = Plan { fields: vec![], keys: vec![], rest };
        let mut masking = Masking::default();
        masking.add(0, &Shape::Document("text/plain".to_owned()), &scan).unwrap();
        let mask = Arc::new(DocumentMask::new(&masking).unwrap());
        let masker = Masker::new([0; 32]);
        let mut mask = machine(mask, &masking, &masker, "text/plain", 1 << 20).unwrap();
        let wide: Vec<u8> = b"AKIAIOSFODNN7EXAMPLE".iter().flat_map(|byte| [*byte, 0]).collect();
        assert!(mask.feed(&wide).is_err());
    }

    #[test]
    fn a_text_that_may_be_a_table_or_a_record_is_withheld_where_keys_are_covered() {
        let keys = vec![("ssn".to_owned(), Action::Nullify)];
        let plan = Plan { fields: vec![], keys, rest: Action::Keep };
        let mut masking = Masking::default();
        masking.add(0, &Shape::Document("text/plain".to_owned()), &plan).unwrap();
        let mask = Arc::new(DocumentMask::new(&masking).unwrap());
        let masker = Masker::new([0; 32]);
        let passes = |masking: &Masking, kind: &str| {
            machine(Arc::clone(&mask), masking, &masker, kind, 1 << 20).is_ok()
        };
        let tables =
            ["text/csv", "text/tab-separated-values", "text/vnd.yaml", "text/toml", "text/x-new"];
        for kind in tables {
            assert!(!passes(&masking, kind), "{kind}");
            assert!(passes(&Masking::default(), kind), "{kind}");
        }
        for kind in [
            "text/plain",
            "text/html",
            "text/x-component",
            "text/vnd.turbo-stream.html",
            "text/x-ruby",
            "text/x-json",
            "text/x-ndjson",
        ] {
            assert!(passes(&masking, kind), "{kind}");
        }
    }

    #[test]
    fn a_plan_is_made_ready_once_for_what_it_is_made_from() {
        let made = |key: &str| {
            let keys = vec![(key.to_owned(), Action::Nullify)];
            let plan = Plan { fields: vec![], keys, rest: Action::Keep };
            let mut masking = Masking::default();
            masking.add(0, &Shape::Document("application/json".to_owned()), &plan).unwrap();
            Arc::new(masking)
        };
        let plans = Plans::default();
        let (one, other) = (made("a"), made("b"));
        let first = plans.of(&one).unwrap().unwrap();
        assert!(!Arc::ptr_eq(&plans.of(&other).unwrap().unwrap(), &first));
        assert!(Arc::ptr_eq(&plans.of(&one).unwrap().unwrap(), &first));
        assert!(plans.of(&Arc::new(Masking::default())).unwrap().is_none());
        for _ in 0..MOST_PLANS {
            plans.of(&made("c")).unwrap();
        }
        assert!(!Arc::ptr_eq(&plans.of(&one).unwrap().unwrap(), &first));
    }
}
