//! Which of somebody else's tokens get which role: by rules of the configuration alone, never by what a token calls itself.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use wildmatch::WildMatch;

use crate::claims::{lookup, texts};

/// One `[[role.given]]`: all that it names must match. The lists and values hold globs (`*`, `?`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The issuer's name.
    pub issuer: String,
    /// The subjects, of which one must match.
    #[serde(default)]
    pub subjects: Vec<String>,
    /// The groups, of which one must match one of the token's.
    #[serde(default)]
    pub groups: Vec<String>,
    /// What claims must say, each by its name or dotted path.
    #[serde(default)]
    pub claims: BTreeMap<String, String>,
}

/// What somebody else's token shows of its bearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The issuer's name in the configuration.
    pub issuer: String,
    /// Who acts.
    pub subject: String,
    /// What the issuer's `groups` claim says.
    pub groups: Vec<String>,
    /// All claims.
    pub(crate) claims: Value,
}

/// A role, and the rule that gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The role's name.
    pub role: String,
    /// The rule's place among the role's, from 1.
    pub rule: usize,
}

/// A rule, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    rule: Rule,
    subjects: Vec<WildMatch>,
    groups: Vec<WildMatch>,
    claims: Vec<(String, WildMatch)>,
}

impl Matcher {
    pub(crate) fn new(rule: Rule) -> Self {
        let compile = |globs: &[String]| globs.iter().map(|glob| WildMatch::new(glob)).collect();
        let claims = rule.claims.iter();
        Self {
            subjects: compile(&rule.subjects),
            groups: compile(&rule.groups),
            claims: claims.map(|(path, glob)| (path.clone(), WildMatch::new(glob))).collect(),
            rule,
        }
    }

    /// The rule as it is written.
    pub(crate) fn rule(&self) -> &Rule {
        &self.rule
    }

    pub(crate) fn matches(&self, presented: &Presented) -> bool {
        self.missing(presented).is_empty()
    }

    /// What keeps the rule from matching, in words; nothing where it matches. A rule that names nothing matches nobody.
    pub(crate) fn missing(&self, presented: &Presented) -> Vec<String> {
        let Rule { issuer, subjects, groups, claims } = &self.rule;
        let mut missing = vec![];
        if *issuer != presented.issuer {
            missing.push(format!("the issuer is `{}`, not `{issuer}`", presented.issuer));
        }
        if subjects.is_empty() && groups.is_empty() && claims.is_empty() {
            missing.push("the rule names nobody".to_owned());
        }
        if !subjects.is_empty() && !any(&self.subjects, &presented.subject) {
            missing.push(format!("the subject is none of: {}", subjects.join(", ")));
        }
        if !groups.is_empty() && !presented.groups.iter().any(|group| any(&self.groups, group)) {
            missing.push(format!("no group is one of: {}", groups.join(", ")));
        }
        for (path, glob) in &self.claims {
            let found = lookup(&presented.claims, path).map(texts).unwrap_or_default();
            if !found.iter().any(|text| glob.matches(text)) {
                missing.push(format!("the claim `{path}` is not `{glob}`"));
            }
        }
        missing
    }
}

fn any(globs: &[WildMatch], text: &str) -> bool {
    globs.iter().any(|glob| glob.matches(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn presented() -> Presented {
        let claims = json!({ "repository": "acme/shop", "environment": ["prod", "eu"], "n": 7 });
        let groups = vec!["readers".to_owned(), "team-a".to_owned()];
        Presented { issuer: "ci".into(), subject: "repo:acme/shop:x".into(), groups, claims }
    }

    fn check(rule: &str, matches: bool) {
        let matcher = Matcher::new(toml::from_str(rule).unwrap());
        assert_eq!(matcher.matches(&presented()), matches, "{rule}");
    }

    #[test]
    fn all_that_a_rule_names_must_match() {
        check("issuer = 'ci'\nsubjects = ['repo:acme/*']", true);
        check("issuer = 'ci'\nsubjects = ['x', 'repo:acme/*']\ngroups = ['team-*']", true);
        check("issuer = 'ci'\nsubjects = ['repo:acme/*']\ngroups = ['team-b']", false);
        check("issuer = 'other'\nsubjects = ['*']", false);
        check("issuer = 'ci'\nclaims = { repository = 'acme/*', n = '7' }", true);
        check("issuer = 'ci'\nclaims = { environment = 'prod' }", true);
        check("issuer = 'ci'\nclaims = { environment = 'prod', repository = 'evil/*' }", false);
        check("issuer = 'ci'\nclaims = { nothing = '*' }", false);
    }

    #[test]
    fn a_rule_that_names_nobody_matches_nobody() {
        check("issuer = 'ci'", false);
    }
}
