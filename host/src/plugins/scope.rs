//! Names in the scopes of policies that nothing has.

use palisade_policy::{Mistake, Use};

use super::InForce;
use super::prepare::mistake;
use crate::config::nearest;

/// What these policies name that is none of these connections. A policy file may be shared between gateways: that is no
/// mistake.
pub fn unknown_connections(in_force: &[InForce], connections: &[String]) -> Vec<Mistake> {
    let known: Vec<&str> = connections.iter().map(String::as_str).collect();
    let named = |one: &InForce| {
        unknown(&one.used, "connection", one.used.scope.connections.as_deref(), &known)
    };
    in_force.iter().flat_map(named).collect()
}

/// A warning of each of these names that is none of those that are known.
pub(super) fn unknown(
    used: &Use,
    what: &str,
    globs: Option<&[String]>,
    known: &[&str],
) -> Vec<Mistake> {
    let is_unknown = |glob: &&String| !glob.contains(['*', '?']) && !known.contains(&glob.as_str());
    let warning = |glob: &String| {
        let problem = format!("no {what} is called `{}`", glob.escape_debug());
        let near = nearest(glob, known.iter().copied());
        let fix = near.map(|near| format!("did you mean `{near}`?")).unwrap_or_default();
        mistake(used, problem, &fix)
    };
    globs.into_iter().flatten().filter(is_unknown).map(warning).collect()
}
