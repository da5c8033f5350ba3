//! Tokens that are worth nothing any more, though their time is not over.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use palisade_identity::{Identity, SKEW};
use palisade_store::{Collection, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock;

/// So many revocations may be kept in memory though no living token can be about them.
const FEW: usize = 256;

/// What is revoked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revoked {
    /// The token of this id, and all that were exchanged for it.
    Token(String),
    /// Every token that this subject has at this time, and any issued within the time that clocks may differ by, or that
    /// somebody acts for it by, whoever vouches for it.
    Subject(String),
    /// The same of the subject that this issuer vouches for alone.
    SubjectOf {
        /// The name.
        subject: String,
        /// The issuer's URL, or the gateway's own name.
        issuer: String,
    },
}

impl Revoked {
    /// The token's id, or the subject, and who vouches for that.
    pub fn parts(&self) -> (Option<&str>, Option<&str>, Option<&str>) {
        match self {
            Self::Token(id) => (Some(id), None, None),
            Self::Subject(name) => (None, Some(name), None),
            Self::SubjectOf { subject, issuer } => (None, Some(subject), Some(issuer)),
        }
    }
}

/// One revocation, as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Document {
    what: Revoked,
    /// When, in Unix seconds.
    at: u64,
    /// By whom.
    by: String,
    /// From when on no token can be left that it is about.
    until: u64,
}

/// A revocation in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Its id.
    pub id: String,
    /// What is revoked.
    pub what: Revoked,
    /// When it was, in Unix seconds.
    pub at: u64,
    /// By whom.
    pub by: String,
    /// From when on no token can be left that it is about, in Unix seconds.
    pub until: u64,
}

impl Revocation {
    fn new(id: String, document: Document) -> Self {
        let Document { what, at, by, until } = document;
        Self { id, what, at, by, until }
    }

    /// As it is shown: `token`, or `subject` and maybe its `issuer`, `at`, `by` and `until`.
    pub fn shown(&self) -> Value {
        let (token, subject, issuer) = self.what.parts();
        let time = |seconds: u64| clock::rfc3339(seconds.saturating_mul(1_000_000));
        json!({
            "id": self.id,
            "token": token,
            "subject": subject,
            "issuer": issuer,
            "at": time(self.at),
            "by": self.by,
            "until": time(self.until),
        })
    }
}

/// All revocations that still matter.
#[derive(Debug)]
pub struct Revocations {
    documents: Collection<Document>,
    /// The latest of each thing that is revoked.
    known: RwLock<HashMap<Revoked, Revocation>>,
}

impl Revocations {
    /// Those of a store. The ones that no living token can be about are removed.
    ///
    /// # Errors
    /// Failures of the store.
    pub fn new(store: &Store) -> Result<Self, StoreError> {
        let documents = store.collection::<Document>("revocations")?;
        let mut known = HashMap::new();
        let now = clock::now_seconds();
        for (id, document) in documents.list()? {
            if document.until <= now {
                documents.remove(&id)?;
            } else {
                remember(&mut known, Revocation::new(id, document));
            }
        }
        Ok(Self { documents, known: RwLock::new(known) })
    }

    /// Revokes, once it is in the store. No token that is taken lives longer than `longest`, in seconds.
    ///
    /// # Errors
    /// Failures of the store; nothing is revoked then.
    pub fn revoke(&self, what: Revoked, by: &str, longest: u64) -> Result<(), StoreError> {
        self.revoke_at(clock::now_seconds, what, by, longest)
    }

    fn revoke_at(
        &self,
        now: impl FnOnce() -> u64,
        what: Revoked,
        by: &str,
        longest: u64,
    ) -> Result<(), StoreError> {
        // The time is taken once nobody looks any more: who was told that a token is good has it from before.
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let at = now();
        // A clock that is a little ahead must not save a token.
        let until = at.saturating_add(longest).saturating_add(600);
        let document = Document { what, at, by: by.to_owned(), until };
        let id = uuid::Uuid::now_v7().to_string();
        self.documents.put(&id, &document)?;
        remember(&mut known, Revocation::new(id, document));
        // Now and then, so that it costs little and what is over does not pile up; the store forgets it at the next start.
        if known.len() >= FEW && known.len().is_power_of_two() {
            known.retain(|_, one| one.until > at);
        }
        Ok(())
    }

    /// The newest of those in force, at most so many, the oldest of them first.
    pub fn newest(&self, limit: usize) -> Vec<Revocation> {
        let now = clock::now_seconds();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = known.values().filter(|one| one.until > now).cloned().collect();
        all.sort_by(|one, other| (one.at, &one.id).cmp(&(other.at, &other.id)));
        let surplus = all.len().saturating_sub(limit);
        all.drain(..surplus);
        all
    }

