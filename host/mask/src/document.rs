//! How the values of a document are treated: by their key, by their path, or as the rest is.
//!
//! A pattern is a glob on one key (`*` any characters, `?` any one), at any depth, whatever the letters' case; or the end
//! of a path, keys apart by dots (`user.password`), with `[]` for an element of an array (`users[].name`), from the
//! document's root where it begins with `$.`. Arrays that a path does not name lie in no path's way.
//! Of the rules of one policy the first that matches a key counts, for the value and all that is in it; a rule that
//! matches deeper inside counts there. Policies are asked apart, and each may only make the treatment stricter.

mod glob;
mod path;

pub(crate) use path::{Path, Saved};

use self::glob::fold;
use self::path::Pattern;
use crate::cell::CellMask;
use crate::detect::DetectorRefused;
use crate::json::push_string;
use crate::scan::Scan;
use crate::stream::Spare;
use palisade_policy::{Action, Cover, KeyRules, Masking, Treatment};

/// How many treatments the policies' actions may combine to.
const MOST_TREATMENTS: usize = 4096;

/// Why a plan for documents cannot be carried out. What it is for must be withheld.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanRefused {
    /// It asks for a detector that cannot be had.
    #[error(transparent)]
    Detector(#[from] DetectorRefused),
    /// It sends values to a plugin, which is done for tables alone.
    #[error("a plan inspects values of a document; name what to do with them by key instead")]
    Inspects,
    /// Its policies have too many different actions.
    #[error(
        "the policies' actions combine to more than {MOST_TREATMENTS} treatments; use fewer different ones"
    )]
    TooManyActions,
}

/// A plan for documents, ready to be applied.
#[derive(Clone, Debug)]
pub struct DocumentMask {
    rules: Vec<Rule>,
    /// The places of the rules whose pattern ends with an element of an array.
    elements: Vec<usize>,
    goes_by_path: bool,
    policies: Vec<Digit>,
    /// By combination of the policies' actions; the first is that of what no rule covers.
    treatments: Vec<Prepared>,
    /// For a place that there is not.
    strictest: Prepared,
    /// What any of the treatments scans for.
    scans: Scan,
    /// What is known of keys by now.
    spare: Spare,
}

/// A treatment of the plan, by its place: a number with a digit for each policy, which says which of its actions counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chosen(usize);

/// A treatment, ready to be applied.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) mask: CellMask,
    /// A rule asks for the cover, so that it is for all that is in an object or array as well.
    /// A cover that is for the rest alone covers their values one by one, and a rule inside may keep one.
    pub(crate) whole: bool,
    /// The cover as JSON, where it is the same for every value.
    pub(crate) blind: Option<Vec<u8>>,
}

impl Prepared {
    fn new(mask: CellMask, whole: bool) -> Self {
        let blind = match &mask.cover {
            Some(Cover::Nullify) => Some(b"null".to_vec()),
            Some(Cover::Replace(text)) => {
                let mut quoted = Vec::new();
                push_string(&mut quoted, text);
                Some(quoted)
            }
            Some(Cover::Partial(..) | Cover::Pseudonym) | None => None,
        };
        Self { mask, whole, blind }
    }
}

/// A policy's digit in a [`Chosen`].
#[derive(Clone, Copy, Debug)]
struct Digit {
    worth: usize,
    values: usize,
}

#[derive(Clone, Debug)]
struct Rule {
    /// The place of its policy in `policies`.
    policy: usize,
    pattern: Pattern,
    /// What the policy's digit becomes.
    digit: usize,
}

/// A rule that a key alone may call for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    rule: usize,
    /// The keys above must match as well.
    by_path: bool,
}

impl DocumentMask {
    /// Prepares a plan.
    ///
    /// # Errors
    /// When it cannot be carried out; what it is for must be withheld.
    pub fn new(masking: &Masking) -> Result<Self, PlanRefused> {
        let actions = masking.documents.iter().flat_map(|rules| {
            rules.keys.iter().map(|(_, action)| action).chain(std::iter::once(&rules.rest))
        });
        if !masking.rest.inspect.is_empty() || actions.into_iter().any(|it| *it == Action::Inspect)
        {
            return Err(PlanRefused::Inspects);
        }
        Self::without_inspection(masking)
    }

    /// The same for a plan whose inspections somebody else sees to.
    pub(crate) fn without_inspection(masking: &Masking) -> Result<Self, PlanRefused> {
        let mut mask = Self {
            rules: Vec::new(),
            elements: Vec::new(),
            goes_by_path: false,
            policies: Vec::new(),
            treatments: Vec::new(),
            strictest: Prepared::new(CellMask::nullify(), true),
            scans: Scan::default(),
            spare: Spare::default(),
        };
        let mut actions = Vec::new();
        let mut worth = 1_usize;
        for rules in &masking.documents {
            let theirs = mask.add_rules(rules);
            mask.policies.push(Digit { worth, values: theirs.len() });
            worth = worth.saturating_mul(theirs.len());
            actions.push((rules.policy, theirs));
            if worth > MOST_TREATMENTS {
                return Err(PlanRefused::TooManyActions);
            }
        }
        for number in 0..worth {
            let prepared = mask.prepare(number, masking, &actions)?;
            mask.scans = mask.scans.or(prepared.mask.scan);
            mask.treatments.push(prepared);
        }
        let rules = mask.rules.iter().enumerate();
        mask.elements =
            rules.filter(|(_, it)| it.pattern.is_of_element()).map(|(at, _)| at).collect();
        mask.goes_by_path = mask.rules.iter().any(|rule| rule.pattern.has_path());
        Ok(mask)
    }

