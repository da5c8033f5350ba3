//! Issuers and roles: who gets in, and how far.

use palisade_identity::{
    DEFAULT_ALGORITHMS, Issuer, Role, Rule, SignatureAlgorithm, is_trustworthy,
};
use toml::Spanned;

use super::Check;
use crate::config::raw::{RawIssuer, RawRole, RawRule};
use crate::config::{TrustedIssuer, nearest};

/// A year and a day, in seconds: what Kubernetes gives at most.
const LONGEST: usize = 366 * 86_400;
/// The longest life that a configuration can let an issuer's tokens have, in seconds.
pub const LONGEST_TOKEN: u64 = LONGEST as u64;

impl Check<'_> {
    pub(super) fn issuer(&mut self, raw: RawIssuer) -> TrustedIssuer {
        let name = raw.name.get_ref();
        if name.is_empty() || name.contains(char::is_control) {
            self.mistake(Some(&raw.name), "an issuer needs a name".into(), "use a short word");
        }
        for url in [Some(&raw.url), raw.jwks.as_ref()].into_iter().flatten() {
            self.trustworthy(url);
        }
        let audience = raw.audience.get_ref();
        if audience.is_empty() || audience.iter().any(String::is_empty) {
            let fix = "name what its tokens carry in `aud`, such as \"palisade\"";
            let problem = "without an audience every token of the issuer would be taken".into();
            self.mistake(Some(&raw.audience), problem, fix);
        }
        let algorithms = match raw.algorithms {
            Some(listed) => listed.iter().filter_map(|name| self.algorithm(name)).collect(),
            None => DEFAULT_ALGORITHMS.iter().filter_map(|name| name.parse().ok()).collect(),
        };
        let seconds = |number: usize| number as u64;
        let skew = self.number(raw.skew_seconds.as_ref(), 30, 0..=300, "seconds");
        let longest = self.number(raw.longest_seconds.as_ref(), 86_400, 1..=LONGEST, "seconds");
        let kept = self.number(raw.keys_kept_seconds.as_ref(), 86_400, 0..=2_592_000, "seconds");
        let ca = raw.ca.map(|path| self.existing("ca", &path));
        TrustedIssuer {
            issuer: Issuer {
                name: raw.name.into_inner(),
                url: raw.url.into_inner(),
                jwks: raw.jwks.map(Spanned::into_inner),
                audience: raw.audience.into_inner(),
                algorithms,
                groups: raw.groups,
                subject: raw.subject.unwrap_or_else(|| "sub".to_owned()),
                skew: seconds(skew),
                longest: seconds(longest),
                keys_kept: seconds(kept),
                client_id: raw.client_id,
            },
            ca,
        }
    }

    fn trustworthy(&mut self, url: &Spanned<String>) {
        if !is_trustworthy(url.get_ref()) {
            let problem = format!("`{}` is no address to trust", url.get_ref().escape_debug());
            let fix = "write https://…; http:// is for this machine alone (127.0.0.1)";
            self.mistake(Some(url), problem, fix);
        }
    }

    fn algorithm(&mut self, name: &Spanned<String>) -> Option<SignatureAlgorithm> {
        let algorithm = name.get_ref().parse::<SignatureAlgorithm>();
        if let Err(refused) = algorithm {
            let problem = format!("`{}` cannot be listed", name.get_ref().escape_debug());
            self.mistake(Some(name), problem, &refused.to_string());
        }
        algorithm.ok()
    }

    pub(super) fn role(
        &mut self,
        raw: RawRole,
        connections: &[&str],
        issuers: &[TrustedIssuer],
    ) -> Role {
        if raw.name.get_ref().is_empty() || raw.name.get_ref().contains(char::is_control) {
            self.mistake(Some(&raw.name), "a role needs a name".into(), "use a short word");
        }
        let session = raw.session_seconds.as_ref();
        let session = session.map(|_| self.number(session, 0, 1..=LONGEST, "seconds") as u64);
        let sessions = raw.max_sessions.as_ref();
        let sessions = sessions.map(|_| self.number(sessions, 0, 1..=1_000_000, "sessions"));
        let mut globs = |globs: Vec<Spanned<String>>| {
            globs.into_iter().map(|glob| self.glob(glob, connections)).collect()
        };
        Role {
            connections: globs(raw.connections),
            approves: globs(raw.approves),
            audits: globs(raw.audits),
            read_only: globs(raw.read_only),
            session_seconds: session,
            max_sessions: sessions,
            name: raw.name.into_inner(),
            administers: raw.administers,
            labels: raw.labels,
            given: raw.given.into_iter().map(|rule| self.rule(rule, issuers)).collect(),
        }
    }

    fn rule(&mut self, raw: RawRule, issuers: &[TrustedIssuer]) -> Rule {
        let name = raw.issuer.get_ref();
        let mut names = issuers.iter().map(|trusted| trusted.issuer.name.as_str());
        if !names.clone().any(|known| known == name) {
            let problem = format!("no issuer is called `{}`", name.escape_debug());
            let fix = match nearest(name, &mut names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "name an [[issuer]]".into(),
            };
            self.mistake(Some(&raw.issuer), problem, &fix);
        }
        if raw.subjects.is_empty() && raw.groups.is_empty() && raw.claims.is_empty() {
            let problem = "the rule names nobody".into();
            let fix = "add `subjects`, `groups` or `claims`; for everybody: subjects = [\"*\"]";
            self.mistake(Some(&raw.issuer), problem, fix);
        }
        Rule {
            issuer: raw.issuer.into_inner(),
            subjects: raw.subjects,
            groups: raw.groups,
            claims: raw.claims,
        }
    }

    /// A glob may match nothing yet, and a plain name something in the store; one that is nearly right is a slip.
    fn glob(&mut self, glob: Spanned<String>, connections: &[&str]) -> String {
        let name = glob.get_ref();
        if !name.contains(['*', '?']) && !connections.contains(&name.as_str()) {
            let problem = format!("no connection is called `{}`", name.escape_debug());
            match nearest(name, connections.iter().copied()) {
                Some(near) => {
                    self.mistake(Some(&glob), problem, &format!("did you mean `{near}`?"));
                }
                None => {
                    let problem = format!("{problem} in this file");
                    self.warning(Some(&glob), problem, "good if it is kept by `connections add`");
                }
            }
        }
        glob.into_inner()
    }
}

#[cfg(test)]
mod tests;