    /// The revocation that a token fell by, itself or with what it was exchanged for: the earliest of them.
    pub fn covering(&self, identity: &Identity) -> Option<Revocation> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        about(&known, identity).min_by_key(|one| (one.at, &one.id)).cloned()
    }

    /// Whether a token is revoked, itself or by what it was exchanged for.
    pub fn cover(&self, identity: &Identity) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        about(&known, identity).next().is_some()
    }
}

/// Those that are about a token. Each is looked up by what it is about, however many there are; only where nobody knows who
/// vouches for whom the bearer acts for, all are looked through.
fn about<'k>(
    known: &'k HashMap<Revoked, Revocation>,
    identity: &'k Identity,
) -> impl Iterator<Item = &'k Revocation> {
    let Identity { principal, .. } = identity;
    let acting_for_issuer = &principal.acting_for_issuer;
    let tokens = std::iter::once(&identity.token_id).chain(&identity.parents);
    let subject = (Some(&principal.subject), Some(&principal.issuer));
    let subjects = [subject, (principal.acting_for.as_ref(), acting_for_issuer.as_ref())];
    let named = subjects.into_iter().filter_map(|(name, issuer)| Some((name?.clone(), issuer)));
    let named = named.flat_map(|(name, issuer)| {
        let of = issuer.map(|issuer| {
            let (subject, issuer) = (name.clone(), issuer.clone());
            Revoked::SubjectOf { subject, issuer }
        });
        std::iter::once(Revoked::Subject(name)).chain(of)
    });
    let looked_up = tokens.cloned().map(Revoked::Token).chain(named);
    let unknown = principal.acting_for.is_some() && acting_for_issuer.is_none();
    let rest = unknown.then(|| known.values()).into_iter().flatten();
    let found = looked_up.filter_map(|what| known.get(&what)).chain(rest);
    found.filter(|one| is_about(&one.what, one.at, identity))
}

/// Of several about the same, the latest is about the most tokens.
fn remember(known: &mut HashMap<Revoked, Revocation>, revocation: Revocation) {
    match known.get(&revocation.what) {
        Some(other) if other.at > revocation.at => {}
        _ => drop(known.insert(revocation.what.clone(), revocation)),
    }
}

/// Whether a revocation at a time is about a token. One that was good then may say that it was issued a little later: by a clock
/// that is ahead of ours, or by ours before it was corrected.
fn is_about(what: &Revoked, at: u64, identity: &Identity) -> bool {
    let is_earlier = identity.issued_at <= at.saturating_add(SKEW);
    (is_earlier || matches!(what, Revoked::Token(_))) && names(what, identity)
}

/// Whether what is revoked names a token, whenever that was issued: so does a session's that is open now.
pub fn names(what: &Revoked, identity: &Identity) -> bool {
    match what {
        Revoked::Token(id) => identity.token_id == *id || identity.parents.contains(id),
        Revoked::Subject(name) => speaks_for(identity, name, None),
        Revoked::SubjectOf { subject, issuer } => speaks_for(identity, subject, Some(issuer)),
    }
}

/// Whether somebody of this name bears a token or is acted for by it. Where nobody knows who vouches for the one acted for,
/// it may be this issuer.
fn speaks_for(identity: &Identity, name: &str, issuer: Option<&str>) -> bool {
    let Identity { principal, .. } = identity;
    let acting_for_issuer = &principal.acting_for_issuer;
    let is = |vouches: &str| issuer.is_none_or(|issuer| issuer == vouches);
    (principal.subject == name && is(&principal.issuer))
        || (principal.acting_for.as_deref() == Some(name)
            && acting_for_issuer.as_deref().is_none_or(is))
}

#[cfg(test)]
mod tests {
    use palisade_policy::Principal;
    use palisade_store::Options;

    use super::*;

    fn identity(id: &str, parents: &[&str], issued_at: u64) -> Identity {
        Identity {
            principal: Principal {
                subject: "agent-7".into(),
                acting_for: Some("ada".into()),
                ..Principal::default()
            },
            token_id: id.into(),
            parents: parents.iter().map(|&id| id.into()).collect(),
            issued_at,
            ..Identity::default()
        }
    }