    /// Whether everything passes as it is.
    #[must_use]
    pub fn is_keep(&self) -> bool {
        self.treatments.iter().all(|it| it.mask.is_keep())
    }

    /// Puts together what the policies' actions make of the treatment of this number.
    fn prepare(
        &self,
        number: usize,
        masking: &Masking,
        actions: &[(usize, Vec<&Action>)],
    ) -> Result<Prepared, DetectorRefused> {
        let mut treatment =
            if actions.is_empty() { masking.rest.clone() } else { Treatment::default() };
        let mut whole = false;
        for ((policy, theirs), digit) in actions.iter().zip(&self.policies) {
            let value = number / digit.worth % digit.values;
            let Some(action) = theirs.get(value) else { continue };
            treatment.add(*policy, action);
            whole |= value > 0 && !matches!(action, Action::Keep | Action::Scan(_));
        }
        Ok(Prepared::new(CellMask::new(&treatment)?, whole))
    }

    /// Adds a policy's rules and gives its different actions, that for the rest first.
    fn add_rules<'a>(&mut self, rules: &'a KeyRules) -> Vec<&'a Action> {
        let mut actions = vec![&rules.rest];
        for (pattern, action) in &rules.keys {
            // The same action as for the rest is another one if a rule asks for it.
            let known = actions.iter().skip(1).position(|known| *known == action);
            let digit = known.map_or(actions.len(), |at| at + 1);
            if known.is_none() {
                actions.push(action);
            }
            let policy = self.policies.len();
            self.rules.push(Rule { policy, pattern: Pattern::new(pattern), digit });
        }
        actions
    }

    /// The treatment of a place.
    #[inline]
    pub(crate) fn get(&self, chosen: Chosen) -> &Prepared {
        self.treatments.get(chosen.0).unwrap_or(&self.strictest)
    }

    /// Whether there are rules for keys.
    pub(crate) fn has_rules(&self) -> bool {
        !self.rules.is_empty()
    }

    /// What any of the treatments scans for.
    pub(crate) fn scans(&self) -> Scan {
        self.scans
    }

    /// The keys that streams have met.
    pub(crate) fn spare(&self) -> &Spare {
        &self.spare
    }

    /// The treatment of what no rule covers.
    pub(crate) fn rest(&self) -> &CellMask {
        &self.get(Chosen::default()).mask
    }

    /// Whether it matters which keys a key is under.
    pub(crate) fn goes_by_path(&self) -> bool {
        self.goes_by_path
    }

    /// The rules that a key may call for, in the plan's order, by its folded name.
    pub(crate) fn candidates<'s>(
        &'s self,
        folded: &'s str,
    ) -> impl Iterator<Item = Candidate> + 's {
        self.rules.iter().enumerate().filter_map(|(rule, it)| {
            let by_path = !it.pattern.is_key(folded);
            (!by_path || it.pattern.may_end_with(folded)).then_some(Candidate { rule, by_path })
        })
    }

    /// The treatment of a value whose key has these candidates, within something that is treated like `around`.
    /// The path is the one of the object that the key is in, the name is folded.
    pub(crate) fn at_key(
        &self,
        around: Chosen,
        candidates: &[Candidate],
        path: &Path,
        folded: &str,
    ) -> Chosen {
        let counts = |it: &&Candidate| {
            let pattern = || self.rules.get(it.rule).map(|rule| &rule.pattern);
            !it.by_path || pattern().is_some_and(|pattern| pattern.ends_at_key(path, folded))
        };
        self.choose(around, candidates.iter().filter(counts).map(|it| it.rule))
    }

    /// The treatment of the elements of an array whose own treatment is `around`, and whose elements have this path.
    pub(crate) fn at_elements(&self, around: Chosen, path: &Path) -> Chosen {
        let ends = |rule: &Rule| rule.pattern.ends_at_element(path);
        let counts = |at: &usize| self.rules.get(*at).is_some_and(ends);
        self.choose(around, self.elements.iter().copied().filter(counts))
    }

    /// The treatment of a text that is stored under a name, in nothing.
    pub(crate) fn named(&self, name: &str) -> &CellMask {
        let folded = fold(name);
        let candidates: Vec<_> = self.candidates(&folded).collect();
        let chosen = self.at_key(Chosen::default(), &candidates, &Path::default(), &folded);
        &self.get(chosen).mask
    }

    /// Whether what has this name may be covered, wherever it lies: by any rule that may be for it.
    pub(crate) fn may_cover(&self, name: &str) -> bool {
        let folded = fold(name);
        let mut rules = self.rules.iter().enumerate();
        self.named(name).cover.is_some()
            || rules.any(|(at, rule)| {
                let chosen = self.choose(Chosen::default(), std::iter::once(at));
                rule.pattern.may_lie_in(&folded) && self.get(chosen).mask.cover.is_some()
            })
    }

    /// Gives the digit of each policy the value that the first of its rules among these says.
    fn choose(&self, around: Chosen, matching: impl Iterator<Item = usize>) -> Chosen {
        let mut number = around.0;
        let mut last = None;
        for rule in matching.filter_map(|at| self.rules.get(at)) {
            let Some(digit) = self.policies.get(rule.policy).filter(|_| last != Some(rule.policy))
            else {
                continue;
            };
            last = Some(rule.policy);
            number -= number / digit.worth % digit.values * digit.worth;
            number += rule.digit * digit.worth;
        }
        Chosen(number)
    }
}

/// Folds a name as patterns are folded, for whoever looks for candidates.
pub(crate) fn fold_name(name: &str) -> String {
    fold(name)
}

#[cfg(test)]
mod tests;
