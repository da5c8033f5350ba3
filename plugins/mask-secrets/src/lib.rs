//! Masks secrets in results: by where a value truly comes from, by the name it has, and by what it looks like.
//!
//! ```text
//!   field ─▶ a source is protected? ─▶ its name is listed? ─▶ scan its text with the detectors
//!                    └────── cover ──────────┘
//! ```
//!
//! Sources are the wall: an alias changes a name, an encoding changes a look, but neither changes a source.

use plugin_sdk::prelude::*;

/// Which values are masked, and how.
#[config]
struct MaskSecrets {
    /// Globs of schema.table.column. A value is covered if any column that it may come from matches.
    #[serde(default)]
    protect: Vec<Pattern>,
    /// Globs of names that the client sees: columns of a table, keys of a document. Useful beside `protect`
    /// are "*password*", "*_token", "*api_key", "*secret*". Left out: none.
    #[serde(default)]
    names: Vec<Pattern>,
    /// What to look for in all other text. Left out: nothing.
    #[serde(default)]
    detect: Vec<Detector>,
    /// How a value is covered. Left out: "replace". What a detector finds is always replaced.
    #[serde(default)]
    action: Cover,
    /// What happens to the texts that a server says besides results: errors, notices, notifications. "scan": what
    /// `detect` lists is covered in them; "drop-raised": and what procedures and triggers say themselves is not shown;
    /// "drop": no words are shown, only the error's code. Left out: "scan".
    #[serde(default)]
    messages: Messages,
    /// With "replace": the text to put in the value's place. Left out: "********".
    text: Option<String>,
    /// With "partial": how many of the first characters stay readable. Left out: 0.
    keep_first: Option<u32>,
    /// With "partial": how many of the last characters stay readable. Left out: 4.
    keep_last: Option<u32>,
}

/// Something with a recognisable form. "token" and "password" are values beside such a name, as in `password=…`;
/// "vendor-token" are tokens with a known prefix of services that have no detector of their own.
#[config]
#[serde(rename_all = "kebab-case")]
enum Detector {
    Email,
    Card,
    Iban,
    UsSsn,
    Phone,
    PrivateKey,
    Jwt,
    AwsKey,
    GithubToken,
    SlackToken,
    StripeKey,
    GoogleApiKey,
    VendorToken,
    Token,
    Password,
}

/// How a value is covered: by a fixed text; all but its ends; by a keyed hash, equal for equal values within one
/// session, so that joins still work; by NULL, or the format's nothing.
#[config]
#[derive(Default, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Cover {
    #[default]
    Replace,
    Partial,
    Pseudonym,
    Nullify,
}

/// What happens to what a server says besides results.
#[config]
#[derive(Default, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Messages {
    #[default]
    Scan,
    DropRaised,
    Drop,
}

/// The media type of what a server says besides results.
const MESSAGE: &str = "application/vnd.palisade.message";

impl Plugin for MaskSecrets {
    // What is judged is what is done, whoever does it.
    const LOOKS_AT: ContextParts = ContextParts::empty();

    fn validate(&self) -> Result<(), String> {
        let mistake = if self.protect.is_empty() && self.names.is_empty() && self.detect.is_empty()
        {
            "nothing to mask: set protect, names or detect"
        } else if self.text.is_some() && self.action != Cover::Replace {
            "text goes with action = \"replace\""
        } else if (self.keep_first.is_some() || self.keep_last.is_some())
            && self.action != Cover::Partial
        {
            "keep_first and keep_last go with action = \"partial\""
        } else {
            return Ok(());
        };
        Err(mistake.to_owned())
    }
}

impl Mask for MaskSecrets {
    fn plan(&self, _context: &Context, shape: &Shape) -> Plan {
        let cover = self.cover();
        let scan = self.scan();
        if matches!(shape, Shape::Document(kind) if kind == MESSAGE) {
            // Their texts have names of their own, which are no columns or keys.
            let rest = if self.messages == Messages::Drop { Action::Nullify } else { scan };
            let mut plan = Plan::new(shape, rest, |_| Action::Keep);
            if self.messages == Messages::DropRaised {
                plan.keys.push(("raised".to_owned(), Action::Nullify));
            }
            return plan;
        }
        let mut plan = Plan::new(shape, scan.clone(), |field| {
            if self.is_protected(field) { cover.clone() } else { scan.clone() }
        });
        if may_have_keys(shape) {
            let key = |name: &Pattern| (name.as_str().to_owned(), cover.clone());
            plan.keys = self.names.iter().map(key).collect();
        }
        plan
    }
}

impl MaskSecrets {
    fn is_protected(&self, field: &Field) -> bool {
        let may_come_from = |pattern: &Pattern| field.sources.iter().any(|s| pattern.matches(s));
        self.protect.iter().any(may_come_from)
            || self.names.iter().any(|pattern| pattern.matches(&field.name))
    }

    fn cover(&self) -> Action {
        match self.action {
            Cover::Replace => Action::Replace(self.text.clone().unwrap_or("********".to_owned())),
            Cover::Partial => {
                Action::Partial((self.keep_first.unwrap_or(0), self.keep_last.unwrap_or(4)))
            }
            Cover::Pseudonym => Action::Pseudonym,
            Cover::Nullify => Action::Nullify,
        }
    }

    fn scan(&self) -> Action {
        if self.detect.is_empty() {
            return Action::Keep;
        }
        Action::Scan(self.detect.iter().map(|detector| detector.name().to_owned()).collect())
    }
}

/// Whether there can be documents in the result: it is one, or has a field of them.
fn may_have_keys(shape: &Shape) -> bool {
    match shape {
        Shape::Table(fields) => fields.iter().any(|field| field.type_name.starts_with("json")),
        Shape::Document(_) => true,
        Shape::ByteStream => false,
    }
}

impl Detector {
    /// The name by which the gateway knows it.
    fn name(&self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Card => "card",
            Self::Iban => "iban",
            Self::UsSsn => "us-ssn",
            Self::Phone => "phone",
            Self::PrivateKey => "private-key",
            Self::Jwt => "jwt",
            Self::AwsKey => "aws-key",
            Self::GithubToken => "github-token",
            Self::SlackToken => "slack-token",
            Self::StripeKey => "stripe-key",
            Self::GoogleApiKey => "google-api-key",
            Self::VendorToken => "vendor-token",
            Self::Token => "token",
            Self::Password => "password",
        }
    }
}

plugin_sdk::plugin!(MaskSecrets: mask);

#[cfg(test)]
mod tests;