    #[test]
    fn a_subject_of_one_issuer_falls_and_its_namesakes_do_not() {
        let revoked =
            |name: &str| Revoked::SubjectOf { subject: name.into(), issuer: "https://one".into() };
        let of = |issuer: &str, acted_for: Option<&str>| {
            let mut identity = identity("a", &[], 5);
            identity.principal.issuer = issuer.into();
            identity.principal.acting_for_issuer = acted_for.map(str::to_owned);
            identity
        };
        assert!(is_about(&revoked("agent-7"), 5, &of("https://one", None)));
        assert!(!is_about(&revoked("agent-7"), 5, &of("https://two", None)));
        let newer = Identity { issued_at: 6 + SKEW, ..of("https://one", None) };
        assert!(!is_about(&revoked("agent-7"), 5, &newer), "a newer token");
        assert!(is_about(&revoked("ada"), 5, &of("x", Some("https://one"))));
        assert!(!is_about(&revoked("ada"), 5, &of("x", Some("https://two"))));
        assert!(is_about(&revoked("ada"), 5, &of("x", None)), "it may be that issuer's");
    }

    #[test]
    fn what_was_stored_before_there_were_issuers_is_read() {
        for (text, what) in [
            (r#"{"subject":"a"}"#, Revoked::Subject("a".into())),
            (r#"{"token":"a"}"#, Revoked::Token("a".into())),
        ] {
            let text = format!(r#"{{"what":{text},"at":1,"by":"ada","until":2}}"#);
            let document: Document = serde_json::from_str(&text).unwrap();
            assert_eq!(document.what, what);
            assert_eq!(serde_json::to_string(&document).unwrap(), text);
        }
    }

    #[test]
    fn of_each_thing_the_latest_revocation_in_force_is_listed() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        let documents = store.collection::<Document>("revocations").unwrap();
        let now = clock::now_seconds();
        let put = |id: &str, name: &str, at: u64, until: u64| {
            let what = Revoked::Subject(name.into());
            documents.put(id, &Document { what, at, by: "ada".into(), until }).unwrap();
        };
        put("1", "over", now - 9, now - 1);
        put("2", "agent-7", now - 8, now + 60);
        put("3", "agent-7", now - 7, now + 60);
        put("4", "agent-8", now - 6, now + 60);
        let ids = |limit| {
            let all = Revocations::new(&store).unwrap().newest(limit);
            all.into_iter().map(|one| one.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(9), ["3", "4"]);
        assert_eq!(ids(1), ["4"]);
        assert!(documents.get("1").unwrap().is_none());
    }

    #[test]
    fn whoever_was_told_before_that_a_token_is_good_was_so_before_its_revocation() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        let revocations = Revocations::new(&store).unwrap();
        let what = Revoked::Subject("agent-7".into());
        let now = || {
            assert!(revocations.known.try_read().is_err(), "nobody is told anything meanwhile");
            7
        };
        revocations.revoke_at(now, what, "ada", 60).unwrap();
        assert!(revocations.cover(&identity("a", &[], 7)));
    }

    #[test]
    fn what_no_living_token_can_be_about_does_not_pile_up() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        let revocations = Revocations::new(&store).unwrap();
        for number in 0..3 * FEW {
            let at = || u64::try_from(number).unwrap() * 10_000;
            let what = Revoked::Token(number.to_string());
            revocations.revoke_at(at, what, "ada", 60).unwrap();
            assert!(revocations.cover(&identity(&number.to_string(), &[], 0)));
        }
        assert!(revocations.known.read().unwrap().len() < 2 * FEW);
    }

    #[test]
    fn a_token_falls_with_what_it_was_exchanged_for() {
        let revoked = Revoked::Token("a".into());
        assert!(is_about(&revoked, 0, &identity("a", &[], 9)));
        assert!(is_about(&revoked, 0, &identity("c", &["b", "a"], 9)));
        assert!(!is_about(&revoked, 0, &identity("b", &["c"], 9)));
    }

    #[test]
    fn a_token_of_a_clock_that_was_ahead_falls_with_its_subject() {
        let revoked = Revoked::Subject("ada".into());
        assert!(is_about(&revoked, 5, &identity("a", &[], 5 + SKEW)));
        let later = identity("a", &[], 3600);
        assert!(!is_about(&revoked, 5, &later));
        assert!(names(&revoked, &later), "its session ends, since it is open");
        assert!(!names(&Revoked::Subject("bob".into()), &later));
    }

    #[test]
    fn a_subject_may_come_back_with_a_new_token() {
        for name in ["agent-7", "ada"] {
            let revoked = Revoked::Subject(name.into());
            assert!(is_about(&revoked, 5, &identity("a", &[], 5)));
            assert!(!is_about(&revoked, 5, &identity("a", &[], 5 + SKEW + 1)));
        }
        assert!(!is_about(&Revoked::Subject("bob".into()), 5, &identity("a", &[], 5)));
    }
}
